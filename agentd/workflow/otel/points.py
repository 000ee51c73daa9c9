"""What a call adds to the metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from agentd.frozen import frozen
from agentd.metering.call import CallRecord
from agentd.metering.cost_status import status_of
from agentd.workflow.otel import names
from agentd.workflow.otel.spans import Span, Value, answered_by

_KINDS = {"input": "input_tokens", "output": "output_tokens"}
_OF_SPANS = (names.OPERATION, names.PROVIDER, names.RESPONSE_MODEL, names.ERROR_TYPE, names.STEP)


@frozen()
class Point:
    """One value of a histogram: tokens, or seconds."""

    metric: str
    value: float
    attributes: Mapping[str, Value]


def points_of(call: CallRecord, of_call: Span, of_requests: Sequence[Span]) -> Iterator[Point]:
    """The tokens of each model, as the ledger has them, and how long call and requests took.

    Tokens are counted once, for the call: its requests need not tell all of them.
    """
    shares = () if status_of(call) == "unknown" else call.shares()
    for share in shares:
        of_model = {
            names.OPERATION: names.INVOKE_AGENT,
            names.PROVIDER: answered_by(call, share.model),
            names.RESPONSE_MODEL: share.model,
            names.STEP: call.step,
        }
        for kind, field in _KINDS.items():
            count = getattr(share.usage, field)
            yield Point(names.TOKENS_USED, count, {**of_model, names.KIND_OF_TOKENS: kind})
    for span in (of_call, *of_requests):
        if span is of_call and call.duration_ms is None:
            continue
        attributes = {name: span.attributes[name] for name in _OF_SPANS if name in span.attributes}
        took_s = (span.ended - span.began).total_seconds()
        yield Point(names.OPERATION_DURATION, took_s, attributes)
