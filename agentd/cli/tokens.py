"""The command that counts a text's tokens: tokens."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentd.cli.options import AsJson
from agentd.cli.terminal import note, print_json, show

if TYPE_CHECKING:
    from agentd.metering.models import ModelSpec
    from agentd.metering.quote import Cost


def tokens(
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="[TEXT]", show_default=False, help="The text; without it, stdin's or --file's."
        ),
    ] = None,
    file: Annotated[
        str | None,
        typer.Option("--file", metavar="PATH", help="Count this file's text; - is stdin."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="A model's name, or a model id of the config (default: that of the project's "
            "first provider, else a generic estimate). Repeat it to compare models.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count the tokens of a text, and price them.

    They are counted offline and priced as input. The text is UTF-8 and counted as it is: the line
    end that echo puts after it counts too, and <|endoftext|> is plain text. "exact" is what
    OpenAI's tiktoken counts; "family" and "heuristic" are estimates. What a chat adds to each
    message is not counted.
    """
    from agentd.cli.arguments import check_model, read_text
    from agentd.clock import utc_now
    from agentd.metering.models import ModelRegistry
    from agentd.metering.tokens import count_once
    from agentd.metering.usage import ModelUsage
    from agentd.project.prices import open_prices

    gc.disable()  # the process ends at once; the price catalogue and the ranks are many objects
    wanted = model or []
    for asked in wanted:
        check_model(asked)
    content = read_text(text, file)
    quoting = open_prices(Path.cwd())
    if not wanted:
        usual, told = quoting.usual_model()
        note(f"note: without --model: {told}")
        wanted = [usual]
    counts = []
    for asked in wanted:
        name = quoting.full_name(asked)
        count = count_once(content, name)
        quote = quoting.prices.quote(name, at=utc_now())
        cost = quote.cost(ModelUsage(input_tokens=count)) if quote else None
        counts.append((ModelRegistry.resolve(name), count, cost))
    if as_json:
        documents = [_document(*counted) for counted in counts]
        print_json(documents[0] if len(documents) == 1 else {"models": documents})
    else:
        show(_text(counts))


def _text(counts: list[tuple[ModelSpec, int, Cost | None]]) -> str:
    from agentd.metering.money import usd
    from agentd.text import plain, table

    rows = [["MODEL", "TOKENIZER", "ACCURACY", "TOKENS", "INPUT COST"]]
    for spec, count, cost in counts:
        price = usd(cost.input_usd) if cost else "unknown"
        rows.append([plain(spec.name), spec.tokenizer, spec.accuracy, f"{count:,}", price])
    return table(rows, left=(0, 1, 2))


def _document(spec: ModelSpec, count: int, cost: Cost | None) -> dict[str, Any]:
    """One model's count; a text is all input, so the members of ``pipe`` have no output here."""
    return {
        "model": spec.name,
        "provider": spec.provider,
        "display_name": spec.display_name,
        "encoding": spec.encoding,
        "tokenizer": spec.tokenizer,
        "accuracy": spec.accuracy,
        "tokens": count,
        "tokens_input": count,
        "tokens_output": 0,
        "approximate": spec.accuracy != "exact" or cost is None,
        "cost_input_usd": cost.input_usd if cost else None,
        "cost_usd": cost.total_usd if cost else None,
        "cost_source": cost.source if cost else "none",
    }
