"""A call's cost once more, from its tokens and the prices of its time."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from agentd.metering.call import CallRecord, PricedModel
from agentd.metering.money import usd
from agentd.metering.unpriced import is_unpriced
from agentd.reports.audit.price_sources import Prices
from agentd.reports.audit.problems import STATE_FIX, Problem
from agentd.reports.audit.runs import Run

# claude counts in binary floating point, so did the original agentd.
_ROUNDING_USD = Decimal("1e-9")
_CONFIG_FIX = (
    "If the price was changed without a commit, nothing is wrong with the ledger: the audit knows "
    "earlier prices from git alone. Else correct cost_usd in STATE.yaml."
)


def check_price(call: CallRecord, prices: Prices, run: Run | None) -> Iterator[Problem]:
    """Each model of a call by the source that its entry names; None without a run's log."""
    for part in call.models or (_whole(call),):
        match part.cost_source:
            case "config":
                yield from _by_config(call, part, prices)
            case "catalog":
                yield from _by_catalog(call, part, prices, run)
            case "reported":
                yield from _by_report(call, part, prices, run)
            case "none":
                yield from _unpriced(call, part, prices)


def check_reported(call: CallRecord, run: Run) -> Iterator[Problem]:
    """A note where the CLI's own figure is another than that of the config or the catalogue."""
    if "reported" in (call.cost_source, *(part.cost_source for part in call.models)):
        return
    reported = run.said.reported_cost_usd
    if reported is not None and not _near(reported, call.cost_usd):
        yield Problem(
            "reported",
            f"{call.provider} itself reported {usd(reported, None)}, recorded is "
            f"{usd(call.cost_usd, None)} ({call.cost_source})",
            call.cost_usd,
            reported,
            is_note=True,
            subject=call.model,
        )


def _by_config(call: CallRecord, part: PricedModel, prices: Prices) -> Iterator[Problem]:
    today = prices.configured(part, call.provider)
    if today is not None and _same(call, part.cost_usd, today):
        return
    now = "no price" if today is None else usd(today, None)
    recorded = usd(part.cost_usd, None)
    for version, cost_usd in prices.earlier(part, call.provider):
        if _same(call, part.cost_usd, cost_usd):
            yield Problem(
                "price",
                f"{part.model}: recorded {recorded}, by the config.toml that was committed on "
                f"{version.committed_on}; today's gives {now}",
                part.cost_usd,
                today,
                is_note=True,
                subject=part.model,
            )
            return
    yield Problem(
        "price",
        f"{part.model}: recorded {recorded}, but config.toml gives {now}: its price was changed "
        "since, or the cost was recorded wrong",
        part.cost_usd,
        today,
        _CONFIG_FIX,
        None if today is None else part.cost_usd - today,
    )


def _by_catalog(
    call: CallRecord, part: PricedModel, prices: Prices, run: Run | None
) -> Iterator[Problem]:
    recorded = usd(part.cost_usd, None)
    if call.started_at is None:
        yield Problem(
            "price",
            f"{part.model}: the entry has no timestamp, so the prices of its day are not known",
            part.cost_usd,
            is_note=True,
            subject=part.model,
        )
        return
    price = prices.catalogued(part.model, call.provider, call.started_at)
    if price is None:
        yield Problem(
            "price",
            f"{part.model}: recorded {recorded}, but the catalogue has no price for it",
            part.cost_usd,
            None,
            f"Set cost_usd to 0.0 and cost_source to none. {STATE_FIX}",
        )
        return
    expected = base = price.base.cost_usd(part.usage)
    may_be_long = bool(price.tiers) and part.usage.input_tokens > price.tiers[0][0]
    if may_be_long:
        costs = (
            prices.of_run("catalog", call, usage).get(part.model, base)
            for usage in (run.fitting(call) if run else ())
        )
        # Another than the base: its requests are known, and some were long.
        expected = next((cost_usd for cost_usd in costs if cost_usd != base), base)
    if part.cost_usd == expected:
        return
    day = f"the catalogue's prices of {call.started_at:%Y-%m-%d}"
    longest = price.tiers[-1][1].cost_usd(part.usage) if may_be_long else base
    if expected == base and base < part.cost_usd <= longest:
        yield Problem(
            "price",
            f"{part.model}: recorded {recorded}; {day} give {usd(base, None)} to "
            f"{usd(longest, None)}, by the length of each request, which is not known any more",
            part.cost_usd,
            base,
            is_note=True,
            subject=part.model,
        )
        return
    yield Problem(
        "price",
        f"{part.model}: recorded {recorded}, but {day} give {usd(expected, None)}",
        part.cost_usd,
        expected,
        STATE_FIX,
        part.cost_usd - expected,
    )


def _by_report(
    call: CallRecord, part: PricedModel, prices: Prices, run: Run | None
) -> Iterator[Problem]:
    if run is not None and run.printed.usage is not None:
        expected = None
        for usage in run.usages():
            told = prices.of_run("reported", call, usage).get(part.model)
            if told == part.cost_usd:
                return
            expected = told if expected is None else expected
        own = "no cost" if expected is None else usd(expected, None)
        yield Problem(
            "reported",
            f"{part.model}: recorded {usd(part.cost_usd, None)} as {call.provider}'s own figure, "
            f"but the run's stdout tells {own}",
            part.cost_usd,
            expected,
            STATE_FIX,
            None if expected is None else part.cost_usd - expected,
        )
        return
    at = call.started_at
    price = at and prices.catalogued(part.model, call.provider, at)
    expected = price.base.cost_usd(part.usage) if price else None
    if expected is not None and not _near(expected, part.cost_usd):
        yield Problem(
            "reported",
            f"{part.model}: {call.provider}'s own figure is {usd(part.cost_usd, None)}, the "
            f"catalogue's prices of its day give {usd(expected, None)}",
            part.cost_usd,
            expected,
            is_note=True,
            subject=part.model,
        )


def _unpriced(call: CallRecord, part: PricedModel, prices: Prices) -> Iterator[Problem]:
    if part.cost_usd:
        yield Problem(
            "price",
            f"{part.model}: recorded {usd(part.cost_usd, None)} with cost_source none, which "
            "means that no price was known",
            part.cost_usd,
            Decimal(0),
            STATE_FIX,
            part.cost_usd,
        )
    elif is_unpriced(part.model, part.cost_source, part.usage.total_tokens):
        source = prices.known_now(part, call)
        if source is not None:
            yield Problem(
                "price",
                f"{part.model}: recorded without a price; by now the {source} has one",
                part.cost_usd,
                is_note=True,
                subject=part.model,
            )


def _whole(call: CallRecord) -> PricedModel:
    return PricedModel(
        model=call.model,
        usage=call.usage,
        cost_usd=call.cost_usd,
        cost_source=call.cost_source,
    )


def _same(call: CallRecord, recorded: Decimal, expected: Decimal) -> bool:
    """Exactly; the original agentd, whose calls have no id, rounded."""
    return recorded == expected or (not call.id and _near(recorded, expected))


def _near(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) <= max(_ROUNDING_USD, abs(other) * _ROUNDING_USD)
