"""The calls that are exported: those of ``agentd cost``, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from agentd.config.load import load_to_report
from agentd.errors import StateError
from agentd.files import file_stamp
from agentd.frozen import frozen
from agentd.ledger.all_rows import counted_once
from agentd.ledger.rows import Row, of_document
from agentd.metering.call import CallRecord
from agentd.project.change import Change
from agentd.project.layout import STATE_FILE, find_project
from agentd.reports.asked_changes import asked_changes
from agentd.reports.costs import CostRequest, bounds_of
from agentd.workflow.leftovers import NOTHING, Leftovers


class ExportedCall(NamedTuple):
    """A call, and the id of the change in which it counts."""

    change_id: str
    call: CallRecord


@frozen(kw_only=True)
class Exported:
    """The calls, ledger by ledger in their order; a call that two ledgers have is there once.

    ``project`` is the project's name, ``untimed`` how many calls were left out for having no time;
    ``waiting`` and ``warnings`` are as in Costs.
    """

    project: str
    calls: tuple[ExportedCall, ...]
    untimed: int = 0
    waiting: Leftovers = NOTHING
    warnings: tuple[str, ...] = ()


def open_export(start: Path, request: CostRequest) -> Exported:
    """The calls that ``request`` asks for, in the project around ``start``.

    Enters first what earlier commands could not. Raises UsageError for a wrong time or time zone,
    InputError when there is no such change, StateError when the one change's ledger can't be read.
    """
    project = find_project(start)
    config, wrong = load_to_report(project.config_path)
    timezone = config.budget.project.timezone if request.timezone is None else request.timezone
    bounds = bounds_of(request, timezone)
    asked = asked_changes(project, request.change_id, every=request.all_changes)
    unreadable: list[StateError] = []
    read = list(_read(asked.changes, unreadable))
    if unreadable and not request.all_changes:
        raise unreadable[0]
    once = counted_once([change for change, _, _ in read], [rows for _, rows, _ in read])
    notes, untimed = list(asked.notes), 0
    calls: list[ExportedCall] = []
    for change, rows, records in read:
        counting = once.get(str(change.folder))
        notes += counting.told(change.id) if counting else ()
        chosen, left_out = bounds.select(counting.rows if counting else rows)
        untimed += left_out
        here = {id(row) for row in chosen}
        pairs = zip(rows, records, strict=True)
        calls += (ExportedCall(change.id, record) for row, record in pairs if id(row) in here)
    told = {error.message for error in asked.problems}
    problems = [*asked.problems, *(one for one in unreadable if one.message not in told)]
    return Exported(
        project=config.project_name,
        calls=tuple(calls),
        untimed=untimed,
        waiting=Leftovers(notes=tuple(notes), problems=tuple(problems)),
        warnings=tuple(wrong),
    )


def _read(
    changes: Sequence[Change], problems: list[StateError]
) -> Iterator[tuple[Change, list[Row], tuple[CallRecord, ...]]]:
    """Each change with its calls, as rows and as records; one without a ledger is left out."""
    for change in changes:
        if file_stamp(change.folder / STATE_FILE) is None:
            continue
        try:
            state = change.state
        except StateError as error:
            problems.append(error)
            continue
        if state.document is not None:
            yield change, of_document(change.id, state.document), state.calls
