"""Prices as the commands show them: as text and as JSON documents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from agentd.clock import iso
from agentd.metering import catalog
from agentd.metering.models import ModelSpec
from agentd.metering.money import plain_number, usd
from agentd.metering.quote import Quote
from agentd.metering.rates import PricingConfig
from agentd.metering.usage import ModelUsage
from agentd.metering.variants import as_text as variants_as_text
from agentd.metering.words import Accuracy
from agentd.text import table

TokensSource = Literal["given", "counted", "split"]


class PricedRequest(NamedTuple):
    """A request of ``usage``, or of so many tokens in all; no ``quote``: no price is known.

    ``tokens_source`` says where the numbers come from: "given", "counted" from a text by the
    model's tokenizer, or "split", half and half, from a bare total.
    """

    spec: ModelSpec
    usage: ModelUsage | int
    tokens_source: TokensSource
    quote: Quote | None
    at: datetime

    @property
    def accuracy(self) -> Accuracy:
        """How exactly the model's tokens can be counted; a bare total is always a guess."""
        return "heuristic" if self.tokens_source == "split" else self.spec.accuracy

    @property
    def approximate(self) -> bool:
        """Whether the cost is not known to the last digit."""
        counts_are_sure = self.tokens_source == "given" or self.accuracy == "exact"
        return not counts_are_sure or not self.priced

    @property
    def lacks(self) -> tuple[str, ...]:
        """What of it has no price where the model has one, in words."""
        return self.quote.cost(self.usage).lacks if self.quote else ()

    @property
    def priced(self) -> bool:
        """Whether all of it has a price."""
        return self.quote is not None and not self.lacks


def as_text(request: PricedRequest) -> str:
    """A few lines: what goes in, what comes out, what each costs and why."""
    quote, usage = request.quote, request.usage
    assert quote is not None
    rates, counts = quote.rates(usage), _counts(usage)
    read, write = counts["tokens_cache_read"], counts["tokens_cache_write"]
    one_hour = counts["tokens_cache_write_1h"]
    rows = [["", "TOKENS", "USD PER 1M", "COST"]]
    plain = counts["tokens_input"] - read - write
    for name, tokens, price in (
        ("input" + ", not cached" * bool(read or write), plain, rates.cost_per_1m_input),
        ("input read from cache", read, rates.cache_read),
        ("input written to cache", write - one_hour, rates.cache_write),
        ("input written to one-hour cache", one_hour, rates.cache_write_1h),
        ("output", counts["tokens_output"], rates.cost_per_1m_output),
    ):
        if tokens or not name.startswith("input "):
            cost_usd = (tokens * price).scaleb(-6)
            rows.append(
                [name, plain_number(tokens, grouped=True), plain_number(price), usd(cost_usd)]
            )
    cost = quote.cost(usage)
    if searches := _extras(usage).web_searches:
        per_1m = (rates.cost_per_1k_web_searches or Decimal(0)).scaleb(3)
        fee = usd(cost.web_search_usd)
        rows.append(
            [f"{searches} web search{'es' * (searches > 1)}", "", plain_number(per_1m), fee]
        )
    rows.append(
        ["total", plain_number(counts["tokens_total"], grouped=True), "", usd(cost.total_usd)]
    )
    lines = [f"{request.spec.name}, {request.at.date()}", table(rows), f"Price: {_source(quote)}"]
    if variants := _extras(usage).variants:
        lines.append(f"Variant: {variants_as_text(variants)}")
    if above := quote.tier(usage):
        lines.append(f"Long input: the price for more than {above:,} tokens of input.")
    if request.tokens_source == "counted":
        lines.append(f"Tokens: input counted by {request.spec.tokenizer}, {request.accuracy}")
    elif request.tokens_source == "split":
        lines.append(f"Tokens: half and half, {request.accuracy}")
    return "\n".join(lines)


def as_document(request: PricedRequest) -> dict[str, Any]:
    """All of it; costs and ``price`` are null when no price is known."""
    spec, usage, quote = request.spec, request.usage, request.quote
    cost = quote.cost(usage) if quote else None
    price = quote and {**_origin(quote), **_prices(quote.rates(usage)), "above": quote.tier(usage)}
    return {
        "model": spec.name,
        "provider": spec.provider,
        "at": iso(request.at),
        **_counts(usage),
        "web_searches": _extras(usage).web_searches,
        "price_variant": variants_as_text(_extras(usage).variants) or None,
        "tokens_source": request.tokens_source,
        "tokenizer": spec.tokenizer if request.tokens_source == "counted" else None,
        "accuracy": request.accuracy,
        "approximate": request.approximate,
        "cost_input_usd": cost and cost.input_usd,
        "cost_output_usd": cost and cost.output_usd,
        "cost_web_search_usd": cost and cost.web_search_usd,
        "cost_usd": cost and cost.total_usd,
        "price": price,
    }


def _extras(usage: ModelUsage | int) -> ModelUsage:
    """What is told beside tokens; nothing of a bare total."""
    return usage if isinstance(usage, ModelUsage) else ModelUsage()


def _counts(usage: ModelUsage | int) -> dict[str, Decimal]:
    """The counts of tokens; those of a bare total may be halves."""
    read = write = one_hour = Decimal(0)
    if isinstance(usage, ModelUsage):
        sent, received = Decimal(usage.input_tokens), Decimal(usage.output_tokens)
        read = Decimal(usage.cache_read_input_tokens)
        write = Decimal(usage.cache_creation_input_tokens)
        one_hour = Decimal(usage.cache_creation_1h_input_tokens)
    else:
        sent = received = Decimal(usage) / 2
    return {
        "tokens_input": sent,
        "tokens_output": received,
        "tokens_cache_read": read,
        "tokens_cache_write": write,
        "tokens_cache_write_1h": one_hour,
        "tokens_total": sent + received,
    }


def models_table(rows: Sequence[tuple[ModelSpec, Quote | None]]) -> str:
    """One line for each model."""
    shown = [["MODEL", "ACCURACY", "TOKENIZER", "IN", "OUT", "CACHED", "", "SOURCE", "SINCE"]]
    for spec, quote in rows:
        prices, source = ["-", "-", "-", ""], ["none", "-"]
        if quote:
            base = quote.price.base
            amounts = (base.cost_per_1m_input, base.cost_per_1m_output, base.cache_read)
            prices = [*map(plain_number, amounts), "+" if quote.price.tiers else ""]
            source = [quote.source, f"{quote.price.since or '-'}"]
        shown.append([spec.name, spec.accuracy, spec.tokenizer, *prices, *source])
    return f"{table(shown, left=(0, 1, 2, 6, 7, 8))}\ncatalog: {catalog.version()}"


def models_document(rows: Sequence[tuple[ModelSpec, Quote | None]], at: datetime) -> dict[str, Any]:
    """The same, with the prices for long inputs (``tiers``, each ``above`` so many tokens)."""
    return {
        "catalog": catalog.version(),
        "at": iso(at),
        "models": [
            {
                "name": spec.name,
                "display_name": spec.display_name,
                "provider": spec.provider,
                "accuracy": spec.accuracy,
                "encoding": spec.encoding,
                "tokenizer": spec.tokenizer,
                "price": quote
                and {
                    **_origin(quote),
                    **_prices(quote.price.base),
                    "tiers": [
                        {"above": above, **_prices(rates)} for above, rates in quote.price.tiers
                    ],
                },
            }
            for spec, quote in rows
        ],
    }


def _origin(quote: Quote) -> dict[str, Any]:
    return {
        "source": quote.source,
        "catalog": catalog.version() if quote.source == "catalog" else None,
        "model": quote.price.model_id,
        "since": quote.price.since,
    }


def _prices(rates: PricingConfig) -> dict[str, Decimal | None]:
    return {
        "cost_per_1m_input": rates.cost_per_1m_input,
        "cost_per_1m_output": rates.cost_per_1m_output,
        "cost_per_1m_cache_read": rates.cache_read,
        "cost_per_1m_cache_write": rates.cache_write,
        "cost_per_1m_cache_write_1h": rates.cache_write_1h,
        "cost_per_1k_web_searches": rates.cost_per_1k_web_searches,
    }


def _source(quote: Quote) -> str:
    if quote.source == "config":
        return "config.toml of this project"
    since = f", since {quote.price.since}" if quote.price.since else ""
    return f"{quote.price.model_id} in the catalogue ({catalog.version()}){since}"
