"""The project's files other than agentd's own, and the repository around it: before and after."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from agentd.config.model import Commits
from agentd.files import write_atomic
from agentd.frozen import frozen
from agentd.git import GitFailed, ignores
from agentd.guard.aside import move_aside
from agentd.guard.baseline import Baseline
from agentd.guard.differences import difference
from agentd.guard.ended import Ended
from agentd.guard.findings import Forbidden, Told
from agentd.guard.git_gone import what_went
from agentd.guard.git_judge import GitJudge
from agentd.guard.git_judged import GitJudged
from agentd.guard.git_place import GitPlace, refusal
from agentd.guard.git_refs import GitRefs
from agentd.guard.losses import bring_back
from agentd.guard.lost_files import Loss, LostFiles
from agentd.guard.plain_tree import PlainTree
from agentd.guard.refs_judge import RefsJudge
from agentd.guard.repository import FileChanges, Repository
from agentd.guard.rules import GIT, WRITE_ONLY
from agentd.guard.staged import StagedFiles
from agentd.guard.tree import is_lock_of_tools, look_at, only_names_its_schema
from agentd.guard.user_settings import UserSettings
from agentd.state_folder import LEFT_BY_STEPS
from agentd.text import some_of


@frozen(kw_only=True)
class Judged:
    """What a run did there: ``code`` changed below the project's root, ``around`` outside of it.

    ``forbidden`` fails every step, ``told`` none.
    """

    code: list[Path]
    around: list[Path]
    forbidden: list[Forbidden]
    told: list[Told]


class ProjectFiles:
    """The files of the project at ``root`` but for those of ``skip``, kept in a baseline."""

    def __init__(self, root: Path, skip: Callable[[str], bool], baseline: Baseline) -> None:
        self._root = root
        self._real_root = root.resolve()
        self._baseline = baseline
        self._tree = PlainTree(root, skip, baseline)
        self._place: GitPlace | None = None
        self._changes: FileChanges | None = None
        self._losses: list[Loss] = []
        self._is_unfinished = False
        self._is_broken = False
        self._whose_index = ""
        self._skip = skip

    def keep(self, commits: Commits) -> None:
        """Keep how they are now. Raises OSError."""
        facts = self._baseline.facts
        facts["commits"] = commits
        facts["refused"] = ""
        facts["has no .git"] = not os.path.lexists(self._root / ".git")
        try:
            place = GitPlace.around(self._real_root)
            is_ignored = place.top != self._real_root and ignores(self._root, ".")
            self._open(place, is_ignored=is_ignored)
            UserSettings(place, self._baseline).keep()
            self._repository(place).keep(self._left_by_steps())
            GitJudge(place, self._baseline).keep()
        except GitFailed as error:
            facts["refused"] = refusal(self._real_root, error)
            self._place, is_ignored = None, True
        place_now = self._place
        facts["git"] = place_now and {name: str(getattr(place_now, name)) for name in _PLACE}
        facts["git ignores it"] = is_ignored
        if is_ignored:
            self._tree.keep()

    def judge(self, aside: Path, ended: Ended, *, code: bool) -> Judged:
        """What became of them; git's own state is put back first.

        What stood there goes into the folder ``aside``. ``code`` tells whether the step may change
        files. What changed after the run had ``ended`` is a person's. Raises OSError.
        """
        facts = self._baseline.facts
        if facts["git"]:
            places = {name: Path(facts["git"][name]) for name in _PLACE}
            self._open(GitPlace(**places), is_ignored=facts["git ignores it"])
        judged = Judged(code=[], around=[], forbidden=[], told=[])
        if facts["refused"]:
            judged.told.append(
                Told(
                    f"git refuses to work here: {facts['refused']}. agentd compared the files "
                    "without it, and can't see or undo commits, branches and settings"
                )
            )
        if facts["git ignores it"]:
            for path in self._tree.changed():
                if not code and self._tree.only_names_its_schema(path):
                    judged.told.append(_named_its_schema(_shown(path, self._root)))
                else:
                    judged.code.append(path)
        made = self._root / ".git"
        is_new = facts["has no .git"] and not facts["git"] and os.path.lexists(made)
        if is_new and ended.whose(made) != "a person's":
            if code:
                judged.told.append(Told("The project is a repository now: .git is new"))
            else:
                judged.forbidden.append(Forbidden(made, "a new repository", rule=GIT))
        if self._place is not None:
            self._judge_git(self._place, judged, aside, ended, code=code)
        return judged

    def bring_back(self, kept: Path, *, in_doubt: bool) -> tuple[list[Told], bool]:
        """Bring back what a person lost, as :meth:`judge` has seen it; copies go into ``kept``.

        In doubt whose it was, there are copies alone. Returns what to tell, and whether all could
        be written, of git's own files too.
        """
        if self._place is None:
            return [], True
        where = _shown(kept, self._root)
        told, is_done = bring_back(
            self._losses,
            top=self._place.top,
            root=None if in_doubt else self._real_root,
            kept=kept,
            where=where,
            baseline=self._baseline,
        )
        if self._is_broken:
            try:
                told += what_went(self._place, self._baseline, kept, where)
            except OSError:
                is_done = False
        if self._whose_index != "a person's":
            may_stage = self._whose_index == "the run's" and not in_doubt
            try:
                told += StagedFiles(self._place, self._baseline).bring_back(
                    kept, where, may_stage=may_stage
                )
            except (OSError, GitFailed):
                is_done = False
        return told, is_done and not self._is_unfinished

    def diff(self, path: Path) -> str:
        """Some lines of what changed in a file; "" where that is not known."""
        before, now = self._contents(path) or (None, None)
        return difference(before, now)

    def _contents(self, path: Path) -> tuple[bytes | None, bytes | None] | None:
        """A file before and now, None for no file; None where that is not known."""
        if self._changes is None or self._place is None:
            return None
        name = os.path.relpath(path, self._place.top)
        if path.is_relative_to(self._root):
            name = os.path.relpath(self._real_root / path.relative_to(self._root), self._place.top)
        now = look_at(path, hash_up_to=-1)
        if now is not None and (now.kind != "file" or now.size > 1 << 20):
            return None
        entry = self._changes.status.entries.get(name)
        before = self._repository(self._place).before(name, entry)
        with contextlib.suppress(OSError):
            return before, path.read_bytes() if now is not None else None
        return None

    def _judge_git(
        self, place: GitPlace, judged: Judged, aside: Path, ended: Ended, *, code: bool
    ) -> None:
        self._whose_index = ended.whose(place.git_dir / "index")  # by times that agentd changes
        where = _shown(aside, self._root)
        commits = self._baseline.facts["commits"]
        judge = GitJudge(place, self._baseline)
        git = judge.judge_settings(aside, where, commits=commits, ended=ended)
        with contextlib.ExitStack() as stack:
            if not git.is_broken:
                settings = UserSettings(place, self._baseline)
                place = stack.enter_context(settings.as_before(git.told))
            refs = RefsJudge(place, GitRefs.of(self._baseline.facts["git refs"]), git)
            if not git.is_broken:
                refs.judge(commits)
            changes = self._judge_files(place, git, judged, aside, ended, code=code)
            if changes is not None:
                judged.told.extend(refs.put_back_flags(changes.flagged))
                self._tell(judged, changes, code=code)
                if code:
                    self._remember(self._repository(place).left_by_step(changes))

    def _judge_files(
        self,
        place: GitPlace,
        git: GitJudged,
        judged: Judged,
        aside: Path,
        ended: Ended,
        *,
        code: bool,
    ) -> FileChanges | None:
        """What became of the files; None where git can't be asked."""
        judged.forbidden.extend(git.forbidden)
        judged.told.extend(git.told)
        self._is_unfinished = git.is_unfinished
        repository = self._repository(place)
        above = (folder / ".git" for folder in self._above(place))
        planted = {*filter(os.path.lexists, above), *repository.planted()}
        for path in sorted(planted):
            if (whose := ended.whose(path)) != "a person's":
                judged.forbidden.append(Forbidden(path, "a new repository", rule=GIT))
                if whose == "the run's":
                    judged.told.extend(self._take_away(path, place.top, aside))
        if git.is_broken:
            self._is_broken = True
            self._losses = LostFiles(place, self._baseline).vanished()
            return None
        try:
            judged.told.extend(repository.put_back_index(aside))
            changes = repository.changes()
        except GitFailed as error:
            judged.forbidden.append(Forbidden(place.git_dir, f"git can't read it: {error}"))
            self._losses = LostFiles(place, self._baseline).vanished()
            return None
        self._changes = changes
        self._losses = [
            loss
            for loss in changes.losses
            if loss.what == "deleted" or ended.whose(place.top / loss.path) != "a person's"
        ]
        for path in map(place.top.joinpath, changes.changed):
            if not code and self._is_new(path, place, changes) and is_lock_of_tools(path):
                judged.told.append(Told(f"New, and left: {_shown(path, place.top)}, a lock file"))
            elif not code and only_names_its_schema(*(self._contents(path) or (None, None))):
                judged.told.append(_named_its_schema(_shown(path, place.top)))
            elif path.is_relative_to(self._real_root):
                judged.code.append(self._root / path.relative_to(self._real_root))
            else:
                judged.around.append(path)
        return changes

    def _tell(self, judged: Judged, changes: FileChanges, *, code: bool) -> None:
        if changes.hidden:
            text = f"New files that a new .gitignore hides from git: {some_of(changes.hidden)}"
            judged.told.append(Told(text, "" if code else WRITE_ONLY))
        if changes.gone:
            judged.told.append(Told(f"Ignored files that are gone: {some_of(changes.gone)}"))

    def _take_away(self, planted: Path, top: Path, aside: Path) -> Iterator[Told]:
        """Move a planted repository aside: git would do what it says for whoever is in there."""
        name = planted.relative_to(top)
        try:
            move_aside(planted, aside, name.with_name("git"))
        except OSError:  # that it is there is told anyway
            return
        where = _shown(aside / name.with_name("git"), self._root)
        yield Told(f"Moved aside, a repository that the step made of a folder: {where}", GIT)

    def _is_new(self, path: Path, place: GitPlace, changes: FileChanges) -> bool:
        name = os.path.relpath(path, place.top)
        entry = changes.status.entries.get(name)
        before = self._baseline.facts["repository"]["dirty"]
        return entry is not None and entry.state == "?" and name not in before

    def _open(self, place: GitPlace, *, is_ignored: bool) -> None:
        self._place = place
        self._is_ignored = is_ignored

    def _repository(self, place: GitPlace) -> Repository:
        prefix = "" if place.top == self._real_root else _below(self._real_root, place.top)
        others: dict[str, bool] = {}

        def skip(path: str) -> bool:
            if path.startswith(prefix):
                return self._is_ignored or self._skip(path[len(prefix) :])
            return _is_agentds(path, place.top, others)

        return Repository(place, self._baseline, skip)

    def _above(self, place: GitPlace) -> list[Path]:
        """The folders from the project's root up to the repository's top, without that."""
        return [f for f in (self._real_root, *self._real_root.parents) if place.top in f.parents]

    def _left_by_steps(self) -> dict[str, str]:
        with contextlib.suppress(OSError, ValueError):
            told = json.loads((self._baseline.path.parent / LEFT_BY_STEPS).read_bytes())
            if isinstance(told, dict):
                return {str(path): str(digest) for path, digest in told.items()}
        return {}

    def _remember(self, left: dict[str, str]) -> None:
        path = self._baseline.path.parent / LEFT_BY_STEPS
        with contextlib.suppress(OSError):  # all are taken for a person's then
            if left:
                write_atomic(path, json.dumps(left).encode())
            else:
                path.unlink(missing_ok=True)


_PLACE = ("top", "git_dir", "common")


def _below(path: Path, top: Path) -> str:
    return f"{path.relative_to(top)}/"


def _is_agentds(path: str, top: Path, known: dict[str, bool]) -> bool:
    """Whether it is a file of agentd's own in another project of the repository."""
    parts = path.split("/")
    for at, part in enumerate(parts[:-1]):
        if part in ("agentd", "openspec"):
            root = "/".join(parts[:at])
            if root not in known:
                known[root] = (top / root / "agentd/config.toml").is_file()
            if known[root]:
                return True
    return False


def _named_its_schema(shown: str) -> Told:
    return Told(f'Changed, and left: {shown}, "$schema" was added')


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root) if path.is_relative_to(root) else path)
