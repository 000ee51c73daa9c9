"""Sums of calls in the text form of Prometheus, made for the textfile collector."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal, localcontext
from functools import lru_cache

from agentd.masking import without_keys
from agentd.metering.cost_status import status_of
from agentd.metering.money import EXACT, plain_number
from agentd.metering.partial import PARTIAL
from agentd.reports.export import Options, Text
from agentd.reports.export.calls import Exported, ExportedCall
from agentd.reports.export.charges import charges_of
from agentd.text import one_line

HELP = {
    "agentd_calls_total": "Runs of agents; one that several models answered counts under its own.",
    "agentd_call_duration_seconds_total": "How long the runs took.",
    "agentd_calls_partial_total": "Runs of which something that they used is not known.",
    "agentd_calls_unpriced_total": "Runs with tokens that no price is known for: cost lacks them.",
    "agentd_cost_usd_total": "What models cost in USD, as far as it is known.",
    "agentd_tokens_total": "Tokens; cache_read and cache_write are part of input, reasoning of "
    "output.",
    "agentd_web_searches_total": "Web searches that were billed; part of the cost.",
}
"""Each metric, a counter, in the order of the text."""

_KINDS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_input_tokens",
    "cache_write": "cache_creation_input_tokens",
    "reasoning": "reasoning_output_tokens",
}
_Labels = tuple[tuple[str, str], ...]


def render(exported: Exported, options: Options) -> Text:
    """Every metric with its HELP and TYPE; the samples stand in the order of their labels."""
    del options
    sums: Mapping[str, defaultdict[_Labels, Decimal]] = {
        name: defaultdict(Decimal) for name in HELP
    }
    with localcontext(EXACT):
        for one in exported.calls:
            for name, labels, value in _samples(exported.project, one):
                shown = tuple((label, _as_printed(text)) for label, text in labels)
                sums[name][shown] += (
                    value  # a series may stand there once: names can come out alike
                )
    return Text(text="".join(f"{line}\n" for line in _lines(sums)))


def _samples(project: str, one: ExportedCall) -> Iterator[tuple[str, _Labels, Decimal]]:
    call = one.call
    of_run: _Labels = (
        ("project", project),
        ("change", one.change_id),
        ("step", call.step),
        ("provider", call.provider or ""),
    )
    run: _Labels = (*of_run, ("model", call.model))
    yield "agentd_calls_total", (*run, ("status", call.status)), Decimal(1)
    if call.duration_ms is not None:
        yield "agentd_call_duration_seconds_total", of_run, Decimal(call.duration_ms) / 1000
    yield "agentd_calls_partial_total", run, Decimal(call.accuracy == PARTIAL)
    unpriced = status_of(call) == "unpriced"
    for charge in charges_of(one):
        labels: _Labels = (*of_run, ("model", charge.share.model))
        unpriced |= charge.status == "unpriced"
        if charge.cost_usd is not None:
            yield "agentd_cost_usd_total", labels, charge.cost_usd
        if charge.status != "unknown":
            for kind, field in _KINDS.items():
                count = Decimal(getattr(charge.share.usage, field))
                yield "agentd_tokens_total", (*labels, ("type", kind)), count
        yield "agentd_web_searches_total", labels, Decimal(charge.share.usage.web_searches)
    yield "agentd_calls_unpriced_total", run, Decimal(unpriced)


def _lines(sums: Mapping[str, Mapping[_Labels, Decimal]]) -> Iterator[str]:
    for name, samples in sums.items():
        yield f"# HELP {name} {HELP[name]}"
        yield f"# TYPE {name} counter"
        for labels in sorted(samples):
            shown = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels)
            yield f"{name}{{{shown}}} {plain_number(samples[labels])}"


@lru_cache(maxsize=10_000)
def _as_printed(value: str) -> str:
    return without_keys(one_line(value), os.environ) if value else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
