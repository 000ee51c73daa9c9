"""A server that speaks OpenAI's chat API as a test wants, and its answers as known servers send."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from support.raw_api import Asked, RawApi, head, raw_api

USAGE = {"prompt_tokens": 900, "completion_tokens": 40, "total_tokens": 940}


def chunk(content: str | None = None, *, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One chunk of a stream; ``more`` stands beside its choices."""
    delta = {} if content is None else {"role": "assistant", "content": content}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m-1"}
    return {**base, "choices": [choice], **more}


def streamed(*chunks: Mapping[str, Any], done: bool = True) -> bytes:
    """A whole streamed answer, with its head."""
    body = b"".join(f"data: {json.dumps(one)}\n\n".encode() for one in chunks)
    return head("connection: close") + body + b"data: [DONE]\n\n" * done


def answer_of(text: str, usage: Mapping[str, Any] | None = USAGE, **more: Any) -> bytes:
    """``text`` in two pieces, and the usage in a last chunk without choices."""
    half = len(text) // 2
    last = [chunk(usage=usage, **more) | {"choices": []}] if usage else []
    return streamed(
        chunk(text[:half], **more), chunk(text[half:], **more), chunk(finish="stop", **more), *last
    )


def whole(text: str, usage: Mapping[str, Any] | None = USAGE, **more: Any) -> bytes:
    """The same as one JSON document."""
    message = {"role": "assistant", "content": text}
    document = {
        **{"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m-1"},
        **({"usage": usage} if usage else {}),
        **{"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]},
        **more,
    }
    return json_answer(document)


def json_answer(document: object, *more: str, status: str = "200 OK") -> bytes:
    """An answer that is one JSON document."""
    return head("connection: close", *more, status=status, kind="application/json") + (
        json.dumps(document).encode()
    )


def prompt_of(asked: Asked) -> str:
    """The prompt of a request, of any of the APIs."""
    body = json.loads(asked.body)
    if "input" in body:
        return str(body["input"])
    return str(body["messages"][0]["content"])


@contextlib.contextmanager
def chat_api(
    answer: bytes | Callable[[Asked], bytes] | Sequence[bytes], *, tls: bool = False
) -> Iterator[RawApi]:
    """A server that gives one answer, or one after another, or what a function makes of it."""
    answers = list(answer) if isinstance(answer, list | tuple) else None

    def give(asked: Asked, out: BinaryIO) -> None:
        if answers is not None:
            out.write(answers.pop(0) if len(answers) > 1 else answers[0])
        else:
            out.write(answer(asked) if callable(answer) else answer)  # type: ignore[arg-type]

    with raw_api(give, tls=tls) as api:
        yield api
