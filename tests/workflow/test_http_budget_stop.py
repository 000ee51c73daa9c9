"""A budget's limit that is crossed in the middle of an answer of an HTTP API."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from support.chat_api import chunk
from support.http_box import KEY, box_at
from support.raw_api import Asked, head, raw_api
from support.workflow_box import put_change

LIMIT = 5000
PRICE = '[pricing.models."m-1"]\ncost_per_1m_input = 1\ncost_per_1m_output = 1\n'


def _usage(tokens: int) -> dict[str, Any]:
    return chunk("w", usage={"prompt_tokens": 300, "completion_tokens": tokens})


def _thinking(text: str) -> dict[str, Any]:
    """As servers tell them that know both names."""
    found = chunk("")
    found["choices"][0]["delta"] |= {"reasoning_content": text, "reasoning": text}
    return found


ANSWERS: dict[str, Callable[[int], dict[str, Any]]] = {
    "words": lambda _: chunk("word " * 100),
    "chinese": lambda _: chunk("\u4e00\u4e2a\u6587\u4ef6" * 32),
    "thoughts": lambda _: _thinking("word " * 100),
    "usage in each chunk": _usage,
}


@pytest.mark.parametrize("wire", ["auto", "off"])
@pytest.mark.parametrize("answer", ANSWERS)
def test_the_answer_ends_there_and_the_ledger_has_what_was_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, wire: str
) -> None:
    monkeypatch.setenv("LOCAL_KEY", KEY)
    served, gone = [0], threading.Event()

    def endlessly(_: Asked, out: BinaryIO) -> None:
        out.write(head("connection: close"))
        try:
            for _ in range(600):  # 60,000 tokens
                served[0] += 100
                out.write(f"data: {json.dumps(ANSWERS[answer](served[0]))}\n\n".encode())
                out.flush()
                if gone.wait(0.1):
                    break
        except OSError:
            gone.set()

    with raw_api(endlessly) as api:
        more = f'[budget]\nlimit_tokens = {LIMIT}\n[meter]\nwire = "{wire}"\n{PRICE}'
        box = box_at(tmp_path, api.url, more=more)
        put_change(box, "x", "proposed")
        done = box.run("challenge", "x", "--provider", "local")
        assert gone.wait(3), "the server was still asked for more"
    assert done.returncode == 3, done.stderr
    assert "was stopped by its budget" in done.stderr
    assert len(api.asked) == 1
    [call] = box.telemetry("x")["calls"]
    assert (call["status"], call["accuracy"]) == ("budget_stopped", "heuristic")
    assert call["why"].startswith(f"answer cut after {call['tokens_out']} tokens")
    used = call["tokens_in"] + call["tokens_out"]
    assert LIMIT * 0.9 < used < LIMIT * 2
    assert 0.5 * served[0] < call["tokens_out"] < 1.5 * served[0]
    assert not (box.change("x") / "CHALLENGE.md").exists()
