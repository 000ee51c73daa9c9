"""git's HEAD, refs and stashes after a run, most of them put back."""

from __future__ import annotations

import os
from collections.abc import Iterator

from agentd.config.model import Commits
from agentd.files import write_atomic
from agentd.git import GitFailed
from agentd.guard.differences import bounded
from agentd.guard.findings import Told
from agentd.guard.git_judged import GitJudged
from agentd.guard.git_place import GitPlace
from agentd.guard.git_refs import (
    GitRefs,
    commits_between,
    is_tag,
    other_worktrees,
    put_back_head,
    put_back_refs,
    put_back_stash,
    shown_ref,
)
from agentd.guard.rules import COMMITS, GIT, LOSSES
from agentd.late_pattern import late_pattern
from agentd.text import some_of

_HEAD = late_pattern(rb"(?:ref: refs/[^\0\n]+|[0-9a-f]{40,64})\n?")


class RefsJudge:
    """What the repository at ``place`` had ``before``, and what became of it, for ``found``."""

    def __init__(self, place: GitPlace, before: GitRefs, found: GitJudged) -> None:
        self._place = place
        self._before = before
        self._found = found

    def judge(self, commits: Commits) -> None:
        """What became of HEAD, refs and stashes. Raises OSError."""
        try:
            self._put_back_broken_head()
            self._judge_refs(commits)
        except GitFailed as error:
            self._found.forbid(self._place.git_dir, f"git can't read it any more: {error}")
            self._found.is_broken = True

    def put_back_flags(self, flagged: dict[str, str]) -> Iterator[Told]:
        """Put back the flags of files in the index, given with the letter of before."""
        index = self._place.git_dir / "index"
        whose = self._found.ended.whose(index)
        if not flagged or whose == "a person's":
            return
        names = some_of(list(flagged))
        if whose == "in doubt":
            yield Told(f"Left, by the step or by somebody after it: flags in the index of {names}")
            return
        try:
            for letter in sorted({*flagged.values()}):
                options = [
                    "--skip-worktree" if letter in "Ss" else "--no-skip-worktree",
                    "--assume-unchanged" if letter.islower() else "--no-assume-unchanged",
                ]
                paths = "".join(f"{path}\0" for path, was in flagged.items() if was == letter)
                for option in options:  # one at a time, or git takes the last alone
                    self._place.ask(
                        "update-index", option, "-z", "--stdin", send=_encoded(paths), fails=True
                    )
        except GitFailed as error:
            yield Told(f"Not put back ({error}), flags that hide changes from git: {names}", GIT)
        else:
            yield Told(f"Put back, flags that hide changes from git: {names}", GIT)

    def _put_back_broken_head(self) -> None:
        """Let HEAD name its branch again where it names nothing at all."""
        head = self._place.git_dir / "HEAD"
        before = self._before
        if _HEAD.fullmatch(head.read_bytes()) is None:
            text = f"ref: {before.branch}\n" if before.branch else f"{before.head}\n"
            write_atomic(head, os.fsencode(text))
            self._found.told.append(Told("Put back: .git/HEAD (broken)", GIT))

    def _judge_refs(self, commits: Commits) -> None:
        place = self._place
        before, now = self._before, GitRefs.read(place)
        if before != now and before.head:
            place.ask("cat-file", "-e", before.head)
        moved = before.head_moved(now)
        ours = (before.branch, now.branch) if moved else ()
        elsewhere = (
            frozenset(other_worktrees(place).values())
            if before.moved(now, but=ours)
            else frozenset()
        )
        self._judge_other_refs(before, now, ours, elsewhere)
        if moved:
            self._judge_head(before, now, moved, commits, elsewhere)
        self._judge_stashes(before, now)
        if before.remote != now.remote:
            self._found.told.append(
                Told("Branches of remotes were fetched or pushed during the step")
            )
        for what, one, other in (("removed", before, now), ("made", now, before)):
            names = sorted({*one.worktrees} - {*other.worktrees})
            if names:
                self._found.told.append(Told(f"Working trees were {what}: {some_of(names)}"))

    def _judge_other_refs(
        self, before: GitRefs, now: GitRefs, ours: tuple[str, ...], elsewhere: frozenset[str]
    ) -> None:
        is_fetched = before.remote != now.remote  # a fetch brings tags, and editors fetch
        names: list[str] = []
        left: list[str] = []
        for name in before.moved(now, but=ours):
            fetched = is_fetched and is_tag(name) and name not in before.local
            if name in elsewhere or fetched:
                left.append(name)
            elif self._found.is_the_runs(self._place.common / name, shown_ref(name)):
                names.append(name)
        if left:
            shown = some_of([shown_ref(name) for name in left])
            self._found.told.append(
                Told(f"Left as they are, fetched or of other working trees: {shown}")
            )
        failed = put_back_refs(self._place, names, before, now)
        lines = []
        for name in names:
            new = now.local.get(name)
            what = "deleted" if new is None else "new" if name not in before.local else "moved"
            if name in failed:
                self._found.forbid(
                    self._place.common / name, f"{what}, not put back: {failed[name]}"
                )
            else:
                at = f", it was at {new[:12]}" if new else ""
                lines.append(f"{shown_ref(name)} ({what}{at})")
        if lines:
            self._found.told.append(Told(f"Put back: {some_of(lines)}", GIT))

    def _judge_head(
        self, before: GitRefs, now: GitRefs, moved: str, commits: Commits, elsewhere: frozenset[str]
    ) -> None:
        place, rule = self._place, COMMITS[commits]
        log = bounded(commits_between(place, before.head, now.head).splitlines())
        name = shown_ref(now.branch) if now.branch else "no branch"
        changed = place.common / before.branch if before.branch == now.branch else None
        if not self._found.is_the_runs(changed or place.git_dir / "HEAD", moved):
            return
        where = f"{moved}; HEAD was at {now.head[:12] or 'no commit'}, {name}"
        if commits == "keep":
            self._found.told.append(Told(f"Kept, by [guard] commits: {moved}", diff=log))
            return
        own = [
            ref
            for ref in dict.fromkeys((before.branch, now.branch))
            if ref and before.local.get(ref) != now.local.get(ref) and ref not in elsewhere
        ]
        # First HEAD: a branch that it names is not deleted under it.
        try:
            put_back_head(place, before)
        except GitFailed as error:
            self._found.forbid(place.git_dir / "HEAD", f"{where}, not put back: {error}", log)
            return
        failed = put_back_refs(place, own, before, now)
        if failed or commits == "forbid":
            why = "".join(f", not put back: {error}" for error in failed.values())
            self._found.forbid(place.git_dir / "HEAD", f"{where}{why}", log, rule)
            return
        again = f" To have it all the same: `git merge {now.head[:12]}`" if log else ""
        text = f"Undone, its work is in the working tree: {where}.{again}"
        self._found.told.append(Told(text, rule, log))

    def _judge_stashes(self, before: GitRefs, now: GitRefs) -> None:
        if before.stashes == now.stashes:
            return
        if not self._found.is_the_runs(self._place.common / "logs/refs/stash", "the stashes"):
            return
        for oid, message in before.lost_stashes(now):
            try:
                put_back_stash(self._place, oid, message)
            except GitFailed as error:
                self._found.forbid(
                    self._place.common / "refs/stash", f"lost {oid}: {error}", message
                )
            else:
                self._found.told.append(Told(f"Put back a stash: {message}", GIT))
        new = before.new_stashes(now)
        if new:
            shown = some_of([f"{oid[:12]} {message}" for oid, message in new])
            text = f"The step stashed files away: {shown}. See `git stash list`"
            self._found.told.append(Told(text, LOSSES))


def _encoded(paths: str) -> bytes:
    return paths.encode("utf-8", "surrogateescape")
