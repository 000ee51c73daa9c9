"""The command ``pipe``: JSON lines in, the same lines out with their tokens and costs."""

from __future__ import annotations

import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from agentd.errors import BudgetExceeded, InputError, UsageError

if TYPE_CHECKING:
    from agentd.cli.pipe_report import PipeReport
    from agentd.metering.catalog import CatalogPrice
    from agentd.metering.pricing import PriceBook
    from agentd.pipe.batch import LineOptions
    from agentd.pipe.models import PriceLookup

_MAX_WORKERS = 64
_MAX_TOKENS = 10**15
_MAX_COST_USD = 10**12


def _max_cost(text: str) -> Decimal:
    plain = re.fullmatch(r"[0-9]{1,13}(\.[0-9]{0,30})?|\.[0-9]{1,30}", text)
    if plain and Decimal(text) <= _MAX_COST_USD:
        return Decimal(text)
    raise typer.BadParameter(f"{text!r} is no amount in USD from 0 to {_MAX_COST_USD}, as 2.50 is.")


def pipe(
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="The model of lines that name none themselves (default without --model-field: "
            "that of the project's first provider, else a generic estimate).",
        ),
    ] = None,
    model_field: Annotated[
        str | None,
        typer.Option(
            "--model-field",
            metavar="FIELD",
            help="The field with a line's own model; a line without it takes --model.",
        ),
    ] = None,
    field: Annotated[
        str,
        typer.Option(
            "--field",
            metavar="FIELD",
            help="The field to count: a key, or a path such as request.body.prompt or "
            "messages.0.content. It holds a string or chat messages.",
        ),
    ] = "text",
    mode: Annotated[
        Literal["tokens", "price"], typer.Option("--mode", help="Add tokens alone, or costs too.")
    ] = "price",
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            metavar="N",
            min=1,
            max=_MAX_WORKERS,
            help="How many processes count. The output is the same with any number.",
        ),
    ] = 1,
    max_tokens: Annotated[
        int | None,
        typer.Option(
            "--max-tokens",
            metavar="N",
            min=0,
            max=_MAX_TOKENS,
            help="Stop before the line that would bring input and output tokens above N in all.",
        ),
    ] = None,
    max_cost: Annotated[
        Decimal | None,
        typer.Option(
            "--max-cost",
            metavar="USD",
            parser=_max_cost,
            help="Stop before the line that would bring the cost above USD in all. A line whose "
            "price is not known is bad.",
        ),
    ] = None,
    fail_on_error: Annotated[
        bool, typer.Option("--fail-on-error", help="Stop at the first bad line, with exit code 1.")
    ] = False,
    summary: Annotated[
        bool, typer.Option("--summary", help="Print totals to stderr at the end.")
    ] = False,
    summary_format: Annotated[
        Literal["text", "json"] | None,
        typer.Option(
            "--summary-format", help="Print the summary in this form; text if only --summary."
        ),
    ] = None,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet", "-q", help="Report no bad lines, warnings and progress; errors still are."
        ),
    ] = False,
) -> None:
    """Add tokens and costs to JSON lines.

    Reads one JSON object per line from stdin and writes each to stdout with model, tokens_input,
    tokens_output, tokenizer, accuracy, approximate, cost_input_usd, cost_output_usd and cost_usd
    added, in the order of the input. A tokens_output that a line brings along is priced. A bad line
    is reported on stderr and left out. Exit code 3 when a quota stopped it; no line that would
    have crossed the quota is written.
    """
    from agentd.cli.arguments import check_model
    from agentd.cli.pipe_report import PipeReport
    from agentd.cli.terminal import is_closed, note
    from agentd.pipe.batch import LineOptions
    from agentd.pipe.json_lines import FieldPath
    from agentd.pipe.line_totals import Limits
    from agentd.project.prices import open_prices

    if model is not None:
        check_model(model)
    if max_cost is not None and mode == "tokens":
        raise UsageError(
            "--max-cost needs costs, which --mode tokens leaves out", fix="Leave one out."
        )
    if is_closed(sys.stdin) or is_closed(sys.stdout):
        raise InputError("stdin or stdout is closed", fix="Give it lines: agentd pipe < FILE")
    quoting = open_prices(Path.cwd())
    if model is None and model_field is None:
        model, told = quoting.usual_model()
        if not quiet:
            note(f"note: without --model: {told}")
    options = LineOptions(
        model=quoting.full_name(model) if model is not None else None,
        model_field=None if model_field is None else FieldPath(model_field),
        text=FieldPath(field),
        with_costs=mode == "price",
        fail_on_error=fail_on_error,
        limits=Limits(max_tokens=max_tokens, max_cost_usd=max_cost),
        ids=quoting.ids(),
    )
    if sys.stdin.isatty() and not quiet:
        note("Reading JSON lines from the terminal, up to Ctrl-D.")
    form = summary_format or ("text" if summary else None)
    _run(
        options,
        _price_lookup(quoting.prices),
        workers,
        PipeReport(options, summary_format=form, quiet=quiet),
    )


def _run(options: LineOptions, look_up: PriceLookup, workers: int, report: PipeReport) -> None:
    from agentd.cli.pipe_report import QUOTA
    from agentd.pipe.stream import BadLineFound, Stream

    stream = Stream(options, look_up, workers=workers, on_written=report.written)
    with report.watching(stream):
        end = stream.run(sys.stdin.fileno(), sys.stdout.fileno())
    if end is None:
        report.finish(stream.totals)
        if stream.totals.failed and stream.totals.failed == stream.totals.lines:
            raise InputError(
                f"none of the {stream.totals.lines} lines could be counted",
                fix="Look at one line without --quiet: --field names the field to count, "
                "--model-field the one with the model.",
            )
    elif isinstance(end, BadLineFound):
        report.finish(stream.totals, ended_by="bad line")
        raise InputError(
            f"line {end.number}: {end.reason}",
            fix="Mend the line; without --fail-on-error bad lines are left out.",
        )
    else:
        report.quota_exceeded(end)
        report.finish(stream.totals, ended_by=QUOTA)
        raise typer.Exit(BudgetExceeded.exit_code)


def _price_lookup(prices: PriceBook) -> PriceLookup:
    from agentd.clock import utc_now

    now = utc_now()  # one price for all lines, however long it takes

    def look_up(model: str) -> CatalogPrice | None:
        quote = prices.quote(model, at=now)
        return quote.price if quote else None

    return look_up
