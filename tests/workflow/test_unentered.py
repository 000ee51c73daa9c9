"""Runs that the next command can't enter: nothing is lost, and the rest is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.workflow_box import STREAM, box_with, calls_of, put_change
from support.workspace import Sandbox

from agentd.ledger.store import StateStore
from agentd.metering.usage import UsageMetrics


def left_run(box: Sandbox, change: str, name: str, text: str) -> Path:
    """A run that an agentd began and did not live to record."""
    folder = box.change(change) / "runs" / name
    folder.mkdir(parents=True)
    for file in ("prompt", "stdout", "stderr"):
        (folder / file).touch()
    (folder / "run.json").write_text(text)
    return folder


def run_json(provider: str, **more: object) -> str:
    return json.dumps(
        {
            "call_id": "r1",
            "step": "challenge",
            "provider": provider,
            "requested_model": None,
            "argv": [provider],
            "cwd": "/",
            "resume_session_id": None,
            "started_at": "2026-11-22T05:41:00+00:00",
            "cli_pid": 1,
            "cli_token": "gone",
            "agentd_pid": 1,
            "agentd_token": "gone",
            **more,
        }
    )


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    sandbox = box_with(tmp_path)
    for change in ("a", "b"):
        put_change(sandbox, change, "proposed")
        StateStore(sandbox.change(change)).record_llm_call(
            "proposal", f"model-of-{change}", UsageMetrics(input_tokens=10), 1000, None
        )
    return sandbox


COMMANDS = (("status", "a"), ("cost", "a"), ("cost", "--all"), ("cost", "--all", "--by", "model"))


def test_a_run_of_a_provider_that_a_newer_agentd_knows(box: Sandbox) -> None:
    folder = left_run(box, "a", "r1", run_json("newcomer", key_of_a_newer_agentd=1))
    before = {path: path.read_bytes() for path in folder.iterdir()}
    for command in (*COMMANDS, ("list",)):
        done = box.run(*command)
        assert done.returncode == 0, done.stderr
        assert "agentd/changes/a/runs/r1 is a run of newcomer, which agentd" in done.stderr
        assert done.stdout
    box.answer("challenge", STREAM, {"change/CHALLENGE.md": "## Verdict\n- [x] APPROVED\n"})
    done = box.run("challenge", "a")
    assert done.returncode == 0, done.stderr
    assert "is a run of newcomer" in done.stderr
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    # One that knows it enters it.
    (folder / "run.json").write_text(run_json("codex"))
    box.ok("status", "a")
    assert ("challenge", "interrupted") in calls_of(box, "a")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"started_at": 3}', "[" * 100_000])
def test_a_damaged_run_json_is_named_and_the_rest_is_shown(box: Sandbox, text: str) -> None:
    left_run(box, "a", "r1", text)
    left_run(box, "a", "r2", run_json("codex", call_id="r2"))
    for command in COMMANDS:
        done = box.run(*command)
        assert done.returncode == 1, done.stderr
        assert f"{box.change('a')}/runs/r1/run.json: damaged" in done.stderr
        assert "then delete that folder" in done.stderr
        assert done.stdout
    assert ("challenge", "interrupted") in calls_of(box, "a")  # r2 was entered all the same
    assert "model-of-b" in box.run("cost", "--all", "--by", "model").stdout
    document = json.loads(box.run("cost", "--all", "--json").stdout)
    assert document["total"]["calls"] == 3
    assert box.run("cost", "b").returncode == 0
    done = box.run("list")
    assert (done.returncode, done.stdout.count("\n")) == (1, 3)
    assert "run.json: damaged" in done.stderr


def keep_damaged(box: Sandbox, text: str) -> None:
    folder = box.change("a") / "runs" / "r1"
    folder.mkdir(parents=True)
    (folder / "call.pending.json").write_text(text)


@pytest.mark.parametrize("text", ["{", "null", '{"id": 3}'])
def test_a_damaged_kept_call_is_named_and_the_rest_is_shown(box: Sandbox, text: str) -> None:
    keep_damaged(box, text)
    for command in (*COMMANDS, ("log", "a"), ("cost", "a", "--forecast")):
        done = box.run(*command)
        assert (done.returncode, "r1/call.pending.json: " in done.stderr) == (1, True), done.stderr
        assert "Repair the file, or delete it to give the call up." in done.stderr
        assert "model-of-a" in done.stdout or command[0] == "cost"
        assert done.stdout


@pytest.mark.parametrize("command", [("challenge", "a"), ("cost", "reset", "a")])
def test_no_step_begins_beside_a_call_that_cannot_be_read(
    box: Sandbox, command: tuple[str, ...]
) -> None:
    folder = left_run(box, "a", "r1", "{")
    done = box.run(*command)
    assert (done.returncode, "run.json: damaged" in done.stderr) == (1, True)
    (folder / "run.json").rename(folder / "call.pending.json")
    done = box.run(*command)
    assert (done.returncode, "call.pending.json: " in done.stderr) == (1, True)


@pytest.mark.parametrize("ledger", ["change_id: [\n", None])
def test_an_empty_run_beside_a_ledger_that_can_not_be_read(
    box: Sandbox, ledger: str | None
) -> None:
    (box.change("b") / "runs/20261122T054100-review-abc").mkdir(parents=True)
    state = box.change("b") / "STATE.yaml"
    state.unlink() if ledger is None else state.write_text(ledger)
    done = box.run("list")
    assert done.returncode == (1 if ledger else 0), done.stderr
    assert "\na  " in done.stdout
    assert "model-of-a" in box.run("cost", "--all", "--by", "model").stdout
