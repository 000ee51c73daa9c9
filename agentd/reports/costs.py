"""Which calls ``agentd cost`` sums up, and the report on them."""

from __future__ import annotations

from dataclasses import replace
from datetime import tzinfo
from pathlib import Path

from agentd.clock import utc_now
from agentd.config.load import load_to_report
from agentd.errors import UsageError
from agentd.frozen import frozen
from agentd.ledger.all_rows import read_rows
from agentd.periods import zone
from agentd.project.layout import find_project
from agentd.reports.all_changes import sum_ledgers
from agentd.reports.asked_changes import asked_changes
from agentd.reports.dimensions import BY_CALL, NOWHERE
from agentd.reports.groups import Query, build, report_on
from agentd.reports.model import Report
from agentd.reports.selection import Bounds, span_of
from agentd.workflow.leftovers import NOTHING, Leftovers
from agentd.workflow.sessions.look import look


@frozen(kw_only=True)
class CostRequest:
    """What is asked for: one change (None: the one worked on last) or ``all_changes``, and how.

    ``since`` and ``until`` are as typed, ``timezone`` None means the config's. ``base`` is a
    revision of git to compare with.
    """

    change_id: str | None = None
    all_changes: bool = False
    by: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    timezone: str | None = None
    base: str | None = None


@frozen(kw_only=True)
class Costs:
    """The report, that on the base if one was asked for, and the calls left out for no time.

    ``waiting`` are runs of these changes that can't be entered, and so are not in the report; its
    ``problems`` are the ledgers as well that can't be read. ``warnings`` is what is wrong with the
    config.
    """

    report: Report
    base: Report | None = None
    untimed: int = 0
    waiting: Leftovers = NOTHING
    warnings: tuple[str, ...] = ()


def open_costs(start: Path, request: CostRequest) -> Costs:
    """The costs in the project around ``start``.

    Enters first what earlier commands could not. Raises UsageError for a wrong time or time zone,
    InputError when there is no such change, StateError when the one change's ledger can't be read.
    """
    project = find_project(start)
    config, wrong = load_to_report(project.config_path)
    timezone = config.budget.project.timezone if request.timezone is None else request.timezone
    query = Query(request.by, timezone)
    bounds = bounds_of(request, timezone)
    changes, scope, notes, problems = asked_changes(
        project, request.change_id, every=request.all_changes
    )
    origins = NOWHERE
    if not set(BY_CALL).isdisjoint(query.by):
        from agentd.reports.origins import origins_of

        origins = origins_of(project.root, changes, query.by)
    summed = sum_ledgers(changes, query, bounds, origins)
    notes += summed.notes
    told = {error.message for error in problems}
    problems += [error for error in summed.problems if error.message not in told]
    if summed.problems and not request.all_changes:
        raise summed.problems[0]
    report, base = report_on(summed.tally, query, scope), None
    if request.base is not None:
        from agentd.reports.git_base import read_base

        rows = read_base(
            project.root, request.base, read_rows(changes, []), every=request.all_changes
        )
        base = build(bounds.select(rows)[0], query, f"the base of {request.base}", origins)
    missing = None
    if request.all_changes:
        missing = look(project, config, begin=bounds.begin, end=bounds.end)
    return Costs(
        report=replace(
            report, problems=tuple(error.message for error in problems), not_imported=missing
        ),
        base=base,
        untimed=summed.untimed,
        waiting=Leftovers(notes=tuple(notes), problems=tuple(problems)),
        warnings=(*wrong, *([origins.problem] if origins.problem else ())),
    )


def _zone(name: str) -> tzinfo:
    try:
        return zone(name)
    except (LookupError, ValueError, OSError) as error:  # OSError: "Europe" is a folder
        raise UsageError(
            f"--timezone {name!r} is no time zone that this machine knows",
            fix="Take an IANA name such as Europe/Berlin, or UTC.",
        ) from error


def bounds_of(request: CostRequest, timezone: str) -> Bounds:
    """The time that is asked for. Raises UsageError for a wrong time or time zone."""
    here = _zone(timezone)
    begin, _ = _times("--since", request.since, here)
    _, end = _times("--until", request.until, here)
    if begin is not None and end is not None and begin >= end:
        raise UsageError(
            f"--since {request.since} is not before --until {request.until}",
            fix="Give the earlier one as --since.",
        )
    return Bounds(begin, end)


def _times(option: str, text: str | None, here: tzinfo) -> tuple[float | None, float | None]:
    if text is None:
        return None, None
    try:
        return span_of(text, utc_now(), here)
    except ValueError as error:
        raise UsageError(
            f"{option} {text!r} is no day or time",
            fix="Write 2026-11-24, 2026-W48, 2026-11, 2026-11-24T15:30, today, 7d, 2w or 12h.",
        ) from error
