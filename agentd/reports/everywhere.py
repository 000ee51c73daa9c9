"""What was spent on this machine: the ledgers of its projects, and the sessions outside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from agentd.config.load import load_to_report
from agentd.errors import AgentdError, ConfigError, InputError, StateError
from agentd.ledger.all_rows import read_each
from agentd.ledger.rows import Row, each_once, of_call
from agentd.ledger.run_folders import unentered
from agentd.metering.pricing import PriceBook
from agentd.project.change import Change
from agentd.project.changes import all_changes
from agentd.project.layout import Project, find_layout
from agentd.project.machine import Projects, find_projects
from agentd.project.workspace import Workspace
from agentd.reports.costs import CostRequest, Costs, bounds_of
from agentd.reports.dimensions import NOT_COMMITTED, OF_GIT, UNKNOWN, Origin, Origins
from agentd.reports.groups import Query, Tally, join, report_on, tally
from agentd.reports.selection import Bounds
from agentd.state_folder import roots_worked_in
from agentd.text import counted
from agentd.workflow.sessions.discover import calls_everywhere, logs_everywhere
from agentd.workflow.sessions.manual_call import ManualCall
from agentd.workflow.sessions.not_imported import roots_seen
from agentd.workflow.sessions.own_runs import read_known

_CACHE_KEY = "everywhere"


class _Ledgers(NamedTuple):
    """A project's changes, and the calls of each."""

    root: Path
    changes: Sequence[Change]
    rows: list[list[Row]]


def open_everywhere(start: Path, request: CostRequest) -> Costs:
    """The costs on this machine; ``start`` may be in a project, whose time zone counts then.

    Each call counts once, wherever there are copies of its ledger, and so does a session that was
    imported. Nothing is written. Raises UsageError for a wrong time or time zone.
    """
    logs = logs_everywhere()
    cwds = {log.reader.cwd for log in logs if log.reader.cwd}
    projects = find_projects([*cwds, *roots_seen(), *roots_worked_in(), str(start.absolute())])
    query = Query(request.by, _timezone(projects, start, request))
    bounds = bounds_of(request, query.timezone)
    problems: list[StateError] = []
    read = [_read(root, problems) for root in projects.roots]
    # Clones, worktrees and archives have copies.
    counting = iter(each_once([rows for one in read for rows in one.rows]))
    ledgers = [one._replace(rows=[*islice(counting, len(one.rows))]) for one in read]
    changes = [change for one in ledgers for change in one.changes]
    calls = calls_everywhere(
        read_known(_CACHE_KEY, changes),
        _prices_of(projects),
        logs=logs,
        has_ledger=lambda cwd: projects.around(cwd) is not None,
    )
    tallies: list[Tally] = []
    untimed = 0
    told = [*_missing(projects, changes)]
    ledgers = [one for one in ledgers if any(one.rows)]
    for one in ledgers:
        rows, left_out = bounds.select([*chain(*one.rows)])
        untimed += left_out
        origins = _origins_of(one, query.by)
        told += [f"{one.root}: {origins.problem}"] if origins.problem else []
        tallies.append(tally([rows], query, origins))
    tallies += _outside(calls, projects, query, bounds)
    of_ledgers = counted(len(ledgers), "project")
    report = report_on(join(tallies), query, f"this machine ({of_ledgers} with a ledger)")
    return Costs(
        report=replace(report, problems=tuple(error.message for error in problems)),
        untimed=untimed,
        warnings=tuple(told),
    )


def _read(root: Path, problems: list[StateError]) -> _Ledgers:
    project = Project(root, find_layout(root))
    try:
        changes = all_changes(project)
    except (AgentdError, OSError) as error:
        problems.append(StateError(f"{root}: {error}"))
        return _Ledgers(root, (), [])
    return _Ledgers(root, changes, read_each(changes, problems))


def _origins_of(one: _Ledgers, by: Sequence[str]) -> Origins:
    """What its calls are grouped by that their rows don't tell."""
    if {*OF_GIT, "session"}.isdisjoint(by):
        return Origins(project=str(one.root))
    from agentd.reports.origins import origins_of

    try:
        return origins_of(one.root, one.changes, by)
    except InputError as error:  # the history of one project must not hide the others
        return Origins(project=str(one.root), problem=error.message)


def _outside(
    calls: Iterable[ManualCall], projects: Projects, query: Query, bounds: Bounds
) -> Iterator[Tally]:
    """The sums of what no ledger has, by the project it was done in, or the folder."""
    by_place: dict[str, list[ManualCall]] = {}
    for one in calls:
        place = projects.around(one.cwd) if one.cwd else None
        by_place.setdefault(str(place or one.cwd or UNKNOWN), []).append(one)
    for name, of_place in by_place.items():
        rows = {one.call.id: row for one in of_place if (row := _row(one)) is not None}
        origins = Origins(
            of_call={one.call.id: Origin(one.branch or UNKNOWN, NOT_COMMITTED) for one in of_place},
            sessions={one.call.id: one.call.session_id for one in of_place},
            project=name,
        )
        yield tally([bounds.select(list(rows.values()))[0]], query, origins)


def _row(one: ManualCall) -> Row | None:
    """What of a call no ledger has: all of it, or what came since it was imported."""
    change_id = one.imported.change.id if one.imported else "-"
    row = of_call(change_id, one.call)
    if one.imported is None:
        return row
    if not one.has_grown:
        return None
    then = of_call(change_id, one.imported.call)
    used = {
        name: max(getattr(row, name) - getattr(then, name), 0)
        for name in ("tokens_in", "tokens_out", "tokens_cache_read", "web_searches", "cost_usd")
    }
    return row._replace(**used, parts=(), threads=None)


def _prices_of(projects: Projects) -> Callable[[str], PriceBook]:
    """The prices of the project that a folder lies in, else those of the catalogue."""
    catalog = PriceBook(config={}, sources=("catalog",))

    @cache
    def of_root(root: Path | None) -> PriceBook:
        try:
            return Workspace.of(Project(root)).prices if root else catalog
        except ConfigError:
            return catalog

    return lambda cwd: of_root(projects.around(cwd) if cwd else None)


def _timezone(projects: Projects, start: Path, request: CostRequest) -> str:
    if request.timezone is not None:
        return request.timezone
    root = projects.around(str(start.absolute()))
    if root is None:
        return "UTC"
    return load_to_report(Project(root).config_path)[0].budget.project.timezone


def _missing(projects: Projects, changes: Iterable[Change]) -> Iterator[str]:
    """What is missing from the sums."""
    if projects.gone:
        names = ", ".join(projects.gone)
        yield f"gone, with what their ledgers had: {names}"
    for change in changes:
        if count := sum(1 for _ in unentered(change.runs_dir)):
            runs = counted(count, "run")
            yield f"{change.folder}: {runs} not entered yet; agentd status {change.id} enters them"
