"""Calls beside a step: a difference that is too long for a prompt is summarised first."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import BinaryIO

import pytest
from support.chat_api import answer_of, chat_api, json_answer, prompt_of
from support.http_box import IMPLEMENTED, KEY, box_at
from support.raw_api import Asked, raw_api
from support.workflow_box import calls_of, put_change, state_of
from support.workspace import REVIEW, Sandbox

from agentd.metering.tokens.estimates import estimate

LONG = "".join(f"line_{n} = {n}\n" for n in range(1500))


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_KEY", KEY)


def reviewing(tmp_path: Path, url: str, more: str) -> Sandbox:
    """A change under review whose code differs by more than the model's window."""
    box = box_at(tmp_path, url, more=f"context_tokens = 6000\n{more}")
    put_change(box, "x", "implementing", IMPLEMENTED)
    (box.root / "login.py").write_text(LONG)
    return box


def says(asked: Asked) -> bytes:
    """A summary where one is asked for, else the review."""
    is_summary = prompt_of(asked).startswith("Part ")
    return answer_of("login.py: new lines, nothing wrong" if is_summary else REVIEW)


def test_a_long_difference_is_summarised_in_calls_of_their_own(tmp_path: Path) -> None:
    with chat_api(says) as api:
        box = reviewing(tmp_path, api.url, "")
        box.ok("review", "x", "--provider", "local")
        *summaries, review = (prompt_of(asked) for asked in api.asked)
    steps = [call["step"] for call in box.telemetry("x")["calls"]]
    assert len(summaries) > 1
    assert steps == [*["review/summary"] * len(summaries), "review"]
    parts = re.findall(r"Part (\d+) of (\d+)", "\n".join(summaries))
    assert parts == [(str(n), str(len(summaries))) for n in range(1, len(summaries) + 1)]
    everything = review + "".join(summaries)
    assert all(f"line_{n} = {n}\n" in everything for n in range(1500))
    assert "### `git diff`, the rest as a model has summarised it" in review
    assert "login.py: new lines, nothing wrong" in review
    assert "Left out, as they do not fit: the rest of `git diff`" not in review
    assert all(len(prompt) < 6000 * 4 for prompt in (*summaries, review))
    told = box.ok("cost", "x", "--by", "step")
    assert "review/summary" in told
    assert box.run("cost", "audit", "x").returncode == 0
    assert state_of(box, "x")["last_action"] == "review"


def test_a_line_that_is_longer_than_the_window_is_summarised_in_pieces(tmp_path: Path) -> None:
    with chat_api(says) as api:
        box = reviewing(tmp_path, api.url, "")
        (box.root / "login.py").write_text(f"# {'登录' * 4000}\n")
        box.ok("review", "x", "--provider", "local")
        summaries = [text for text in map(prompt_of, api.asked) if text.startswith("Part ")]
    assert len(summaries) > 1
    assert sum(text.count("登") for text in summaries) == 4000
    assert all(estimate(text, "generic-estimate") <= 6000 for text in summaries)


def test_a_killed_review_pays_for_no_summary_twice(tmp_path: Path) -> None:
    """agentd is killed while the second summary is written: it is followed to its end."""
    begun, go = threading.Event(), threading.Event()

    def answers(asked: Asked, out: BinaryIO) -> None:
        text = says(asked)
        if prompt_of(asked).startswith("Part 2"):
            out.write(text[:200])
            begun.set()
            go.wait(60)
            text = text[200:]
        out.write(text)

    with raw_api(answers) as api:
        box = reviewing(tmp_path, api.url, "")
        process = subprocess.Popen(
            [sys.executable, "-m", "agentd", "review", "x", "--provider", "local"],
            cwd=box.root,
            env={**os.environ, "HOME": str(tmp_path)},
            stderr=subprocess.DEVNULL,
        )
        assert begun.wait(60)
        process.kill()
        process.wait()
        threading.Timer(1, go.set).start()
        done = box.run("review", "x", "--provider", "local")
        asked = [prompt_of(one).partition(" of ")[0] for one in api.asked]
        review = prompt_of(api.asked[-1])
    assert done.returncode == 0, done.stderr
    assert "review/summary: taken up" in done.stderr
    parts = [one for one in asked if one.startswith("Part ")]
    assert parts == [f"Part {n}" for n in range(1, len(parts) + 1)]
    assert len(asked) == len(parts) + 1 == len(box.telemetry("x")["calls"])
    assert review.count("login.py: new lines, nothing wrong") == len(parts)
    assert state_of(box, "x")["phase"] == "complete"


def test_a_summary_is_held_to_the_budget_of_its_step(tmp_path: Path) -> None:
    with chat_api(says) as api:
        box = reviewing(tmp_path, api.url, "[budget.steps.review]\nlimit_tokens = 2000")
        done = box.run("review", "x", "--provider", "local")
    assert (done.returncode, api.asked) == (3, [])
    assert "step review" in done.stderr


def test_a_summary_that_fails_leaves_the_rest_out(tmp_path: Path) -> None:
    def answer(asked: Asked) -> bytes:
        if prompt_of(asked).startswith("Part "):
            return json_answer({"error": {"message": "no"}}, status="400 Bad Request")
        return answer_of(REVIEW)

    with chat_api(answer) as api:
        box = reviewing(tmp_path, api.url, "")
        done = box.run("review", "x", "--provider", "local")
        review = prompt_of(api.asked[-1])
    assert done.returncode == 0, done.stderr
    assert "review/summary: 127.0.0.1" in done.stderr
    assert "Left out, as they do not fit: the rest of `git diff`" in review
    assert calls_of(box, "x") == [("review/summary", "failed"), ("review", "ok")]


def test_summaries_are_not_paid_for_again_when_the_step_is_tried_again(tmp_path: Path) -> None:
    answered: list[str] = []

    def answer(asked: Asked) -> bytes:
        answered.append("summary" if prompt_of(asked).startswith("Part ") else "review")
        if answered.count("review") == 1 and answered[-1] == "review":
            return json_answer({"error": {"message": "busy"}}, status="503 Service Unavailable")
        return says(asked)

    with chat_api(answer) as api:
        box = reviewing(tmp_path, api.url, "")
        config = box.root / "agentd/config.toml"
        config.write_text(config.read_text().replace("script_retries = 0", "script_retries = 1"))
        box.ok("review", "x", "--provider", "local")
        first, second = (prompt_of(asked) for asked in api.asked[-2:])
    assert answered == [*["summary"] * (len(answered) - 2), "review", "review"]
    assert first == second
    steps = [call["step"] for call in box.telemetry("x")["calls"]]
    assert steps == [*["review/summary"] * (len(answered) - 2), "review", "review"]


def test_a_summary_without_a_price_ends_the_step_where_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = '[budget]\nlimit_usd = 9.0\non_unpriced = "stop"\n'
    prices = '[pricing.models."m-0"]\ncost_per_1m_input = 1\ncost_per_1m_output = 1\n'
    with chat_api(says) as api:
        box = reviewing(tmp_path, "http://api.example", limits + prices)
        config = box.root / "agentd/config.toml"
        config.write_text(config.read_text().replace('api_key_env = "LOCAL_KEY"\n', ""))
        monkeypatch.setenv("http_proxy", api.url)
        done = box.run("review", "x", "--provider", "local")
    assert (done.returncode, len(api.asked)) == (3, 1), done.stderr
    assert "step review/summary of change x was answered by m-1" in done.stderr
