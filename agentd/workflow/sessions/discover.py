"""The sessions that people had in the CLIs themselves, and that no ledger has yet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path

from agentd.ledger.call_id import manual_call_id
from agentd.metering.bounds import MAX_TOKENS
from agentd.metering.partial import reason_of
from agentd.metering.pricing import PriceBook
from agentd.metering.usage import ModelUsage, UsageMetrics, add, run_usage
from agentd.metering.words import MANUAL
from agentd.project.change import Change
from agentd.project.changes import all_changes
from agentd.project.layout import STATE_FILE, Project, find_layout
from agentd.project.workspace import Workspace
from agentd.providers.session_files import LoggedRequest
from agentd.runner.told_by_cli import Outcome
from agentd.workflow.priced_call import new_call, priced_call
from agentd.workflow.sessions.by_hand import Session, sessions_by_hand
from agentd.workflow.sessions.log_cache import LogFile, read_logs
from agentd.workflow.sessions.manual_call import CUT, ManualCall
from agentd.workflow.sessions.not_imported import not_imported, remember, stamp_of
from agentd.workflow.sessions.own_runs import NOTHING_KNOWN, Known, read_known
from agentd.workflow.sessions.places import inside, log_places, roots_of, watched_places

_DAY_S = 86400
ALL = "*"
"""The cache's key for all of the machine."""


def manual_calls(workspace: Workspace, *, until: float = inf) -> list[ManualCall]:
    """What people did in the CLIs in a project, its subfolders and worktrees, oldest first.

    Of a project inside it that has an ``agentd/config.toml`` nothing is told. What is imported
    already is there too. Reads only what the logs have that is new, and remembers what is not
    imported. Raises TimeoutError once the monotonic clock is at ``until``.
    """
    root, begun_ns = workspace.project.root, time.time_ns()
    roots = roots_of(root)
    watched = watched_places(root, roots)
    logs = read_logs(
        str(root), roots, log_places(root), inside(roots, watched), until=until, watched=watched
    )
    calls: list[ManualCall] = []
    if any(log.requests for log in logs):  # else without reading what all ledgers know
        changes = _changes_of(workspace, roots)
        watched |= {str(path): stamp_of(path) for path in _kept_in(changes)}
        known = read_known(str(root), changes, until=until)
        calls = _calls_of(logs, known, lambda cwd: workspace.prices)
    remember(root, not_imported(calls), watched, begun_ns)
    return calls


def logs_everywhere() -> list[LogFile]:
    """All session logs of this machine."""
    return read_logs(ALL, (), log_places(), lambda cwd: True)


def calls_everywhere(
    known: Known = NOTHING_KNOWN,
    prices_of: Callable[[str], PriceBook] | None = None,
    *,
    logs: Iterable[LogFile] | None = None,
    has_ledger: Callable[[str], bool] = lambda cwd: True,
) -> list[ManualCall]:
    """The same for all of this machine; ``known`` is what its ledgers know.

    ``prices_of`` gives the prices by the folder where a session began; else they are those of the
    catalogue. agentd's own sessions in folders of which ``has_ledger`` says that no ledger is left
    are told too.
    """
    book = PriceBook(config={}, sources=("catalog",))
    found = logs_everywhere() if logs is None else logs
    return _calls_of(found, known, prices_of or (lambda cwd: book), has_ledger)


def _changes_of(workspace: Workspace, roots: Iterable[Path]) -> list[Change]:
    """The project's changes, and those of its other worktrees, where other branches are."""
    changes = all_changes(workspace.project)
    real = {workspace.project.root.resolve()}
    for root in roots:
        if root.resolve() not in real and (root / "agentd" / "config.toml").is_file():
            real.add(root.resolve())
            changes += all_changes(Project(root, find_layout(root)))
    return changes


def _kept_in(changes: Iterable[Change]) -> Iterable[Path]:
    """Where it stands what was imported, and what it costs."""
    for project in {change.project.root: change.project for change in changes}.values():
        yield from (project.config_path, project.changes_dir, project.archive_dir)
    for change in changes:
        yield change.folder / STATE_FILE


def _calls_of(
    logs: Iterable[LogFile],
    known: Known,
    prices_of: Callable[[str], PriceBook],
    has_ledger: Callable[[str], bool] = lambda cwd: True,
) -> list[ManualCall]:
    calls = [
        _call_of(session, requests, prices_of(session.cwd), known)
        for session in sessions_by_hand(logs, known, has_ledger)
        for requests in _by_day_and_branch(session.requests)
        if sum(one.counts[0] + one.counts[1] for one in requests) <= MAX_TOKENS  # a log that lies
    ]
    return sorted(calls, key=lambda one: (one.first_at, one.branch or "", one.call.id))


def _by_day_and_branch(requests: Sequence[LoggedRequest]) -> Iterable[list[LoggedRequest]]:
    parts: dict[tuple[int, str | None], list[LoggedRequest]] = {}
    for one in requests:
        parts.setdefault((int(one.at // _DAY_S), one.branch), []).append(one)
    return parts.values()


def _call_of(
    session: Session, rows: Sequence[LoggedRequest], prices: PriceBook, known: Known
) -> ManualCall:
    first, last = (datetime.fromtimestamp(one.at, UTC) for one in (rows[0], rows[-1]))
    whys = [] if all(one.exact for one in rows) else [CUT]
    why = reason_of([*whys, session.unsure])
    branch = rows[0].branch
    call_id = manual_call_id(session.provider, session.id, first, branch)
    blank = new_call(
        call_id,
        MANUAL,
        session.provider,
        status="ok",
        started_at=first,
        duration_ms=(last - first) // timedelta(milliseconds=1),
        session_id=session.id,
    )
    outcome = Outcome(
        usage=_usage_of(rows, session.id),
        accuracy="heuristic" if why else "exact",
        usage_source="session_log",
        model=_busiest_model(rows),
        why=why,
        requests=tuple(one.request for one in rows if one.in_subagent),  # the others are its main
        request_count=len(rows),
    )
    imported = known.imported.get(call_id)
    is_known = (
        imported is not None
        and imported.call.usage.counts() == outcome.usage.counts()
        and (CUT in (why or "") or CUT not in (imported.call.why or ""))
    )
    if imported and is_known:
        call = imported.call  # prices of today change nothing of what is recorded
    else:
        call = priced_call(blank, outcome, prices)
        call = replace(call, usage=add([call.usage]))  # it has no use for the single requests now
    return ManualCall(
        call=call,
        cwd=session.cwd,
        branch=branch,
        first_at=first,
        last_at=last,
        imported=imported,
    )


def _usage_of(rows: Sequence[LoggedRequest], session_id: str) -> UsageMetrics:
    requests = tuple((one.model, one.billed) for one in rows)
    by_model: dict[str, list[ModelUsage]] = {}
    for model, usage in requests:
        by_model.setdefault(model, []).append(usage)
    sums = {model: add(usages) for model, usages in by_model.items()}
    return run_usage(sums, requests=requests, session_id=session_id)


def _busiest_model(rows: Sequence[LoggedRequest]) -> str:
    """The model that answered the main thread most."""
    tokens: dict[str, int] = {}
    for one in [one for one in rows if not one.in_subagent] or rows:
        tokens[one.model] = tokens.get(one.model, 0) + one.counts[0] + one.counts[1]
    return max(tokens, key=lambda model: tokens[model])
