"""An answer of only thoughts: its step fails with the reason, and its tokens are recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.chat_api import USAGE, chat_api, chunk, streamed
from support.http_box import KEY, box_at
from support.workflow_box import put_change


def test_it_is_recorded_named_and_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_KEY", KEY)
    thinks = {"choices": [{"index": 0, "delta": {"reasoning_content": "Hm. " * 50}}]}
    usage = {**USAGE, "completion_tokens_details": {"reasoning_tokens": 40}}
    answer = streamed(chunk() | thinks, chunk(finish="stop"), chunk(usage=usage) | {"choices": []})
    with chat_api(answer) as api:
        box = box_at(tmp_path, api.url)
        config = box.root / "agentd/config.toml"
        config.write_text(config.read_text().replace("script_retries = 0", "script_retries = 2"))
        put_change(box, "x", "proposed")
        done = box.run("challenge", "x", "--provider", "local")
    assert (done.returncode, len(api.asked)) == (4, 1)
    assert "has only thoughts (reasoning) and no text: raise max_output_tokens" in done.stderr
    [call] = box.telemetry("x")["calls"]
    expected = {"status": "failed", "tokens_in": 900, "tokens_out": 40, "tokens_reasoning": 40}
    assert {name: call[name] for name in expected} == expected
    assert call["accuracy"] == "exact"
    assert not (box.change("x") / "CHALLENGE.md").exists()
