"""Count one chunk of lines: the work of a worker process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import localcontext
from itertools import islice
from typing import NamedTuple

from agentd.frozen import frozen
from agentd.metering.money import EXACT
from agentd.metering.tokens import count_many
from agentd.pipe import json_lines
from agentd.pipe.chunks import MAX_LINE_BYTES, Data, split_lines
from agentd.pipe.json_lines import BadLine, FieldPath
from agentd.pipe.jsontext import opened, opened_without
from agentd.pipe.line_totals import Limits, LineTotals, Quota
from agentd.pipe.models import Model, Models, members

_SPACE = " \t\r\ufeff"  # a byte order mark stands at the begin of some files
_TOO_BAD = f"not UTF-8, or longer than {MAX_LINE_BYTES >> 20} MiB"


@frozen(kw_only=True)
class LineOptions:
    """How a line is read: ``model`` for lines that don't name one, ``text`` the field to count.

    ``ids`` are other names of models, those of a project's config.
    """

    model: str | None
    model_field: FieldPath | None
    text: FieldPath
    with_costs: bool
    fail_on_error: bool
    limits: Limits
    ids: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Counted:
    """What became of a chunk, but for its output.

    ``lines`` is how many lines it has, blank ones too; ``failures`` holds places in the chunk
    (from 1) and reasons. ``quota`` names the quota that the line after the output would cross.
    """

    lines: int = 0
    totals: LineTotals = field(default_factory=LineTotals)
    failures: list[tuple[int, str]] = field(default_factory=list)
    quota: Quota | None = None


class _Row(NamedTuple):
    place: int
    opened: str  # the object's text, ready for more members
    model: str
    texts: int  # how many; they are counted apart
    given_output: int | None
    complete: bool


def count_chunk(
    chunk: Data, options: LineOptions, models: Models, spent: LineTotals | None = None
) -> tuple[Counted, bytes]:
    """Count whole lines, and give what is to be written; with ``spent`` up to the first line that
    crosses a quota.

    With ``fail_on_error`` it ends before the first bad line.
    """
    counted = Counted()
    texts: dict[str, list[str]] = {}
    rows: list[_Row] = []
    lines = split_lines(chunk)
    counted.lines = len(lines)
    for place, line in enumerate(lines, 1):
        try:
            row = _read(place, line, options, models, texts)
        except BadLine as error:
            counted.failures.append((place, str(error)))
            if options.fail_on_error:
                break
        else:
            if row:
                rows.append(row)
    counts = {model: iter(count_many(batch, model)) for model, batch in texts.items()}
    tokens = [sum(islice(counts[row.model], row.texts)) for row in rows]
    with localcontext(EXACT):
        output = _write(counted, zip(rows, tokens, strict=True), options.limits, models, spent)
    return counted, output


def _read(
    place: int, line: str | None, options: LineOptions, models: Models, texts: dict[str, list[str]]
) -> _Row | None:
    """One line; None for a blank one. Its texts are added to those of its model."""
    if line is None:
        raise BadLine(_TOO_BAD)
    line = line.strip(_SPACE)
    if not line:
        return None
    record = json_lines.parse(line)
    value = options.text.find(record)
    found, complete = [value], True
    if not isinstance(value, str):
        found, complete = json_lines.texts_of(value, options.text)
    model = _model(record, options)
    if options.limits.max_cost_usd is not None and not models[model].has_cost:
        raise BadLine(f"no price is known for {model}, so it can't be held against --max-cost")
    given_output = json_lines.output_tokens(record) if "tokens_output" in record else None
    added = members(with_costs=options.with_costs)
    if given_output is not None:
        added -= {"tokens_output"}
    text = opened(line) if added.isdisjoint(record) else opened_without(line, added)
    texts.setdefault(model, []).extend(found)
    return _Row(place, text, model, len(found), given_output, complete)


def _model(record: dict[str, object], options: LineOptions) -> str:
    if options.model_field:
        try:
            name = json_lines.model_name(options.model_field.find(record), options.model_field)
            return options.ids.get(name, name)
        except json_lines.NoField:
            if options.model is None:
                raise
    assert options.model is not None  # one of the two is given
    return options.model


def _write(
    counted: Counted,
    rows: Iterable[tuple[_Row, int]],
    limits: Limits,
    models: Models,
    spent: LineTotals | None,
) -> bytes:
    """Put the objects together, given their input tokens, and sum up."""
    totals = counted.totals
    output: list[str] = []
    last: Model | None = None
    for row, input_tokens in rows:
        model = models[row.model]
        output_tokens = row.given_output or 0
        ending = model.ending(input_tokens, row.given_output, row.complete)
        if spent is not None:
            cost_usd = ending.input_cost_usd + ending.output_cost_usd
            counted.quota = limits.crossed(
                spent.tokens + totals.tokens + input_tokens + output_tokens,
                spent.cost_usd + totals.cost_usd + cost_usd,
            )
            if counted.quota:
                counted.failures = [bad for bad in counted.failures if bad[0] < row.place]
                break
        output += (row.opened, ending.text)
        totals.lines += 1
        totals.input_tokens += input_tokens
        totals.output_tokens += output_tokens
        totals.input_cost_usd += ending.input_cost_usd
        totals.output_cost_usd += ending.output_cost_usd
        totals.incomplete |= not row.complete
        if not ending.priced:
            totals.unpriced += 1
        if model is not last:
            totals.add_model(model.spec.name, model.spec.accuracy)
            last = model
    totals.failed = len(counted.failures)
    totals.lines += totals.failed
    return "".join(output).encode()
