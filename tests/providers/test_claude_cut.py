"""A message that claude cuts itself is not one that the API ended."""

from __future__ import annotations

import pytest

from agentd.providers.claude.cli import ClaudeParser


@pytest.mark.parametrize(("stop_reason", "ended"), [("end_turn", True), (None, False)])
def test_at_sigint_claude_makes_up_an_end(stop_reason: str | None, ended: bool) -> None:
    parser = ClaudeParser()
    message = {"id": "m1", "model": "c", "usage": {"input_tokens": 9, "output_tokens": 1}}
    delta = {"stop_reason": stop_reason}
    for event in (
        {"type": "message_start", "message": message},
        {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 4}},
    ):
        parser.feed({"type": "stream_event", "event": event})
    [request] = parser.parsed().requests
    assert request.ended == ended
