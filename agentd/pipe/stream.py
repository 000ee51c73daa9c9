"""Move lines from one file descriptor through the workers to another, in order."""

from __future__ import annotations

import os
import select
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from agentd.errors import InputError
from agentd.frozen import frozen
from agentd.metering.catalog import CatalogPrice
from agentd.metering.tokens import count_many
from agentd.metering.unpriced import is_local
from agentd.pipe.batch import Counted, LineOptions, count_chunk
from agentd.pipe.chunks import Data, LineCutter
from agentd.pipe.line_totals import LineTotals, Quota
from agentd.pipe.models import Models, PriceLookup
from agentd.pipe.pool import Pool
from agentd.pipe.worker import Work

_READ_BYTES = 64 * 1024
_CHUNK_BYTES = 64 * 1024  # busy workers wait for so much; an idle one takes what is there
_MAX_BYTES_UNDER_WAY = 64 * 1024 * 1024


@frozen()
class BadLineFound:
    """Where and why a run with ``fail_on_error`` ended; ``number`` counts from 1."""

    number: int
    reason: str


End = Quota | BadLineFound | None


class _Price(NamedTuple):
    """A task: know a price. It is looked up while the workers load their tokenizer."""

    model: str
    price: CatalogPrice | None


class _Lines(NamedTuple):
    """A task: count the lines; with ``spent`` up to the one that crosses a quota."""

    spent: LineTotals | None


@dataclass(slots=True, eq=False)
class _Chunk:
    """Lines under way until they are written."""

    lines: bytes
    counted: Counted | None = None
    output: Data = b""


class Stream:
    """One run. ``totals`` are those of the lines written so far, whatever ends it."""

    def __init__(
        self,
        options: LineOptions,
        look_up: PriceLookup,
        *,
        workers: int,
        on_written: Callable[[LineTotals, int, Counted], None],
    ) -> None:
        """``on_written`` gets the totals, how many lines came before a chunk, and its counts."""
        self.totals = LineTotals()
        self._options = options
        self._look_up = look_up
        self._on_written = on_written
        self._pool = Pool(self._begin, workers)
        self._cutter = LineCutter()
        self._under_way: deque[_Chunk] = deque()  # in the order of the input
        self._lines_before = 0
        self._input_ended = False

    def run(self, source: int, sink: int) -> End:
        """Go on until the input ends (None), a quota would be crossed, or a bad line is final.

        Raises InputError when a model's price is needed and not known, WorkerDied, and
        BrokenPipeError when nobody reads ``sink`` any more.
        """
        with self._pool:
            if self._options.model is not None and self._options.with_costs:
                model = self._options.model
                price = self._look_up(model)
                self._check_cost(model, price)
                self._pool.submit_to_all(_Price(model, price))
            while True:
                self._give_out()
                if self._input_ended and not self._under_way:
                    return None
                self._wait(source)
                if end := self._write_finished(sink):
                    return end

    def _check_cost(self, model: str, price: CatalogPrice | None) -> None:
        """A quota that can't hold for a single line is a mistake."""
        limited = self._options.limits.max_cost_usd is not None
        if limited and self._options.model_field is None and not (price or is_local(model)):
            raise InputError(
                f"no price is known for {model}, so --max-cost can't hold",
                fix="Give it one in agentd/config.toml ([pricing.models]), or use --max-tokens.",
            )

    def _begin(self) -> Work:
        """In a worker: get ready, and give the function that does a task."""
        options = self._options
        models = Models(self._look_up, with_costs=options.with_costs)
        if options.model is not None:
            count_many([""], options.model)  # loads the tokenizer

        def work(task: _Price | _Lines, lines: Data) -> tuple[Counted | None, bytes]:
            if isinstance(task, _Price):
                models.add(task.model, task.price)
                return None, b""
            return count_chunk(lines, options, models, task.spent)

        return work

    def _give_out(self) -> None:
        ready = self._cutter.ready_bytes
        if not ready or not self._pool.room():
            return
        under_way = sum(len(chunk.lines) for chunk in self._under_way)
        if under_way and under_way + ready > _MAX_BYTES_UNDER_WAY:
            return
        if ready >= _CHUNK_BYTES or self._input_ended or self._pool.idle():
            chunk = _Chunk(self._cutter.take())
            self._under_way.append(chunk)
            self._pool.submit(chunk, _Lines(None), chunk.lines)

    def _wait(self, source: int) -> None:
        """Wait until there is a result or some input, and take it."""
        wanted = not self._input_ended and self._cutter.ready_bytes < _CHUNK_BYTES
        results, readable = self._pool.wait(source if wanted else None)
        for chunk, counted, output in results:
            if chunk:
                chunk.counted, chunk.output = counted, output
        if readable:
            data = os.read(source, _READ_BYTES)
            self._input_ended = not data
            if data:
                self._cutter.feed(data)
            else:
                self._cutter.finish()

    def _write_finished(self, sink: int) -> End:
        """Write what is counted, up to the first chunk that is not."""
        limits, options = self._options.limits, self._options
        while self._under_way and (counted := self._under_way[0].counted):
            total = self.totals.plus(counted.totals)
            if not counted.quota and limits.crossed(total.tokens, total.cost_usd):
                self._count_again(self._under_way[0])
                return None
            _write(sink, self._under_way[0].output)
            self.totals = total
            self._on_written(total, self._lines_before, counted)
            if counted.quota:
                return counted.quota
            if counted.failures and options.fail_on_error:
                place, reason = counted.failures[0]
                return BadLineFound(self._lines_before + place, reason)
            self._lines_before += counted.lines
            self._under_way.popleft()
        return None

    def _count_again(self, chunk: _Chunk) -> None:
        """Find the line in it that crosses a quota; what comes after it does not matter."""
        chunk.counted = None
        self._input_ended = True
        while not self._pool.room():
            self._pool.wait(None)
        self._pool.submit(chunk, _Lines(self.totals), chunk.lines)


def _write(sink: int, output: Data) -> None:
    rest = memoryview(output)
    while rest:
        select.select([], [sink], [])  # it may be set not to block
        rest = rest[os.write(sink, rest) :]
