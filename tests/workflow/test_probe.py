"""``doctor --probe``: one tiny request to each server, recorded, and what the server tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.chat_api import USAGE, answer_of, chat_api, json_answer, prompt_of
from support.raw_api import Asked
from support.workflow_box import put_change
from support.workspace import make_sandbox

CONFIG = """project_name = "x"
[claude]
command = "{{claude}}"
[pricing]
sources = ["reported"]
[http.local]
base_url = "{url}/v1"
model = "m-1"
api_key_env = "LOCAL_KEY"
"""
MODELS = {"data": [{"id": "m-1", "meta": {"n_ctx": 16384}}]}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_KEY", "geheim-0123456789")


def server(asked: Asked) -> bytes:
    """One that counts tokens itself, as llama.cpp does."""
    if asked.line.startswith("GET /v1/models "):
        return json_answer(MODELS)
    if asked.line.startswith("POST /tokenize "):
        return json_answer({"tokens": list(range(11))})
    usage = {**USAGE, "cost": 0.0002, "prompt_tokens_details": {"cached_tokens": 800}}
    return answer_of("OK", usage)


def test_it_shows_what_the_server_tells_and_records_the_call(tmp_path: Path) -> None:
    with chat_api(server) as api:
        box = make_sandbox(tmp_path, CONFIG.format(url=api.url))
        put_change(box, "x", "proposed")
        told = box.run("doctor", "--probe").stdout
    [line] = [line for line in told.splitlines() if "probe of local" in line]
    assert "ok    probe of local: m-1 answered in" in line
    assert "in 900 (800 cached), out 40; $0.000200 (reported)" in line
    assert "its /tokenize counts 11 tokens in the prompt" in line
    assert "its window is 16,384 tokens" in line
    assert line.endswith("; recorded in agentd/changes/x")
    [call] = box.telemetry("x")["calls"]
    assert (call["step"], call["provider"], call["status"]) == ("doctor/probe", "local", "ok")
    assert (call["cost_usd"], call["tokens_in"]) == (0.0002, 900)
    billed = [asked for asked in api.asked if "/chat/completions" in asked.line]
    assert [prompt_of(asked) for asked in billed] == ["Answer with the word OK and nothing else."]
    assert "doctor/probe" in box.ok("cost", "x", "--by", "step")
    state = (box.change("x") / "STATE.yaml").read_text()
    assert "phase: proposed" in state


def test_a_server_that_refuses_is_a_failure_with_its_reason(tmp_path: Path) -> None:
    refused = json_answer({"error": {"message": "no"}}, status="401 Unauthorized")
    with chat_api(refused) as api:
        box = make_sandbox(tmp_path, CONFIG.format(url=api.url))
        put_change(box, "x", "proposed")
        done = box.run("doctor", "--probe", "--json")
    [check] = [one for one in json.loads(done.stdout)["checks"] if one["name"] == "probe of local"]
    assert (done.returncode, check["status"]) == (1, "fail")
    assert "answered 401: no. Put a valid key into LOCAL_KEY" in check["detail"]
    assert box.telemetry("x")["calls"][0]["status"] == "failed"


def test_without_a_change_nothing_is_asked_that_could_cost_something(tmp_path: Path) -> None:
    with chat_api(server) as api:
        box = make_sandbox(tmp_path, CONFIG.format(url=api.url))
        config = box.root / "agentd/config.toml"
        prices = '[pricing.models."m-1"]\ncost_per_1m_input = 1\ncost_per_1m_output = 1\n'
        text = config.read_text().replace('"reported"', '"config"')
        config.write_text(text + prices)
        done = box.run("doctor", "--probe")
        assert "warn  probe of local: its answer may cost money, and there is no" in done.stdout
        put_change(box, "x", "proposed")
        box.run("doctor")
        assert api.asked == []


def test_without_a_change_a_server_of_ones_own_is_asked(tmp_path: Path) -> None:
    with chat_api(answer_of("OK")) as api:
        box = make_sandbox(tmp_path, CONFIG.format(url=api.url))
        before = sorted(box.root.rglob("*"))
        told = box.run("doctor", "--probe").stdout
    [line] = [line for line in told.splitlines() if "probe of local" in line]
    assert line.startswith("ok    probe of local: m-1 answered in")
    assert "(local)" in line
    assert line.endswith("; recorded nowhere, as there is no change; it is free")
    assert "/chat/completions" in api.asked[0].line
    assert sorted(box.root.rglob("*")) == before


def test_without_an_open_change_an_archived_one_has_the_call(tmp_path: Path) -> None:
    with chat_api(server) as api:
        box = make_sandbox(tmp_path, CONFIG.format(url=api.url))
        folder = put_change(box, "x", "archived")
        archived = box.root / "agentd/archive/20260101-x"
        archived.parent.mkdir(exist_ok=True)
        folder.rename(archived)
        told = box.run("doctor", "--probe").stdout
    assert "recorded in agentd/archive/20260101-x" in told
    assert "doctor/probe" in (archived / "STATE.yaml").read_text()
    assert "$0.000200" in box.ok("cost", "--all", "--by", "step")
