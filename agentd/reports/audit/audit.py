"""All ledgers of a project, or those of one change, looked through. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from agentd.errors import StateError
from agentd.metering.call import CallRecord
from agentd.project.change import Change
from agentd.project.changes import all_changes, find_change
from agentd.project.workspace import Workspace
from agentd.reports.audit.check_values import check_parts, check_totals, check_values
from agentd.reports.audit.missing import Found, check_recorded, find_runs
from agentd.reports.audit.price_sources import SourcePrices
from agentd.reports.audit.problems import Audit, Finding, Problem
from agentd.reports.audit.recomputed import check_price, check_reported
from agentd.reports.audit.requests import check_requests
from agentd.reports.audit.runs import check_entered, check_tokens, is_correction, open_run
from agentd.reports.audit.twice import Placed, find_twice


@dataclass
class _Looking:
    """What one audit needs everywhere, and gathers."""

    workspace: Workspace
    now: datetime
    environ: Mapping[str, str]
    prices: SourcePrices
    calls: list[Placed] = field(default_factory=list)
    found: list[Finding] = field(default_factory=list)

    def note(
        self,
        change: Change,
        problem: Problem,
        call_id: str | None = None,
        number: int | None = None,
    ) -> None:
        path = self.workspace.project.shown(change.folder / "STATE.yaml")
        self.found.append(Finding(change.id, path, number, call_id, problem))


def audit(
    workspace: Workspace, change_id: str | None, *, now: datetime, environ: Mapping[str, str]
) -> Audit:
    """Check every call of the project, archived ones too; with an id those of that change.

    ``environ`` says where the CLIs' session logs lie. A ledger that can't be read is a difference.
    Raises InputError for an id that no change has.
    """
    looking = _Looking(workspace, now, environ, SourcePrices(workspace))
    chosen = all_changes(workspace.project)
    if change_id is not None:
        find_change(workspace.project, change_id)
        chosen = [change for change in chosen if change.id == change_id]
    for change in chosen:
        _look_through(change, looking)
    for placed, problem in find_twice(looking.calls):
        call_id = placed.call.id or None
        finding = Finding(placed.change_id, placed.path, placed.number, call_id, problem)
        looking.found.append(finding)
    return Audit(
        changes=len(chosen),
        calls=len(looking.calls),
        differences=tuple(f for f in looking.found if not f.problem.is_note),
        notes=tuple(f for f in looking.found if f.problem.is_note),
    )


def _look_through(change: Change, looking: _Looking) -> None:
    runs = find_runs(change.folder)
    store = change.ledger
    calls: Sequence[CallRecord] = ()
    if store.path.exists() or store.path.is_symlink():  # else agentd has not worked on it
        try:
            state, written = store.read_with_totals()
        except StateError as error:
            looking.note(change, Problem("ledger", error.message, fix=error.fix))
            return
        calls = state.entries
        for problem in check_totals(state, written):
            looking.note(change, problem)
    path = looking.workspace.project.shown(store.path)
    for number, call in enumerate(calls, 1):
        looking.calls.append(Placed(change.id, path, number, call))
        for problem in _check(call, calls[: number - 1], runs, looking):
            looking.note(change, problem, call.id or None, number)
    ids = {call.id for call in calls}
    for call_id, problem in check_recorded(change.id, runs.values(), ids):
        looking.note(change, problem, call_id)


def _check(
    call: CallRecord, before: Sequence[CallRecord], runs: Mapping[str, Found], looking: _Looking
) -> Iterator[Problem]:
    found = runs.get(call.id)
    settings = looking.workspace.config.providers.get(call.provider or "")
    environ = settings.reaching(looking.environ) if settings else looking.environ
    run = open_run(found.path, call, before, environ) if found else None
    problems = [
        *check_values(call, looking.now),
        *check_parts(call),
        *(check_tokens(call, run) if run else ()),
        *(check_requests(call, run, found.path) if found and run else ()),
        *check_price(call, looking.prices, run),
    ]
    yield from problems
    if run is not None and run.printed.usage is not None:
        yield from check_reported(call, run)
    for changed in check_entered(call, found.path) if found else ():
        proved = not problems and run is not None and any(run.fitting(call))
        yield changed._replace(is_note=changed.is_note or (proved and is_correction(changed)))
