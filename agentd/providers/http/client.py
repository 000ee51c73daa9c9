"""One request to a server, and its answer as it comes; its usage by the readers of the relay."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from agentd.clock import utc_now
from agentd.json_value import json_value
from agentd.late_pattern import late_pattern
from agentd.metering.dialects import dialect_of, plain_path
from agentd.metering.dialects.answers import Answer, AnswerReading
from agentd.metering.requests import ApiRequest
from agentd.providers.http import failures
from agentd.providers.http.apis import FORMS, ApiForm, error_of
from agentd.providers.http.ending import Ending, check_end
from agentd.providers.http.failures import failed
from agentd.providers.http.options import Options
from agentd.providers.http.so_far import SoFar
from agentd.providers.http.thoughts import has_thoughts
from agentd.providers.network import broken_proxy, proxy_of, read_at_most, session_to, why_unreached
from agentd.version import __version__

_CONNECT_S = 10.0
_MAX_ERROR_BYTES = 1 << 16
_MAX_WHOLE_BYTES = 16 << 20
_MAX_STREAM_BYTES = 64 << 20  # events around few tokens each are long
_MAX_TEXT_CHARS = 4_000_000
_DONE = late_pattern(rb"data: ?\[DONE\]\s*$")
_KEY = late_pattern(r"[\x21-\x7e]+")

Hear = Callable[[str], None]
"""Takes the next piece of the answer's text."""


class Exchange:
    """One request. ``requests`` tells, also after a failure, what is known of its usage.

    ``sent``: the request may have gone out. ``so_far`` is told of the answer as it comes.
    """

    def __init__(
        self,
        options: Options,
        hear: Hear,
        environ: Mapping[str, str],
        so_far: SoFar | None = None,
    ) -> None:
        self._options = options
        self._so_far = so_far
        self._form: ApiForm = FORMS[options.api]
        self._hear = hear
        self._environ = environ
        self._answer: Answer | None = None
        self._texts: list[str] = []
        self._chars, self._thinks = 0, False
        self._error = ""
        self.sent = False

    def requests(self) -> list[ApiRequest]:
        """The request as far as the server has told of it; none before its answer."""
        return self._answer.requests() if self._answer else []

    def secrets(self) -> list[str]:
        """The values that stand in no message: keys of the environment."""
        names = (self._options.key_env, *self._options.header_envs.values())
        return [value for name in names if (value := self._environ.get(name, "").strip())]

    async def ask(self, prompt: str) -> None:
        """Send the prompt and hear the answer to its end. Raises :class:`Failed`."""
        options = self._options
        headers = self.headers()
        body = json.dumps(self._form.body(options, prompt)).encode()
        url = options.url(self._form.path)
        proxy = None if options.at else proxy_of(url)
        self.sent = True
        try:
            async with (
                session_to(url, auto_decompress=True) as session,
                session.post(
                    URL(url, encoded=True),
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    proxy=proxy,
                    timeout=aiohttp.ClientTimeout(
                        total=options.timeout_secs, sock_connect=_CONNECT_S
                    ),
                ) as answer,
            ):
                await self._take(answer)
        except (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError) as error:
            raise failures.unreached(why_unreached(error, url), options) from None
        except TimeoutError:
            limit = f"{options.timeout_secs} s (timeout_secs in {options.section})"
            raise failed("timeout", f"{options.host} did not end its answer in {limit}") from None
        except aiohttp.ClientError as error:
            told = f"{options.host} broke its answer off ({type(error).__name__})"
            raise failed("network", told) from None

    def headers(self) -> dict[str, str]:
        """The headers of a request. Raises :class:`Failed` where a key is missing, or not safe."""
        self._check_proxy()
        options = self._options
        named = {**options.header_envs} | ({"": options.key_env} if options.key_env else {})
        values = {}
        for header, variable in named.items():
            value = self._environ.get(variable, "").strip()
            if not value:
                told = f"the environment has no {variable}, which {options.section} names"
                raise failed("auth", told)
            if not _KEY.fullmatch(value.replace(" ", "") if header else value):
                told = f"what stands in {variable} can't be sent: it is no line of plain ASCII"
                raise failed("auth", told)
            values[header] = value
        key = values.pop("", "")
        return {
            "content-type": "application/json",
            "accept": "text/event-stream" if options.stream else "application/json",
            "accept-encoding": "identity",
            "user-agent": f"agentd/{__version__}",
            **self._form.headers(key),
            **values,
        }

    def _check_proxy(self) -> None:
        """It must be one; and without TLS it reads the key, and is another host."""
        options = self._options
        if wrong := broken_proxy(options.base_url):
            name = urlsplit(options.base_url).hostname
            told = f"the proxy that the environment names for {options.host} {wrong}: correct it"
            raise failed("refused", f"{told}, or put {name} into NO_PROXY")
        if not self.secrets() or urlsplit(options.base_url).scheme == "https":
            return
        if proxy := proxy_of(options.base_url):
            raise failed(
                "refused",
                f"the environment names a proxy ({urlsplit(proxy).hostname}) for {options.host}, "
                "and base_url is http, so the proxy would read the key: use https, or put "
                f"{urlsplit(options.base_url).hostname} into NO_PROXY",
            )

    async def _take(self, answer: aiohttp.ClientResponse) -> None:
        options = self._options
        if answer.status // 100 != 2:
            body = await read_at_most(answer.content, _MAX_ERROR_BYTES)
            headers = {name.lower(): value for name, value in answer.headers.items()}
            raise failures.of_status(answer.status, headers, body, options, utc_now())
        dialect = dialect_of("POST", plain_path(self._form.path))
        assert dialect is not None
        self._answer = Answer(_Heard(dialect.reading(), self._event, self._so_far))
        decoder = codecs.getincrementaldecoder("utf-8")()
        first, kept, size = b"", bytearray(), 0
        async for block in answer.content.iter_any():
            size += len(block)
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                raise failed("refused", f"the answer of {options.host} is not UTF-8") from error
            first = first or block.lstrip(b" \t\r\n\xef\xbb\xbf")[:_MAX_ERROR_BYTES]
            if first.startswith(b"<"):
                raise failures.of_page(first, options)
            self._answer.feed(block)
            is_stream = self._answer.is_stream
            kept += block
            if is_stream:
                del kept[: max(0, len(kept) - 64)]  # the last of it may be [DONE]
            if size > (_MAX_STREAM_BYTES if is_stream else _MAX_WHOLE_BYTES):
                told = f"the answer of {options.host} has no end: stopped after {size >> 20} MiB"
                raise failed("refused", told)
            if self._error:
                break
        self._answer.end()
        if not self._answer.is_stream:
            self._whole(bytes(kept))
        check_end(
            Ending(
                finish=next((one.finish for one in self.requests()), None),
                was_done=bool(_DONE.search(kept)),
                error=self._error,
                text="".join(self._texts),
                thinks=self._thinks or any(map(_thought, self.requests())),
            ),
            options,
        )

    def _event(self, event: Mapping[str, Any]) -> None:
        self._error = self._error or error_of(event)
        self._thinks = self._thinks or has_thoughts(event)
        self._say(self._form.event_text(event))

    def _whole(self, body: bytes) -> None:
        try:
            found = json_value(body)
        except ValueError:
            told = f"what {self._options.host} answered is no JSON" if body else "it is empty"
            raise failed("network", f"{self._options.host} broke its answer off: {told}") from None
        if isinstance(found, dict):
            self._error = error_of(found)
            self._thinks = has_thoughts(found)
            self._say(self._form.whole_text(found))

    def _say(self, text: str) -> None:
        if text and self._chars < _MAX_TEXT_CHARS:
            self._chars += len(text)
            self._texts.append(text)
            self._hear(text)
            if self._chars >= _MAX_TEXT_CHARS:
                told = f"the answer is longer than any document ({_MAX_TEXT_CHARS:,} characters)"
                raise failed("refused", told)


class _Heard:
    """A dialect's reading whose events are heard by somebody else, too."""

    def __init__(
        self,
        reading: AnswerReading,
        hear: Callable[[Mapping[str, Any]], None],
        so_far: SoFar | None,
    ) -> None:
        self._reading, self._hear, self._so_far = reading, hear, so_far
        self.wanted, self.every = reading.wanted, reading.every

    def event(self, event: Mapping[str, Any]) -> str:
        """Take an event; its text is not kept twice."""
        text = self._reading.event(event)
        if self._so_far is not None and text:
            self._so_far.add(text)
        if self._so_far is not None and ("usage" in event or "message" in event):
            for request in self._reading.requests()[:1]:
                self._so_far.told(request.usage)
        self._hear(event)
        return ""

    def whole(self, answer: Mapping[str, Any]) -> None:
        """Take an answer that is not streamed."""
        self._reading.whole(answer)

    @property
    def ended(self) -> bool:
        """Whether the API has told the final usage."""
        return self._reading.ended

    def requests(self) -> list[ApiRequest]:
        """What is known so far."""
        return self._reading.requests()


def _thought(request: ApiRequest) -> bool:
    return request.usage.reasoning_output_tokens > 0
