"""The command that shows a change's calls one by one: log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentd.cli.options import AsJson, LatestChangeId
from agentd.cli.terminal import print_json, show
from agentd.errors import StateError

if TYPE_CHECKING:
    from agentd.reports.call_log import Approval, CallLog, LoggedCall
    from agentd.workflow.priced_request import RequestOfCall

_NONE = "its run's folder tells of no request"
_NOT_KNOWN = "its requests are not known here: they stand in its run's folder, which git ignores"
# Columns to the left: time, thread, model, variant, end, what is known. The rest are numbers.
_LEFT = ("TIME", "THREAD", "MODEL", "VARIANT", "END", "KNOWN")


def log(
    change_id: LatestChangeId = None,
    requests: Annotated[
        bool,
        typer.Option("--requests", help="Show each API request of each call, one per row."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the calls of a change in order: tokens, cost, time.

    Below a call stands what came of it: the round and its verdict, the project's checks, budget
    warnings with spent, limit and percent, a budget's override or `agentd cost reset`. Gates that a
    person passed stand between. With `--requests` also the API requests that each made: tokens, how
    the answer ended, price, whether the numbers are exact, and why a request was not sent.
    """
    from agentd.cli.output import told_waiting
    from agentd.reports.call_log import open_call_log

    found = open_call_log(Path.cwd(), change_id, with_requests=requests)
    if as_json:
        print_json(_document(found, with_requests=requests))
    elif not found.calls:
        show(f"change {found.change.id}: no calls")
    else:
        lines = _requests(found) if requests else _calls(found)
        show("\n".join(lines))
    if told_waiting(found.waiting):
        raise typer.Exit(StateError.exit_code)


def _calls(found: CallLog) -> Iterator[str]:
    from agentd.cli.calls_text import seconds_shown
    from agentd.clock import iso
    from agentd.metering.totals import summarise
    from agentd.text import counted, table

    rows = [
        ["WHEN", "STEP", "PROVIDER", "MODEL", "STATUS", "REQUESTS", "IN", "OUT", "COST", "TIME"]
    ]
    for one in found.calls:
        call = one.call
        totals = summarise([call])
        rows.append(
            [
                iso(call.started_at) if call.started_at else "-",
                call.step,
                call.provider or "-",
                call.model,
                call.status,
                "-" if call.requests is None else f"{call.requests:,}",
                *totals.tokens_shown,
                totals.cost_noted,
                seconds_shown([call]),
            ]
        )
    rows[0].append("")
    for row, one in zip(rows[1:], found.calls, strict=True):
        row.append(_gap(one))
    head, *lines = table(rows, left=(0, 1, 2, 3, 4, 10)).split("\n")
    yield head
    approvals = sorted(found.approvals, key=lambda approval: approval.at)
    for line, one in zip(lines, found.calls, strict=True):
        began = iso(one.call.started_at) if one.call.started_at else ""
        while approvals and began and approvals[0].at <= began:
            yield _passed(approvals.pop(0))
        yield line
        yield from (f"    > {told}" for told in _events(one, found))
    yield from map(_passed, approvals)
    yield from (f"    > {each.text}" for each in found.warnings if each.call_id is None)
    elsewhere = Counter(
        (one.call.provider, one.metered)
        for one in found.calls
        if one.metered and one.call.usage_source != "wire"
    )
    for (provider, metered), count in elsewhere.items():
        was = "was" if count == 1 else "were"
        yield f"{counted(count, 'call')} of {provider} {was} metered {metered}"


def _passed(approval: Approval) -> str:
    return f"    > gate after {approval.gate} passed{f', {approval.at}' if approval.at else ''}"


def _events(one: LoggedCall, found: CallLog) -> Iterator[str]:
    """What a call led to: a judge's verdict, the budget's warnings; and a budget overridden."""
    if one.verdict:
        yield f"round {one.round}: {one.verdict}"
    if one.checks:
        yield f"checks: {'; '.join(one.checks)}"
    if one.call.budget:
        yield "went beyond the budget, as --budget-override allowed"
    yield from (each.text for each in found.warnings if each.call_id == one.call.id)
    if one.call.id in found.restarts:
        yield "cost reset: the budget counts from the next call on"


def _gap(one: LoggedCall) -> str:
    """What the call's figures are, why, and when they were amended; "" for none of these."""
    from agentd.clock import iso
    from agentd.metering.totals import summarise
    from agentd.metering.unpriced import UNKNOWN
    from agentd.reports.call_json import bound_of
    from agentd.reports.partial import NOT_TOLD

    word, at = bound_of(one.call), one.call.amended
    why = word and f"{word}: {one.call.why or NOT_TOLD}"
    if summarise([one.call]).cost_shown == UNKNOWN:
        why = one.call.why or NOT_TOLD
    amended = f"amended {iso(at)}" if at else ""
    return "; ".join(filter(None, (why, amended)))


def _requests(found: CallLog) -> Iterator[str]:
    from agentd.cli.calls_text import describe
    from agentd.clock import iso

    for number, one in enumerate(found.calls):
        if number:
            yield ""
        call = one.call
        at = f"{iso(call.started_at)} " if call.started_at else ""
        yield f"{at}{call.step}: {describe(call)}"
        if gap := _gap(one):
            yield f"  {gap}"
        if one.metered:
            yield f"  metered {one.metered}"
        yield from (f"  check {line}" for line in one.checks)
        if one.requests is None:
            yield f"  {_NOT_KNOWN}"
        elif one.requests:
            yield from (f"  {line}" for line in _table(one.requests))
        elif not one.refused:
            yield f"  {_NONE}"
        if one.refused:
            yield f"  {one.refused}"


def _table(requests: Sequence[RequestOfCall]) -> list[str]:
    """A row a request; a column that is empty or 0 in all of them is left out."""
    from agentd.text import table

    rows = [_row(one) for one in requests]
    always = {"TIME", "THREAD", "MODEL", "IN", "OUT", "END", "COST", "KNOWN"}
    titles = [
        title
        for title in rows[0]
        if title in always or any(row[title] not in {"", "0"} for row in rows)
    ]
    cells = [titles, *([row[title] for title in titles] for row in rows)]
    left = [place for place, title in enumerate(titles) if title in _LEFT]
    return table(cells, left=left).split("\n")


def _row(one: RequestOfCall) -> dict[str, str]:
    from agentd.metering.money import usd
    from agentd.metering.variants import as_text

    request, usage = one.request, one.request.usage
    return {
        "TIME": f"{request.started_at:%H:%M:%S}" if request.started_at else "-",
        "THREAD": request.thread,
        "MODEL": request.model or "-",
        "IN": f"{usage.input_tokens:,}",
        "CACHED": f"{usage.cache_read_input_tokens:,}",
        "WRITTEN": f"{usage.cache_creation_input_tokens:,}",
        "1H": f"{usage.cache_creation_1h_input_tokens:,}",
        "OUT": f"{usage.output_tokens:,}",
        "REASONING": f"{usage.reasoning_output_tokens:,}",
        "SEARCHES": str(request.web_searches),
        "VARIANT": as_text(request.variants),
        "END": "the rest of a total" if one.is_rest else _end(one),
        "SECONDS": "" if one.duration_ms is None else f"{one.duration_ms / 1000:.1f}",
        "COST": "-" if one.cost_usd is None else usd(one.cost_usd),
        "KNOWN": _known(one),
    }


def _end(one: RequestOfCall) -> str:
    return "cut (length)" if one.end == "length" else one.end or "-"


def _known(one: RequestOfCall) -> str:
    if one.request.exact:
        return "exact"
    estimated = ", ".join(sorted(one.request.estimated))
    return f"estimated: {estimated.replace('_tokens', '')}" if estimated else "at least"


def _document(found: CallLog, *, with_requests: bool) -> dict[str, Any]:
    from agentd.reports.call_json import call_fields, request_fields

    calls: list[dict[str, Any]] = []
    for one in found.calls:
        fields = call_fields(one.call)
        fields["metered"] = one.metered
        fields["checks"] = one.checks
        fields["round"] = one.round
        fields["verdict"] = one.verdict
        if with_requests:
            known = one.requests
            fields["api_requests"] = None if known is None else [*map(request_fields, known)]
            fields["not_sent"] = one.refused
        calls.append(fields)
    return {
        "change_id": found.change.id,
        "path": str(found.change.folder),
        "calls": calls,
        "budget_warnings": [
            {**each._asdict(), "percent": each.percent and round(each.percent, 2)}
            for each in found.warnings
        ],
        "budget_reset_after": found.restarts,
        "approvals": [approval._asdict() for approval in found.approvals],
    }
