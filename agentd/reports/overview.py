"""Where one change stands and what it cost, from its folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from agentd.errors import ConfigError
from agentd.files import file_stamp, files_below, read_plain
from agentd.frozen import frozen
from agentd.late_pattern import late_pattern
from agentd.ledger.rows import Row, each_once
from agentd.ledger.same_call import told_twice
from agentd.ledger.state import NOT_STARTED, State
from agentd.locks import Holder
from agentd.metering.partial import whys_of
from agentd.metering.totals import Totals, by, summarise
from agentd.project.change import Change
from agentd.project.copies import is_taken_up, runs_without_ledger
from agentd.project.hold import worker_on
from agentd.project.layout import STATE_FILE, Project
from agentd.workflow.leftovers import NOTHING, Leftovers
from agentd.workflow.next_command import standing

if TYPE_CHECKING:
    from agentd.budget.account import Account
    from agentd.config.model import BudgetConfig

# What makes it worth reading the config: a budget, however it is spelt, or a price below zero.
_TELLING = late_pattern(
    rb"^\s*(?:\[\s*)?[\"']?budget|^\s*limit_(?:usd|tokens)\s*="
    rb"|\bcost_per_1[mk]_\w+[\"']?\s*=\s*-",
    re.MULTILINE,
)

# What it is called, where it lies, and of a judgement the step that gives it and the one after it.
_DOCUMENTS = (
    ("proposal", "proposal.md", None, None),
    ("tasks", "tasks.md", None, None),
    ("specs", "specs", None, None),
    ("challenge", "CHALLENGE.md", "challenge", "reproposal"),
    ("implementation", "IMPLEMENTATION.md", None, None),
    ("review", "REVIEW.md", "review", "resolve"),
    ("archive review", "ARCHIVE_REVIEW.md", "archive-review", "archive-fix"),
)


class Artifact(NamedTuple):
    """A document that a change gathers on its way; ``files`` is how many it is made of.

    ``verdict`` is what a judge's document says, None for none and for others; ``revised``: the
    work was mended since.
    """

    name: str
    files: int
    judges: bool = False
    verdict: str | None = None
    revised: bool = False

    @property
    def done(self) -> bool:
        """Whether it is there and, if it judges, approves."""
        return self.files > 0 and (not self.judges or self.verdict == "APPROVED")


@frozen(kw_only=True, slots=False)
class Overview:
    """A change, its sums, and the command that is next (None when it is archived).

    ``tasks`` is how many are done and how many there are, ``worker`` the process that works on the
    change now, ``budget`` None without a limit. ``state`` is None, and ``problem`` says why,
    ``cure`` what to do, when its STATE.yaml can't be read. ``waiting`` are its runs that can't be
    entered, ``warnings`` is what is wrong with the config, or with a ledger that is gone. ``rows``
    are its calls, which the sums are made of. ``checks`` are what the project's checks came to the
    last time, a line each, where that is known here. ``waits_for`` is what waits for a person,
    ``gate`` which gate that is, if it is one.
    """

    change: Change
    state: State | None
    next: str | None
    artifacts: tuple[Artifact, ...] = ()
    tasks: tuple[int, int] = (0, 0)
    worker: Holder | None = None
    budget: Account | None = None
    problem: str | None = None
    cure: str = ""
    waiting: Leftovers = NOTHING
    warnings: tuple[str, ...] = ()
    rows: Sequence[Row] = ()
    checks: tuple[str, ...] = ()
    gate: str | None = None
    waits_for: str | None = None

    @cached_property
    def totals(self) -> Totals:
        """What its calls add up to."""
        return summarise(self.rows)

    @cached_property
    def by_step(self) -> dict[str, Totals]:
        """The same by step."""
        return by(self.rows, "step")

    @cached_property
    def by_model(self) -> dict[str, Totals]:
        """The same by model."""
        return by(self.rows, "model")

    @cached_property
    def whys(self) -> Mapping[str, int]:
        """How many calls are partial for what reason."""
        return whys_of(self.rows)

    @property
    def is_taken_up(self) -> bool:
        """Whether agentd has a part in the change."""
        return is_taken_up(self.change)

    @property
    def phase_shown(self) -> str:
        """Where it stands, in a word or two."""
        if self.state is None:
            return "broken"
        if not self.is_taken_up:
            return "archived, without agentd" if self.change.archived_on else "not taken up"
        return self.change.became or self.state.phase or "unknown"


class Limits(NamedTuple):
    """The config's limits, None where it sets none, and what is wrong with the config."""

    budget: BudgetConfig | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, project: Project) -> Limits:
        """Those of a project; a config that has nothing to say of it is not read."""
        path = project.config_path
        if not path.is_file() or not _TELLING.search(read_plain(path)):
            return cls()
        return cls.read(path)

    @classmethod
    def read(cls, path: Path) -> Limits:
        """Those of a config, and why it can't be read."""
        from agentd.config.load import load_to_report

        try:
            config, wrong = load_to_report(path)
        except ConfigError as error:  # where a change stands can still be said
            return cls(None, tuple(error.message.splitlines()))
        return cls(config.budget, tuple(wrong))

    def account(self, change: Change, state: State) -> Account | None:
        """The change's account where it has a limit."""
        if self.budget is None:
            return None
        from agentd.budget.spending import change_account, metered_calls

        account = change_account(self.budget, change.id, metered_calls(change, state))
        return account if account.is_set else None


def overview_of(
    change: Change, limits: Limits, waiting: Leftovers, copies: Sequence[Change]
) -> Overview:
    state, gone = _state(change)
    stands = standing(change, state)
    rows: Sequence[Row] = state.rows
    if copies:
        rows = [*chain(*each_once([rows, *(copy.state.rows for copy in copies)]))]
    return Overview(
        change=change,
        state=state,
        rows=rows,
        next=stands.next,
        artifacts=tuple(_artifacts(change, state.last_action)),
        tasks=_tasks(change),
        worker=worker_on(change),
        budget=limits.account(change, state),
        waiting=waiting,
        warnings=(
            *limits.warnings,
            *gone,
            *_twice(change, state),
            *(_elsewhere_too(change, copy) for copy in copies),
            *_half_published(change),
        ),
        checks=_checks(change) if state.checks in ("passed", "failed") else (),
        gate=stands.gate,
        waits_for=stands.waits_for,
    )


def _checks(change: Change) -> tuple[str, ...]:
    """What the checks came to, kept in the folder of the last run that had them."""
    from agentd.ledger.run_folders import run_dirs
    from agentd.runner.run_folder import RunFolder

    told = (RunFolder(path).checks_told() for path in reversed(run_dirs(change.runs_dir)))
    return next(filter(None, told), ())


def _twice(change: Change, state: State) -> Iterable[str]:
    return (told_twice(state.twice, change.id),) if state.twice else ()


def _elsewhere_too(change: Change, copy: Change) -> str:
    there = change.project.shown(copy.folder)
    cure = f"`agentd validate --fix {change.id}` makes one of the two, where it can"
    return (
        f"a merge has left calls of change {change.id} in {there}/ too, counted here once: {cure}"
    )


def _half_published(change: Change) -> Iterable[str]:
    if not change.is_merging:
        return ()
    from agentd.specs.staging import told_half_published

    return told_half_published(change.project)


def _state(change: Change) -> tuple[State, tuple[str, ...]]:
    """What its STATE.yaml says, and a warning when that is gone.

    NOT_STARTED where there is none: OpenSpec makes changes so, and another branch of git may leave
    no more than the runs. Raises StateError for a broken one.
    """
    path = change.folder / STATE_FILE
    if file_stamp(path) is not None:
        return change.state, ()
    runs = len(runs_without_ledger(change))
    if not runs:
        return NOT_STARTED, ()
    told = f"{change.project.shown(path)} is missing, but runs/ holds {runs} of its runs"
    return NOT_STARTED, (f"{told}: restore it (git checkout) if it was deleted",)


def _artifacts(change: Change, last_action: str | None) -> Iterator[Artifact]:
    for name, document, judge, mend in _DOCUMENTS:
        path = change.folder / document
        if path.is_dir():
            yield Artifact(name, sum(map(Path.is_file, files_below(path, ".md"))))
        elif judge is None or not path.is_file():
            yield Artifact(name, int(path.is_file()), judge is not None)
        else:
            yield Artifact(name, 1, True, _verdict(change, judge), last_action == mend)


def _verdict(change: Change, judge: str) -> str | None:
    from agentd.documents.verdict import verdict_of
    from agentd.workflow.steps import STEPS

    return verdict_of(change, STEPS[judge].judgement)


def _tasks(change: Change) -> tuple[int, int]:
    if not (change.folder / "tasks.md").is_file():
        return 0, 0
    from agentd.documents.tasks import progress, tasks_of

    return progress(tasks_of(change))
