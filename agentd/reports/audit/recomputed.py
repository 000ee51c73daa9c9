"""A call's cost once more, from its tokens and the prices of its time."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from agentd.metering.call import CallRecord, PricedModel
from agentd.metering.money import near, usd
from agentd.metering.parts import Part
from agentd.metering.unpriced import is_unpriced
from agentd.metering.variants import Variants
from agentd.reports.audit.price_sources import SourcePrices
from agentd.reports.audit.problems import STATE_FIX, Problem
from agentd.reports.audit.runs import Run

_CONFIG_FIX = (
    "If the price was changed without a commit, nothing is wrong with the ledger: the audit knows "
    "earlier prices from git alone. Else correct cost_usd in STATE.yaml."
)


def check_price(call: CallRecord, prices: SourcePrices, run: Run | None) -> Iterator[Problem]:
    """Each model of a call by the source that its entry names; None without a run's log."""
    for part in call.models or (_whole(call),):
        match part.cost_source:
            case "config":
                found = _by_config(call, part, prices)
            case "catalog":
                found = _by_catalog(call, part, prices, run)
            case "reported":
                found = _by_report(call, part, prices, run)
            case "none" | "local":
                found = _unpriced(call, part, prices)
            case _:  # a newer agentd's
                found = None
        if found:
            yield found


def check_reported(call: CallRecord, run: Run) -> Iterator[Problem]:
    """A note where the CLI's own figure is another than that of the config or the catalogue."""
    if "reported" in (call.cost_source, *(part.cost_source for part in call.models)):
        return
    reported = run.said.reported_cost_usd
    if reported is not None and not near(reported, call.cost_usd):
        yield Problem(
            "reported",
            f"{call.provider} itself reported {usd(reported, None)}, recorded is "
            f"{usd(call.cost_usd, None)} ({call.cost_source})",
            call.cost_usd,
            reported,
            is_note=True,
            subject=call.model,
        )


def _wrong(part: PricedModel, message: str, expected: Decimal | None, fix: str) -> Problem:
    off_usd = None if expected is None else part.cost_usd - expected
    return Problem("price", f"{part.model}: {message}", part.cost_usd, expected, fix, off_usd)


def _note(part: PricedModel, message: str, expected: Decimal | None = None) -> Problem:
    text = f"{part.model}: {message}"
    return Problem("price", text, part.cost_usd, expected, is_note=True, subject=part.model)


def _by_config(call: CallRecord, part: PricedModel, prices: SourcePrices) -> Problem | None:
    today = prices.configured(part, call.provider)
    if today is not None and _same(call, part.cost_usd, today):
        return None
    now = "no price" if today is None else usd(today, None)
    recorded = f"recorded {usd(part.cost_usd, None)}"
    for version, cost_usd in prices.earlier(part, call.provider):
        if _same(call, part.cost_usd, cost_usd):
            by = f"by the config.toml that was committed on {version.committed_on}"
            return _note(part, f"{recorded}, {by}; today's gives {now}", today)
    why = "its price was changed since, or the cost was recorded wrong"
    return _wrong(part, f"{recorded}, but config.toml gives {now}: {why}", today, _CONFIG_FIX)


def _by_catalog(
    call: CallRecord, part: PricedModel, prices: SourcePrices, run: Run | None
) -> Problem | None:
    recorded = f"recorded {usd(part.cost_usd, None)}"
    if call.started_at is None:
        return _note(part, "the entry has no timestamp, so the prices of its day are not known")
    price = prices.catalogued(part, call.provider, call.started_at)
    if price is None:
        fix = f"Set cost_usd to 0.0 and cost_source to none. {STATE_FIX}"
        return _wrong(part, f"{recorded}, but the catalogue has no price for it", None, fix)
    expected = base = price.base.cost_usd(part.usage)
    may_be_long = bool(price.tiers) and part.usage.input_tokens > price.tiers[0][0]
    if may_be_long:
        costs = (
            prices.of_run("catalog", call, usage).get(_key(part), base)
            for usage in (run.fitting(call) if run else ())
        )
        # Another than the base: its requests are known, and some were long.
        expected = next((cost_usd for cost_usd in costs if cost_usd != base), base)
    if part.cost_usd == expected:
        return None
    day = f"the catalogue's prices of {call.started_at:%Y-%m-%d}"
    longest = price.tiers[-1][1].cost_usd(part.usage) if may_be_long else base
    if expected == base and base < part.cost_usd <= longest:
        span = f"{usd(base, None)} to {usd(longest, None)}"
        by = "by the length of each request, which is not known any more"
        return _note(part, f"{recorded}; {day} give {span}, {by}", base)
    return _wrong(part, f"{recorded}, but {day} give {usd(expected, None)}", expected, STATE_FIX)


def _by_report(
    call: CallRecord, part: PricedModel, prices: SourcePrices, run: Run | None
) -> Problem | None:
    figure = usd(part.cost_usd, None)
    if run is not None and run.printed.usage is not None:
        expected = None
        for usage in run.usages():
            told = prices.of_run("reported", call, usage).get(_key(part))
            if told is not None and near(told, part.cost_usd):
                return _by_check(call, part, prices)
            expected = told if expected is None else expected
        own = "no cost" if expected is None else usd(expected, None)
        message = f"recorded {figure} as {call.provider}'s own figure, but the run's stdout tells"
        return _wrong(part, f"{message} {own}", expected, STATE_FIX)._replace(check="reported")
    return _by_check(call, part, prices)


def _by_check(call: CallRecord, part: PricedModel, prices: SourcePrices) -> Problem | None:
    """A note where a CLI's own figure can't be what the catalogue's prices give."""
    at, figure = call.started_at, usd(part.cost_usd, None)
    price = at and prices.catalogued(part, call.provider, at)
    if not price or price.lacks(part.usage):
        return None
    whole = Part(model=part.model, usage=part.usage, rest=part.usage)
    expected, most = whole.cost_usd(price), whole.most_usd(price)
    if (
        near(part.cost_usd, expected)
        or expected <= part.cost_usd <= most
        or near(part.cost_usd, most)
    ):
        return None
    catalogue = f"the catalogue's prices of its day give {usd(expected, None)}"
    message = f"{call.provider}'s own figure is {figure}, {catalogue}"
    return _note(part, message, expected)._replace(check="reported")


def _unpriced(call: CallRecord, part: PricedModel, prices: SourcePrices) -> Problem | None:
    if part.cost_usd:
        recorded = f"recorded {usd(part.cost_usd, None)} with cost_source {part.cost_source}"
        return _wrong(
            part, f"{recorded}, which means that no price was known", Decimal(0), STATE_FIX
        )
    if is_unpriced(part.model, part.cost_source, part.usage.total_tokens):
        source = prices.known_now(part, call)
        if source is not None:
            return _note(part, f"recorded without a price; by now the {source} has one")
    return None


def _key(part: PricedModel) -> tuple[str, Variants]:
    return part.model, part.usage.variants


def _whole(call: CallRecord) -> PricedModel:
    return PricedModel(
        model=call.model, usage=call.usage, cost_usd=call.cost_usd, cost_source=call.cost_source
    )


def _same(call: CallRecord, recorded: Decimal, expected: Decimal) -> bool:
    """Exactly; the original agentd, whose calls have no id, rounded."""
    return recorded == expected or (not call.id and near(recorded, expected))
