"""git's settings outside of a repository: a person's own and the machine's, as they were.

A run is judged with those of before it: what it sets there hides nothing, and starts no program.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from agentd import planted_filters
from agentd.git import GitFailed
from agentd.guard.baseline import Baseline
from agentd.guard.findings import Told
from agentd.guard.git_place import GitPlace
from agentd.guard.rules import GIT
from agentd.guard.tree import look_at
from agentd.locks import try_lock
from agentd.text import some_of

_KEPT_BYTES = 1024 * 1024
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_OUTSIDE = ("system", "global")
# What rules of a person git reads, and where they are unless a setting names another file.
_RULES = {"core.excludesfile": "ignore", "core.attributesfile": "attributes"}


class UserSettings:
    """Those that count in the repository at ``place``, kept in a baseline."""

    def __init__(self, place: GitPlace, baseline: Baseline) -> None:
        self._place = place
        self._baseline = baseline

    def keep(self) -> None:
        """Keep them, and note which files the repository's own settings include."""
        told = list(_listed(self._place))
        entries = [entry for scope, _, entry in told if scope in _OUTSIDE]
        rules = {key: os.fspath(path) for key, path in _rules(entries).items()}
        for path in rules.values():
            self._baseline.keep(Path(path), up_to=_KEPT_BYTES)
        planted = sorted(planted_filters.planted())
        told_of_user = {"entries": entries, "rules": rules, "planted": planted}
        self._baseline.facts["git of user"] = told_of_user
        included = {
            os.path.normpath(self._place.top / origin)
            for scope, origin, _ in told
            if scope not in (*_OUTSIDE, "command")
        }
        folders = (self._place.git_dir, self._place.common)
        self._baseline.facts["git included"] = sorted(
            path for path in included if not any(Path(path).is_relative_to(f) for f in folders)
        )

    @contextlib.contextmanager
    def as_before(self, told: list[Told]) -> Iterator[GitPlace]:
        """The repository, asked with the settings of before; ``told`` gets which are others now.

        Raises OSError.
        """
        before = self._baseline.facts.get("git of user")
        if before is None:  # of an older agentd that was killed
            yield self._place
            return
        listed: list[tuple[str, str]] = []
        with contextlib.suppress(GitFailed):  # as of a named pipe in their place
            listed = [(at, entry) for scope, at, entry in _listed(self._place) if scope in _OUTSIDE]
        now = [entry for _, entry in listed]
        planted = self._note_planted(listed)
        changed = sorted({_key(entry) for entry in {*before["entries"]} ^ {*now}})
        rules = _rules(now)
        for key, path in before["rules"].items():
            old, new = self._baseline.entries.get(Path(path)), look_at(path, hash_up_to=_KEPT_BYTES)
            is_same = old is new or (old and new and old.same_as(new))
            if not is_same or os.fspath(rules[key]) != path:
                changed.append(path)
        if not changed:
            yield self._place
            return
        text = f"git's settings outside of the project changed during the step: {some_of(changed)}"
        text += ". agentd judged it by those of before"
        if planted:
            keys = sorted({key for keys in planted.values() for key in keys})
            text += f", and its own git runs no {some_of(keys)} before you have changed that. To "
            text += f"accept it as it is: touch {shlex.join(sorted(planted))}"
        told.append(Told(text, GIT))
        with contextlib.ExitStack() as held:
            lines = [
                _line(entry)
                for entry in before["entries"]
                if not _key(entry).startswith(("include.", "includeif."))
                and _key(entry) not in _RULES
            ]
            for key, path in before["rules"].items():
                used, data = Path(path), self._baseline.data(Path(path))
                if data is not None or used not in self._baseline.entries:
                    used = self._made(held, _RULES[key], data or b"")
                lines.append(_line(f"{key}\n{used}"))  # one too large to be kept as it is
            settings = self._made(held, "settings", "".join(lines).encode(errors="surrogateescape"))
            yield replace(self._place, settings=settings)

    def _note_planted(self, now: list[tuple[str, str]]) -> dict[str, set[str]]:
        """Note which filters came with the run, or with an earlier one: their keys, by file."""
        before = self._baseline.facts["git of user"]
        earlier = before.get("planted", ())
        new = {entry for _, entry in now}.difference(before["entries"])
        found: dict[str, set[str]] = {}
        for origin, entry in now:
            key = _key(entry)
            is_known = entry in before["entries"] and key not in earlier
            if not planted_filters.is_filter(key) or is_known:
                continue
            if key in earlier or not planted_filters.is_of_lfs(entry, new):
                found.setdefault(str(self._place.top / origin), set()).add(key)
        planted_filters.note(found)
        return found

    def _made(self, held: contextlib.ExitStack, name: str, data: bytes) -> Path:
        """A file in the state folder for as long as ``held``; a killed guard's is a leftover."""
        path = self._baseline.path.with_suffix(f".{name}.tmp")
        path.unlink(missing_ok=True)
        file = held.enter_context(os.fdopen(os.open(path, _NEW, 0o600), "wb"))
        held.callback(path.unlink, missing_ok=True)
        try_lock(file.fileno())
        file.write(data)
        file.flush()
        return path


def _listed(place: GitPlace) -> Iterator[tuple[str, str, str]]:
    """Each setting with its scope and its file: ``key``, a line end and the value, if it has one.

    None where git is older than 2.26, or can't read them.
    """
    asked = ("config", "--list", "--includes", "--show-scope", "--show-origin", "-z")
    fields = os.fsdecode(place.ask(*asked, fails=True)).split("\0")
    for scope, origin, entry in zip(*[iter(fields)] * 3, strict=False):
        yield scope, origin.removeprefix("file:"), entry


def _rules(entries: list[str]) -> dict[str, Path]:
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111
    found = {key: Path(home, "git", name) for key, name in _RULES.items()}
    for entry in entries:
        key, _, value = entry.partition("\n")
        if key in found and value:
            found[key] = Path(os.path.expanduser(value))  # noqa: PTH111
    # Often a link into a folder of such files, of which the target counts.
    return {key: Path(os.path.realpath(path)) for key, path in found.items()}


def _key(entry: str) -> str:
    return entry.partition("\n")[0]


def _line(entry: str) -> str:
    """A setting as it stands in a file: ``filter.a.b.clean`` is of section filter "a.b"."""
    key, has_value, value = entry.partition("\n")
    section, _, rest = key.partition(".")
    part, _, name = rest.rpartition(".")
    head = f'[{section} "{_escaped(part)}"]' if part else f"[{section}]"
    return f'{head}\n\t{name} = "{_escaped(value)}"\n' if has_value else f"{head}\n\t{name}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
