"""A server that is not there: what is told of it, and how often."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.chat_api import chat_api
from support.http_box import KEY, box_at
from support.workflow_box import put_change


def test_it_is_told_once_while_it_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_KEY", KEY)
    with chat_api(b"") as api:
        url = api.url
    box = box_at(tmp_path, url)
    config = box.root / "agentd/config.toml"
    config.write_text(config.read_text().replace("script_retries = 0", "script_retries = 2"))
    put_change(box, "x", "proposed")
    done = box.run("challenge", "x", "--provider", "local")
    assert done.returncode == 4
    told, _, last = done.stderr.partition("Error: ")
    place = url.removeprefix("http://")
    message = f"{place} can't be reached: connection refused. Is the server running?"
    assert f"challenge: network; trying again in 0 s. {message}\n" in told
    assert "challenge: network; trying again in 0 s\n" in told
    assert told.count(place) == last.count(place) == 1
    assert message in last
    calls = box.telemetry("x")["calls"]
    assert [call["tokens_in"] for call in calls] == [0, 0, 0]
    assert {call["cost_source"] for call in calls} == {"local"}
