"""A call while it runs: one line rewritten in place on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from collections.abc import Iterable, Iterator

from agentd.cli.calls_text import describe
from agentd.cli.terminal import note, same_file, width, write_stderr
from agentd.masking import without_keys
from agentd.metering.call import CallRecord
from agentd.metering.money import usd
from agentd.providers.activity import Snapshot
from agentd.streams import on_terminal
from agentd.text import counted, cut, plain
from agentd.text import width as text_width
from agentd.workflow.order import Begun, Watched

_ERASE = "\r\x1b[K"
_TOOL = 7  # it gives way first
_LEAST_TOOL = 12  # columns in which a tool still says something


class Progress:
    """Shows calls on stderr and keeps those that this command has made.

    ``verdicts`` are those of the judging ones, by call id; show_outcome adds them. ``whys`` say
    which model was chosen for a call, and why.
    """

    def __init__(self, *, quiet: bool = False, verbose: bool = False) -> None:
        self.quiet = quiet
        self.calls: list[CallRecord] = []
        self.verdicts: dict[str, str] = {}
        self._verbose = verbose
        self.whys: dict[str, str] = {}
        # The log of a job has both streams, and nobody looks on, also where a CI gives it a
        # terminal: a line a call, at its end.
        self._in_a_log = bool(os.environ.get("CI"))
        self._live = not quiet and not self._in_a_log and on_terminal(sys.stderr)
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
        if not self._live and not self._in_a_log:
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
                if begun.why:
                    chosen = begun.model or watched.record.model
                    self.whys[watched.record.id] = f"{chosen}: {begun.why}"
                self.note(f"{begun.step}: {describe(watched.record)}")

    def shows(self, call: CallRecord) -> bool:
        """Whether the terminal or file that stdout goes to has this call's line already."""
        return not self.quiet and call in self.calls and (self._in_a_log or same_file())

    def _show(self, begun: Begun, seen: Snapshot) -> None:
        if seen.text:
            if self._live:
                write_stderr(_ERASE)
            self._say(seen.text)
        if self._live and _takes_more():
            write_stderr(f"\r{line(begun, seen, (width(sys.stderr) or 80) - 1)}\x1b[K")

    def _say(self, text: str) -> None:
        """The CLI's text, whole lines only, no two blank ones in a row."""
        *lines, self._unfinished = (self._unfinished + text).split("\n")
        for said in map(str.rstrip, lines):
            if said or not self._blank:
                note(f"  {said}".rstrip())
            self._blank = not said


def line(begun: Begun, seen: Snapshot, columns: int) -> str:
    """Round and step, provider, model, time, what call and change have used, tool; what there is
    room for.
    """
    seconds = seen.elapsed_ms // 1000
    hours = f"{seconds // 3600}:{seconds // 60 % 60:02}" if seconds >= 3600 else f"{seconds // 60}"
    cost, usage = begun.cost_so_far(seen), seen.usage
    spent_usd = begun.spent_usd + (cost or 0)
    which = f"{begun.round[0]}/{begun.round[1]} " if begun.round else ""
    parts = [  # in the order in which they are shown, each with how soon it gives way
        (0, f"{which}{begun.step}"),
        (6, begun.provider),
        (3, seen.model or begun.model or ""),
        (2, f"{hours}:{seconds % 60:02}"),
        (0, f"in {usage.input_tokens:,} out {usage.output_tokens:,}" if usage else ""),
        (5, counted(seen.requests, "request") if seen.requests else ""),
        (1, usd(cost) if cost is not None else ""),
        (1 if cost is None else 4, f"change {usd(spent_usd)}" if spent_usd else ""),
        (_TOOL, seen.tool or ""),
    ]
    # What is left of a key that was cut is not known for one, so keys go first.
    texts = [
        (rank, without_keys(" ".join(plain(part).split()), os.environ))
        for rank, part in parts
        if part
    ]
    while len(texts) > 1 and text_width(_joined(texts)) > columns:
        rank, text = last = max(texts, key=lambda each: each[0])
        texts.remove(last)
        room = columns - text_width(_joined(texts)) - 2
        if rank == _TOOL and room >= _LEAST_TOOL:
            texts.append((0, cut(text, room, "…")))
    return cut(_joined(texts), columns)


def _joined(texts: Iterable[tuple[int, str]]) -> str:
    return "  ".join(text for _, text in texts)


def _takes_more() -> bool:
    """Whether the terminal takes output now: one that was stopped (Ctrl-S) must not hold us up."""
    try:
        return bool(select.select([], [sys.stderr], [], 0)[1])
    except (OSError, ValueError, TypeError):  # closed meanwhile, or a number beyond select's
        return False
