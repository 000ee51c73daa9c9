"""A call while it runs: one line rewritten in place on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from collections.abc import Iterator

from agentd.cli.calls_text import describe
from agentd.cli.terminal import note, on_terminal, same_file, width, write_stderr
from agentd.masking import without_keys
from agentd.metering.call import CallRecord
from agentd.metering.money import usd
from agentd.providers.activity import Snapshot
from agentd.text import counted, cut, plain
from agentd.workflow.order import Begun, Watched

_ERASE = "\r\x1b[K"


class Progress:
    """Shows calls on stderr and keeps those that this command has made.

    ``verdicts`` are those of the judging ones, by call id; show_outcome adds them.
    """

    def __init__(self, *, quiet: bool = False, verbose: bool = False) -> None:
        self.quiet = quiet
        self.calls: list[CallRecord] = []
        self.verdicts: dict[str, str] = {}
        self._verbose = verbose
        self._live = not quiet and on_terminal(sys.stderr)
        self._unfinished = ""
        self._blank = True

    def note(self, text: str) -> None:
        """Progress or a warning in a line of its own."""
        if not self.quiet:
            note(text)

    def warn(self, text: str) -> None:
        """What a person must see, --quiet or not."""
        if self._live:
            write_stderr(_ERASE)
        note(text)

    @contextlib.contextmanager
    def watching(self, begun: Begun) -> Iterator[Watched]:
        """Show a call from its begin to its end; the line in place goes away whatever happens."""
        if not self._live:
            self.note(f"{begun.step}: {begun.provider} {begun.model or '(its default model)'} ...")
        watched = Watched(live_text=self._verbose)
        if self._live or self._verbose:
            watched.watch = lambda seen: self._show(begun, seen)
        try:
            yield watched
        finally:
            if self._live:
                write_stderr(_ERASE)
            self._say("\n" if self._unfinished else "")
            if watched.record is not None:
                self.calls.append(watched.record)
                self.note(f"{begun.step}: {describe(watched.record)}")

    def shows(self, call: CallRecord) -> bool:
        """Whether the terminal or file that stdout goes to has this call's line already."""
        return not self.quiet and call in self.calls and same_file()

    def _show(self, begun: Begun, seen: Snapshot) -> None:
        if seen.text:
            if self._live:
                write_stderr(_ERASE)
            self._say(seen.text)
        if self._live and _takes_more():
            write_stderr(f"\r{cut(line(begun, seen), (width(sys.stderr) or 80) - 1)}\x1b[K")

    def _say(self, text: str) -> None:
        """The CLI's text, whole lines only, no two blank ones in a row."""
        *lines, self._unfinished = (self._unfinished + text).split("\n")
        for said in map(str.rstrip, lines):
            if said or not self._blank:
                note(f"  {said}".rstrip())
            self._blank = not said


def line(begun: Begun, seen: Snapshot) -> str:
    """Step, provider, model, time, what the call has used, what the change has cost, tool."""
    seconds = seen.elapsed_ms // 1000
    hours = f"{seconds // 3600}:{seconds // 60 % 60:02}" if seconds >= 3600 else f"{seconds // 60}"
    cost = begun.cost_so_far(seen)
    tokens = (
        f"in {seen.usage.input_tokens:,} out {seen.usage.output_tokens:,}" if seen.usage else ""
    )
    parts = (
        begun.step,
        begun.provider,
        seen.model or begun.model or "",
        f"{hours}:{seconds % 60:02}",
        tokens,
        counted(seen.requests, "request") if seen.requests else "",
        usd(cost) if cost is not None else "",
        f"change {usd(begun.spent_usd + (cost or 0))}",
        seen.tool or "",
    )
    shown = "  ".join(" ".join(plain(part).split()) for part in parts if part)
    return without_keys(shown, os.environ)


def _takes_more() -> bool:
    """Whether the terminal takes output now: one that was stopped (Ctrl-S) must not hold us up."""
    try:
        return bool(select.select([], [sys.stderr], [], 0)[1])
    except (OSError, ValueError, TypeError):  # closed meanwhile, or a number beyond select's
        return False
