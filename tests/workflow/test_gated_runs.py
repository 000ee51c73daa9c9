"""A limit between two requests of a relayed run: the second one is never sent."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from loopback.scenario import Step
from loopback.server import LoopbackApi
from support.budget_box import OPUS, configure, in_turns, reserved, spend
from support.terminal import drawn_lines, on_a_terminal
from support.workflow_box import box_with, calls_of, put_change, state_of
from support.workspace import Sandbox

from agentd.metering.usage import ModelUsage
from agentd.runner.process import has_proc, prints_to, processes, start_token
from agentd.runner.run_folder import RunFolder

TELEMETRY = Path(__file__).parents[2] / "fixtures" / "telemetry"
CLI = Path(__file__).parents[1] / "standins" / "asking_cli.py"
ANSWER = ModelUsage(input_tokens=900, output_tokens=40)  # $0.94
PRICES = '[pricing.models."gemini-2.5-pro"]\ncost_per_1m_input = 1000\ncost_per_1m_output = 1000\n'
COMMAND = [sys.executable, "-m", "agentd", "challenge"]
ON = '[meter]\nwire = "on"\n'


@pytest.fixture
def api() -> Iterator[LoopbackApi]:
    with LoopbackApi([Step(text="hello", usage=ANSWER, stays=True)]) as server:
        yield server


def asking(
    folder: Path, budget: str, *, requests: int = 3, meter: str = ON, **plan: Any
) -> Sandbox:
    """A change to challenge by a CLI that makes so many requests."""
    box = box_with(folder)
    configure(box, f"{PRICES}{meter}{budget}\n")
    put_change(box, "add-x", "proposed")
    script = box.root.parent / "gemini"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{CLI}" "$@"\n')
    (folder / "asking.json").write_text(json.dumps({"requests": requests, **plan}))
    return box


def environ(box: Sandbox, api: LoopbackApi) -> dict[str, str]:
    return {
        **os.environ,
        "HOME": str(box.root.parent),
        "GEMINI_API_KEY": "not-a-key",
        "GOOGLE_GEMINI_BASE_URL": api.url,
    }


def start(
    box: Sandbox, api: LoopbackApi, change: str = "add-x", *options: str
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, change, "--model", "gemini-2.5-pro", *options],
        cwd=box.root,
        env=environ(box, api),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


OFF = "[meter]\nwire = 'off'\n"
WHERE = {
    ON: "at the wire (base URL of your own)",
    OFF: 'by what it prints and logs: wire is "off" in [meter]',
}


@pytest.mark.parametrize("meter", WHERE)
def test_the_call_says_where_it_was_metered_and_why(
    api: LoopbackApi, tmp_path: Path, meter: str
) -> None:
    box = asking(tmp_path, "", requests=1, meter=meter)
    run(box, api)
    (call,) = json.loads(box.run("log", "add-x", "--json").stdout)["calls"]
    assert call["metered"] == WHERE[meter]


def run(box: Sandbox, api: LoopbackApi, *options: str) -> tuple[int, str]:
    process = start(box, api, "add-x", *options)
    _, stderr = process.communicate(timeout=60)
    return process.returncode, stderr


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_request_that_has_no_room_is_never_sent(tmp_path: Path, api: LoopbackApi) -> None:
    """$1.90 are spent, $3.50 left: the first is expected to cost some $2.70, the second $2.90."""
    box = asking(tmp_path, "[budget]\nlimit_usd = 5.4", files={"work.txt": "half of it"})
    spend(box, "add-x", "1.90")
    code, stderr = run(box, api)
    assert code == 3, stderr
    assert len(api.requests) == 1
    assert "was stopped by its budget: the next request (gemini-2.5-pro, about 2,9" in stderr
    assert "change add-x has spent $2.840000 of $5.400000; $2.560000 is left" in stderr
    assert "(budget.limit_usd)" in stderr
    last = state_of(box, "add-x")["telemetry"]["calls"][-1]
    assert (last["status"], last["cost_usd"], last["requests"]) == ("budget_stopped", 0.94, 1)
    assert (last["usage_source"], last["accuracy"]) == ("wire", "exact")
    assert (box.root / "work.txt").read_text() == "half of it"
    assert state_of(box, "add-x")["phase"] == "proposed"


def test_within_its_limit_a_run_is_left_alone(tmp_path: Path, api: LoopbackApi) -> None:
    box = asking(tmp_path, "[budget]\nlimit_usd = 50")
    code, stderr = run(box, api)
    assert code == 4, stderr  # it wrote no document
    assert len(api.requests) == 3
    assert calls_of(box, "add-x") == [("challenge", "ok")]


def test_its_requests_can_be_looked_at_and_add_up_to_the_call(
    tmp_path: Path, api: LoopbackApi
) -> None:
    box = asking(tmp_path, "")
    run(box, api)
    done = box.run("log", "add-x", "--requests", "--json")
    (call,) = json.loads(done.stdout, parse_float=Decimal)["calls"]
    rows = call["api_requests"]
    assert [(row["tokens_in"], row["tokens_out"], row["end"]) for row in rows] == 3 * [
        (900, 40, "stop")
    ]
    assert sum(row["cost_usd"] for row in rows) == call["cost_usd"] == Decimal("2.82")
    assert all(row["exact"] and row["duration_ms"] is not None for row in rows)


def test_the_audit_holds_a_call_against_its_requests(tmp_path: Path, api: LoopbackApi) -> None:
    box = asking(tmp_path, "")
    run(box, api)
    assert "no differences, no notes" in box.run("cost", "audit").stdout
    ledger = box.change("add-x") / "STATE.yaml"
    text = ledger.read_text()
    ledger.write_text(text.replace("tokens_out: 120", "tokens_out: 121"))
    told = json.loads(box.run("cost", "audit", "--json").stdout)["findings"]
    (found,) = [one for one in told if one["check"] == "requests"]
    assert found["message"] == "by its 3 requests tokens_out is 121, not 120"
    assert (found["recorded"], found["expected"]) == ({"tokens_out": 121}, {"tokens_out": 120})


def test_what_other_threads_cost_is_told_apart(tmp_path: Path, api: LoopbackApi) -> None:
    box = asking(tmp_path, "", requests=2, side_model="gemini-2.5-pro", side_agent="curl/8")
    run(box, api)
    (call,) = state_of(box, "add-x")["telemetry"]["calls"]
    assert call["threads"] == "other=900/40/0/0.94"
    done = box.run("cost", "add-x", "--by", "thread", "--format", "csv")
    assert [line.split(",")[0::8] for line in done.stdout.splitlines()] == [
        ["thread", "cost_usd"],
        ["main", "1.88"],
        ["other", "0.94"],
    ]
    assert "speed" not in box.run("cost", "add-x", "--by", "variant").stdout


def test_two_changes_at_once_never_spend_the_same_remainder(
    tmp_path: Path, api: LoopbackApi
) -> None:
    budget = '[budget.project]\nlimit_usd = 12\nperiod = "total"'
    box = asking(tmp_path, budget, requests=30)
    put_change(box, "add-y", "proposed")
    running = [start(box, api, change) for change in ("add-x", "add-y")]
    told = [process.communicate(timeout=60)[1] for process in running]
    assert [process.returncode for process in running] == [3, 3], told
    assert any("the project has spent" in text for text in told)
    billed = len(api.requests) * Decimal("0.94")
    assert 7 <= billed <= 12
    assert reserved(box.root) == []
    both = [*calls_of(box, "add-x"), *calls_of(box, "add-y")]
    assert both == 2 * [("challenge", "budget_stopped")]


def test_a_person_decides_otherwise_and_that_is_recorded(tmp_path: Path, api: LoopbackApi) -> None:
    box = asking(tmp_path, "[budget]\nlimit_usd = 1.5")
    code, stderr = run(box, api, "--budget-override")
    assert code == 4, stderr
    assert len(api.requests) == 3
    assert state_of(box, "add-x")["telemetry"]["calls"][-1]["budget"] == "overridden"


def test_the_relay_keeps_the_limit_when_agentd_is_killed(tmp_path: Path, api: LoopbackApi) -> None:
    box = asking(tmp_path, "[budget]\nlimit_usd = 3.5", wait_for="go")
    running = start(box, api)
    until(lambda: bool(api.requests))
    time.sleep(0.3)
    running.send_signal(signal.SIGKILL)
    running.wait()
    (box.root / "go").touch()
    (log,) = (box.change("add-x") / "runs").glob("*/requests.jsonl")
    until(lambda: '"refused"' in log.read_text())
    time.sleep(0.5)
    box.ok("status", "add-x")
    assert calls_of(box, "add-x") == [("challenge", "budget_stopped")]
    assert len(api.requests) == 1


@pytest.mark.skipif(not has_proc(), reason="no /proc here")
@pytest.mark.parametrize(("limit_usd", "code", "asked"), [("3.5", 3, 1), ("50", 0, 3)])
def test_the_relay_of_a_killed_agentd_serves_until_its_cli_has_ended(
    tmp_path: Path, api: LoopbackApi, limit_usd: str, code: int, asked: int
) -> None:
    """The next command follows the CLI: it pays nothing again, and its relay is gone then."""
    files = {"agentd/changes/add-x/CHALLENGE.md": "## Verdict\n- [x] APPROVED\n"}
    budget = f"[budget]\nlimit_usd = {limit_usd}"
    box = asking(tmp_path, budget, wait_for="../go", files=files)
    running = start(box, api)
    until(lambda: bool(api.requests))
    (log,) = (box.change("add-x") / "runs").glob("*/requests.jsonl")
    until(lambda: '"ended"' in log.read_text())
    running.kill()
    running.communicate()
    complaints = log.with_name("meter.log")
    [relay] = [pid for pid in processes() if prints_to(pid, complaints)]
    following = start(box, api)
    run = RunFolder(log.parent)
    until(lambda: following.poll() is not None or run.info().agentd_pid == following.pid)
    assert start_token(relay) is not None
    (tmp_path / "go").touch()
    stderr = following.communicate(timeout=30)[1]
    assert following.returncode == code, stderr
    assert len(api.requests) == asked, stderr
    (call,) = state_of(box, "add-x")["telemetry"]["calls"]
    assert (call["status"], call["usage_source"]) == (
        "ok" if code == 0 else "budget_stopped",
        "wire",
    )
    assert (call["accuracy"], call["requests"]) == ("exact", asked)
    until(lambda: start_token(relay) is None)
    assert complaints.read_bytes() == b""


@pytest.mark.parametrize("ignores", [False, True])
def test_a_cli_that_stays_after_its_failure_is_ended(
    tmp_path: Path, api: LoopbackApi, ignores: bool
) -> None:
    box = asking(tmp_path, "[budget]\nlimit_usd = 3.5", lingers_s=30, ignores_signals=ignores)
    began = time.monotonic()
    code, stderr = run(box, api)
    assert code == 3, stderr
    assert time.monotonic() - began < 20
    assert calls_of(box, "add-x") == [("challenge", "budget_stopped")]


def test_a_cli_that_goes_past_the_relay_is_stopped_by_what_it_tells(tmp_path: Path) -> None:
    box = box_with(tmp_path, providers=("claude",))
    configure(box, f"{OPUS}{ON}[budget]\nlimit_usd = 1.12\n")
    put_change(box, "add-x", "proposed")
    in_turns(box, "claude", "claude/2.1.330/tool_stream_json_partial", ["message_stop"])
    done = box.run("challenge", "add-x", "--model", "claude-opus-5-5", ANTHROPIC_API_KEY="no-key")
    assert done.returncode == 3, done.stderr
    assert "$1.120000 is left, $1.128000 needed (budget.limit_usd)" in done.stderr
    assert not (tmp_path / "went-on").exists()


def test_a_run_that_the_wire_can_not_carry_is_stopped_by_its_telemetry(tmp_path: Path) -> None:
    """A ChatGPT login: the relay's process hears of the requests, and sees none of them."""
    box = box_with(tmp_path, providers=("codex",))
    configure(box, '[meter]\nwire = "auto"\n[budget]\nlimit_tokens = 5000\n')
    put_change(box, "add-x", "proposed")
    (tmp_path / ".codex").mkdir()
    (tmp_path / ".codex/auth.json").write_text('{"auth_mode": "chatgpt"}')
    shutil.copyfile(TELEMETRY / "codex.jsonl", tmp_path / "telemetry.jsonl")
    script = CLI.with_name("telling_cli.py")
    (tmp_path / "codex").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
    done = box.run("challenge", "add-x", "--model", "gpt-6.1-sol", CODEX_HOME="", OPENAI_API_KEY="")
    assert done.returncode == 3, done.stderr
    assert "(budget.limit_tokens)" in done.stderr
    assert not (tmp_path / "went-on").exists()
    last = state_of(box, "add-x")["telemetry"]["calls"][-1]
    assert (last["status"], last["tokens_in"] > 5000) == ("budget_stopped", True)


class TestStrict:
    def test_only_what_surely_fits_is_sent(self, tmp_path: Path, api: LoopbackApi) -> None:
        """An answer of gemini may have 65,536 tokens, $65.54 here."""
        box = asking(tmp_path, "[budget]\nstrict = true\nlimit_usd = 65.53")
        code, stderr = run(box, api)
        assert code == 3, stderr
        assert "(gemini-2.5-pro, at most " in stderr
        assert api.requests == []
        config = box.root / "agentd/config.toml"
        config.write_text(config.read_text().replace("limit_usd = 65.53", "limit_usd = 80"))
        code, stderr = run(box, api)
        assert code == 4, stderr
        assert len(api.requests) == 3

    @pytest.mark.parametrize(("status", "recorded"), [(200, "ok"), (500, "failed")])
    def test_a_run_that_goes_on_after_a_refusal_did_not_end_at_it(
        self, status: int, recorded: str, tmp_path: Path
    ) -> None:
        """A side call to a model without a price; the main thread does without."""
        budget = "[budget]\nstrict = true\nlimit_usd = 80"
        box = asking(tmp_path, budget, requests=1, side_model="of-tomorrow-1")
        with LoopbackApi([Step(text="hello", usage=ANSWER, status=status, stays=True)]) as api:
            code, stderr = run(box, api)
        assert code == 4, stderr
        assert [request.model for request in api.requests] == ["gemini-2.5-pro"]
        assert calls_of(box, "add-x") == [("challenge", recorded)]

    def test_a_run_that_is_not_metered_at_the_wire_is_not_started(
        self, tmp_path: Path, api: LoopbackApi
    ) -> None:
        meter = '[meter]\nwire = "off"\n'
        box = asking(tmp_path, "[budget]\nstrict = true\nlimit_usd = 80", meter=meter)
        code, stderr = run(box, api)
        assert code == 3
        assert "is refused by budget.strict" in stderr
        assert 'Set meter.wire = "on"' in stderr
        assert [path for path in (box.change("add-x") / "runs").iterdir() if path.is_dir()] == []
        assert api.requests == []

    def test_without_a_limit_strict_means_nothing(self, tmp_path: Path, api: LoopbackApi) -> None:
        box = asking(tmp_path, "[budget]\nstrict = true", meter="", requests=1)
        assert run(box, api)[0] == 4
        assert len(api.requests) == 1


def test_a_person_sees_each_request_as_it_is_billed(tmp_path: Path, api: LoopbackApi) -> None:
    """The CLI tells its tokens at its end only; between its requests somebody else has a say."""
    box = asking(tmp_path, "", requests=2, wait_for=str(tmp_path / "go-on"))
    runs = box.root / "agentd/changes/add-x/runs"

    def go_on() -> None:
        until(lambda: '"ended"' in "".join(p.read_text() for p in runs.glob("*/requests.jsonl")))
        time.sleep(0.6)  # the line is written about five times a second
        (tmp_path / "go-on").touch()

    helper = threading.Thread(target=go_on)
    helper.start()
    _, shown = on_a_terminal(
        [*COMMAND, "add-x", "--model", "gemini-2.5-pro"],
        box.root,
        {**environ(box, api), "TERM": "xterm"},
    )
    helper.join()
    drawn = [
        line for line in drawn_lines(shown) if "  in 900 out 40  1 request  $0.940000  " in line
    ]
    assert drawn, shown
    assert drawn[0].startswith("1/4 challenge  gemini  gemini-2.5-pro  0:0")
    assert drawn[0].endswith("  change $0.940000")


@pytest.mark.parametrize(
    "shell",
    [
        "rm -rf agentd/changes/add-x/runs",
        "cd agentd/changes/add-x/runs/*/ && ln -sf /etc/passwd requests.jsonl",
        "cd agentd/changes/add-x/runs/*/ && rm * && mkfifo requests.jsonl stderr prompt meter.log",
    ],
)
def test_a_run_is_recorded_whatever_its_agent_makes_of_its_folder(
    shell: str, tmp_path: Path, api: LoopbackApi
) -> None:
    box = asking(tmp_path, "[budget]\nlimit_usd = 50", requests=1)
    (tmp_path / "gemini").write_text(
        f'#!/bin/sh\n"{sys.executable}" "{CLI}" "$@"\n({shell})\nexit 1\n'
    )
    code, stderr = run(box, api)
    assert code == 4, stderr
    assert len(api.requests) == 1
    [call] = state_of(box, "add-x")["telemetry"]["calls"]
    assert (call["status"], call["tokens_in"], call["tokens_out"]) == ("ok", 900, 40)
    assert (call["accuracy"], call["why"]) == ("heuristic", "relay bypassed")


def test_two_runs_of_one_change_are_one(tmp_path: Path, api: LoopbackApi) -> None:
    """The second command sends nothing, and the first one's call is whole."""
    go_on = tmp_path / "go-on"
    box = asking(tmp_path, "[budget]\nlimit_usd = 50", requests=2, wait_for=str(go_on))
    first = start(box, api)
    until(lambda: len(api.requests) == 1)
    code, stderr = run(box, api)
    assert code == 1, stderr
    assert len(api.requests) == 1
    go_on.touch()
    first.communicate(timeout=60)
    [call] = state_of(box, "add-x")["telemetry"]["calls"]
    assert (call["status"], call["requests"], call["cost_usd"]) == ("ok", 2, 1.88)


def test_a_ledger_that_is_damaged_during_a_run_counts_as_it_was(
    tmp_path: Path, api: LoopbackApi
) -> None:
    """Under the project's limit: $9.40 of $12 are spent, so that one request has room."""
    go_on = tmp_path / "go-on"
    budget = '[budget.project]\nlimit_usd = 12.3\nperiod = "total"'
    box = asking(tmp_path, budget, requests=2, wait_for=str(go_on))
    put_change(box, "other", "proposed")
    spend(box, "other", "9.40")
    running = start(box, api)
    until(lambda: len(api.requests) == 1)
    ledger, damage = box.change("other") / "STATE.yaml", "change_id: ["
    ledger.write_text(damage)
    go_on.touch()
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == 3, stderr
    assert len(api.requests) == 1
    assert state_of(box, "add-x")["telemetry"]["calls"][0]["status"] == "budget_stopped"
    ledger.write_text(damage)  # the guard has put it back
    code, stderr = run(box, api)
    assert (code, len(api.requests)) == (1, 1)
    assert "other/STATE.yaml" in stderr, stderr
