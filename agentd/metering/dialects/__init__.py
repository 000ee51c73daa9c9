"""The APIs' own languages: what a request asks for, and what its answer was billed.

Pure: bytes in, values out, whatever carries them. A new one is a file here and a line in DIALECTS.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from agentd.frozen import frozen
from agentd.json_value import json_value
from agentd.metering.dialects import anthropic, gemini, openai_chat, openai_responses
from agentd.metering.dialects.answers import Answer, AnswerReading, decoded
from agentd.metering.dialects.asked import Asked, OfCli

__all__ = ["DIALECTS", "Answer", "Asked", "Dialect", "decoded", "dialect_of", "plain_path"]


@frozen(kw_only=True)
class Dialect:
    """One API's language. ``claims`` tells by method and path whether a request is billed in it."""

    name: str
    claims: Callable[[str, str], bool]
    asks: Callable[[str, Mapping[str, str], Mapping[str, Any]], Asked]
    reading: Callable[[], AnswerReading]

    def asked(
        self, path: str, headers: Mapping[str, str], body: bytes, of_cli: OfCli | None = None
    ) -> Asked:
        """What a request asks for; of a body that is no JSON object only its size is known."""
        try:
            document = json_value(body)
        except ValueError:
            document = None
        content = document if isinstance(document, dict) else {}
        found = self.asks(path, headers, content)
        if of_cli:
            found = of_cli(found, headers, content)
        return replace(found, body_bytes=len(body))

    def answer(self, content_encoding: str = "") -> Answer:
        """A reader of one answer."""
        return Answer(self.reading(), content_encoding)


DIALECTS = (
    Dialect(
        name="anthropic",
        claims=anthropic.claims,
        asks=anthropic.asked,
        reading=anthropic.AnthropicReading,
    ),
    Dialect(
        name="openai.responses",
        claims=openai_responses.claims,
        asks=openai_responses.asked,
        reading=openai_responses.ResponsesReading,
    ),
    Dialect(
        name="openai.chat",
        claims=openai_chat.claims,
        asks=openai_chat.asked,
        reading=openai_chat.ChatReading,
    ),
    Dialect(name="gemini", claims=gemini.claims, asks=gemini.asked, reading=gemini.GeminiReading),
)


def dialect_of(method: str, path: str) -> Dialect | None:
    """The dialect of a request, None where it is not billed. ``path`` is a ``plain_path``."""
    return next((dialect for dialect in DIALECTS if dialect.claims(method, path)), None)


def plain_path(target: str) -> str:
    """The path of a request's target as a server may understand it, however it is written.

    Without query, fragment and parameters, unquoted, without dots and empty parts.
    """
    path = unquote(re.split("[?#]", target, maxsplit=1)[0])
    return posixpath.normpath(path.partition(";")[0].strip())
