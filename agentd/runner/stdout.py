"""One run's stdout on its way into its CLI's parser."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from agentd.errors import ParseError
from agentd.metering.requests import with_output_of_text
from agentd.providers.activity import Activity, Snapshot
from agentd.providers.base import Cli, Parsed, understood
from agentd.runner.run_folder import RunFolder
from agentd.runner.tail import MAX_LINE_BYTES, Tail

# The session id and the model stand in the first events; they are asked for early, because a parser
# that meets malformed usage later tells nothing at all.
_EARLY_EVENTS = 16


class Reading:
    """Follows ``folder.stdout``; ``pump`` and ``drain`` while the CLI runs, ``finish`` at its end.

    ``events`` is how many events the parser has taken.

    ``watched``: :meth:`seen` will be asked what the CLI does, ``live_text``: and what it says.
    """

    def __init__(
        self,
        folder: RunFolder,
        cli: Cli,
        *,
        watched: bool = False,
        live_text: bool = False,
    ) -> None:
        self.malformed: str | None = None
        self._folder = folder
        self._cli = cli
        self._parser = cli.new_parser()
        self.events = 0
        self._early = Parsed()
        self._activity = cli.activity if watched else None
        self._live_text, self._partial = live_text, False
        self._tool: str | None = None
        self._said: list[str] = []
        self._line_ended = True
        markers = cli.markers
        if self._activity is not None:
            markers += cli.activity_markers + (cli.text_markers if live_text else ())
        self._tail = Tail(folder.stdout, tuple(dict.fromkeys(markers)), self._feed)
        self.pump, self.drain = self._tail.pump, self._tail.drain

    def close(self) -> None:
        """Let go of the file."""
        self._tail.close()

    @property
    def saw_object(self) -> bool:
        """Whether the CLI printed anything like an event."""
        return self._tail.saw_object

    def so_far(self, *, resumed: bool) -> Parsed:
        """What was read so far. Usage that holds earlier runs is left out."""
        try:
            with understood():
                parsed = self._parser.parsed()
        except ParseError:
            return self._early
        return replace(parsed, usage=None) if parsed.running_total and resumed else parsed

    def seen(self, elapsed_ms: int, *, resumed: bool) -> Snapshot:
        """The run so far; its text is told once."""
        parsed = self.so_far(resumed=resumed)
        text = "".join(self._said)
        self._said.clear()
        return Snapshot(
            elapsed_ms=elapsed_ms,
            usage=parsed.usage,
            model=parsed.model,
            tool=self._tool,
            text=text,
        )

    def finish(self) -> Parsed:
        """Read what is left, and tell what was in it all.

        ``malformed`` then tells why there is no usage, when that is the parser's complaint.
        """
        self._tail.finish()
        parsed = self._parsed()
        if parsed == Parsed() and self.malformed is None:
            parsed = self._other_format()
        if self.malformed is not None:
            parsed = replace(parsed, usage=None, unsure=self.malformed)
        elif parsed.usage is None and self._tail.too_long_bytes:
            self.malformed = (
                f"a line of {self._tail.too_long_bytes} bytes on stdout was not read "
                f"(the limit is {MAX_LINE_BYTES})"
            )
        return self._with_cut_text(parsed)

    def _with_cut_text(self, parsed: Parsed) -> Parsed:
        """With the output of answers that were cut, counted from the text that came of them."""
        cut = frozenset(one.id for one in parsed.requests if one.id and one.is_cut)
        if not cut or self._cli.new_cut_text is None:
            return parsed
        texts = self._cli.new_cut_text(cut)
        tail = Tail(self._folder.stdout, texts.markers, texts.feed)
        with contextlib.suppress(ParseError), contextlib.closing(tail), understood():
            tail.finish()
        requests = (
            with_output_of_text(one, texts.text(one.id)) if one.id in cut and one.id else one
            for one in parsed.requests
        )
        return replace(parsed, requests=tuple(requests))

    def _feed(self, event: Mapping[str, Any]) -> None:
        if self._activity is not None:
            self._watch(event, self._activity)
        try:
            with understood():
                self._parser.feed(event)
            self.events += 1
        except ParseError as error:
            self.malformed = error.message
        if self.events <= _EARLY_EVENTS and not (self._early.session_id and self._early.model):
            # It may be told at the end, or be mended by then.
            with contextlib.suppress(ParseError), understood():
                known = self._parser.parsed()
                self._early = Parsed(session_id=known.session_id, model=known.model)

    def _watch(
        self, event: Mapping[str, Any], activity_of: Callable[[Mapping[str, Any]], Activity | None]
    ) -> None:
        with contextlib.suppress(ParseError), understood():
            if (activity := activity_of(event)) is not None:
                self._note(activity)

    def _note(self, activity: Activity) -> None:
        self._partial = self._partial or activity.partial
        if self._live_text and activity.text:
            told_before = self._partial and not activity.partial
            self._say("\n" if told_before else activity.text)
        if activity.tool is not None:
            self._tool = activity.tool or None
            if self._live_text and activity.tool:
                self._say("\n")
                self._say(f"> {activity.tool}\n")

    def _say(self, text: str) -> None:
        """``"\n"`` alone ends a line that has begun."""
        if text != "\n" or not self._line_ended:
            self._said.append(text)
            self._line_ended = text.endswith("\n")

    def _parsed(self) -> Parsed:
        try:
            with understood():
                return self._parser.parsed()
        except ParseError as error:
            self.malformed = error.message
            # The CLI ended its report, or there would be nothing to complain about.
            return replace(self._early, complete=True)

    def _other_format(self) -> Parsed:
        """The whole text at once: ``extra_args`` may have set a format that is not JSON lines."""
        from agentd.providers.output import parse_output

        if not 0 < self._folder.stdout.stat().st_size <= MAX_LINE_BYTES:
            return Parsed()
        text = self._folder.stdout.read_text(encoding="utf-8", errors="replace")
        try:
            with understood():
                return parse_output(text, self._cli)
        except ParseError as error:
            self.malformed = error.message
            return Parsed()
