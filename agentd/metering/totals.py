"""Sums over the ledger's calls: in all, by step and by model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from agentd.metering.call import CallRecord, PricedModel
from agentd.metering.unpriced import is_unpriced


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The sum of some calls.

    ``tokens_in`` is all input, cached included; ``tokens_out`` all output. ``failed`` calls are
    those that did not end ok. ``unpriced`` calls used tokens that no price was known for, so
    ``total_cost_usd`` is too low by them; a local model needs none.
    """

    total_cost_usd: Decimal
    tokens_in: int
    tokens_out: int
    calls: int
    failed: int
    unpriced: int


def summarise(calls: Iterable[CallRecord]) -> Totals:
    """The sum of ``calls``."""
    summed = list(calls)
    return Totals(
        total_cost_usd=sum((call.cost_usd for call in summed), Decimal(0)),
        tokens_in=sum(call.usage.input_tokens for call in summed),
        tokens_out=sum(call.usage.output_tokens for call in summed),
        calls=len(summed),
        failed=sum(call.status != "ok" for call in summed),
        unpriced=sum(any(map(_is_unpriced, call.models or (call,))) for call in summed),
    )


def by(calls: Iterable[CallRecord], key: Literal["step", "model"]) -> dict[str, Totals]:
    """The sums per step or per model, in the order in which each is first met.

    A call that several models answered counts once under each of them, with that model's share.
    """
    groups: dict[str, list[CallRecord]] = {}
    for call in calls:
        for share in (call,) if key == "step" else _shares(call):
            groups.setdefault(share.step if key == "step" else share.model, []).append(share)
    return {name: summarise(group) for name, group in groups.items()}


def _shares(call: CallRecord) -> Iterator[CallRecord]:
    if not call.models:
        yield call
    for part in call.models:
        yield replace(
            call,
            model=part.model,
            usage=part.usage,
            cost_usd=part.cost_usd,
            cost_source=part.cost_source,
            models=(),
        )


def _is_unpriced(priced: CallRecord | PricedModel) -> bool:
    return is_unpriced(priced.model, priced.cost_source, priced.usage.total_tokens)
