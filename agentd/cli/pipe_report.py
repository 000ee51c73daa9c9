"""What ``pipe`` tells on stderr: bad lines, warnings, progress, the summary."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from agentd.cli.terminal import note, write_stderr
from agentd.clock import monotonic_ms
from agentd.metering.money import decimal_text, usd
from agentd.pipe.worker import WorkerDied
from agentd.streams import on_terminal
from agentd.version import JSON_VERSION

if TYPE_CHECKING:
    from agentd.pipe.batch import Counted, LineOptions
    from agentd.pipe.line_totals import LineTotals, Quota
    from agentd.pipe.stream import Stream

QUOTA = "quota exceeded"
_ERASE = "\r\x1b[K"
_REFRESH_MS = 200


class PipeReport:
    """Shows one run; ``summary_format`` is text, json or None for no summary.

    A run that a quota ended is summed up in any case but ``quiet``.
    """

    def __init__(self, options: LineOptions, *, summary_format: str | None, quiet: bool) -> None:
        self._options = options
        self._format = summary_format
        self._quiet = quiet
        self._live = not quiet and on_terminal(sys.stderr) and not on_terminal(sys.stdout)
        self._shown_ms = 0

    @contextmanager
    def watching(self, stream: Stream) -> Iterator[None]:
        """Take SIGTERM like Ctrl-C; sum up what an interrupted or broken run has written."""
        before = signal.getsignal(signal.SIGTERM)
        if before is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _interrupt)
        try:
            yield
        except KeyboardInterrupt:
            self.finish(stream.totals, ended_by="interrupted")
            raise
        except WorkerDied:
            self.finish(stream.totals, ended_by="a worker died")
            raise
        finally:
            signal.signal(signal.SIGTERM, before)
            if self._live:
                write_stderr(_ERASE)

    def written(self, totals: LineTotals, lines_before: int, counted: Counted) -> None:
        """A chunk was written: report its bad lines; ``totals`` include it."""
        if self._quiet:
            return
        lines = []
        if not self._options.fail_on_error:  # there it is the error that ends the run
            lines = [f"line {lines_before + at}: {why}" for at, why in counted.failures]
        if self._live and (lines or monotonic_ms() - self._shown_ms >= _REFRESH_MS):
            write_stderr(_ERASE)
        if lines:
            note("\n".join(lines))
        if self._live and monotonic_ms() - self._shown_ms >= _REFRESH_MS:
            self._shown_ms = monotonic_ms()
            cost = f", {usd(totals.cost_usd)}" if self._options.with_costs else ""
            write_stderr(f"{totals.lines:,} lines, {totals.tokens:,} tokens{cost}")

    def quota_exceeded(self, quota: Quota) -> None:
        """Say which quota ended the run."""
        limits = self._options.limits
        limit = limits.max_tokens if quota == "tokens" else f"{limits.max_cost_usd:f}"
        name = "token" if quota == "tokens" else "cost"
        note(f"error: {name} quota exceeded (max_{quota}={limit}).")

    def finish(self, totals: LineTotals, *, ended_by: str | None = None) -> None:
        """Sum up; ``ended_by`` as in the summary."""
        form = self._format
        if form is None and ended_by == QUOTA and not self._quiet:
            form = "text"
        if form is not None:
            shown = _summary_json if form == "json" else _summary_text
            note(shown(totals, ended_by, with_costs=self._options.with_costs))


def _summary_text(totals: LineTotals, ended_by: str | None, *, with_costs: bool) -> str:
    """``summary: lines=5 (failed=1) tokens=30 (in=20 out=10) cost=$0.000300``."""
    head = f"summary (partial, {ended_by})" if ended_by else "summary"
    counts = f"tokens={totals.tokens} (in={totals.input_tokens} out={totals.output_tokens})"
    text = f"{head}: lines={totals.lines} (failed={totals.failed}) {counts}"
    if with_costs:
        text += f" cost={usd(totals.cost_usd)}"
    return text + (f" unpriced={totals.unpriced}" if totals.unpriced else "")


def _summary_json(totals: LineTotals, ended_by: str | None, *, with_costs: bool) -> str:
    """The same as one object in one line; its names are those of the lines where they can be."""
    costs = {
        "cost_input_usd": totals.input_cost_usd,
        "cost_output_usd": totals.output_cost_usd,
        "cost_usd": totals.cost_usd,
    }
    summary: dict[str, object] = {
        "version": JSON_VERSION,
        "lines_total": totals.lines,
        "lines_failed": totals.failed,
        "lines_unpriced": totals.unpriced,
        "tokens_input": totals.input_tokens,
        "tokens_output": totals.output_tokens,
        "tokens_total": totals.tokens,
        **(costs if with_costs else {}),
        "model": totals.model,
        "accuracy": totals.accuracy,
        "approximate": totals.accuracy != "exact" or totals.unpriced > 0 or totals.incomplete,
        "quota_hit": ended_by == QUOTA,
        "ended_by": ended_by,
    }
    members = (
        f'"{name}": {decimal_text(value) if isinstance(value, Decimal) else json.dumps(value)}'
        for name, value in summary.items()
    )
    return f"{{{', '.join(members)}}}"


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
