"""One request and its answer on their way through the relay: what is told of it, and when."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass, field, replace
from secrets import token_hex

from agentd.meter.request_log import RequestLog
from agentd.metering.dialects import Answer, Asked, Dialect
from agentd.metering.requests import ApiRequest

_LOGGER = logging.getLogger(__name__)
_FIRST_UNBILLED = 300  # redirects have no answer of a model, nor have errors
_TOKENS_PER_BYTE = 0.25  # of a run's first request, until its body is counted
_COUNTED_BYTES = 1 << 18  # tokens of a byte hardly differ beyond


@dataclass(slots=True)
class Ratios:
    """How many tokens a byte of a request's body was, by thread and model."""

    _known: dict[tuple[str, str], float] = field(default_factory=dict)

    def input_tokens(self, asked: Asked) -> int:
        """An estimate of a request's input, by the request before that is most like it."""
        return round(asked.body_bytes * self._nearest(asked))

    def to_be_counted(self, body: bytes) -> bytes:
        """As much of a body as must be counted where its input stays unknown; of a first one."""
        return b"" if self._known else body[:_COUNTED_BYTES]

    def learn(self, asked: Asked, request: ApiRequest) -> None:
        """A request has told its input."""
        if asked.body_bytes and "input_tokens" not in request.estimated:
            self._known.pop((asked.thread, asked.model), None)  # the last learned stands last
            self._known[asked.thread, asked.model] = request.usage.input_tokens / asked.body_bytes

    def _nearest(self, asked: Asked) -> float:
        """Of its thread and model, else of its model, else of any: the last one learned."""
        known = self._known
        of_model = [ratio for (_, model), ratio in known.items() if model == asked.model]
        last = (of_model or [*known.values()] or [_TOKENS_PER_BYTE])[-1]
        return known.get((asked.thread, asked.model), last)


@dataclass(slots=True)
class Exchange:
    """A request that is metered, from when it is sent until its answer is over.

    ``input_tokens`` is an estimate; ``counted`` the part of the body that makes a better one.
    """

    dialect: Dialect
    asked: Asked
    input_tokens: int
    log: RequestLog
    counted: bytes = b""
    key: str = field(default_factory=lambda: token_hex(6))
    _status: int | None = None
    _unreached: bool = False
    _is_page: bool = False
    _answer: Answer | None = None
    _told: list[ApiRequest] = field(default_factory=list)
    _final_is_told: bool = False
    _over: list[ApiRequest] | None = None

    def sent(self) -> None:
        """The request goes out."""
        self.log.started(self.key, self.asked, input_tokens=self.input_tokens)

    def unreached(self) -> None:
        """The API could not be reached, so that nothing is billed."""
        self._unreached = True

    def answered(self, status: int, content_encoding: str, *, is_page: bool = False) -> None:
        """The headers of the answer have come; ``is_page``: it is HTML, such as a login's."""
        self._status, self._is_page = status, is_page
        self._answer = self.dialect.answer(content_encoding)

    def feed(self, data: bytes) -> None:
        """The next block of the answer, before the CLI has it.

        A stream's first word on its usage and its last are logged at once: a CLI that has them may
        be done, and whatever is killed then, they count.
        """
        if self._answer is None:
            return
        self._answer.feed(data)
        has_ended = self._answer.has_ended and not self._final_is_told
        if has_ended or (not self._told and self._answer.is_stream):
            told = self._requests()
            if any(any(request.usage.counts()) for request in told):
                self._told, self._final_is_told = told, has_ended
                with contextlib.suppress(OSError):  # a full disk breaks no answer off
                    self.log.answering(self.key, told)

    def over(self) -> list[ApiRequest]:
        """The answer is at its end, or cut; said once, or again. Returns what is known of it.

        No error, redirect or web page is billed, unless it tells a usage. A request whose end
        nobody told, or whose counts are none, gets estimates, which say so.
        """
        if self._over is None:
            self._over = self._end()
        return self._over

    def _end(self) -> list[ApiRequest]:
        if self._answer:
            self._answer.end()
        requests = self._requests()
        failed = (
            self._unreached
            or (self._is_page and not (self._answer and self._answer.text()))
            or (self._status is not None and self._status >= _FIRST_UNBILLED)
        )
        if not failed and not (requests and requests[0].exact):
            requests = [self._estimated(requests[0] if requests else ApiRequest()), *requests[1:]]
        try:
            self.log.ended(self.key, self._status, requests)
        except OSError as error:  # its beginning is there, so it counts by estimate
            _LOGGER.warning("the end of a request can't be recorded: %s", error.strerror)
        return requests

    def _requests(self) -> list[ApiRequest]:
        found = self._answer.requests() if self._answer else []
        return [
            replace(
                request,
                model=request.model or self.asked.model,
                thread=self.asked.thread if request.thread == "main" else request.thread,
            )
            for request in found
        ]

    def _estimated(self, request: ApiRequest) -> ApiRequest:
        """The request with its input by the thread's ratio, its output by the text that came."""
        usage, missing = request.usage, set(request.estimated)
        input_tokens = usage.input_tokens
        model = request.model or self.asked.model
        if not input_tokens:
            input_tokens = self._counted_input_tokens(model) or self.input_tokens
            missing.add("input_tokens")
        output = usage.output_tokens
        if not request.ended or "output_tokens" in missing:
            missing.add("output_tokens")
            text = self._answer.text() if self._answer else ""
            output = max(output, _count(text, model))
        return replace(
            request,
            model=model,
            thread=self.asked.thread,
            usage=replace(usage, input_tokens=input_tokens, output_tokens=output),
            estimated=frozenset(missing),
        )

    def _counted_input_tokens(self, model: str) -> int:
        """The tokens of the whole body, by the part that is to be counted; 0 without one."""
        tokens = _count(self.counted.decode("utf-8", errors="replace"), model)
        return round(tokens * self.asked.body_bytes / max(1, len(self.counted)))


def _count(text: str, model: str) -> int:
    if not text:
        return 0
    from agentd.metering.tokens import count_once

    return count_once(text, model)
