"""One run's stdout on its way into the provider's parser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agentd.errors import ParseError
from agentd.runner.folder import RunFolder
from agentd.runner.providers.base import Parsed, Provider
from agentd.runner.tail import MAX_LINE_BYTES, Tail

# The session id stands in the first events; it is asked for early, because a parser that meets
# malformed usage later tells nothing at all.
_EARLY_EVENTS = 16


class Reading:
    """Follows ``folder.stdout``; ``pump`` while the CLI runs, ``finish`` when it has ended."""

    def __init__(self, folder: RunFolder, provider: Provider) -> None:
        self.malformed: str | None = None
        self._folder = folder
        self._provider = provider
        self._parser = provider.new_parser()
        self._events = 0
        self._session_id: str | None = None
        self._tail = Tail(folder.stdout, provider.markers, self._feed)
        self.pump = self._tail.pump

    def close(self) -> None:
        """Let go of the file."""
        self._tail.close()

    @property
    def saw_object(self) -> bool:
        """Whether the CLI printed anything like an event."""
        return self._tail.saw_object

    def finish(self) -> Parsed:
        """Read what is left, and tell what was in it all.

        ``malformed`` then tells why there is no usage, when that is the parser's complaint.
        """
        self._tail.finish()
        parsed = self._parsed()
        if parsed == Parsed() and self.malformed is None:
            parsed = self._other_format()
        if self.malformed is not None:
            parsed = replace(parsed, usage=None)
        elif parsed.usage is None and self._tail.too_long_bytes:
            self.malformed = (
                f"a line of {self._tail.too_long_bytes} bytes on stdout was not read "
                f"(the limit is {MAX_LINE_BYTES})"
            )
        return parsed

    def _feed(self, event: Mapping[str, Any]) -> None:
        try:
            self._parser.feed(event)
            if self._session_id is None and self._events < _EARLY_EVENTS:
                self._events += 1
                self._session_id = self._parser.parsed().session_id
        except ParseError as error:
            self.malformed = error.message

    def _parsed(self) -> Parsed:
        try:
            return self._parser.parsed()
        except ParseError as error:
            self.malformed = error.message
            # The CLI ended its report, or there would be nothing to complain about.
            return Parsed(session_id=self._session_id, complete=True)

    def _other_format(self) -> Parsed:
        """The whole text at once: ``extra_args`` may have set a format that is not JSON lines."""
        from agentd.runner.providers import parse_output

        if not 0 < self._folder.stdout.stat().st_size <= MAX_LINE_BYTES:
            return Parsed()
        text = self._folder.stdout.read_text(encoding="utf-8", errors="replace")
        try:
            return parse_output(text, self._provider)
        except ParseError as error:
            self.malformed = error.message
            return Parsed()
