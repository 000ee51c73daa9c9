"""Tells a collector of the environment what a command does; it never waits, and never fails."""

from __future__ import annotations

import contextlib
import os
from datetime import datetime
from typing import TYPE_CHECKING

from agentd.workflow.otel.settings import wanted_signals, why_not_sent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentd.metering.call import CallRecord
    from agentd.project.change import Change
    from agentd.workflow.otel.points import Point
    from agentd.workflow.otel.spans import Span

_SENDER = "agentd.workflow.otel.send"


class Tracing:
    """What a command tells: a span of each loop, of each call and of its requests."""

    def __init__(self) -> None:
        self._run: tuple[str, datetime] | None = None

    def begin(self, change: Change) -> None:
        """A loop over a change begins; its calls are below its span."""
        if _signals():
            from agentd.clock import precise_utc_now
            from agentd.workflow.otel.spans import run_id

            now = precise_utc_now()
            # Calls begin with a second, as in the ledger, and not before their loop.
            self._run = run_id(change.id, now), now.replace(microsecond=0)

    def end(self, change: Change, exit_code: int) -> None:
        """The loop has ended, with this exit code."""
        if self._run is not None:
            from agentd.clock import precise_utc_now
            from agentd.workflow.otel.spans import run_span

            (span_id, began), self._run = self._run, None
            project = change.workspace.config.project_name
            ended = precise_utc_now()
            span = run_span(
                project, change.id, span_id, began=began, ended=ended, exit_code=exit_code
            )
            _send([span])

    def call(self, change: Change, call: CallRecord) -> None:
        """A call is in the ledger."""
        if call.started_at is None or not _signals():
            return
        from agentd.workflow.otel.points import points_of
        from agentd.workflow.otel.spans import call_span, request_spans
        from agentd.workflow.priced_request import priced_requests

        workspace, parent_id = change.workspace, self._run[0] if self._run else None
        project = workspace.config.project_name
        prices = workspace.prices_of(call.provider)
        requests = priced_requests(call, change.runs_dir / call.id, prices)
        span = call_span(project, change.id, call, call.started_at, parent_id)
        below = [*request_spans(span, call, requests)]
        _send([span, *below], [*points_of(call, span, below)])

    def unsent(self) -> str | None:
        """What to tell of what did not reach the collector; None for nothing, or what was told."""
        if not _signals():
            return None
        from agentd.workflow.otel.unsent import tell_unsent

        why = tell_unsent()
        return why and f"OpenTelemetry data was not sent: {why}"


def _signals() -> list[str]:
    wanted = wanted_signals(os.environ)
    return [signal for signal in wanted if why_not_sent(os.environ, signal) is None]


def _send(spans: Sequence[Span], points: Sequence[Point] = ()) -> None:
    from agentd.workflow.otel.outside import outside_of
    from agentd.workflow.sending import start_sending

    signals, outside = _signals(), outside_of(os.environ)
    spans, points = spans if "traces" in signals else (), points if "metrics" in signals else ()
    if spans or points:
        is_sampled = None
        if outside is not None:
            spans, is_sampled = outside.around(spans), outside.is_sampled
        with contextlib.suppress(OSError):  # no process can be started
            start_sending((_SENDER,), handed_over(spans, points, is_sampled))


def handed_over(
    spans: Sequence[Span], points: Sequence[Point], is_sampled: bool | None = None
) -> bytes:
    """What the process that sends them gets: JSON.

    ``is_sampled``: whether a trace from outside is recorded, None without one.
    """
    import json
    from dataclasses import asdict

    def written(value: object) -> str | float:
        return value.isoformat() if isinstance(value, datetime) else float(str(value))

    body = {
        "spans": [*map(asdict, spans)],
        "points": [*map(asdict, points)],
        "is_sampled": is_sampled,
    }
    return json.dumps(body, default=written).encode("utf-8", "replace")
