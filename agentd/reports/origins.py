"""Where calls come from: the commit that first has each, its author, its branch; its session."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from agentd.errors import InputError, StateError
from agentd.git import GitFailed, last_line, output, run
from agentd.late_pattern import late_pattern
from agentd.ledger import cache
from agentd.ledger.all_rows import HasLedger
from agentd.ledger.reading import read_state
from agentd.reports.branch_names import Commit, name_branches
from agentd.reports.dimensions import NOT_COMMITTED, NOWHERE, OF_GIT, Origin, Origins
from agentd.reports.git_base import LEDGER

_LEDGERS = (
    ":(glob)agentd/changes/*/STATE.yaml",
    ":(glob)agentd/archive/*/STATE.yaml",
    ":(glob)openspec/changes/**/STATE.yaml",
)
# A line with an id that a commit added; one of a merge may have a mark for each parent.
_ADDED = late_pattern(
    rb"^(?:([0-9a-f]{40,64})|[+ ]*\+[+ ]*(?:- )?id: *(['\"]?)([A-Za-z0-9][\w.:-]*)\2 *\r?)$",
    re.MULTILINE,
)
_LOG = ("log", "--no-show-signature", "--no-color", "--encoding=UTF-8", "--decorate=full")
_REFS = ("--decorate-refs=HEAD", "--decorate-refs=refs/heads", "--decorate-refs=refs/remotes")
_TRUNKS = ("main", "master", "trunk")


class _Entry(NamedTuple):
    """A commit that changed a ledger; ``cut``: a shallow clone ends there."""

    commit_id: str
    author: str
    cut: bool


def origins_of(root: Path, changes: Iterable[HasLedger], by: Sequence[str]) -> Origins:
    """What grouping these changes' calls ``by`` some dimensions takes.

    Raises InputError when git can't read the history that it has.
    """
    origins = NOWHERE
    if not set(OF_GIT).isdisjoint(by):
        origins = read_origins(root, with_branches="branch" in by)
    sessions: dict[str, str | None] = {}
    for change in changes if "session" in by else ():
        try:
            document = read_state(change.folder).document
        except StateError:
            continue  # who reads its calls says so
        if document is not None:
            columns = document.columns
            sessions |= zip(columns["id"], columns["session_id"], strict=True)
    return origins._replace(sessions=sessions, project=str(root))


def read_origins(root: Path, *, with_branches: bool) -> Origins:
    """The origins of the calls in the project at ``root``, by the history of HEAD.

    A call is of the first commit that has its id, wherever its change's folder lay. What a shallow
    clone cut off is unknown. Each commit's ids are kept in a cache, so that only new ones are read.

    Raises InputError when git can't read the history that it has.
    """
    try:
        found = _entries(root)
        if found is None:
            return Origins(of_change=_pending(root))
        added = _added(root, [entry.commit_id for entry in found])
        branches = _branches(root, found[0].commit_id) if with_branches and found else {}
        of_call: dict[str, Origin] = {}
        for entry in found:
            branch = branches.get(entry.commit_id, Origin().branch)
            origin = Origin() if entry.cut else Origin(branch, entry.author)
            for call_id in added[entry.commit_id]:
                of_call.setdefault(call_id, origin)
        return Origins(of_call, _pending(root))
    except GitFailed as error:
        return Origins(problem=f"git can't be asked for branches and authors: {error}")


def _entries(root: Path) -> list[_Entry] | None:
    """The commits that changed a ledger, each behind its parents; None before the first commit."""
    form = "--format=%H%x1f%D%x1f%aN"
    order = ("--date-order", "--reverse", "--full-history")
    done = run(root, *_LOG, *_REFS, form, *order, "HEAD", "--", *_LEDGERS)
    if done.returncode:
        if run(root, "rev-parse", "--verify", "--quiet", "HEAD").returncode == 0:
            raise InputError(
                f"git can't read the history of {root}: {last_line(done.stderr)}",
                fix="Complete the repository: git fetch; git fsck tells what is broken.",
            )
        output(root, "rev-parse", "--git-dir")
        return None
    return [
        _Entry(commit_id, author, "grafted" in refs.split(", "))
        for commit_id, refs, author in _fields(done.stdout, 3)
    ]


def _added(root: Path, commit_ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """The ids of calls that each commit added, those that it moved among them."""
    place = cache.path_of("origins", str(root))
    whose, kept = cache.load(place) or (None, {})
    known: dict[str, tuple[str, ...]] = kept if whose == str(root) else {}
    new = [one for one in commit_ids if one not in known]
    if not new:
        return known
    read = ("--stdin", "--root", "-r", "--cc", "-U0", "-M", "--text", "--no-ext-diff")
    send = "".join(f"{one}\n" for one in new).encode()
    done = run(root, "diff-tree", *read, "--no-textconv", "--", *_LEDGERS, send=send)
    if done.returncode:
        raise InputError(
            f"git can't show what changed in {root}: {last_line(done.stderr)}",
            fix="Complete the repository: git fetch; git fsck tells what is broken.",
        )
    ids: dict[str, list[str]] = {one: [] for one in new}
    into: list[str] = []
    for commit_id, _, call_id in _ADDED.findall(done.stdout):
        if commit_id:
            into = ids[commit_id.decode()]
        else:
            into.append(call_id.decode())
    kept = {one: known[one] if one in known else tuple(ids[one]) for one in commit_ids}
    cache.save(place, (str(root), kept))
    return kept


def _branches(root: Path, oldest: str) -> Mapping[str, str]:
    """The branch of each commit that is no ancestor of ``oldest``."""
    trunk = _trunk(root)
    ends = [f"refs/heads/{trunk}", f"refs/remotes/origin/{trunk}"] if trunk else []
    form = ("--ignore-missing", "--format=%H%x1f%P%x1f%D%x1f%s")
    text = output(root, *_LOG, *_REFS, *form, "HEAD", *ends, "--not", f"{oldest}^@", "--")
    history: dict[str, Commit] = {}
    head, current = "", None
    for commit_id, parents, refs, subject in _fields(text, 4):
        names = [name for name in refs.split(", ") if name]
        for name in names:
            if name == "HEAD" or name.startswith("HEAD -> "):
                head, current = commit_id, _short(name.removeprefix("HEAD -> "))
        branches = dict.fromkeys(filter(None, map(_short, names)))
        if current in branches and commit_id == head:
            branches = {current: None, **branches}
        history[commit_id] = Commit(tuple(parents.split()), tuple(branches), subject)
    return name_branches(history, head, current, trunk)


def _fields(text: bytes, count: int) -> Iterator[list[str]]:
    """Those of each line; a person may have written anything into the last one."""
    lines = text.decode(errors="replace").split("\n")
    return (line.split("\x1f", count - 1) for line in lines if line)


def _trunk(root: Path) -> str | None:
    """The branch that the others come from: what the remote says, else one of the usual name."""
    heads = [f"refs/{kind}/{name}" for kind in ("heads", "remotes/origin") for name in _TRUNKS]
    form = "--format=%(refname) %(symref)"
    listed = output(root, "for-each-ref", form, "refs/remotes/origin/HEAD", *heads).decode()
    refs = dict(line.split(" ", 1) for line in listed.splitlines())
    told = _short(refs.pop("refs/remotes/origin/HEAD", ""))
    names = set(map(_short, refs))
    return told or next((name for name in _TRUNKS if name in names), None)


def _short(ref: str) -> str | None:
    """The name of a branch, without that of its remote; None for what is none."""
    if ref.startswith("refs/heads/"):
        return ref.removeprefix("refs/heads/")
    name = ref.removeprefix("refs/remotes/").partition("/")[2] if "/remotes/" in ref else ""
    return name if name not in ("", "HEAD") else None


def _pending(root: Path) -> dict[str, Origin]:
    """The origins of calls in ledgers that differ from HEAD: those that the next commit will have.

    Nobody will commit what git ignores.
    """
    shown = ("--porcelain=v2", "--branch", "-z", "--untracked-files=all", "--ignored=traditional")
    entries = output(root, "status", *shown, "--", *_LEDGERS).split(b"\0")
    branch: str | None = None
    changed: dict[str, bool] = {}
    for entry in entries:
        kind, _, rest = os.fsdecode(entry).partition(" ")
        if kind == "#" and rest.startswith("branch.head "):
            branch = rest.removeprefix("branch.head ")
        elif match := re.search(rf"(?:^|[ /]){LEDGER.pattern}$", rest):
            changed[match[1]] = changed.get(match[1], False) or kind != "!"
    if not changed:
        return {}
    here = Origin(NOT_COMMITTED if branch in (None, "(detached)") else branch, _user(root))
    ignored = Origin(NOT_COMMITTED, NOT_COMMITTED)
    return {change_id: here if is_told else ignored for change_id, is_told in changed.items()}


def _user(root: Path) -> str:
    """Who would be the author of a commit now."""
    asked = run(root, "config", "--get-regexp", r"^user\.(name|email)$").stdout.decode()
    told = dict(line.split(" ", 1) for line in asked.splitlines() if " " in line)
    name = told.get("user.name")
    if not name:
        return NOT_COMMITTED
    mapped = run(root, "check-mailmap", f"{name} <{told.get('user.email', '')}>").stdout.decode()
    return mapped.partition(" <")[0].strip() or name
