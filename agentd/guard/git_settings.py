"""git's own files that say what it runs, hides and is in the middle of: settings, hooks, states."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from agentd.files import sync_folder, write_atomic
from agentd.frozen import frozen
from agentd.guard.aside import is_folder, move_aside
from agentd.guard.baseline import Baseline
from agentd.guard.git_place import GitPlace
from agentd.guard.tree import Look, look_at
from agentd.late_pattern import late_pattern
from agentd.project import merge_driver

_KEPT_BYTES = 1024 * 1024  # of a larger one, such as a hook that is a binary, only the hash is kept
_FILES = (
    *("config", "config.worktree", "shallow", "commondir", "gitdir"),
    *("info/exclude", "info/attributes", "info/sparse-checkout", "info/grafts"),
    *("objects/info/alternates", "objects/info/http-alternates"),
)
# There while a merge, a rebase or the like goes on, which a person may be in the middle of.
_STATES = ("MERGE_HEAD", "MERGE_MODE", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG")
_STATE_FOLDERS = ("rebase-merge", "rebase-apply", "sequencer")
_MESSAGES = ("MERGE_MSG", "SQUASH_MSG")  # only missed when they are gone
# An editor may note a branch's upstream at any time, `git submodule` where a submodule comes from;
# nothing in there makes git run a program. `agentd init` registers the merge driver.
_SILENT = late_pattern(
    rb'^\[branch "[^"\\\]\n]*"\]\n(?:[ \t]+[\w-]+ = [^\\\n]*\n)*'
    rb'|^\[submodule "[^"\\\]\n]*"\]\n(?:[ \t]+(?:active|url) = [^\\\n]*\n)*'
    rb'|^\[merge "agentd"\]\n(?:\tname = %b\n|\tdriver = "%b"\n)*'
    % (re.escape(merge_driver.TITLE.encode()), re.escape(merge_driver.COMMAND.encode())),
    re.MULTILINE,
)
# What `git submodule update --init` writes into the config of the repository that it makes.
_OF_A_NEW_MODULE = late_pattern(
    rb"\s*(?:\[(?:core|submodule|extensions)\]|\[(?:remote|branch|submodule) \"[^\"\\\]\n]*\"\]"
    rb"|(?:repositoryformatversion|filemode|bare|logallrefupdates|worktree|ignorecase|symlinks"
    rb"|precomposeunicode|url|fetch|remote|merge|active|objectformat) = [^\\\n]*)?"
)


@frozen()
class Setting:
    """One of git's files that is not what it was; ``data`` are its bytes before, where known."""

    path: Path
    before: Look | None
    now: Look | None
    data: bytes | None

    @property
    def what(self) -> str:
        """What became of it."""
        return "new" if self.before is None else "deleted" if self.now is None else "changed"

    @property
    def is_state(self) -> bool:
        """Whether it belongs to a merge, a rebase or the like."""
        return _is_state(self.path)


def _is_state(path: Path) -> bool:
    return not {*_STATES, *_STATE_FOLDERS, *_MESSAGES}.isdisjoint(path.parts)


class GitSettings:
    """The settings, hooks and states of a repository and its submodules, kept in a baseline.

    Those, too, of repositories in its working tree, and what its own settings include from there.
    """

    def __init__(self, place: GitPlace, baseline: Baseline) -> None:
        self._place = place
        self._baseline = baseline

    def keep(self) -> None:
        """Keep them as they are now."""
        paths = [*self._paths()]
        for path in paths:
            self._baseline.keep(path, up_to=_KEPT_BYTES)
        self._baseline.facts["git settings"] = [
            os.fspath(path) for path in paths if path in self._baseline.entries
        ]

    @property
    def kept(self) -> frozenset[Path]:
        """Those that were kept."""
        return frozenset(map(Path, self._baseline.facts["git settings"]))

    def changed(self) -> list[Setting]:
        """Those that are another now, sorted; what is silent does not count."""
        before = {path: self._baseline.entries[path] for path in self.kept}
        found = []
        for path in sorted({*before, *self._paths()}):
            old, now = before.get(path), look_at(path, hash_up_to=_KEPT_BYTES)
            if now is not None and now.kind == "dir":
                now = Look("dir") if old is not None else None
            setting = Setting(path, old, now, self._baseline.data(path))
            is_same = old is now or (old and now and old.same_as(now))
            if now is None and self._went_with_its_folder(path):
                continue
            if not is_same and not _is_silent(setting, self._place.common):
                found.append(setting)
        return found

    def put_back(self, setting: Setting, aside: Path) -> bool:
        """Make it what it was; what stands there goes into ``aside``. Whether that was possible.

        Raises OSError.
        """
        path, before = setting.path, setting.before
        data = setting.data
        if before is not None and before.kind == "file" and data is None:
            return False
        homes = (self._place.common.resolve(), self._place.top.resolve())
        if not any(path.parent.resolve().is_relative_to(home) for home in homes):
            return False  # a link leads out of them
        if data is not None and setting.now is not None and path.name == "config":
            data = _with_silent(data, path.read_bytes())
        move_aside(path, aside, Path(self._place.shown(path)))
        _remove_empty(path.parent)
        if before is None:
            return True
        path.parent.mkdir(parents=True, exist_ok=True)
        if before.kind == "link" and before.digest is not None:
            path.symlink_to(os.fsdecode(before.digest))
            sync_folder(path.parent)
        elif data is not None:
            write_atomic(path, data)
            path.chmod(before.mode)
        return True

    def _went_with_its_folder(self, path: Path) -> bool:
        """Whether the repository within this one is gone that it belonged to."""
        for name in self._baseline.facts.get("git inner", ()):
            folder = self._place.top / name
            if path == folder / ".git":  # of a submodule, which may be set up again
                return not folder.is_dir() or not any(folder.iterdir())
            if path.is_relative_to(folder):
                return not os.path.lexists(folder / ".git")
        return False

    def _paths(self) -> Iterator[Path]:
        place, facts = self._place, self._baseline.facts
        for folder in sorted({place.git_dir, place.common}):
            yield from _in_repository(folder)
        for module in _modules(place.common / "modules"):
            yield from _in_repository(module)
        yield from map(Path, facts.get("git included", ()))
        own = [place.top / ".git"] if not is_folder(place.top / ".git") else []  # of a worktree
        for git in (*own, *(place.top / path / ".git" for path in facts.get("git inner", ()))):
            if not is_folder(git):
                yield git
            else:
                yield from (path for path in _in_repository(git) if not _is_state(path))


def settings_of(place: GitPlace) -> Iterator[tuple[Path, Look]]:
    """The settings and hooks of one repository, without those of its submodules, as they are."""
    for path in _in_repository(place.git_dir):
        look = look_at(path, hash_up_to=_KEPT_BYTES)
        if look is not None and look.kind != "dir":
            yield path, look


def text_of(path: Path) -> bytes:
    """The bytes of a small file as it is now, b"" where there is none."""
    with contextlib.suppress(OSError):
        look = look_at(path, hash_up_to=-1)
        if look is not None and look.kind == "file" and look.size <= _KEPT_BYTES:
            return path.read_bytes()
    return b""


def _in_repository(folder: Path) -> Iterator[Path]:
    yield from (folder / name for name in (*_FILES, *_STATES, *_MESSAGES))
    for name in ("hooks", *_STATE_FOLDERS):
        if (folder / name).is_symlink():
            yield folder / name
            continue
        for inside in (folder / name).rglob("*"):
            if inside.is_symlink() or not inside.is_dir():
                yield inside


def _modules(folder: Path) -> Iterator[Path]:
    """The repositories of submodules, whose names may have slashes, and of theirs."""
    try:
        inside = [entry for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return
    for entry in inside:
        path = Path(entry.path)
        if (path / "HEAD").exists():
            yield path
            yield from _modules(path / "modules")
        else:
            yield from _modules(path)


def _is_silent(setting: Setting, common: Path) -> bool:
    path, old, now = setting.path, setting.before, setting.now
    if path.name in _MESSAGES:
        return now is not None
    if now is None or now.kind != "file":
        return False
    if path.parent.name == "hooks" and path.name.endswith(".sample"):
        return old is None and not now.mode & 0o6000  # git never runs it
    if path.name == "config" and old is not None and setting.data is not None:
        return _SILENT.sub(b"", setting.data) == _SILENT.sub(b"", text_of(path))
    if path.name == ".git":  # a submodule that is set up
        module = text_of(path).removeprefix(b"gitdir: ").rstrip(b"\n")
        place = Path(os.path.normpath(path.parent / os.fsdecode(module)))
        return old is None and place.is_relative_to(common / "modules")
    return old is None and "modules" in path.parts and _is_of_new_module(path)


def _is_of_new_module(path: Path) -> bool:
    """Whether it is what git itself writes where it makes the repository of a submodule."""
    lines = text_of(path).split(b"\n")
    if path.name == "config":
        return all(_OF_A_NEW_MODULE.fullmatch(line) for line in lines)
    return path.name == "exclude" and all(not line or line[:1] == b"#" for line in lines)


def _with_silent(before: bytes, now: bytes) -> bytes:
    """A config as it was, with the sections of ``now`` that are no matter of the guard."""
    kept, new = _SILENT.findall(before), _SILENT.findall(now)
    if kept == new:
        return before
    plain = _SILENT.sub(b"", before)
    return plain + (b"" if plain.endswith(b"\n") or not plain else b"\n") + b"".join(new)


def _remove_empty(folder: Path) -> None:
    """Remove a state's folder in which nothing is left: it alone makes git go on with a rebase."""
    with contextlib.suppress(OSError):
        while not {*_STATE_FOLDERS}.isdisjoint(folder.parts):
            folder.rmdir()
            folder = folder.parent
