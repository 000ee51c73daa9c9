"""A whole ``agentd run``: an HTTP provider challenges and reviews, a CLI writes and codes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentd.metering.usage import add
from real.bench import CHANGE, DESCRIPTION, Bench
from real.ledger import cost_usd, tokens
from real.story import WHOLE, Turn, story

pytestmark = pytest.mark.real

MODEL, JUDGES = "gpt-6-luna", ("challenge", "review", "archive-review")
CONFIG = """
[checks]
test = "sh check.sh"
lint = ""
audit = ""
[http.local]
base_url = "{url}/v1"
api = "{api}"
model = "{model}"
"""
STEPS = "".join(f'[steps.{step}]\nprovider = "local"\n' for step in JUDGES)


def told_by_http(turn: Turn) -> Turn:
    """The same judgement as the text of one answer: an API writes no files."""
    first = turn.answers[0]
    [written] = first.tools
    usage = replace(first.usage, cache_creation_input_tokens=0)
    fits = {"model": f"^{MODEL}$", "without": None}
    answer = replace(first, tools=(), text=written.input["content"], usage=usage, **fits)
    return replace(turn, model=MODEL, answers=(answer,))


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_an_http_provider_judges_what_a_cli_writes(bench: Bench, api: str) -> None:
    bench.init("claude", more=CONFIG.format(url=bench.api.url, api=api, model=MODEL), wire="auto")
    config = bench.project / "agentd" / "config.toml"
    config.write_text(f"{config.read_text()}{STEPS}")
    bench.commit()
    turns = [
        told_by_http(turn) if turn.step in JUDGES else turn
        for turn in story(("claude",), str(bench.project))
    ]
    bench.api.add(*(answer for turn in turns for answer in turn.answers))
    ran = bench.agentd("run", CHANGE, DESCRIPTION, timeout_s=240)
    assert ran.exit_code == 0, (ran, [r.body[-2000:] for r in bench.api.unscripted()])
    (bench.change,) = (bench.project / "agentd" / "archive").iterdir()
    assert [r.step for r in bench.api.requests] == [one for turn in turns for one in turn.answers]
    calls = bench.calls()
    assert tuple(call["step"] for call in calls) == WHOLE
    for call, turn in zip(calls, turns, strict=True):
        used = add(answer.usage for answer in turn.answers)
        provider = "local" if turn.step in JUDGES else "claude"
        expected = {"provider": provider, "model": turn.model, **tokens(used)}
        assert call.items() >= (expected | {"accuracy": "exact", "usage_source": "wire"}).items()
        assert call["cost_usd"] == f"{cost_usd(turn.model, used):f}".rstrip("0")
    assert "gpt-6-luna" in bench.agentd("cost", CHANGE, "--by", "model").stdout
