"""The calls of a change one by one, and the API requests that each of them made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from agentd.budget.account import Amount
from agentd.budget.given_warnings import GivenWarning, Spent, given_warnings
from agentd.budget.spending import metered_calls
from agentd.clock import utc_now
from agentd.documents.verdict import read_verdict
from agentd.errors import StateError
from agentd.frozen import frozen
from agentd.ledger import restarts
from agentd.ledger.call_id import is_call_id
from agentd.ledger.run_folders import run_dirs
from agentd.ledger.state import State, calls_once
from agentd.meter.logged_requests import refusals
from agentd.meter.request_log import NAME
from agentd.metering.call import CallRecord
from agentd.metering.pricing import PriceBook
from agentd.project.change import Change
from agentd.project.changes import all_changes, asked_change
from agentd.project.copies import copies_of, is_taken_up
from agentd.project.layout import find_project
from agentd.runner.run_folder import RunFolder
from agentd.workflow.leftovers import NOTHING, Leftovers
from agentd.workflow.priced_request import RequestOfCall, priced_requests
from agentd.workflow.set_aside import ROUNDS
from agentd.workflow.steps import STEPS
from agentd.workflow.unentered import enter_unentered


@frozen(kw_only=True)
class LoggedCall:
    """A call and its requests; None where its run's folder is not here, or was not asked for.

    ``metered`` says where its run was metered, and why there: ``at the wire (API key)``; None where
    its run's folder is not here, or an older agentd made it. ``refused`` is why a request was not
    sent, None where none was held back. ``checks`` are what the project's checks came to after it.
    ``round`` is that of its loop, from 1; ``verdict`` what a judge said in it, None for other steps
    and where nobody knows.
    """

    call: CallRecord
    metered: str | None = None
    requests: tuple[RequestOfCall, ...] | None = None
    refused: str | None = None
    checks: tuple[str, ...] = ()
    round: int | None = None
    verdict: str | None = None


class Approval(NamedTuple):
    """A gate that a person has passed, and when, as STATE.yaml has it."""

    gate: str
    at: str


@frozen(kw_only=True)
class CallLog:
    """The calls of a change in order, the budget's warnings, and the gates that were passed.

    ``restarts`` are the ids of the calls after which the budget's meter was restarted, ``waiting``
    its runs that can't be entered.
    """

    change: Change
    calls: tuple[LoggedCall, ...]
    warnings: tuple[GivenWarning, ...] = ()
    approvals: tuple[Approval, ...] = ()
    restarts: tuple[str, ...] = ()
    waiting: Leftovers = NOTHING


def open_call_log(start: Path, change_id: str | None, *, with_requests: bool) -> CallLog:
    """The calls of this change in the project around ``start``; without an id, of the latest.

    Enters first what earlier commands could not. The requests come from the runs' folders, which
    git ignores, and are priced as a call is. Raises InputError when there is no such change,
    StateError when its ledger can't be read, ConfigError when prices can't.
    """
    change = asked_change(find_project(start), change_id)
    waiting = enter_unentered(change)
    return replace(call_log_of(change, with_requests=with_requests), waiting=waiting)


def call_log_of(change: Change, *, with_requests: bool) -> CallLog:
    """The same as it stands now; nothing is entered."""
    runs = () if change.runs_dir.is_symlink() else run_dirs(change.runs_dir)
    folders = {path.name: path for path in runs}
    prices_of = change.workspace.prices_of if with_requests else None
    calls: Sequence[CallRecord] = change.state.calls if is_taken_up(change) else ()
    if copies := copies_of(change):
        calls = [*chain(*calls_once([calls, *(copy.state.calls for copy in copies)]))]
        calls.sort(key=lambda call: call.started_at.timestamp() if call.started_at else 0.0)
    rounds = _rounds(calls)
    logged = [
        replace(_logged(call, folders.get(call.id), prices_of), round=rounds.get(call.id))
        for call in calls
    ]
    good = Counter(one.call.step for one in logged if one.call.status == "ok")
    so_far: Counter[str] = Counter()
    for at, one in enumerate(logged):
        if one.call.status == "ok":
            so_far[one.call.step] += 1
            number = so_far[one.call.step]
            is_last = number == good[one.call.step]
            logged[at] = replace(one, verdict=_verdict(change, one, number, is_last=is_last))
    if not is_taken_up(change):
        return CallLog(change=change, calls=tuple(logged))
    state = change.state
    given = [each.partition("@") for each in (state.approvals or "").split()]
    return CallLog(
        change=change,
        calls=tuple(logged),
        warnings=tuple(_warnings(change, calls)),
        approvals=tuple(Approval(gate, at) for gate, _, at in given),
        restarts=tuple(_restarts(state)),
    )


def logged_call(change: Change, call: CallRecord) -> LoggedCall:
    """One call with its requests. Raises ConfigError when prices can't be read."""
    folder = None if change.runs_dir.is_symlink() else change.runs_dir / call.id
    there = folder if folder is not None and is_call_id(call.id) and folder.is_dir() else None
    return _logged(call, there, change.workspace.prices_of)


def _warnings(change: Change, calls: Sequence[CallRecord]) -> Iterator[GivenWarning]:
    """Each warning that the change was given, those before its meter was restarted, too."""
    spent_in = cache(partial(_spent_in, change))
    ids, begin = [call.id for call in calls], 0
    for last, names in restarts.read(change.state.budget_warned_before).items():
        end = ids.index(last) + 1 if last in ids else begin
        yield from given_warnings(names, calls[begin:end], spent_in)
        begin = max(begin, end)
    names = (change.state.budget_warned or "").split()
    yield from given_warnings(names, metered_calls(change), spent_in)


def _restarts(state: State) -> Iterable[str]:
    """The last call before each restart; an older agentd has noted the latest restart alone."""
    latest = [state.calls[state.metered_from - 1].id] if state.metered_from else []
    return dict.fromkeys([*restarts.read(state.budget_warned_before), *latest])


def _spent_in(change: Change, period: str) -> list[Spent]:
    """What the project's calls of a period have spent; none where a ledger can't be read."""
    from agentd.ledger.all_rows import read_each
    from agentd.ledger.rows import each_once
    from agentd.periods import zone
    from agentd.reports.selection import Bounds, span_of

    problems: list[StateError] = []
    ledgers = read_each(all_changes(change.project), problems)
    if problems:
        return []
    rows = sorted(chain(*each_once(ledgers)), key=lambda row: row.started_at or 0.0)
    if period:
        here = zone(change.workspace.config.budget.project.timezone)
        try:
            bounds = Bounds(*span_of(period, utc_now(), here))
        except ValueError:  # somebody has edited the warning's name
            return []
        rows, _ = bounds.select(rows)
    own = change.state.ids
    return [
        Spent(
            row.call_id if row.call_id in own else None,
            Amount(row.cost_usd, row.tokens_in + row.tokens_out),
        )
        for row in rows
    ]


def _rounds(calls: Sequence[CallRecord]) -> dict[str, int]:
    """The round of each call of a loop, as the steps count them."""
    number, found = 1, {}
    for call in calls:
        step = STEPS.get(call.step)
        if step is None or not (step.starts_rounds or step.mends or step.verdicts):
            continue
        number = 1 if step.starts_rounds else number
        found[call.id] = number
        number += step.mends and call.status == "ok"
    return found


def _verdict(change: Change, one: LoggedCall, number: int, *, is_last: bool) -> str | None:
    """What a judge said: in its run's folder, else among the rounds that git has, else now.

    ``number`` is how often the step had answered by then, as its documents in ``rounds/`` are
    numbered where each gave a verdict.
    """
    step = STEPS.get(one.call.step)
    if step is None or step.judgement is None:
        return None
    document = step.judgement.document
    kept = [f"runs/{one.call.id}/{document}", f"{ROUNDS}/{number:02}-{document}"]
    for name in [*kept, document] if is_last else kept:
        if (text := change.text(name)) is not None:
            return read_verdict(text, step.judgement.verdicts)
    return None


def _logged(
    call: CallRecord, folder: Path | None, prices_of: Callable[[str | None], PriceBook] | None
) -> LoggedCall:
    """A call with what its run's folder tells; its requests where ``prices_of`` is given."""
    if folder is None:
        return LoggedCall(call=call)
    metered, checks = RunFolder(folder).metered(), RunFolder(folder).checks_told()
    if prices_of is None:
        return LoggedCall(call=call, metered=metered, checks=checks)
    priced = priced_requests(call, folder, prices_of(call.provider))
    refused = next(iter(refusals(folder / NAME)), None)
    return LoggedCall(call=call, metered=metered, requests=priced, refused=refused, checks=checks)
