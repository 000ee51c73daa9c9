"""The span of somebody else that a command is a part of: the environment's TRACEPARENT.

Source: W3C Trace Context, and OpenTelemetry's environment variables as carriers of a context.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from agentd.frozen import frozen
from agentd.workflow.otel.spans import Span

_FORM = r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"


@frozen()
class Outside:
    """A span around the command; ``is_sampled``: whether its own trace is recorded."""

    trace_id: str
    span_id: str
    is_sampled: bool

    def around(self, spans: Sequence[Span]) -> list[Span]:
        """The spans as parts of that trace; those without a parent are below its span."""
        return [
            replace(span, trace_id=self.trace_id, parent_id=span.parent_id or self.span_id)
            for span in spans
        ]


def outside_of(environ: Mapping[str, str]) -> Outside | None:
    """The one that the environment tells; None without one, or for one that is not valid."""
    found = re.fullmatch(_FORM, environ.get("TRACEPARENT", "").strip())
    return Outside(found[1], found[2], bool(int(found[3], 16) & 1)) if found else None
