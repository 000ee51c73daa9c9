"""What a branch's base had spent: the ledgers of a commit, read from git."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import NamedTuple

from agentd.errors import InputError, StateError
from agentd.git import GitFailed, NoGit, last_line, run
from agentd.late_pattern import late_pattern
from agentd.ledger import document, rows, source
from agentd.ledger.own_grammar import SUMS
from agentd.ledger.rows import Row, each_once
from agentd.ledger.source import Malformed

_HOMES = ("agentd", "openspec")
_ID, _DAY = "[a-z0-9][a-z0-9-]{0,63}", r"(?:\d{8}|\d{4}-\d{2}-\d{2})"
LEDGER = late_pattern(
    rf"(?:agentd/changes/|agentd/archive/{_DAY}-"
    rf"|openspec/changes/(?!archive/)|openspec/changes/archive/{_DAY}-)({_ID})/STATE\.yaml"
)
_FOLDERS = ("agentd", "agentd/changes", "agentd/archive", "openspec", "openspec/changes")
_CALL_ID = late_pattern(rb"\bid['\"]?: *['\"]?([\w.-]+)")
_LFS = b"version https://git-lfs.github.com/spec/"


class _Blob(NamedTuple):
    """A STATE.yaml in git: its change, its path below the project's root, git's name for it."""

    change_id: str
    path: str
    oid: str


def read_base(root: Path, rev: str, of: Collection[Row], *, every: bool = False) -> list[Row]:
    """What the calls at hand are to be compared with: those that ``rev`` has too, by their ids.

    These are the calls that were recorded at the merge base, where this branch left ``rev``, and of
    the calls ``of`` the changes at hand those that ``rev`` got by a squash, a rebase or a
    cherry-pick. So what else ``rev`` got since does not count. Changes are known by their calls,
    wherever their folder lay, and whatever it was called: unless it is ``every`` change, only
    ledgers that hold one of them are read. A ledger that was not there yet has no calls.

    Raises InputError when git can't tell (no repository, no such revision, a clone too shallow),
    StateError for a ledger in git that can't be read.
    """
    tip, bases = _commits(root, rev)
    known = {_identity(row) for row in of}
    ids = {row.call_id.encode() for row in of if row.call_id}
    changes = None if every else {row.change_id for row in of}
    rows: dict[str, Row] = {}
    unnamed: list[Row] = []
    seen: set[tuple[str, str]] = set()
    for commit in dict.fromkeys((*bases, tip)):
        changed = set() if changes is None else _changed_since(root, commit)
        at = f"{commit[:12]}, the base of {rev}" if commit in bases else rev
        blobs = [
            blob
            for blob in _ledgers(root, rev, commit)
            if (changes is None or blob.change_id in changes or blob.path in changed)
            and (blob.change_id, blob.oid) not in seen
        ]
        seen |= {(blob.change_id, blob.oid) for blob in blobs}
        ledgers = [
            _calls(blob, data, f"{blob.path} at {at}")
            for blob, data in zip(blobs, _contents(root, [one.oid for one in blobs]), strict=True)
            if changes is None
            or blob.change_id in changes
            or not ids.isdisjoint(_CALL_ID.findall(data))
        ]
        for calls in each_once(ledgers):
            if changes is not None and not any(_identity(row) in known for row in calls):
                continue
            for row in calls:
                is_own = changes is None or row.change_id in changes
                if row.call_id and ((is_own and commit in bases) or _identity(row) in known):
                    rows.setdefault(row.call_id, row)
                elif not row.call_id and is_own and commit == bases[0]:
                    unnamed.append(row)
    return [*rows.values(), *unnamed]


def _identity(row: Row) -> object:
    """What a call is known by: its id; the original agentd wrote none."""
    return row.call_id or row


def _changed_since(root: Path, commit: str) -> set[str]:
    """The paths that are not as in a commit: a folder was renamed, or a call taken out."""
    differs = ("diff", "--name-only", "--no-renames", "--relative", "-z", commit, "--", *_HOMES)
    return set(map(os.fsdecode, _git(root, *differs).stdout.split(b"\0")))


def _commits(root: Path, rev: str) -> tuple[str, list[str]]:
    """The full names of ``rev``, and of the commits at which HEAD's history left that of it."""
    shallow = _git(root, "rev-parse", "--is-shallow-repository")
    if shallow.returncode:
        raise InputError(
            f"{root}: git can't read a repository there: {last_line(shallow.stderr)}",
            fix="A comparison with a base needs the project's git repository.",
        )
    cure = ""
    if shallow.stdout.strip() == b"true":
        cure = "This clone is shallow; complete it with `git fetch --unshallow`. "
    commit = _commit(root, rev)
    if commit is None:
        raise InputError(
            f"git knows no commit {rev!r}",
            fix=f"{cure}Name a branch, tag or commit; one that was fetched is called origin/main.",
        )
    base = _git(root, "merge-base", "--all", commit, "HEAD")  # crossed merges have several
    if base.returncode:
        raise InputError(
            f"HEAD and {rev} have no commit in common {last_line(base.stderr)}".rstrip(),
            fix=f"{cure}Name a revision that this branch comes from.",
        )
    return commit, base.stdout.decode().split()


def _commit(root: Path, rev: str) -> str | None:
    """The full name of the commit that ``rev`` means, None when there is none."""
    # What begins with "-" names no revision, and git would take it for an option.
    if not rev or rev.startswith("-") or "\0" in rev:
        return None
    name = rev
    for suffix in ("", "^{commit}"):  # apart: behind ":/text" a suffix would be text
        name += suffix
        found = _git(root, "rev-parse", "--verify", "--quiet", name)
        name = found.stdout.decode().strip()
        if found.returncode or not name.isalnum():  # "^main" means what is not in it
            return None
    return name


def _ledgers(root: Path, rev: str, commit: str) -> Iterator[_Blob]:
    listed = _git(root, "ls-tree", "-r", "-z", commit, "--", *_HOMES)
    if listed.returncode:
        raise InputError(f"git can't list {rev}: {last_line(listed.stderr)}")
    for entry in filter(None, listed.stdout.split(b"\0")):
        about, name = entry.split(b"\t", 1)
        mode, _, oid = about.decode().split(" ")
        path = os.fsdecode(name)
        if mode == "160000" and path in _FOLDERS:
            raise InputError(
                f"{path} is a submodule at {rev}; the ledgers' history is not in this repository",
                fix="Compare without a base.",
            )
        match = LEDGER.fullmatch(path)
        if match and mode == "120000":
            raise StateError(
                f"{path} at {commit[:12]}, the base of {rev}: is a symbolic link",
                fix="Name a base at which it is a file.",
            )
        if match:
            yield _Blob(match[1], path, oid)


def _contents(root: Path, oids: list[str]) -> Iterator[bytes]:
    """Each object's bytes, all from one process."""
    done = _git(root, "cat-file", "--batch", send="".join(f"{oid}\n" for oid in oids).encode())
    at = 0
    for oid in oids:
        end = done.stdout.find(b"\n", at)
        header = done.stdout[at:end].split(b" ")
        if end < 0 or len(header) != 3:
            raise StateError(
                f"git can't give the object {oid}: {last_line(done.stderr) or 'it is missing'}",
                fix="Complete the repository: git fetch; git fsck tells what is broken.",
            )
        at = end + 1 + int(header[2]) + 1
        yield done.stdout[end + 1 : at - 1]


def _calls(blob: _Blob, data: bytes, shown: str) -> list[Row]:
    if data.startswith(_LFS):
        raise StateError(
            f"{shown}: is a pointer of Git LFS",
            fix="Keep STATE.yaml out of LFS (see .gitattributes); then name a later base.",
        )
    try:
        return rows.of_document(blob.change_id, document.read(source.decode(data), SUMS))
    except Malformed as error:
        raise StateError(
            f"{shown}: {error}", fix="Name a base at which the file can be read."
        ) from error


def _git(root: Path, *arguments: str, send: bytes = b"") -> CompletedProcess[bytes]:
    try:
        return run(root, *arguments, send=send)
    except NoGit as error:
        raise InputError(
            "git is not installed", fix="A comparison with a base needs git: install it."
        ) from error
    except GitFailed as error:
        raise InputError(f"{root}: git can't be asked: {error}") from error
