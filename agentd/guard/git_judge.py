"""git's own state after a run: settings, hooks, refs, stashes, HEAD, most of it put back."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agentd.config.model import Commits
from agentd.files import write_atomic
from agentd.frozen import frozen
from agentd.git import GitFailed
from agentd.guard.baseline import Baseline
from agentd.guard.differences import bounded, difference
from agentd.guard.ended import Ended
from agentd.guard.findings import Forbidden, Told
from agentd.guard.git_gone import move_back, moved_to
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
from agentd.guard.git_settings import GitSettings, text_of
from agentd.guard.rules import COMMITS, GIT, LOSSES
from agentd.late_pattern import late_pattern
from agentd.text import some_of

_HEAD = late_pattern(rb"(?:ref: refs/[^\0\n]+|[0-9a-f]{40,64})\n?")


@frozen()
class GitJudged:
    """What fails the step, and what is told.

    ``is_broken``: git can't be asked any more. ``is_unfinished``: something could not be written,
    and is left to the next command.
    """

    forbidden: list[Forbidden]
    told: list[Told]
    is_broken: bool = False
    is_unfinished: bool = False


class GitJudge:
    """The own state of the repository at ``place``, kept in a baseline."""

    def __init__(self, place: GitPlace, baseline: Baseline) -> None:
        self._place = place
        self._baseline = baseline
        self._settings = GitSettings(place, baseline)
        self._forbidden: list[Forbidden] = []
        self._told: list[Told] = []
        self._ended = Ended.now()
        self._is_unfinished = False

    def keep(self) -> None:
        """Keep it as it is now. Raises GitFailed, OSError."""
        self._settings.keep()
        self._baseline.facts["git refs"] = GitRefs.read(self._place).facts()
        folder = self._place.git_dir.stat()
        self._baseline.facts["git folder"] = folder.st_ino
        self._baseline.facts["git folder mode"] = stat.S_IMODE(folder.st_mode)
        self._baseline.facts["git locks"] = [path.name for path in self._locks()]

    def judge_settings(
        self, aside: Path, where: str, *, commits: Commits, ended: Ended
    ) -> GitJudged:
        """What became of settings and hooks, before git is asked: it might run what they name.

        All that a rule puts back is put back. ``where`` is the folder ``aside`` in words. What
        changed after the run had ``ended`` stays. Raises OSError.
        """
        place = self._place
        self._ended = ended
        self._move_back(aside)
        self._open_again()
        if not place.is_there:
            gone = not os.path.lexists(place.git_dir)
            self._forbid(place.git_dir, "deleted" if gone else "git can't read it any more")
        elif not self._is_same():
            self._forbid(place.git_dir, "another repository")
        else:
            self._judge_settings(aside, where, commits)
        is_broken = bool(self._forbidden)
        return GitJudged(self._forbidden, self._told, is_broken, self._is_unfinished)

    def judge_refs(self, place: GitPlace, commits: Commits) -> GitJudged:
        """What became of HEAD, refs and stashes too, asked at ``place``. Raises OSError."""
        self._place = place
        try:
            self._put_back_broken_head()
            self._judge_refs(commits)
        except GitFailed as error:
            self._forbid(place.git_dir, f"git can't read it any more: {error}")
            return GitJudged(self._forbidden, self._told, is_broken=True)
        return GitJudged(self._forbidden, self._told)

    def _is_same(self) -> bool:
        """Whether git's folder is the one of before."""
        try:
            return self._place.git_dir.lstat().st_ino == int(self._baseline.facts["git folder"])
        except OSError:
            return False

    def _move_back(self, aside: Path) -> None:
        """Move git's folder back that was moved within the working tree. Raises OSError."""
        if self._is_same():
            return
        found = moved_to(self._place, self._baseline.facts["git folder"])
        if found and (told := move_back(self._place, found, aside)):
            self._told.append(told)

    def _open_again(self) -> None:
        """Put back the permissions of git's folder: without them git, or a person, can't read it.

        Raises OSError.
        """
        folder, mode = self._place.git_dir, self._baseline.facts["git folder mode"]
        with contextlib.suppress(FileNotFoundError):
            if self._is_same() and stat.S_IMODE(folder.lstat().st_mode) != mode:
                folder.chmod(mode)
                self._told.append(
                    Told(f"Put back: {self._place.shown(folder)} (its permissions)", GIT)
                )

    def put_back_flags(self, flagged: dict[str, str]) -> Iterator[Told]:
        """Put back the flags of files in the index, given with the letter of before."""
        index = self._place.git_dir / "index"
        whose = self._ended.whose(index)
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

    def _is_the_runs(self, path: Path, name: str) -> bool:
        """Whether the run did it, as far as times can tell; in doubt it stays, and is told."""
        whose = self._ended.whose(path)
        if whose == "in doubt":
            self._told.append(Told(f"Left as it is, by the step or by somebody after it: {name}"))
        return whose == "the run's"

    def _locks(self) -> list[Path]:
        names = ("index.lock", "HEAD.lock", "config.lock")
        folder = self._place.git_dir
        return [folder / name for name in names if os.path.lexists(folder / name)]

    def _put_back_broken_head(self) -> None:
        """Let HEAD name its branch again where it names nothing at all."""
        head = self._place.git_dir / "HEAD"
        before = GitRefs.of(self._facts)
        if _HEAD.fullmatch(head.read_bytes()) is None:
            text = f"ref: {before.branch}\n" if before.branch else f"{before.head}\n"
            write_atomic(head, os.fsencode(text))
            self._told.append(Told("Put back: .git/HEAD (broken)", GIT))

    def _judge_settings(self, aside: Path, where: str, commits: Commits) -> None:
        kept_aside = []
        for setting in self._settings.changed():
            path = setting.path
            if setting.is_state and commits == "keep":
                continue
            if not self._is_the_runs(path, self._place.shown(path)):
                continue
            diff = difference(setting.data, text_of(path)) if setting.data is not None else ""
            if setting.before is None:
                diff = difference(None, text_of(path))
            shown = self._place.shown(path)
            try:
                is_back = self._settings.put_back(setting, aside)
            except OSError as error:  # a full disk
                self._forbid(path, f"{setting.what}, not put back yet: {error.strerror}", diff)
                self._is_unfinished = True
                continue
            if not is_back:
                self._forbid(path, setting.what, diff)
                continue
            if setting.now is not None:
                kept_aside.append(shown)
            self._told.append(Told(f"Put back: {shown} ({setting.what})", GIT, diff))
        if kept_aside:
            last = self._told[-1]
            text = f"{last.text}. What the step wrote there: {where}/"
            self._told[-1] = Told(text, last.rule, last.diff)
        left = [
            path for path in self._locks() if path.name not in self._baseline.facts["git locks"]
        ]
        for path in left:  # it may be a person's git that works just now
            text = f"{self._place.shown(path)} was left. If no git is at work, remove it"
            self._told.append(Told(text, GIT))

    def _judge_refs(self, commits: Commits) -> None:
        place = self._place
        before, now = GitRefs.of(self._facts), GitRefs.read(place)
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
            self._told.append(Told("Branches of remotes were fetched or pushed during the step"))
        for what, one, other in (("removed", before, now), ("made", now, before)):
            names = sorted({*one.worktrees} - {*other.worktrees})
            if names:
                self._told.append(Told(f"Working trees were {what}: {some_of(names)}"))

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
            elif self._is_the_runs(self._place.common / name, shown_ref(name)):
                names.append(name)
        if left:
            shown = some_of([shown_ref(name) for name in left])
            self._told.append(Told(f"Left as they are, fetched or of other working trees: {shown}"))
        failed = put_back_refs(self._place, names, before, now)
        lines = []
        for name in names:
            new = now.local.get(name)
            what = "deleted" if new is None else "new" if name not in before.local else "moved"
            if name in failed:
                self._forbid(self._place.common / name, f"{what}, not put back: {failed[name]}")
            else:
                at = f", it was at {new[:12]}" if new else ""
                lines.append(f"{shown_ref(name)} ({what}{at})")
        if lines:
            self._told.append(Told(f"Put back: {some_of(lines)}", GIT))

    def _judge_head(
        self, before: GitRefs, now: GitRefs, moved: str, commits: Commits, elsewhere: frozenset[str]
    ) -> None:
        place, rule = self._place, COMMITS[commits]
        log = bounded(commits_between(place, before.head, now.head).splitlines())
        name = shown_ref(now.branch) if now.branch else "no branch"
        changed = place.common / before.branch if before.branch == now.branch else None
        if not self._is_the_runs(changed or place.git_dir / "HEAD", moved):
            return
        where = f"{moved}; HEAD was at {now.head[:12] or 'no commit'}, {name}"
        if commits == "keep":
            self._told.append(Told(f"Kept, by [guard] commits: {moved}", diff=log))
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
            self._forbid(place.git_dir / "HEAD", f"{where}, not put back: {error}", log)
            return
        failed = put_back_refs(place, own, before, now)
        if failed or commits == "forbid":
            why = "".join(f", not put back: {error}" for error in failed.values())
            self._forbid(place.git_dir / "HEAD", f"{where}{why}", log, rule)
            return
        again = f" To have it all the same: `git merge {now.head[:12]}`" if log else ""
        text = f"Undone, its work is in the working tree: {where}.{again}"
        self._told.append(Told(text, rule, log))

    def _judge_stashes(self, before: GitRefs, now: GitRefs) -> None:
        if before.stashes == now.stashes:
            return
        if not self._is_the_runs(self._place.common / "logs/refs/stash", "the stashes"):
            return
        for oid, message in before.lost_stashes(now):
            try:
                put_back_stash(self._place, oid, message)
            except GitFailed as error:
                self._forbid(self._place.common / "refs/stash", f"lost {oid}: {error}", message)
            else:
                self._told.append(Told(f"Put back a stash: {message}", GIT))
        new = before.new_stashes(now)
        if new:
            shown = some_of([f"{oid[:12]} {message}" for oid, message in new])
            text = f"The step stashed files away: {shown}. See `git stash list`"
            self._told.append(Told(text, LOSSES))

    @property
    def _facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = self._baseline.facts["git refs"]
        return facts

    def _forbid(self, path: Path, what: str, diff: str = "", rule: str = GIT) -> None:
        self._forbidden.append(Forbidden(path, what, rule=rule, diff=diff))


def _encoded(paths: str) -> bytes:
    return paths.encode("utf-8", "surrogateescape")
