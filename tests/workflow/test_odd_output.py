"""Whatever a CLI prints, its call is recorded: estimated where it has to be, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from support.case_box import case_box, run_case
from support.run_samples import concluded, run_info
from support.workspace import Sandbox

from agentd.providers.base import Parsed
from agentd.providers.claude.cli import CLI as CLAUDE_CLI
from agentd.providers.claude.cli import ClaudeParser

SESSION = "6f1c2a9b-0000-4000-8000-00000000c0de"
PRINTED = {
    "claude": '{"type":"system","subtype":"init","session_id":"ID","model":"claude-sonnet-4-5"}\n'
    '{"type":"result","subtype":"success","is_error":false,"session_id":"ID","result":"Done.",'
    '"usage":{"input_tokens":COUNT,"output_tokens":5},"modelUsage":{"claude-sonnet-4-5":'
    '{"inputTokens":COUNT,"outputTokens":5,"costUSD":1e30}},"total_cost_usd":COUNT}\n',
    "codex": '{"type":"thread.started","thread_id":"ID"}\n'
    '{"type":"item.completed","item":{"type":"agent_message","text":"Done."}}\n'
    '{"type":"turn.completed","usage":{"input_tokens":COUNT,"cached_input_tokens":COUNT,'
    '"output_tokens":5}}\n',
    "gemini": '{"type":"init","session_id":"ID","model":"gemini-3-flash-preview"}\n'
    '{"type":"message","role":"assistant","content":"Done."}\n'
    '{"type":"result","status":"success","stats":{"models":{"gemini-3-flash-preview":'
    '{"input_tokens":COUNT,"output_tokens":5,"total_tokens":COUNT}}}}\n',
}
ODD = {
    "above all bounds": "1000000000000000000",
    "an underflow": "18446744073709551615",
    "an exponent": "1e999999",
    "an endless exponent": "1e99999999999999999999",
    "not a number": "NaN",
    "below zero": "-1",
    "text": '"12"',
    "half a pair": '"\\ud800"',
    "a list": "[1]",
    "nested": "[" * 1000 + "]" * 1000,
    "nested beyond all": '{"a":' * 20_000 + "1" + "}" * 20_000,
    "5,000 digits": "9" * 5000,
}


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    return case_box(tmp_path)


def recorded(box: Sandbox, provider: str, stdout: str) -> dict[str, object]:
    case = box.root.parent / "case"
    case.mkdir(exist_ok=True)
    (case / "stdout").write_text(stdout)
    done = run_case(box, case, "--provider", provider)
    assert done.returncode == 4, done.stderr  # it wrote no documents
    (call,) = box.telemetry("c1")["calls"]
    return dict(call)


ROTATED = list(zip(ODD, cycle(PRINTED), strict=False))  # the fuzzing has each with each


@pytest.mark.parametrize(("odd", "provider"), ROTATED)
def test_an_odd_count(odd: str, provider: str, box: Sandbox) -> None:
    stdout = PRINTED[provider].replace("ID", SESSION).replace("COUNT", ODD[odd])
    call = recorded(box, provider, stdout)
    assert call["accuracy"] == "heuristic"
    assert call["why"]
    assert call["usage_source"] in ("estimated", "partial")


@pytest.mark.parametrize("provider", PRINTED)
def test_whole_numbers_with_a_point_are_whole(provider: str, box: Sandbox) -> None:
    stdout = PRINTED[provider].replace("ID", SESSION).replace("COUNT", "120.0")
    call = recorded(box, provider, stdout)
    assert (call["tokens_in"], call["usage_source"]) == (120, "stdout")
    assert float(str(call["cost_usd"])) < 1  # and not claude's 1e30


@pytest.mark.parametrize("name", ["\ud800", "a\x1b[31m\nb", "null", "- x: y", "x" * 9000, "\u2028"])
def test_an_odd_model_is_one_name_in_the_ledger(name: str, box: Sandbox) -> None:
    text = PRINTED["claude"].replace("ID", SESSION).replace("COUNT", "120")
    call = recorded(box, "claude", text.replace('"claude-sonnet-4-5"', json.dumps(name)))
    assert call["model"] == name.replace("\ud800", "\ufffd")
    assert box.run("cost", "--all", "--by", "model").returncode == 0


def test_a_parser_that_stumbles_loses_no_call(tmp_path: Path) -> None:
    """A version of a CLI that prints what nobody foresaw: the call is estimated, and says so."""
    stumbling = replace(CLAUDE_CLI, new_parser=Stumbling, read_log=stumble, activity=stumble)
    (tmp_path / "stdout").write_text('{"type":"result","usage":{}}\n')
    (tmp_path / "stderr").touch()
    (tmp_path / "prompt").write_text("Do it.\n")
    info = run_info("claude", resume_session_id=SESSION)
    result = concluded(tmp_path, info, stumbling, home=tmp_path, watched=True)
    assert (result.accuracy, result.usage_source) == ("heuristic", "estimated")
    assert result.why is not None
    assert "not written as agentd knows it (" in result.why


class Stumbling(ClaudeParser):
    def feed(self, event: Mapping[str, Any]) -> None:
        raise KeyError("new")

    def parsed(self) -> Parsed:
        raise TypeError("None")


def stumble(_: object) -> Any:
    raise IndexError
