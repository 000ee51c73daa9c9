"""The files of a project as those who look for its checks read them: never a word in a comment."""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentd.files import read_plain
from agentd.json_value import json_value
from agentd.late_pattern import late_pattern

if TYPE_CHECKING:
    from configparser import RawConfigParser

_MAX_ENTRIES = 20_000
_MAX_DEPTH = 8
_NOT_ENTERED = frozenset(
    (
        *("node_modules", "bower_components", "venv", "env", "site-packages", "__pycache__"),
        *("build", "dist", "target", "vendor", "fixtures", "testdata", "test-data"),
        *("agentd", "openspec"),
    )
)
# What JSON with comments has beside JSON: comments, and commas before a bracket; texts come first.
_JSONC = late_pattern(r'("(?:[^"\\\n]|\\.)*")|//[^\n]*|/\*.*?\*/|,(?=\s*[}\]])', re.DOTALL)


class CheckFiles:
    """A project's folder, its files read once each."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def has(self, *names: str) -> bool:
        """Whether one of these is a file."""
        return any((self.root / name).is_file() for name in names)

    def text(self, name: str) -> str:
        """The text of a file, "" where there is none that can be read."""
        return text_of(self.root / name)

    def toml(self, name: str) -> dict[str, Any]:
        """A TOML file, empty when it is none."""
        try:
            return tomllib.loads(self.text(name))
        except (ValueError, RecursionError):
            return {}

    def json(self, name: str) -> dict[str, Any]:
        """A JSON file's object; comments are left out as in JSONC. Empty when it is none."""
        return json_of(self.root / name)

    def ini(self, name: str) -> RawConfigParser:
        """An INI file, empty when it is none."""
        from configparser import Error, RawConfigParser  # few projects have such files

        parser = RawConfigParser(strict=False, allow_no_value=True)
        try:
            parser.read_string(self.text(name))
        except (Error, ValueError):
            return RawConfigParser()
        return parser

    @cached_property
    def below(self) -> tuple[str, ...]:
        """The files of the project by their paths, nearest first: not those of others in it.

        Of a huge project the first 20,000.
        """
        return tuple(_walk(self.root))

    def named(self, *patterns: str) -> list[str]:
        """The paths below whose names match one of these globs."""
        return [
            path
            for path in self.below
            if any(fnmatch(path.rpartition("/")[2], pattern) for pattern in patterns)
        ]

    def upwards(self) -> Iterator[Path]:
        """The project's folder and those around it, up to the repository's root.

        Without a repository, up to the user's home.
        """
        beyond = {Path.home(), *Path.home().parents}
        for folder in (self.root, *self.root.parents):
            if folder in beyond and folder != self.root:
                return
            yield folder
            if (folder / ".git").exists():
                return


def text_of(path: Path) -> str:
    """The text of a small file, "" where there is none that can be read."""
    try:
        return read_plain(path).decode("utf-8-sig", "replace")
    except OSError:  # not there, not readable, or no file
        return ""


def json_of(path: Path) -> dict[str, Any]:
    """The object in a file of JSON or JSONC, empty when there is none."""
    try:
        value = json_value(_JSONC.sub(lambda found: found[1] or "", text_of(path)))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def table(value: Any, *keys: str) -> dict[str, Any]:
    """The table at these keys, empty where something else, or nothing, is there."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def texts(value: Any) -> list[str]:
    """The strings of a list, none where it is no list."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def installed(tool: str) -> bool:
    """Whether a command is on PATH."""
    return shutil.which(tool) is not None


def wrapped(files: CheckFiles, wrapper: str, tool: str) -> str:
    """A build tool as the project has it: its own wrapper's script, else that on PATH."""
    if not files.has(wrapper):
        return tool
    return f"./{wrapper}" if os.access(files.root / wrapper, os.X_OK) else f"sh ./{wrapper}"


def _walk(root: Path) -> Iterator[str]:
    level: Sequence[str] = [""]
    left = _MAX_ENTRIES
    for _ in range(_MAX_DEPTH):
        deeper: list[str] = []
        for folder in level:
            try:
                entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
            except OSError:
                continue
            for entry in entries[:left]:
                path = f"{folder}{entry.name}"
                if not entry.is_dir(follow_symlinks=False):
                    yield path
                elif entry.name not in _NOT_ENTERED and not entry.name.startswith("."):
                    deeper.append(f"{path}/")
            left -= len(entries)
            if left <= 0:
                return
        level = deeper
