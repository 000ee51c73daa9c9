"""What ``pipe`` tells on stderr: bad lines, warnings, progress, the summary."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from agentd.cli.terminal import note, on_terminal, write_stderr
from agentd.clock import monotonic_ms
from agentd.metering.money import usd
from agentd.pipe.summary import QUOTA, summary_json, summary_text
from agentd.pipe.worker import WorkerDied

if TYPE_CHECKING:
    from agentd.pipe.batch import Counted, LineOptions
    from agentd.pipe.line_totals import LineTotals, Quota
    from agentd.pipe.stream import Stream

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
            shown = summary_json if form == "json" else summary_text
            note(shown(totals, ended_by=ended_by, with_costs=self._options.with_costs))


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
