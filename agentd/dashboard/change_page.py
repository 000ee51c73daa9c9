"""What the page shows of one change: its calls round by round, its documents, its requests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from itertools import groupby
from pathlib import Path
from typing import Any

from agentd.budget.spending import step_of
from agentd.dashboard.accounts import as_json
from agentd.dashboard.amounts import cost_of, short_usd
from agentd.dashboard.charts import Charts
from agentd.dashboard.entry import Entry
from agentd.dashboard.markdown_nodes import nodes_of
from agentd.documents.document_files import read_sources
from agentd.errors import AgentdError, ConfigError, StateError
from agentd.metering.money import usd
from agentd.metering.totals import summarise
from agentd.project.change import Change
from agentd.reports.call_json import bound_of, call_fields, request_fields
from agentd.reports.call_log import CallLog, LoggedCall, call_log_of, logged_call
from agentd.reports.forecast.forecast import forecast
from agentd.workflow.priced_request import RequestOfCall

_FIRST = ("proposal.md", "tasks.md")
_HIDDEN = "rounds/"


def change_document(entry: Entry, here: tzinfo, now: datetime) -> dict[str, Any]:
    """A change for JSON: its line, calls with rounds and verdicts, events, documents, charts.

    ``budget`` is its own, or the first of its parts. What can't be read is told under ``problem``.
    """
    change = _fresh(entry.change)
    found: dict[str, Any] = {"row": entry.row, "calls": [], "events": [], "problem": None}
    try:
        log = call_log_of(change, with_requests=False)
        found |= {"calls": [*map(_call, log.calls)], "events": [*_events(log)]}
        found["timeline"] = [*_timeline(log)]
    except (StateError, OSError) as error:
        found["problem"] = error.message if isinstance(error, StateError) else str(error)
    return {
        **found,
        "budget": next(
            (
                as_json(one, one.cells_of(entry.sums), now)
                for one in entry.budgets
                if one.account.is_set
            ),
            None,
        ),
        "documents": [*_documents(change)],
        "charts": Charts(here).document({entry.key: entry.sums.cells}),
    }


def requests_document(entry: Entry, call_id: str) -> dict[str, Any] | None:
    """The requests of one call for JSON; None where the change has no such call."""
    change = _fresh(entry.change)
    try:
        call = next((one for one in change.state.calls if one.id == call_id), None)
        if call is None:
            return None
        found = logged_call(change, call)
    except ConfigError as error:
        return {"requests": None, "problem": error.message}
    except AgentdError:
        return None
    return requests_of(found)


def requests_documents(entry: Entry) -> dict[str, Any]:
    """The requests of each call by its id, where they are known here."""
    change = _fresh(entry.change)
    try:
        logged = call_log_of(change, with_requests=True).calls
    except (AgentdError, OSError):  # the change's own document tells why
        return {}
    return {one.call.id: requests_of(one) for one in logged if one.requests is not None}


def forecast_document(entry: Entry) -> dict[str, Any]:
    """What is probably to come for a change, in words; None where nobody can tell."""
    try:
        found = forecast(_fresh(entry.change))
    except (AgentdError, OSError):  # the page tells what is wrong with its files
        found = None
    rest = found.rest.usd if found else None
    if rest is None:
        return {"told": None}
    between = f"{short_usd(rest.low)} to {short_usd(rest.high)}"
    return {"told": f"{between} for all that is to come ({100 * rest.expected:.0f} % likely)"}


def requests_of(found: LoggedCall) -> dict[str, Any]:
    """The requests of a call for JSON; None where nothing is known of them."""
    return {
        "requests": None if found.requests is None else [*map(_request, found.requests)],
        "not_sent": found.refused,
        "metered": found.metered,
    }


def _fresh(change: Change) -> Change:
    return Change(change.project, change.id, change.folder, archived_on=change.archived_on)


def _request(one: RequestOfCall) -> dict[str, Any]:
    fields = request_fields(one)
    cost_usd = fields["cost_usd"]
    return {
        **fields,
        "cost_usd": None if cost_usd is None else str(cost_usd),
        "cost": None if cost_usd is None else usd(cost_usd),
    }


def _call(one: LoggedCall) -> dict[str, Any]:
    call, fields = one.call, call_fields(one.call)
    fields.pop("models", None)
    return {
        **fields,
        "cost_usd": str(call.cost_usd),
        "cost": cost_of(summarise([call])),
        "bound": bound_of(call),
        "round": one.round,
        "verdict": one.verdict,
    }


def _events(log: CallLog) -> Iterator[dict[str, Any]]:
    for warning in log.warnings:
        yield {"call": warning.call_id, "text": warning.text}
    for call_id in log.restarts:
        yield {"call": call_id, "text": "the budget counts from the next call on"}


def _timeline(log: CallLog) -> Iterator[dict[str, Any]]:
    """One for each step of each round, in order, with its cost; runs that failed are in it."""

    def visit(one: LoggedCall) -> tuple[str, int | None]:
        return step_of(one.call.step), one.round

    for (step, number), calls in groupby(log.calls, visit):
        yield {"step": step, "round": number, **_together([*calls])}


def _together(calls: list[LoggedCall]) -> dict[str, Any]:
    every = [one.call for one in calls]
    took_ms = [call.duration_ms for call in every if call.duration_ms is not None]
    return {
        "calls": [call.id for call in every],
        "status": every[-1].status,
        "verdict": next((one.verdict for one in reversed(calls) if one.verdict), None),
        "cost": cost_of(summarise(every)),
        "bound": next(filter(None, map(bound_of, every)), ""),
        "duration_ms": sum(took_ms) if took_ms else None,
    }


def _documents(change: Change) -> Iterator[dict[str, Any]]:
    sources = read_sources(change.project.root, change.folder)
    names = [name for name in sources.documents if not name.startswith(_HIDDEN)]
    for name in sorted(names, key=lambda each: (each not in _FIRST, each.count("/"), each)):
        yield {"name": name, "nodes": nodes_of(sources.documents[name].text)}
    for issue in sources.issues:
        yield {"name": Path(issue.path).name, "nodes": [], "problem": issue.message}
