"""git's folder, settings and hooks after a run, most of it put back."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from agentd.config.model import Commits
from agentd.guard.baseline import Baseline
from agentd.guard.differences import difference
from agentd.guard.ended import Ended
from agentd.guard.findings import Told
from agentd.guard.git_gone import move_back, moved_to
from agentd.guard.git_judged import GitJudged
from agentd.guard.git_place import GitPlace
from agentd.guard.git_refs import (
    GitRefs,
)
from agentd.guard.git_settings import GitSettings, text_of
from agentd.guard.rules import GIT


class GitJudge:
    """The own state of the repository at ``place``, kept in a baseline."""

    def __init__(self, place: GitPlace, baseline: Baseline) -> None:
        self._place = place
        self._baseline = baseline
        self._settings = GitSettings(place, baseline)

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
        place, found = self._place, GitJudged(ended)
        self._move_back(aside, found)
        self._open_again(found)
        if not place.is_there:
            gone = not os.path.lexists(place.git_dir)
            found.forbid(place.git_dir, "deleted" if gone else "git can't read it any more")
        elif not self._is_same():
            found.forbid(place.git_dir, "another repository")
        else:
            self._judge_settings(aside, where, commits, found)
        found.is_broken = bool(found.forbidden)
        return found

    def _is_same(self) -> bool:
        """Whether git's folder is the one of before."""
        try:
            return self._place.git_dir.lstat().st_ino == int(self._baseline.facts["git folder"])
        except OSError:
            return False

    def _move_back(self, aside: Path, found: GitJudged) -> None:
        """Move git's folder back that was moved within the working tree. Raises OSError."""
        if self._is_same():
            return
        place = moved_to(self._place, self._baseline.facts["git folder"])
        if place and (told := move_back(self._place, place, aside)):
            found.told.append(told)

    def _open_again(self, found: GitJudged) -> None:
        """Put back the permissions of git's folder: without them git, or a person, can't read it.

        Raises OSError.
        """
        folder, mode = self._place.git_dir, self._baseline.facts["git folder mode"]
        with contextlib.suppress(FileNotFoundError):
            if self._is_same() and stat.S_IMODE(folder.lstat().st_mode) != mode:
                folder.chmod(mode)
                found.told.append(
                    Told(f"Put back: {self._place.shown(folder)} (its permissions)", GIT)
                )

    def _locks(self) -> list[Path]:
        names = ("index.lock", "HEAD.lock", "config.lock")
        folder = self._place.git_dir
        return [folder / name for name in names if os.path.lexists(folder / name)]

    def _judge_settings(self, aside: Path, where: str, commits: Commits, found: GitJudged) -> None:
        kept_aside = []
        for setting in self._settings.changed():
            path = setting.path
            if setting.is_state and commits == "keep":
                continue
            if not found.is_the_runs(path, self._place.shown(path)):
                continue
            diff = difference(setting.data, text_of(path)) if setting.data is not None else ""
            if setting.before is None:
                diff = difference(None, text_of(path))
            shown = self._place.shown(path)
            try:
                is_back = self._settings.put_back(setting, aside)
            except OSError as error:  # a full disk
                found.forbid(path, f"{setting.what}, not put back yet: {error.strerror}", diff)
                found.is_unfinished = True
                continue
            if not is_back:
                found.forbid(path, setting.what, diff)
                continue
            if setting.now is not None:
                kept_aside.append(shown)
            found.told.append(Told(f"Put back: {shown} ({setting.what})", GIT, diff))
        if kept_aside:
            last = found.told[-1]
            text = f"{last.text}. What the step wrote there: {where}/"
            found.told[-1] = Told(text, last.rule, last.diff)
        left = [
            path for path in self._locks() if path.name not in self._baseline.facts["git locks"]
        ]
        for path in left:  # it may be a person's git that works just now
            text = f"{self._place.shown(path)} was left. If no git is at work, remove it"
            found.told.append(Told(text, GIT))
