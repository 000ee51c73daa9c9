"""Earlier prices: the committed versions of a project's config.toml."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from agentd.config.load import parse
from agentd.config.model import Config
from agentd.errors import ConfigError
from agentd.git import GitFailed, output
from agentd.project.layout import Project


class ConfigVersion(NamedTuple):
    """A version of config.toml and the day of its commit, ``2026-11-22``."""

    committed_on: str
    config: Config


def config_versions(project: Project) -> Iterator[ConfigVersion]:
    """The versions that git has of config.toml, the newest first; none without git.

    One that can't be read is left out: it gave no call its price.
    """
    name = project.config_path.relative_to(project.root).as_posix()
    log = _git(project.root, "log", "--format=%H %cs", "--", name)
    for line in log.decode("ascii", "replace").splitlines():
        commit, _, day = line.partition(" ")
        text = _git(project.root, "show", f"{commit}:./{name}")
        try:
            yield ConfigVersion(day, parse(text.decode("utf-8-sig"), project.config_path))
        except (ConfigError, UnicodeDecodeError):
            continue


def _git(root: Path, *arguments: str) -> bytes:
    """What git prints; nothing when it fails, as outside a repository."""
    try:
        return output(root, *arguments)
    except GitFailed:
        return b""
