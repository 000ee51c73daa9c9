"""Commands that run no agent, struck at every change they make on disk."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from support.fault_proof import Scene, prove, prove_cuts
from support.hand_sessions import PARTIAL, claude_line, claude_log, run_with_folder, write_log
from support.state_samples import call
from support.workflow_box import box_with, put_change
from support.workspace import PROPOSAL, Sandbox

from agentd.cli import run
from agentd.errors import StateError
from agentd.ledger.store import StateStore
from agentd.metering.usage import UsageMetrics
from agentd.project.init import initialise

NOTHING: Counter[str] = Counter()
CALL_ID = "20261122T054052-manual-0000002a"


def empty(folder: Path) -> Sandbox:
    root = folder / "project"
    root.mkdir(parents=True)
    return Sandbox(root)


@pytest.mark.reliability
def test_init(tmp_path: Path) -> None:
    scene = Scene(command=("init",), after=("list",), make=empty, paid=NOTHING)
    prove(scene, tmp_path)


def made(folder: Path) -> Sandbox:
    box = empty(folder)
    initialise(box.root)
    return box


@pytest.mark.reliability
def test_init_remove(tmp_path: Path) -> None:
    command = ("init", "--remove")
    prove(Scene(command=command, after=("--version",), make=made, paid=NOTHING), tmp_path)


@pytest.mark.reliability
def test_config_set(tmp_path: Path) -> None:
    command = ("config", "set", "budget.limit_usd", "5")
    prove(Scene(command=command, after=("list",), make=made, paid=NOTHING), tmp_path)


def with_calls(folder: Path) -> Sandbox:
    folder.mkdir(parents=True)
    box = box_with(folder)
    store = StateStore(put_change(box, "add-x", "implementing"))
    for number in range(3):
        store.append(call(number))
    return box


def record() -> int:
    """Record a call as a program does with the public API."""
    usage = UsageMetrics(input_tokens=300, output_tokens=50)
    store = StateStore("agentd/changes/add-x")
    try:
        store.record_llm_call("manual", "gpt-5", usage, 1500, None, call_id=CALL_ID)
    except StateError:
        return 1
    return 0


def record_again() -> int:
    """A call that was kept is entered by the next command, whichever that is."""
    return record() or run(["status", "add-x"])


def holds_four_calls(box: Sandbox) -> None:
    ids = [one["id"] for one in box.telemetry("add-x")["calls"]]
    assert sorted(ids) == sorted([*(call(number).id for number in range(3)), CALL_ID])


RECORD = Scene(
    command=record,
    again=record_again,
    make=with_calls,
    paid=NOTHING,
    holds=holds_four_calls,
)


@pytest.mark.reliability
def test_record_and_the_same_again(tmp_path: Path) -> None:
    prove(RECORD, tmp_path, step=1)


@pytest.mark.reliability
def test_record_and_a_power_cut(tmp_path: Path) -> None:
    prove_cuts(RECORD, tmp_path, step=1)


def with_a_call_that_waits(folder: Path) -> Sandbox:
    box = with_calls(folder)
    StateStore(box.change("add-x")).keep(replace(call(3), id=CALL_ID))
    return box


@pytest.mark.reliability
def test_entering_a_call_that_waits(tmp_path: Path) -> None:
    command = ("status", "add-x")
    made, holds = with_a_call_that_waits, holds_four_calls
    prove(Scene(command=command, make=made, paid=NOTHING, holds=holds), tmp_path, step=1)


def is_reset(box: Sandbox) -> None:
    state = yaml.safe_load((box.change("add-x") / "STATE.yaml").read_text())
    assert state["budget_reset_calls"] == 3
    assert len(state["telemetry"]["calls"]) == 3


@pytest.mark.reliability
def test_cost_reset(tmp_path: Path) -> None:
    command = ("cost", "reset", "add-x")
    prove(Scene(command=command, make=with_calls, paid=NOTHING, holds=is_reset), tmp_path)


def with_a_whole_change(folder: Path) -> Sandbox:
    box = with_calls(folder)
    texts = {name.removeprefix("change/"): text for name, text in PROPOSAL.items()}
    for name, text in {**texts, "rounds/01-REVIEW.md": "x\n", "runs/c1/stdout": "x\n"}.items():
        path = box.change("add-x") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return box


def is_deleted(box: Sandbox) -> None:
    [kept] = box.root.glob("agentd/archive/*-add-x")
    assert [path.name for path in kept.iterdir()] == ["STATE.yaml"]
    assert not box.change("add-x").exists()


@pytest.mark.reliability
def test_delete(tmp_path: Path) -> None:
    scene = Scene(
        command=("delete", "add-x", "--yes"),
        after=("list",),
        make=with_a_whole_change,
        paid=NOTHING,
        holds=is_deleted,
        may_say="there is no change add-x",
    )
    prove(scene, tmp_path)


@pytest.mark.reliability
def test_feedback(tmp_path: Path) -> None:
    def is_said_once(box: Sandbox) -> None:
        state = yaml.safe_load((box.change("add-x") / "STATE.yaml").read_text())
        assert state["feedback"] == "Be shorter"

    scene = Scene(
        command=("feedback", "add-x", "Be shorter"),
        make=with_a_whole_change,
        paid=NOTHING,
        holds=is_said_once,
    )
    prove(scene, tmp_path)


def untidy(folder: Path) -> Sandbox:
    folder.mkdir(parents=True)
    box = box_with(folder)
    texts = {
        name.removeprefix("change/"): text.replace("- [ ]", "* [ ]  ").replace("\n", "  \n")
        for name, text in PROPOSAL.items()
    }
    put_change(box, "add-x", "proposed", texts)
    return box


@pytest.mark.reliability
def test_validate_fix(tmp_path: Path) -> None:
    command = ("validate", "add-x", "--fix")
    prove(Scene(command=command, make=untidy, paid=NOTHING), tmp_path)


def with_a_run_that_told_nothing(folder: Path) -> Sandbox:
    folder.mkdir(parents=True)
    box = box_with(folder, providers=("claude",))
    (folder / "home").mkdir()
    (folder / ".claude").symlink_to("home/.claude")
    StateStore(put_change(box, "add-x", "implementing"))
    return box


def put_log(box: Sandbox) -> None:
    """What a person did in claude, in this copy of the project."""
    claude_log(box.root).write_text(claude_line(1, box.root) + claude_line(2, box.root))


def holds_the_session(box: Sandbox) -> None:
    [one] = box.telemetry("add-x")["calls"]
    assert (one["step"], one["tokens_in"], one["requests"]) == ("manual", 200, 2)


@pytest.mark.reliability
def test_import(tmp_path: Path) -> None:
    scene = Scene(
        command=("import", "--into", "add-x"),
        make=with_a_run_that_told_nothing,
        ready=put_log,
        paid=NOTHING,
        holds=holds_the_session,
    )
    prove(scene, tmp_path)


def put_logs_that_grew(box: Sandbox) -> None:
    """Of a run that told nothing, and of a session that was imported before it went on."""
    store = StateStore(box.change("add-x"))
    other = claude_log(box.root, "22222222-0000-4000-8000-000000000000")

    def lines(*numbers: int) -> str:
        made = (claude_line(n, box.root, session=other.stem, at=_LATER) for n in numbers)
        return "".join(made)

    other.write_text(lines(11, 12))
    box.ok("import", "--into", "add-x")
    run_with_folder(store, PARTIAL)
    other.write_text(lines(11, 12, 13))
    write_log(box.root)


_LATER = "2026-11-20T12:00:00.000Z"


def holds_what_the_logs_have(box: Sandbox) -> None:
    calls = [(one["step"], one["tokens_in"]) for one in box.telemetry("add-x")["calls"]]
    assert sorted(calls) == [("manual", 300), ("review", 200)]
    copy = json.loads((box.change("add-x") / "runs/c1/call.json").read_text())
    assert copy["tokens_in"] == 200


@pytest.mark.reliability
def test_reconcile(tmp_path: Path) -> None:
    scene = Scene(
        command=("reconcile",),
        make=with_a_run_that_told_nothing,
        ready=put_logs_that_grew,
        paid=NOTHING,
        holds=holds_what_the_logs_have,
    )
    prove(scene, tmp_path)
