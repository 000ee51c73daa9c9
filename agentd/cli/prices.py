"""The commands that tell prices: price, models."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentd.cli.options import AsJson
from agentd.cli.terminal import print_json, show

if TYPE_CHECKING:
    from agentd.cli.price_text import TokensSource
    from agentd.metering.usage import ModelUsage
    from agentd.metering.variants import Variants

_MOST_TOKENS = 10**15  # a cost is exact up to here
_At = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="DATE",
        help="Use the prices of this day or time, such as 2025-06-10 or 2025-06-10T12:00:00Z; UTC "
        "unless it names a zone (default: now).",
    ),
]


def _count(flag: str, told: str) -> Any:
    return typer.Option(flag, metavar="N", min=0, max=_MOST_TOKENS, help=told)


def price(
    model: Annotated[
        str,
        typer.Option("--model", metavar="MODEL", help="A model's name, or a config's id of it."),
    ],
    tokens_in: Annotated[
        int | None, _count("--tokens-in", "All input, cached tokens included.")
    ] = None,
    tokens_out: Annotated[
        int | None, _count("--tokens-out", "All output, reasoning included (default: 0).")
    ] = None,
    cached: Annotated[
        int, _count("--cached", "How many of the input tokens are read from the cache.")
    ] = 0,
    cache_write: Annotated[
        int, _count("--cache-write", "How many of the input tokens are written to the cache.")
    ] = 0,
    cache_write_1h: Annotated[
        int,
        _count("--cache-write-1h", "How many of those written go to the one-hour cache."),
    ] = 0,
    web_searches: Annotated[
        int, _count("--web-searches", "How many web searches the API makes for it.")
    ] = 0,
    variant: Annotated[
        list[str] | None,
        typer.Option(
            "--variant",
            metavar="NAME=VALUE",
            help="What multiplies its price: speed=fast, service_tier=priority or geo=us. May be "
            "repeated.",
        ),
    ] = None,
    tokens: Annotated[
        int | None,
        _count("--tokens", "A bare total, split half and half into input and output: a guess."),
    ] = None,
    at: _At = None,
    as_json: AsJson = False,
) -> None:
    """Tell what one API request costs.

    Give --tokens-in or --tokens; without them the text on stdin is the input, and its tokens are
    counted. Uses the project's config.toml first, then the bundled catalogue: the prices in force
    on --at, and long-context rates. Exit code 1 when no price is known for it or for a part of it.
    """
    from agentd.cli.arguments import check_model
    from agentd.cli.output import as_error
    from agentd.cli.price_text import PricedRequest, as_document, as_text
    from agentd.errors import InputError
    from agentd.metering.models import ModelRegistry
    from agentd.metering.usage import ModelUsage
    from agentd.project.prices import open_prices

    check_model(model)
    moment = _moment(at)
    quoting = open_prices(Path.cwd())
    name = quoting.full_name(model)
    spec = ModelRegistry.resolve(name)
    given = ModelUsage(
        output_tokens=tokens_out or 0,
        cache_read_input_tokens=cached,
        cache_creation_input_tokens=cache_write or cache_write_1h,
        cache_creation_1h_input_tokens=cache_write_1h,
        web_searches=web_searches,
        variants=_variants(variant or ()),
    )
    usage, source = _usage(name, tokens, tokens_in, given)
    quote = quoting.prices.quote(name, at=moment, variants=given.variants)
    request = PricedRequest(spec, usage, source, quote, moment)
    lacks = "".join(f", {what}" for what in request.lacks)
    problem = InputError(f"no price is known for {name}{lacks}", fix=quoting.advice(name))
    if not request.priced and not as_json:
        raise problem
    if not request.priced:
        print_json({**as_document(request), "error": as_error(problem)})
        raise typer.Exit(problem.exit_code)
    if as_json:
        print_json(as_document(request))
    else:
        show(as_text(request))


def models(
    filter_: Annotated[
        str,
        typer.Argument(
            metavar="[FILTER]", show_default=False, help="Only names that contain this text."
        ),
    ] = "",
    at: _At = None,
    as_json: AsJson = False,
) -> None:
    """List models with their prices.

    Shows also how exactly their tokens are counted, by which tokenizer or estimate. Models that the
    project's config.toml prices come first, then those of the bundled catalogue. Prices are in USD
    per 1,000,000 tokens; "+" marks a model that costs more for a long input. Any other name works
    too: agentd price says what is known of it.
    """
    from agentd.cli.price_text import models_document, models_table
    from agentd.project.prices import open_prices

    moment = _moment(at)
    wanted = filter_.strip().lower()
    known = open_prices(Path.cwd()).models(moment)
    rows = [(spec, quote) for spec, quote in known if wanted in spec.name]
    if as_json:
        print_json(models_document(rows, moment))
    elif rows:
        show(models_table(rows))
    else:
        show(f"No listed model has {filter_!r} in its name.")


def _variants(told: Sequence[str]) -> Variants:
    """What is not standard of ``NAME=VALUE``, as the catalogue and the config name it."""
    import re

    from agentd.errors import UsageError
    from agentd.metering.variants import TEXT, from_text, variants_of

    text = ",".join(told)
    if told and not re.fullmatch(TEXT, text):
        raise UsageError(
            f"--variant {text}: no NAME=VALUE",
            fix="Write it as speed=fast; names are in small letters.",
        )
    return variants_of(dict(from_text(text)))


def _usage(
    model: str, tokens: int | None, tokens_in: int | None, given: ModelUsage
) -> tuple[ModelUsage | int, TokensSource]:
    """What is to be priced, and where its numbers come from; ``given`` is all but the input."""
    from agentd.errors import UsageError

    if tokens is not None:
        if tokens_in is not None or any((*given.counts(), given.web_searches, *given.variants)):
            raise UsageError(
                "--tokens is a bare total and goes with no other count",
                fix="Give --tokens-in and --tokens-out instead.",
            )
        return tokens, "split"
    source: TokensSource = "given"
    if tokens_in is None:
        tokens_in, source = _count_stdin(model), "counted"
    written = given.cache_creation_input_tokens
    cached = given.cache_read_input_tokens + written
    if cached > tokens_in:
        raise UsageError(
            f"--cached and --cache-write are {cached} tokens, more than the input's {tokens_in}",
            fix="--tokens-in is all input, cached tokens included.",
        )
    if given.cache_creation_1h_input_tokens > written:
        raise UsageError(
            f"--cache-write-1h is more than --cache-write {written}",
            fix="--cache-write is all that is written to the cache.",
        )
    return replace(given, input_tokens=tokens_in), source


def _count_stdin(model: str) -> int:
    """The tokens of the text on stdin, to its last line end."""
    from agentd.cli.arguments import read_text
    from agentd.errors import UsageError
    from agentd.metering.tokens import count_once

    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(
            "nothing to price", fix="Give --tokens-in N or --tokens N, or a text on stdin."
        )
    return count_once(read_text(None, "-"), model)


def _moment(text: str | None) -> datetime:
    from agentd.clock import from_iso, utc_now
    from agentd.errors import UsageError

    if text is None:
        return utc_now()
    try:
        return from_iso(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"--at {text}: no date", fix="Write it as 2025-06-10 or 2025-06-10T12:00:00Z."
        ) from error
