"""``agentd init``: what a project needs, written once and never over a user's file."""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from collections.abc import Callable, Collection, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from agentd.config import edit
from agentd.config.load import load_to_report, require_version
from agentd.config.values import toml_text
from agentd.errors import ConfigError, InputError
from agentd.files import read_plain, write_atomic
from agentd.frozen import frozen
from agentd.json_value import json_value
from agentd.late_pattern import late_pattern
from agentd.project import merge_driver
from agentd.project.agent_commands import WrittenCommands, write_commands
from agentd.project.layout import Project, find_layout
from agentd.providers import PROVIDERS

IGNORED = ("changes/*/runs/", "archive/*/runs/", "*.tmp", "*.lock")
_PART = late_pattern(r"^# ---- (?=\w+: )", re.MULTILINE)
_TEMPLATE_NAME = '"my-project"'
_TEMPLATE_PROVIDERS = "# <a section of each provider: config.toml in its folder>\n"
_TEMPLATE_PROVIDER = "<provider>"

_PROJECT_MD = """\
# {name}

<!-- The steps put this file into their prompts. Keep it short; replace the lines in < >. -->

## Overview

<What it does, for whom, in two or three sentences.>

## Stack

<Languages, frameworks, services, and their versions where they matter.>

## Conventions

<Layout, naming, style, what must never be done.>

## How to test

<The commands that build, lint and test, and what they must show.>
"""


@frozen(kw_only=True)
class Initialised:
    """What ``init`` wrote (``created``) and what was there and was left alone (``kept``).

    ``added``: the config that was there has got the section of the provider that was asked for.
    ``edited`` are slash commands that a person edited, so that they were left alone.
    ``registered``: the repository's git config has got agentd's merge driver. ``lacking``:
    providers whose CLI is installed, but that have no section in the config that was there.
    """

    project: Project
    created: tuple[Path, ...]
    kept: tuple[Path, ...]
    added: bool = False
    registered: bool = False
    lacking: tuple[str, ...] = ()
    edited: tuple[Path, ...] = ()


def find_clis() -> dict[str, str]:
    """The providers whose CLI is on the PATH under its usual name, and where."""
    found = {name: shutil.which(name) for name in PROVIDERS}
    return {name: path for name, path in found.items() if path}


def initialise(
    root: Path,
    *,
    provider: str | None = None,
    project_name: str | None = None,
    installed: Collection[str] = (),
    commands: bool = False,
) -> Initialised:
    """Write config.toml, project.md, .gitignore, .gitattributes and specs/ below ``root``/agentd.

    In a project of OpenSpec the specs are those below ``openspec/``. The merge driver is
    registered in the repository around it. A new config has the sections of the ``installed``
    providers, or of ``provider`` alone; of all without either. Running it again writes only what is
    missing, the section of ``provider`` too. ``commands``: also slash commands and skills for each
    provider of the config. Raises InputError when ``root`` is no folder or can't
    be written to, ConfigError when a section is to be added to a config that is not sound, or this
    agentd is older than its ``min_version``.
    """
    if provider is not None and provider not in PROVIDERS:
        raise InputError(f"no provider {provider}; expected one of {', '.join(PROVIDERS)}")
    if not root.is_dir():
        raise InputError(f"{root}: no such folder", fix="Make it first, or name another.")
    project = Project(root.absolute(), find_layout(root.absolute()))
    # A folder's name, or an argument, may hold bytes that are no UTF-8.
    name = (project_name or detect_project_name(project.root)).encode("utf-8", "replace").decode()
    gitkeep = project.specs_dir / ".gitkeep"  # git keeps no empty folder
    contents = {
        project.config_path: render_config(name, [provider] if provider else installed),
        project.agentd_dir / "project.md": project_text(name),
        project.agentd_dir / ".gitignore": "\n".join(IGNORED) + "\n",
    }
    if gitkeep.exists() or _is_empty(project.specs_dir):
        contents[gitkeep] = ""
    here = project.config_path
    if os.path.lexists(here) and not here.is_file():
        raise InputError(f"{here}: is no file, or links to none", fix="Put the file itself there.")
    require_version(here)
    created = [path for path, text in contents.items() if _write_new(path, text)]
    added = False
    if provider is not None and here not in created:
        added = edit.add_section(here, provider, _section_of(provider))
    written = {*created, here} if added else set(created)
    attributes = merge_driver.attributes_of(project)[0]
    try:
        created += [attributes] if merge_driver.add_lines(project) else []
    except OSError as error:
        raise InputError(
            f"{attributes}: cannot be written: {error.strerror}", fix="Put a plain file there."
        ) from error
    registered = merge_driver.register(project.root)
    lines = write_commands(project.root, _providers(here)) if commands else WrittenCommands()
    return Initialised(
        project=project,
        created=(*created, *lines.written),
        edited=lines.edited,
        kept=tuple(path for path in contents if path not in written),
        added=added,
        registered=registered,
        lacking=() if provider or here in created else _lacking(here, installed),
    )


def _lacking(config: Path, installed: Collection[str]) -> tuple[str, ...]:
    there = _providers(config)
    return tuple(name for name in installed if there and name not in there)


def _providers(config: Path) -> Collection[str]:
    try:
        return load_to_report(config)[0].providers
    except ConfigError:  # whoever runs a step is told
        return ()


def render_config(project_name: str, providers: Collection[str] = ()) -> str:
    """The text of a new config.toml, with the sections of these providers, or of all."""
    template = files("agentd.config").joinpath("template.toml").read_text(encoding="utf-8")
    names = list(providers or PROVIDERS)
    head, rest = template.split(_TEMPLATE_PROVIDERS)
    return (
        head.replace(_TEMPLATE_NAME, toml_text(project_name))
        + "\n".join(map(_section_of, names))
        + rest.replace(_TEMPLATE_PROVIDER, names[0])
    )


def _section_of(provider: str) -> str:
    """A provider's part of the config, as it stands in its folder."""
    return files(f"agentd.providers.{provider}").joinpath("config.toml").read_text(encoding="utf-8")


def is_as_written(text: str) -> bool:
    """Whether a config.toml holds only what ``init`` writes, of all providers or of some."""
    try:
        name = str(tomllib.loads(text).get("project_name"))
    except tomllib.TOMLDecodeError:
        return False
    written = [_pieces(render_config(name, [provider])) for provider in PROVIDERS]
    return _pieces(text) <= _pieces(render_config(name)).union(*written)


def _pieces(config: str) -> set[str]:
    """Its parts, in whatever order ``--provider`` has put them together."""
    return {piece.strip() for piece in _PART.split(config)}


def project_text(name: str) -> str:
    """The text of a new project.md."""
    return _PROJECT_MD.format(name=name)


def detect_project_name(root: Path) -> str:
    """The name in pyproject.toml, package.json, Cargo.toml or go.mod, else that of the folder."""
    readers: dict[str, Callable[[str], object]] = {
        "pyproject.toml": _name_in_pyproject,
        "package.json": lambda text: json_value(text)["name"],
        "Cargo.toml": lambda text: tomllib.loads(text)["package"]["name"],
        "go.mod": _name_in_go_mod,
    }
    for file, read in readers.items():
        try:
            name = read(read_plain(root / file).decode())
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue  # not there, or not what it should be: the next one may be
        if isinstance(name, str) and name.strip():
            return name.strip()
    return root.resolve().name or "my-project"


def _name_in_pyproject(text: str) -> object:
    data = tomllib.loads(text)
    found: Mapping[str, Any] = data.get("project") or data["tool"]["poetry"]
    return found["name"]


def _name_in_go_mod(text: str) -> object:
    found = re.search(r"^module\s+(\S+)", text, re.MULTILINE)
    parts = found[1].split("/") if found else [""]
    # A module's major version is no name: example.com/tool/v2 (https://go.dev/ref/mod#module-path).
    return parts[-2] if len(parts) > 1 and re.fullmatch(r"v\d+", parts[-1]) else parts[-1]


def _is_empty(folder: Path) -> bool:
    """Whether nothing is there but what an `init` left that was killed."""
    return not folder.is_dir() or all(_is_leftover(path) for path in folder.iterdir())


def _is_leftover(path: Path) -> bool:
    return path.name.startswith("..gitkeep.") and path.suffix == ".tmp"


def _write_new(path: Path, text: str) -> bool:
    """Whether ``path`` was missing and has been written."""
    if os.path.lexists(path):
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text.encode())
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written: {error.strerror}", fix="Check the folder's permissions."
        ) from error
    return True
