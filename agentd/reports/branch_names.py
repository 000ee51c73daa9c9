"""Which branch each commit was made on, as far as git's history tells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import zip_longest
from typing import NamedTuple

from agentd.late_pattern import late_pattern
from agentd.reports.dimensions import UNKNOWN

_OF_GIT = late_pattern(r"Merge (?:remote-tracking )?branch(?:es)? '")
_OF_A_HOST = late_pattern(
    r"Merge pull request #\d+ from [^/\s]+/(\S+)"  # GitHub, Gitea
    r"|Merged in (\S+) \(pull request #\d+\)"  # Bitbucket
    r"|Merge pull request #\d+ in \S+ from (\S+) to \S+"  # Bitbucket Server
)


class Commit(NamedTuple):
    """A commit's parents, the names of the branches that end at it, and its message's subject."""

    parents: tuple[str, ...]
    branches: tuple[str, ...]
    subject: str


def name_branches(
    history: Mapping[str, Commit], head: str, current: str | None, trunk: str | None
) -> dict[str, str]:
    """The branch of each commit of ``history`` that ``head`` or the ends of ``trunk`` have.

    The first parents of the trunk are its own, then those of ``head`` are the ``current`` branch's
    or that of the nearest branch that ends on the way. What a merge brought is of the branch that
    its message names: of two merges that brought it, of the older.
    """
    names: dict[str, str] = {}
    for commit_id, commit in history.items():
        if trunk is not None and trunk in commit.branches:
            _follow(history, names, commit_id, trunk, trunk)
    _follow(history, names, head, current or UNKNOWN, trunk or current)
    return names


def _follow(
    history: Mapping[str, Commit], names: dict[str, str], tip: str, name: str, trunk: str | None
) -> None:
    now: list[tuple[str, str]] = [(tip, name)]
    later: list[tuple[str, str]] = []
    while now or later:
        at, name = (now or later).pop()  # of those for later the last one: it is the oldest merge
        while at in history and at not in names:
            commit = history[at]
            if name != trunk and commit.branches and name not in commit.branches:
                name = commit.branches[0]
            names[at] = name
            if not commit.parents:
                break
            of_trunk = None
            sides, into = _merged(commit.subject)
            for parent, told in zip_longest(commit.parents[1:], sides[: len(commit.parents) - 1]):
                side = told or next(iter(history[parent].branches if parent in history else ()), "")
                if side == trunk and (name != trunk or into not in (None, trunk)):
                    of_trunk = parent
                else:
                    later.append((parent, side or UNKNOWN))
            at = commit.parents[0]
            if of_trunk is not None:
                # A branch that took in the trunk, which perhaps was then moved forward to it.
                now.append((at, into if into and name == trunk else name))
                at, name = of_trunk, str(trunk)


def _merged(subject: str) -> tuple[list[str], str | None]:
    """The branches that a merge's subject says it brought, and into which one if it says so."""
    if host := _OF_A_HOST.match(subject):
        return [next(filter(None, host.groups()))], None
    if not _OF_GIT.match(subject):
        return [], None
    brought, _, into = subject.partition(" into ")
    names = re.findall(r"'([^']+)'", brought)
    if "remote-tracking" in brought:
        names = [name.partition("/")[2] or name for name in names]
    return names, into.strip("'") or None
