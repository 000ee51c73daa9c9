"""Gemini ``generateContent``: the Gemini API, Vertex AI, and Code Assist, which wraps the answer.

``usageMetadata`` stands in every chunk and grows; that of the last chunk, with a finish reason, is
final. ``promptTokenCount`` holds the cached tokens; thoughts stand beside the candidates, the
prompts of server tools beside the prompt. Grounding is billed by the query from Gemini 3 on, and
before that by the prompt that was grounded (Gemini API docs, "Grounding with Google Search").
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from agentd.late_pattern import late_pattern
from agentd.metering.dialects.asked import Asked
from agentd.metering.dialects.fields import items, malformed, mapping, text, tokens
from agentd.metering.dialects.json_parts import Path
from agentd.metering.requests import ApiRequest, Thread
from agentd.metering.usage import ModelUsage

_QUERIES: Path = ("candidates", "groundingMetadata", "webSearchQueries")
_CALL = late_pattern(r":(?:streamG|g)enerateContent$", re.IGNORECASE)
_MODEL = late_pattern(r"/models/([^/:]+):")
_FINISH = {"STOP": "stop", "MAX_TOKENS": "length", "MALFORMED_FUNCTION_CALL": "error"}
_BILLED_BY_PROMPT = late_pattern(r"gemini-[12]\b")
_ENDS_A_TASK = "complete_task"
_SERVER_TOOLS = {"googleSearch", "google_search", "urlContext", "url_context", "codeExecution"}


def claims(method: str, path: str) -> bool:
    """Whether a request of this path is billed, and answered in this dialect."""
    return method == "POST" and bool(_CALL.search(path))


def asked(path: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> Asked:
    """What the request asks for; Code Assist names the model in its body."""
    del headers
    inner = mapping(body.get("request")) or body
    named = _MODEL.search(path)
    settings = mapping(inner.get("generationConfig"))
    tools = {name for tool in items(inner.get("tools")) for name in tool}
    return Asked(
        model=named[1] if named else text(body.get("model")),
        thread=_thread(inner, settings),
        output_limit=tokens(settings, "maxOutputTokens") or None,
        server_tools=bool(tools & _SERVER_TOOLS or text(inner.get("cachedContent"))),
    )


def _thread(inner: Mapping[str, Any], settings: Mapping[str, Any]) -> Thread:
    """By the functions that the request offers (Gemini CLI 0.61.0): no header tells.

    A conversation offers its tools, that of a subagent the one that ends its task. The CLI's
    helpers offer none, such as web search, compression and summaries, or want JSON: router, loop
    detection, next speaker, edit corrector.
    """
    offered = [
        items(tool[name])
        for tool in items(inner.get("tools"))
        for name in ("functionDeclarations", "function_declarations")
        if name in tool
    ]
    wants_json = text(settings.get("responseMimeType")).lower() == "application/json"
    if wants_json or not offered:
        return "side"
    names = {text(function.get("name")) for functions in offered for function in functions}
    return "subagent" if _ENDS_A_TASK in names else "main"


class GeminiReading:
    """Reads one answer."""

    every: tuple[Path, ...] = tuple((*above, *_QUERIES) for above in ((), ("response",)))
    wanted: tuple[Path, ...] = tuple(
        (*above, *path)
        for above in ((), ("response",))
        for path in (
            ("responseId",),
            ("modelVersion",),
            ("usageMetadata",),
            ("candidates", "finishReason"),
            _QUERIES,
            ("promptFeedback", "blockReason"),
        )
    )

    def __init__(self) -> None:
        self._id = self._model = self._finish = ""
        self._usage: Mapping[str, Any] = {}
        self._queries: set[str] = set()

    def event(self, event: Mapping[str, Any]) -> str:
        """Take a chunk of the stream; returns the text that it adds."""
        answer = mapping(event.get("response")) or event
        self._take(answer)
        found = answer.get("candidates")  # one object of wanted values, if the chunk is very long
        candidates = items([found] if isinstance(found, Mapping) else found)
        for candidate in candidates:
            self._candidate(candidate)
        parts = [
            part
            for candidate in candidates
            for part in items(mapping(candidate.get("content")).get("parts"))
        ]
        return "".join(map(_text, parts))

    def whole(self, answer: Mapping[str, Any]) -> None:
        """Take an answer that is not streamed; ``candidates`` holds the last finish reason."""
        answer = mapping(answer.get("response")) or answer
        self._take(answer)
        self._candidate(mapping(answer.get("candidates")))

    @property
    def ended(self) -> bool:
        """Whether the API has told the final usage."""
        return bool(self._finish and self._usage)

    def requests(self) -> list[ApiRequest]:
        """The one request."""
        if not self._id and not self._usage:
            return []
        return [
            ApiRequest(
                id=self._id or None,
                model=self._model,
                usage=usage_of(self._usage),
                estimated=_unsure(self._usage),
                web_searches=self._web_searches(),
                finish=_FINISH.get(self._finish, "refused") if self._finish else None,
                ended=self.ended,
            )
        ]

    def _candidate(self, candidate: Mapping[str, Any]) -> None:
        self._finish = text(candidate.get("finishReason")) or self._finish
        grounding = mapping(candidate.get("groundingMetadata"))
        self._queries.update(_texts(grounding.get("webSearchQueries")))

    def _web_searches(self) -> int:
        """The queries that are billed: each once, and none that is empty."""
        by_prompt = _BILLED_BY_PROMPT.search(self._model)
        return min(1, len(self._queries)) if by_prompt else len(self._queries)

    def _take(self, answer: Mapping[str, Any]) -> None:
        self._id = text(answer.get("responseId")) or self._id
        self._model = text(answer.get("modelVersion")) or self._model
        self._usage = {**self._usage, **mapping(answer.get("usageMetadata"))}
        # A prompt that is refused has no candidate; its tokens are counted all the same.
        blocked = text(mapping(answer.get("promptFeedback")).get("blockReason"))
        self._finish = self._finish or blocked


def usage_of(block: Mapping[str, Any]) -> ModelUsage:
    """A ``usageMetadata``; of one that tells a total alone, all of it counts as input."""
    prompt = tokens(block, "promptTokenCount") + tokens(block, "toolUsePromptTokenCount")
    thoughts = tokens(block, "thoughtsTokenCount")
    output = tokens(block, "candidatesTokenCount") + thoughts
    total = tokens(block, "totalTokenCount")
    if not prompt and not output:
        prompt = total
    return ModelUsage(
        input_tokens=prompt,
        output_tokens=output,
        cache_read_input_tokens=tokens(block, "cachedContentTokenCount"),
        reasoning_output_tokens=thoughts,
    )


def _unsure(block: Mapping[str, Any]) -> frozenset[str]:
    """What is a guess: a malformed count, and the input of which only a total is told."""
    given = ("promptTokenCount", "toolUsePromptTokenCount")
    answered = ("candidatesTokenCount", "thoughtsTokenCount")
    parts = sum(tokens(block, name) for name in (*given, *answered))
    total_only = not parts and tokens(block, "totalTokenCount") > 0
    return malformed(
        ("input_tokens", block, (*given, "cachedContentTokenCount")),
        ("output_tokens", block, answered),
    ) | ({"input_tokens"} if total_only else frozenset())


def _texts(value: object) -> Iterator[str]:
    """The strings of an array, or of arrays in it, that are not empty."""
    if isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif text(value).strip():
        yield text(value)


def _text(part: Mapping[str, Any]) -> str:
    call = mapping(part.get("functionCall"))
    return text(part.get("text")) + (json.dumps(call) if call else "")
