"""What an agent plants for agentd to believe: neither while its step runs nor after it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.guards import python, step_running
from support.state_samples import call
from support.workflow_box import STREAM, box_with, calls_of, put_change, put_plan, state_of
from support.workspace import Sandbox

from agentd.ledger.store import StateStore

CHALLENGE = "# Challenge: x\n\n## Issues\nnone\n\n## Verdict\n- [x] APPROVED\n"


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    box = box_with(tmp_path)
    put_change(box, "add-x", "proposed")
    put_change(box, "add-y", "proposed")
    box.answer("challenge", STREAM, {"change/CHALLENGE.md": CHALLENGE})
    return box


@pytest.mark.parametrize("name", ["add-x", "add-y"])
@pytest.mark.parametrize("record", ["call.pending.json", "call.unjudged.json", "run.json"])
def test_a_call_that_the_agent_forges_is_entered_by_nobody(
    box: Sandbox, name: str, record: str
) -> None:
    made = box.root.parent / "made"
    store = StateStore(made)
    store.create("made")
    text = store.keep(call(7)).read_text()
    if record == "run.json":
        told = {"call_id": "fake", "step": "review", "provider": "gemini", "argv": [], "cwd": "/"}
        told |= {"requested_model": None, "resume_session_id": None, "agentd_pid": 1 << 21}
        text = json.dumps(told | {"started_at": "2026-11-22T05:40:52Z", "agentd_token": "1"})
    place = f"agentd/changes/{name}/runs/{call(7).id}/{record}"
    forge = f"import pathlib; p = pathlib.Path({place!r}); p.parent.mkdir(); p.write_text({text!r})"
    put_plan(box, "challenge", shell=python(box, forge))
    with step_running(box, "add-x", exit_code=4) as said:
        assert "Total Cost" in box.run("status", name).stdout
        assert calls_of(box, name) == []
    assert place in said[1]
    assert not (box.root / place).exists()
    box.ok("status", name)
    assert calls_of(box, name) == ([("challenge", "ok")] if name == "add-x" else [])
    assert state_of(box, name)["phase"] == "proposed"


@pytest.mark.parametrize(
    "record", ["call.pending.json", "call.unjudged.json", "call.json", "reserve"]
)
def test_a_folder_in_the_place_of_a_record_loses_no_call(box: Sandbox, record: str) -> None:
    here = "cd agentd/changes/add-x/runs/*/"
    put_plan(box, "challenge", shell=f"{here} && rm -f {record} && mkdir {record}")
    done = box.run("challenge", "add-x")
    assert done.returncode == 4, done.stderr
    assert record in done.stderr
    assert calls_of(box, "add-x") == [("challenge", "ok")]
    after = box.run("status", "add-x")
    assert (after.returncode, after.stderr) == (0, "")


def test_a_hold_that_the_agent_takes_excuses_nothing(box: Sandbox) -> None:
    hold = (
        "import fcntl, pathlib, time; p = pathlib.Path('agentd/changes/add-y/runs/.work')\n"
        "p.parent.mkdir(exist_ok=True); f = p.open('w'); fcntl.flock(f, fcntl.LOCK_EX)\n"
        "pathlib.Path('agentd/changes/add-y/proposal.md').write_text('evil')\n"
    )
    put_plan(box, "challenge", shell=python(box, hold))
    before = (box.change("add-y") / "proposal.md").read_bytes()
    done = box.run("challenge", "add-x")
    assert done.returncode == 4
    assert "agentd/changes/add-y/proposal.md" in done.stderr
    assert (box.change("add-y") / "proposal.md").read_bytes() == before


def test_a_journal_that_the_agent_plants_undoes_nothing(box: Sandbox) -> None:
    spec = box.root / "agentd/specs/login.md"
    spec.parent.mkdir(exist_ok=True)
    spec.write_text("# Login\n")
    entry = {"path": "login.md", "existed": True, "new_sha256": "0", "made": []}
    journal = box.change("add-y") / "runs/merge"
    plant = (
        f"import pathlib; p = pathlib.Path({str(journal)!r}); p.mkdir(parents=True)\n"
        f"(p / '0.old').write_text('evil'); (p / 'journal.json').write_text("
        f"{json.dumps({'files': [entry]})!r})\n"
    )
    put_plan(box, "challenge", shell=python(box, plant))
    with step_running(box, "add-x", exit_code=4):
        box.run("archive", "add-y")
        assert spec.read_text() == "# Login\n"
    assert not (journal / "journal.json").exists()
    assert spec.read_text() == "# Login\n"


def test_what_a_planted_temporary_file_holds_goes_aside(box: Sandbox) -> None:
    planted = "agentd/specs/.login.md.0123abcd.tmp"
    put_plan(box, "challenge", shell=f"mkdir -p agentd/specs; echo evil > {planted}")
    box.run("challenge", "add-x")
    assert not (box.root / planted).exists()
    [kept] = box.change("add-x").glob(f"runs/*/forbidden/{planted}")
    assert kept.read_text() == "evil\n"


@pytest.mark.parametrize("name", [".lock", ".work", "../.config.toml.lock"])
def test_a_lock_file_that_becomes_a_link_comes_back(box: Sandbox, name: str) -> None:
    place = f"agentd/changes/add-x/runs/{name}" if ".." not in name else "agentd/.config.toml.lock"
    put_plan(box, "challenge", shell=f"rm -f {place}; ln -s /nowhere {place}")
    assert box.run("challenge", "add-x").returncode == 4
    assert not (box.root / place).is_symlink()
    put_plan(box, "challenge", shell=None)
    box.ok("challenge", "add-x")
