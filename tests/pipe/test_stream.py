"""The stream of `agentd pipe` over generated input, in this process: many cases, quickly.

The tokenizers are loaded once, here; the worker processes are forks that have them already.
"""

from __future__ import annotations

import json
import tempfile
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.pipe_lines import bad_lines, good_lines
from support.slices import part_of

from agentd.clock import utc_now
from agentd.metering.catalog import CatalogPrice
from agentd.metering.pricing import PriceBook
from agentd.metering.tokens import count_tokens
from agentd.pipe.batch import LineOptions
from agentd.pipe.json_lines import FieldPath
from agentd.pipe.line_totals import Limits, LineTotals
from agentd.pipe.stream import End, Stream

BOOK = PriceBook(config={}, sources=("catalog",))
NOW = utc_now()


@pytest.fixture(scope="module", autouse=True)
def loaded_tokenizers() -> None:
    for model in ("gpt-4o", "gpt-4"):
        count_tokens("", model)


def look_up(model: str) -> CatalogPrice | None:
    quote = BOOK.quote(model, at=NOW)
    return quote.price if quote else None


def stream(
    data: bytes, workers: int, limits: Limits, *, fail_on_error: bool
) -> tuple[bytes, End, LineTotals]:
    """What is written, how it ended, and the totals."""
    options = LineOptions(
        model="gpt-4o",
        model_field=FieldPath("m"),
        text=FieldPath("text"),
        with_costs=True,
        fail_on_error=fail_on_error,
        limits=limits,
    )
    run = Stream(options, look_up, workers=workers, on_written=lambda *_: None)
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as sink:
        source.write(data)
        source.seek(0)
        end = run.run(source.fileno(), sink.fileno())
        sink.seek(0)
        return sink.read(), end, run.totals


def records(output: bytes) -> list[dict[str, Any]]:
    return [json.loads(line, parse_float=Decimal) for line in output.split(b"\n")[:-1]]


lines = st.lists(st.one_of(good_lines, good_lines, good_lines, bad_lines), max_size=30)
quotas = st.one_of(
    st.just(Limits(max_tokens=None, max_cost_usd=None)),
    st.builds(lambda tokens: Limits(max_tokens=tokens, max_cost_usd=None), st.integers(0, 30_000)),
    st.builds(
        lambda units: Limits(max_tokens=None, max_cost_usd=Decimal(units).scaleb(-6)),
        st.integers(0, 60_000),
    ),
)


@pytest.mark.reliability
@settings(max_examples=part_of(100))
@given(lines, quotas, st.booleans(), st.booleans())
def test_any_number_of_workers_gives_the_same_and_the_sums_are_those_of_the_lines(
    few: list[bytes], limits: Limits, fail_on_error: bool, many: bool
) -> None:
    # Repeated, it is several chunks.
    some = few * (250_000 // (sum(map(len, few)) + len(few) + 1)) if many else few
    data = b"\n".join(some)
    one, two, eight = (
        stream(data, workers, limits, fail_on_error=fail_on_error) for workers in (1, 2, 8)
    )
    assert one == two == eight
    output, end, totals = one
    written = records(output)
    assert totals.lines - totals.failed == len(written)
    assert totals.input_tokens == sum(record["tokens_input"] for record in written)
    assert totals.output_tokens == sum(record["tokens_output"] or 0 for record in written)
    assert totals.input_cost_usd == sum(record["cost_input_usd"] or 0 for record in written)
    assert totals.output_cost_usd == sum(record["cost_output_usd"] or 0 for record in written)
    assert limits.crossed(totals.tokens, totals.cost_usd) is None
    if end in ("tokens", "cost"):
        check_the_next_line_would_cross(data, len(written), totals, limits)


def check_the_next_line_would_cross(
    data: bytes, written: int, totals: LineTotals, limits: Limits
) -> None:
    cost_counts = limits.max_cost_usd is not None  # then a line without a price is a bad one
    unlimited = Limits(max_tokens=None, max_cost_usd=Decimal(10**9) if cost_counts else None)
    whole, _, _ = stream(data, 1, unlimited, fail_on_error=False)
    record = records(whole)[written]
    tokens = record["tokens_input"] + (record["tokens_output"] or 0)
    assert limits.crossed(totals.tokens + tokens, totals.cost_usd + (record["cost_usd"] or 0))
