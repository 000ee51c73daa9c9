"""Spec files on disk: which belong to a change, what they say, where they go."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from agentd.project.layout import CHANGELOG, Project
from agentd.specs.deltas import parse_delta
from agentd.specs.model import Delta, SpecError

MAX_SPEC_BYTES = 1_000_000
MAX_HEADINGS = 10_000
MAX_FOLDERS = 50
_SPEC = "spec.md"


class MisplacedSpec(SpecError):
    """A spec of a change lies where OpenSpec reads none; ``fix`` has the right path."""


def read_spec(project: Project, path: Path, *, max_bytes: int = MAX_SPEC_BYTES) -> str | None:
    """The text of a spec file, its line ends and byte order mark kept; None when there is none.

    Raises SpecError for what is no text of a sane size: a link, a folder, bytes that are not
    UTF-8, more than ``max_bytes`` or MAX_HEADINGS.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if path.is_symlink():
            raise _link(project, path) from error
        raise
    with os.fdopen(fd, "rb") as handle:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise SpecError("this is no file", path=shown(project, path))
        data = handle.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise SpecError(
            f"this is larger than {max_bytes:,} bytes",
            path=shown(project, path),
            fix="Split the capability into several specs.",
        )
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SpecError("this is no UTF-8 text", path=shown(project, path), line=line) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise SpecError("this is a binary file", path=shown(project, path), line=line)
    if text.count("\n#") + text.count("\r#") > MAX_HEADINGS:
        raise SpecError(
            f"this has more than {MAX_HEADINGS:,} headings",
            path=shown(project, path),
            fix="Split the capability into several specs.",
        )
    return text


def change_specs(project: Project, change: Path) -> list[tuple[str, Delta]]:
    """The specs of a change, by their path under ``specs/`` (``login.md``, ``login/spec.md``).

    Left out are notes, and files whose names begin with a dot. Raises SpecError, also for a spec
    that OpenSpec would not read, where the project is one of OpenSpec's.
    """
    folder = change / "specs"
    found = []
    for path in _markdown(project, folder):
        key = path.relative_to(folder).as_posix()
        delta = parse_delta(read_spec(project, path) or "", shown(project, path))
        if not is_note(project, key, delta):
            found.append((key, delta))
            _check_place(project, path, key)
    return found


def main_specs(project: Project) -> Iterator[tuple[str, str]]:
    """The main specs, by their path under ``specs/``, and their texts. Raises SpecError."""
    for path in _markdown(project, project.specs_dir):
        key = path.relative_to(project.specs_dir).as_posix()
        if not is_note(project, key, parse_delta("", key)):
            yield key, read_spec(project, path) or ""


def is_note(project: Project, key: str, delta: Delta) -> bool:
    """Whether a file below a change's ``specs/`` is no spec: it has no deltas, no requirements.

    That is ``CHANGELOG.md``, or a file beside a ``spec.md``; with OpenSpec also beside folders.
    """
    if key == CHANGELOG:
        return True
    beside = "/" in key or project.layout == "openspec"
    return beside and Path(key).name != _SPEC and delta.empty and not delta.sections


def check_places(project: Project, change: Path) -> None:
    """Raise MisplacedSpec for a spec that OpenSpec would not read: no model need mend that."""
    try:
        change_specs(project, change)
    except MisplacedSpec:
        raise
    except SpecError:
        return  # `agentd validate` says what is wrong with it


def _check_place(project: Project, path: Path, key: str) -> None:
    """In OpenSpec's layout a capability has one spec, ``CAPABILITY/spec.md``."""
    folder, _, name = key.rpartition("/")
    if project.layout != "openspec" or (folder and name == _SPEC):
        return
    specs = shown(project, path.parents[key.count("/")])
    capability = folder or ("<capability>" if name == _SPEC else name.removesuffix(".md"))
    raise MisplacedSpec(
        "OpenSpec reads no spec of this name",
        path=shown(project, path),
        fix=f"Move what it says to {specs}/{capability}/{_SPEC}.",
    )


def target_of(project: Project, key: str) -> Path:
    """The main spec a change's spec goes into: the file of the same path.

    Raises SpecError when a link lies on the way, or the capability has its spec in the other
    form (``login.md`` and ``login/spec.md``).
    """
    specs_dir = project.specs_dir
    target = specs_dir / key
    for part in (target, *target.parents):
        if part.is_symlink():
            raise _link(project, part)
        if part == specs_dir:
            break
    other = target.parent.with_suffix(".md") if target.name == _SPEC else None
    other = other or target.with_suffix("") / _SPEC
    if not target.exists() and other.exists() and other != specs_dir.with_suffix(".md"):
        fix = "Give the change's spec the same path under its specs folder."
        if project.layout == "openspec":  # which reads the one of this path alone
            fix = f"Move it to {shown(project, target)}, where OpenSpec reads it."
        raise SpecError(
            f"the main spec of {capability_of(key)} is {shown(project, other)}",
            path=shown(project, target),
            fix=fix,
        )
    return target


def shown(project: Project, path: Path) -> str:
    """A path as the user sees it: relative to the project's root."""
    return path.relative_to(project.root).as_posix()


def capability_of(key: str) -> str:
    """``login`` for ``login.md`` and ``login/spec.md``."""
    return key.removesuffix("/" + _SPEC).removesuffix(".md")


def _markdown(project: Project, folder: Path) -> Iterator[Path]:
    if folder.is_symlink():
        raise _link(project, folder)
    if not folder.is_dir():
        return
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        if not place.is_dir():
            if place.suffix == ".md":
                yield place
            continue
        if place.is_symlink():
            raise _link(project, place)
        if len(place.relative_to(folder).parts) > MAX_FOLDERS:
            raise SpecError(
                f"this lies in more than {MAX_FOLDERS} folders",
                path=shown(project, folder),
                fix="Move the specs up.",
            )
        inside = [entry for entry in place.iterdir() if not entry.name.startswith(".")]
        waiting += sorted(inside, key=lambda entry: entry.name, reverse=True)


def _link(project: Project, path: Path) -> SpecError:
    return SpecError(
        "this is a symbolic link",
        path=shown(project, path),
        fix="Put the real file or folder in its place; agentd reads no specs through links.",
    )
