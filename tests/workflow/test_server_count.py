"""A server that counts tokens itself: its count fits the prompt, and is held to the budget."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest
from support.chat_api import answer_of, chat_api, json_answer, prompt_of
from support.http_box import CHALLENGE, KEY, box_at
from support.raw_api import Asked, RawApi, raw_api
from support.workflow_box import calls_of, put_change
from support.workspace import Sandbox

from agentd.metering.tokens.estimates import estimate

WINDOW, ROOM = 8000, 6000  # a quarter is for the answer
DESIGN = "".join(f"Line {n} of the design, which is long.\n" for n in range(2000))


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_KEY", KEY)


def counting(count: Callable[[str], object]) -> Callable[[Asked], bytes]:
    """A server with ``/tokenize``, whose answer ``count`` makes of a text."""

    def answer(asked: Asked) -> bytes:
        if asked.line.startswith("POST /tokenize "):
            return json_answer(count(json.loads(asked.body)["prompt"]))
        if asked.line.startswith("GET "):
            return json_answer({"data": []})
        return answer_of(CHALLENGE)

    return answer


def llama(chars_a_token: int) -> Callable[[str], object]:
    return lambda text: {"tokens": [7] * max(1, len(text) // chars_a_token)}


def vllm(text: str) -> object:
    tokens = len(text) // 2
    return {"count": tokens, "max_model_len": WINDOW, "tokens": [7] * tokens}


def box_of(tmp_path: Path, url: str, more: str = "", design: str = DESIGN) -> Sandbox:
    box = box_at(tmp_path, url, more=more)
    config = box.root / "agentd/config.toml"
    config.write_text(config.read_text().replace('count_tokens = "offline"\n', "", 1))
    put_change(box, "x", "proposed")
    (box.change("x") / "design.md").write_text(design)
    return box


def counted(api: RawApi) -> list[str]:
    return [
        json.loads(one.body)["prompt"]
        for one in api.asked
        if one.line.startswith("POST /tokenize ") and one.headers["authorization"]
    ]


def sent(api: RawApi) -> list[str]:
    return [prompt_of(one) for one in api.asked if "/chat/completions" in one.line]


@pytest.mark.parametrize("chars_a_token", [1, 2, 5])
def test_a_prompt_fills_the_window_by_the_servers_count(tmp_path: Path, chars_a_token: int) -> None:
    """Its tokens are shorter or longer than those that agentd estimates."""
    with chat_api(counting(llama(chars_a_token))) as api:
        box = box_of(tmp_path, api.url, f"context_tokens = {WINDOW}\n")
        box.ok("challenge", "x", "--provider", "local")
    [prompt] = sent(api)
    tokens = len(prompt) // chars_a_token
    assert ROOM * 0.9 < tokens <= ROOM
    assert "of 2000 lines" in prompt
    assert "Line 0 of the design" in prompt
    assert "Left out, as they do not fit: the rest of `agentd/changes/x/design.md`" in prompt
    first, *others = counted(api)
    assert first == "OK"
    assert others[-1] == prompt
    assert abs(estimate(prompt, "generic-estimate") - tokens) > 500


def test_the_window_is_the_servers_own_where_it_tells_it(tmp_path: Path) -> None:
    with chat_api(counting(vllm)) as api:
        box = box_of(tmp_path, api.url)
        box.ok("challenge", "x", "--provider", "local")
    [prompt] = sent(api)
    assert ROOM * 0.9 < len(prompt) // 2 <= ROOM
    assert not [one for one in api.asked if one.line.startswith("GET ")]


def test_a_prompt_that_fits_is_counted_once(tmp_path: Path) -> None:
    with chat_api(counting(llama(4))) as api:
        box = box_of(tmp_path, api.url, design="# Design\n")
        box.ok("challenge", "x", "--provider", "local")
    assert counted(api) == ["OK", *sent(api)]


@pytest.mark.parametrize("who", ["server", "offline"])
def test_the_servers_count_is_what_a_budget_is_asked_for(tmp_path: Path, who: str) -> None:
    limit = "[budget]\nlimit_tokens = 5000\nwarn_at_percent = 100"
    with chat_api(counting(llama(1))) as api:
        box = box_of(tmp_path, api.url, f'count_tokens = "{who}"\n{limit}', design=DESIGN[:4000])
        done = box.run("challenge", "x", "--provider", "local")
    if who == "offline":
        assert (done.returncode, len(sent(api)), counted(api)) == (0, 1, []), done.stderr
    else:
        assert (done.returncode, sent(api), calls_of(box, "x")) == (3, [], []), done.stderr
        assert len(counted(api)[-1]) > 5000


def test_a_server_that_counts_nothing_is_asked_once_for_a_word(tmp_path: Path) -> None:
    """Not once an attempt, and not with the prompt; the step goes on with an estimate."""
    failures = iter([True])

    def answer(asked: Asked) -> bytes:
        if "/chat/completions" not in asked.line:
            return json_answer({"error": {"message": "no"}}, status="404 Not Found")
        if next(failures, False):
            return json_answer({"error": {"message": "busy"}}, status="503 Service Unavailable")
        return answer_of(CHALLENGE)

    with chat_api(answer) as api:
        box = box_of(tmp_path, api.url, f"context_tokens = {WINDOW}\n")
        config = box.root / "agentd/config.toml"
        config.write_text(config.read_text().replace("script_retries = 0", "script_retries = 1"))
        box.ok("challenge", "x", "--provider", "local")
    assert counted(api) == ["OK"]
    assert len(api.asked) == 3
    assert 0.8 * ROOM < estimate(sent(api)[-1], "generic-estimate") <= ROOM


def test_a_count_of_nothing_is_none(tmp_path: Path) -> None:
    with chat_api(counting(lambda _: {"tokens": [], "max_model_len": 8})) as api:
        box = box_of(tmp_path, api.url, design="# Design\n")
        box.ok("challenge", "x", "--provider", "local")
    assert counted(api) == ["OK"]
    assert len(sent(api)) == 1


def test_a_server_that_never_answers_how_many_fails_no_step(tmp_path: Path) -> None:
    def answer(asked: Asked, out: BinaryIO) -> None:
        if "/tokenize" in asked.line:
            over.wait(60)
        else:
            out.write(answer_of(CHALLENGE))

    over = threading.Event()
    with raw_api(answer) as api:
        box = box_of(tmp_path, api.url)
        box.ok("challenge", "x", "--provider", "local")
        over.set()
    assert counted(api) == ["OK"]
