"""HEAD, branches, tags and stashes of a repository: as they were, and back to that."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agentd.digests import sha256
from agentd.files import read_plain
from agentd.frozen import frozen
from agentd.git import GitFailed
from agentd.guard.git_place import GitPlace
from agentd.late_pattern import late_pattern

_NONE = "0" * 40
_REMOTE = "refs/remotes/"
_STASH = "refs/stash"
_BRANCH = "refs/heads/"
_TAG = "refs/tags/"
_HEAD = late_pattern(rb"ref: (refs/heads/(?!\.invalid)[^\s\0]+)\n|[0-9a-f]{40,64}\n")
_NOTE = "agentd: undo what a step did"


@frozen(kw_only=True)
class GitRefs:
    """What the names in a repository stand for.

    ``head`` is its commit, "" before the first one; ``branch`` the ref that HEAD names, "" when it
    is detached. ``local`` are the refs by name but for those of remotes, which ``remote`` sums up,
    and the stash, whose ``stashes`` are (commit, message), the newest first.
    """

    head: str
    branch: str
    local: dict[str, str]
    remote: str
    stashes: tuple[tuple[str, str], ...]
    worktrees: tuple[str, ...]

    @classmethod
    def read(cls, place: GitPlace) -> GitRefs:
        """As they are now. Raises GitFailed."""
        told = place.ask("for-each-ref", "--format=%(HEAD)%(objectname) %(refname)")
        lines = os.fsdecode(told).splitlines()
        refs = {name: oid for oid, _, name in (line[1:].partition(" ") for line in lines)}
        remote = sorted(f"{name} {oid}" for name, oid in refs.items() if name.startswith(_REMOTE))
        branch = next((line.partition(" ")[2] for line in lines if line[0] == "*"), "")
        if not branch:  # it is detached, or has no commit yet
            branch = _named_by_head(place)
        head = refs.get(branch, "")
        if not branch:
            asked = ("rev-parse", "-q", "--verify", "HEAD^{commit}")
            head = os.fsdecode(place.ask(*asked, fails=True))
        return cls(
            head=head.strip(),
            branch=branch,
            local={
                name: oid
                for name, oid in refs.items()
                if not name.startswith(_REMOTE) and name != _STASH
            },
            remote=sha256(os.fsencode("\n".join(remote))).hexdigest() if remote else "",
            stashes=tuple(_stashes(place)) if _STASH in refs else (),
            worktrees=tuple(sorted(_names(place.common / "worktrees"))),
        )

    def facts(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {name: getattr(self, name) for name in self.__slots__}  # type: ignore[attr-defined]

    @classmethod
    def of(cls, facts: dict[str, Any]) -> GitRefs:
        """What :meth:`facts` gave."""
        return cls(
            **{
                **facts,
                "stashes": tuple((oid, said) for oid, said in facts["stashes"]),
                "worktrees": tuple(facts["worktrees"]),
            }
        )

    def head_moved(self, later: GitRefs) -> str:
        """What became of HEAD, "" for nothing."""
        if self.branch != later.branch:
            return "another branch was checked out"
        return "" if self.head == later.head else "a commit was made or undone"

    def moved(self, later: GitRefs, *, but: tuple[str, ...] = ()) -> list[str]:
        """The local refs that are new, gone or another, sorted, ``but`` for these."""
        names = self.local.keys() | later.local.keys()
        return sorted(
            name
            for name in names
            if self.local.get(name) != later.local.get(name) and name not in but
        )

    def lost_stashes(self, later: GitRefs) -> list[tuple[str, str]]:
        """The stashes that are gone, the oldest first."""
        there = {oid for oid, _ in later.stashes}
        return [one for one in reversed(self.stashes) if one[0] not in there]

    def new_stashes(self, later: GitRefs) -> list[tuple[str, str]]:
        """The stashes that were made."""
        there = {oid for oid, _ in self.stashes}
        return [one for one in later.stashes if one[0] not in there]


def put_back_refs(
    place: GitPlace, names: list[str], before: GitRefs, now: GitRefs
) -> dict[str, str]:
    """Let local refs stand for what they did; nothing they stand for now is deleted.

    Returns why not, by name: another writer was faster, or git has the old object no more.
    """
    failed = {}
    for name in names:
        old, new = before.local.get(name), now.local.get(name, _NONE)
        try:
            if old is None:
                place.ask("update-ref", "--no-deref", "-m", _NOTE, "-d", name, new)
            else:
                place.ask("update-ref", "--no-deref", "-m", _NOTE, name, old, new)
        except GitFailed as error:
            failed[name] = str(error)
    return failed


def put_back_head(place: GitPlace, before: GitRefs) -> None:
    """Let HEAD name the branch, or the commit, that it did; files and index stay. Raises GitFailed.

    The branch itself is a ref: put that back first.
    """
    if before.branch:
        place.ask("symbolic-ref", "-m", _NOTE, "HEAD", before.branch)
    else:
        place.ask("update-ref", "--no-deref", "-m", _NOTE, "HEAD", before.head)


def put_back_stash(place: GitPlace, oid: str, message: str) -> None:
    """Put a stash that was dropped or popped on top of the others. Raises GitFailed."""
    place.ask("stash", "store", "-q", "-m", message, oid)


def other_worktrees(place: GitPlace) -> dict[str, str]:
    """The other working trees of this repository by their paths, with their branches, or ""."""
    told = os.fsdecode(place.ask("worktree", "list", "--porcelain", fails=True))
    blocks = (
        dict(line.partition(" ")[::2] for line in block.splitlines())
        for block in told.split("\n\n")
    )
    found = {block["worktree"]: block.get("branch", "") for block in blocks if block}
    found.pop(str(place.top), None)
    return found


def commits_between(place: GitPlace, old: str, new: str, limit: int = 5) -> str:
    """The commits that ``new`` has and ``old`` does not, one a line, the newest first."""
    if not new:
        return ""
    asked = ("log", "--oneline", "--no-decorate", "--no-color", "--no-show-signature")
    rest = (f"-{limit}", new, *([f"^{old}"] if old else []))
    return place.ask(*asked, *rest, fails=True).decode(errors="replace").rstrip("\n")


def shown_ref(name: str) -> str:
    """A ref as people call it."""
    for prefix, kind in ((_BRANCH, "branch"), (_TAG, "tag")):
        if name.startswith(prefix):
            return f"{kind} {name.removeprefix(prefix)}"
    return name


def is_tag(name: str) -> bool:
    """Whether a ref is a tag."""
    return name.startswith(_TAG)


def _named_by_head(place: GitPlace) -> str:
    """The ref that HEAD names, "" when it is detached; git is asked where its file is unusual."""
    head = place.git_dir / "HEAD"
    with contextlib.suppress(OSError):
        if not head.is_symlink() and (found := _HEAD.fullmatch(read_plain(head))):
            return os.fsdecode(found[1] or b"")
    return os.fsdecode(place.ask("symbolic-ref", "-q", "HEAD", fails=True)).strip()


def _stashes(place: GitPlace) -> Iterator[tuple[str, str]]:
    told = os.fsdecode(place.ask("log", "-g", "-z", "--format=%H %gs", _STASH, "--"))
    for entry in filter(None, told.split("\0")):
        oid, _, message = entry.partition(" ")
        yield oid, message


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208
    except OSError:
        return []
