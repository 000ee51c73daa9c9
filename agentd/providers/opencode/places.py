"""opencode's folders (the XDG ones) and its config, laid over one another as opencode does it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agentd.files import read_plain
from agentd.late_pattern import late_pattern
from agentd.providers.pointing import json_with_comments

MANAGED = Path("/etc/opencode")
_MANAGED_MAC = Path("/Library/Application Support/opencode")
_NAMES = ("opencode.json", "opencode.jsonc")
_AGENTS = ("agent/**/*.md", "agents/**/*.md", "mode/*.md", "modes/*.md")
_FRONT_MATTER = late_pattern(r"\A\s*---\s*\n(.*?)^---\s*$", re.DOTALL | re.MULTILINE)
_MODEL = late_pattern(r"""^model:[ \t]*["']?([^\s"'#]+)""", re.MULTILINE)
_TRUE = ("1", "true")


class UnreadableConfig(Exception):
    """A file of the config is there and can't be read: its argument names it."""


def data_folder(environ: Mapping[str, str]) -> Path | None:
    """Where its database and its logins are; None without a home."""
    return _folder(environ, "XDG_DATA_HOME", ".local/share")


def cache_folder(environ: Mapping[str, str]) -> Path | None:
    """Where it keeps what it knows of providers; None without a home."""
    return _folder(environ, "XDG_CACHE_HOME", ".cache")


def _folder(environ: Mapping[str, str], variable: str, usual: str) -> Path | None:
    named, home = environ.get(variable), environ.get("HOME")
    if named:
        return Path(named, "opencode")
    return Path(home, usual, "opencode") if home else None


def config_of(cwd: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    """The config of a run in ``cwd``, but what is managed. Raises UnreadableConfig."""
    config: dict[str, Any] = {}
    for file in _files(cwd, environ):
        config = merged(config, _read(file))
    return merged(config, given_config(environ))


def given_config(environ: Mapping[str, str]) -> dict[str, Any]:
    """What the environment lays over all files. Raises UnreadableConfig."""
    given = environ.get("OPENCODE_CONFIG_CONTENT")
    return _parsed(given, "OPENCODE_CONFIG_CONTENT") if given else {}


def managed_config() -> dict[str, Any]:
    """What beats everything else. Raises UnreadableConfig."""
    config: dict[str, Any] = {}
    for folder in (MANAGED, _MANAGED_MAC):
        for name in _NAMES:
            config = merged(config, _read(folder / name))
    return config


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """The two laid over one another, objects key by key."""
    found = dict(under)
    for key, value in over.items():
        below = found.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            found[key] = merged(below, value)
        else:
            found[key] = value
    return found


def agent_models(cwd: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """The models that agents name in Markdown files of their own. Raises UnreadableConfig."""
    own = _folder(environ, "XDG_CONFIG_HOME", ".config")
    for folder in dict.fromkeys((*((own,) if own else ()), *_folders(cwd, environ))):
        for file in (file for pattern in _AGENTS for file in sorted(folder.glob(pattern))):
            begins = _FRONT_MATTER.match(_text(file))
            if found := begins and _MODEL.search(begins[1]):
                yield found[1]


def _files(cwd: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    """The files of the config, the weakest first."""
    own = _folder(environ, "XDG_CONFIG_HOME", ".config")
    if own:
        yield from (own / name for name in ("config.json", *_NAMES))
    if named := environ.get("OPENCODE_CONFIG"):
        yield cwd / named
    yield from (folder / name for folder in _project(cwd, environ) for name in _NAMES)
    yield from (folder / name for folder in _folders(cwd, environ) for name in _NAMES)


def _project(cwd: Path, environ: Mapping[str, str]) -> list[Path]:
    """The folders from the repository's top, or the root, down to ``cwd``; none if so wanted."""
    if environ.get("OPENCODE_DISABLE_PROJECT_CONFIG", "").lower() in _TRUE:
        return []
    above = [cwd, *cwd.parents]
    root = next((n for n, one in enumerate(above) if (one / ".git").exists()), len(above))
    return above[root::-1] if root < len(above) else above[::-1]


def _folders(cwd: Path, environ: Mapping[str, str]) -> list[Path]:
    """The folders that hold nothing but its config, the weakest first."""
    folders = [folder / ".opencode" for folder in _project(cwd, environ)]
    folders += [Path(environ["HOME"], ".opencode")] if environ.get("HOME") else []
    folders += [cwd / named] if (named := environ.get("OPENCODE_CONFIG_DIR")) else []
    return folders


def _read(file: Path) -> dict[str, Any]:
    return _parsed(_text(file), str(file))


def _text(file: Path) -> str:
    try:
        return read_plain(file).decode()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableConfig(str(file)) from error


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        found = json_with_comments(text) if text.strip() else {}
    except ValueError as error:
        raise UnreadableConfig(name) from error
    if not isinstance(found, dict):
        raise UnreadableConfig(name)
    return found
