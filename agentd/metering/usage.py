"""What one run of a CLI used, in the terms of OpenTelemetry GenAI and the inclusive convention."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, fields, replace
from decimal import Decimal

from agentd.frozen import frozen
from agentd.metering.bounds import MAX_TOKENS
from agentd.metering.variants import Variants


@frozen(kw_only=True, guarded=True)
class ModelUsage:
    """What was used of one model: tokens, and what else its price depends on.

    A count of 0 means none, or none reported.

    Inclusive: cached tokens are inside ``input_tokens``, reasoning is inside ``output_tokens``;
    ``cache_creation_1h_input_tokens`` (claude's one-hour cache, dearer) is inside
    ``cache_creation_input_tokens``. ``web_searches`` are billed by themselves. ``variants`` say at
    which of the model's prices: empty at the standard one, and for a sum of several.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    reasoning_output_tokens: int = 0
    cache_creation_1h_input_tokens: int = 0
    reported_cost_usd: Decimal | None = None
    web_searches: int = 0
    variants: Variants = ()

    @property
    def total_tokens(self) -> int:
        """All input and all output."""
        return self.input_tokens + self.output_tokens

    def counts(self) -> tuple[int, int, int, int, int, int]:
        """The six token counts, in the order of the fields."""
        return (
            self.input_tokens,
            self.output_tokens,
            self.cache_read_input_tokens,
            self.cache_creation_input_tokens,
            self.reasoning_output_tokens,
            self.cache_creation_1h_input_tokens,
        )


@frozen(kw_only=True, guarded=True)
class UsageMetrics(ModelUsage):
    """Tokens of one run, in all and by model.

    ``by_model`` is empty when the output names no model (codex); otherwise it adds up to the
    totals. ``requests`` holds, where the CLI shows them, the single API requests in order as
    (model or "", usage): a long-context price applies to one request, not to their sum.
    ``reported_cost_usd`` is the CLI's own figure in USD (claude), None where it gives none.
    """

    by_model: Mapping[str, ModelUsage] = field(default_factory=dict)
    requests: tuple[tuple[str, ModelUsage], ...] = ()
    session_id: str | None = None


COUNTS = tuple(field.name for field in fields(ModelUsage) if field.name.endswith("_tokens"))
"""The names of the token counts, in the order of the fields."""


def whole_count(value: object) -> int | None:
    """A number of JSON as a count; None for what is no whole number from 0 to MAX_TOKENS.

    JSON has one type of numbers: 120.0 and 1.2e2 are whole.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return int(value) if 0 <= value <= MAX_TOKENS and value == int(value) else None


def add(usages: Iterable[ModelUsage]) -> ModelUsage:
    """The sum; its reported cost is None unless every part has one."""
    parts = list(usages)
    columns = [sum(column) for column in zip(*(part.counts() for part in parts), strict=True)]
    costs = [part.reported_cost_usd for part in parts]
    known = [cost for cost in costs if cost is not None]
    cost = sum(known, Decimal(0)) if parts and len(known) == len(parts) else None
    kinds = {part.variants for part in parts if any(part.counts())}
    return replace(
        _usage(columns or [0] * len(COUNTS), cost),
        web_searches=sum(part.web_searches for part in parts),
        variants=kinds.pop() if len(kinds) == 1 else (),
    )


def subtract(total: ModelUsage, before: ModelUsage) -> ModelUsage:
    """What ``total`` has more than ``before``, never less than zero in any field."""
    columns = [max(0, a - b) for a, b in zip(total.counts(), before.counts(), strict=True)]
    cost = total.reported_cost_usd
    if cost is not None and before.reported_cost_usd is not None:
        cost = max(Decimal(0), cost - before.reported_cost_usd)
    searches = max(0, total.web_searches - before.web_searches)
    return replace(_usage(columns, cost), web_searches=searches, variants=total.variants)


def run_usage(
    by_model: Mapping[str, ModelUsage],
    *,
    requests: tuple[tuple[str, ModelUsage], ...] = (),
    session_id: str | None = None,
) -> UsageMetrics:
    """A run's usage from its models; the key "" stands for a model that was not named."""
    total = add(by_model.values())
    return UsageMetrics(
        **dict(zip(COUNTS, total.counts(), strict=True)),
        reported_cost_usd=total.reported_cost_usd,
        web_searches=total.web_searches,
        variants=total.variants,
        by_model={model: usage for model, usage in by_model.items() if model},
        requests=requests,
        session_id=session_id,
    )


def _usage(columns: Sequence[int], cost: Decimal | None) -> ModelUsage:
    return ModelUsage(
        **dict(zip(COUNTS, columns, strict=True)), reported_cost_usd=cost, variants=()
    )
