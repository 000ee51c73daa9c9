"""`agentd delete`: the documents go, the money stays."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.state_samples import CALL
from support.workflow_box import STREAM, box_with, put_change, state_of
from support.workspace import PROPOSAL, Sandbox

from agentd.clock import utc_now
from agentd.ledger.store import StateStore
from agentd.project.changes import archive_dir, find_change
from agentd.project.hold import at_work
from agentd.project.layout import find_project


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    box = box_with(tmp_path)
    StateStore(put_change(box, "add-x", "proposed")).append(CALL)
    (box.change("add-x") / "runs/one").mkdir(parents=True, exist_ok=True)
    return box


def archived(box: Sandbox) -> list[str]:
    return sorted(path.name for path in (box.root / "agentd/archive").glob("*-add-x/*"))


def test_what_was_deleted_still_counts_everywhere(box: Sandbox) -> None:
    before = json.loads(box.ok("cost", "--all", "--json"))["total"]
    assert before["calls"] == 1
    (box.change("add-x") / "runs/one").rmdir()
    out = box.ok("delete", "add-x", "--yes")
    assert "deleted change add-x" in out
    assert "what it cost (1 call, $0.003523) still counts: agentd/archive/2" in out
    assert not box.change("add-x").exists()
    assert archived(box) == ["STATE.yaml"]
    assert json.loads(box.ok("cost", "--all", "--json"))["total"] == before
    assert state_of(box, "add-x")["last_action"] == "delete"
    assert box.ok("list").splitlines()[1].split()[:2] == ["add-x", "deleted"]
    assert "(deleted 2" in box.ok("status", "add-x")
    with (box.root / "agentd/config.toml").open("a") as config:
        config.write("[budget.project]\nlimit_tokens = 1\n")
    assert box.run("plan", "other", "Greet").returncode == 3


def test_the_id_is_free_again(box: Sandbox) -> None:
    box.ok("delete", "add-x", "--yes")
    box.answer("proposal", STREAM, PROPOSAL)
    assert "no change add-x yet" in box.run("run", "add-x").stderr
    box.ok("proposal", "add-x", "Let users in")
    (folder,) = (box.root / "agentd/archive").iterdir()
    made = re.compile(r"created_at: .*")
    made_at = made.search((folder / "STATE.yaml").read_text())
    state = box.change("add-x") / "STATE.yaml"
    assert made_at
    state.write_text(made.sub(made_at[0], state.read_text()))  # as within one second
    assert json.loads(box.ok("status", "add-x", "--json"))["calls"] == 1
    assert json.loads(box.ok("cost", "--all", "--json"))["total"]["calls"] == 2


def test_a_change_deleted_today_makes_way_for_its_successors(box: Sandbox) -> None:
    def archive() -> list[str]:
        return sorted(path.name[9:] for path in (box.root / "agentd/archive").iterdir())

    box.answer("proposal", STREAM, PROPOSAL)
    put_change(box, "add-x-3", "proposed")  # another one that is called so
    for spent, names in enumerate(
        (["add-x"], ["add-x", "add-x-2"], ["add-x", "add-x-2", "add-x-4"]), start=1
    ):
        box.ok("delete", "add-x", "--yes")
        assert archive() == names
        assert json.loads(box.ok("cost", "--all", "--json"))["total"]["calls"] == spent
        box.ok("proposal", "add-x", "Let users in")
    again = find_change(find_project(box.root), "add-x")
    assert archive_dir(again).name[9:] == "add-x"
    assert archive() == ["add-x-2", "add-x-4", "add-x-5"]
    assert box.ok("validate") == "all ledgers: ok (no errors, no warnings)\n"


def test_one_that_was_archived_today_makes_no_way(box: Sandbox) -> None:
    today = find_project(box.root).archived_dir("add-x", utc_now())
    StateStore(today).create("add-x", phase="archived")
    done = box.run("delete", "add-x", "--yes")
    assert f"exists already\nRename that folder, such as to {today.name}-2 (" in done.stderr
    assert (box.change("add-x") / "proposal.md").is_file()
    today.rename(today.with_name(f"{today.name}-2"))
    box.ok("delete", "add-x", "--yes")


def test_calls_without_a_price_are_told(box: Sandbox) -> None:
    box.answer("challenge", STREAM, {"change/CHALLENGE.md": "## Verdict\n- [x] APPROVED\n"})
    box.ok("challenge", "add-x")
    out = box.ok("delete", "add-x", "--yes")
    assert "what it cost (2 calls, $0.003523, 1 without a price) still counts" in out
    assert "Change: add-x (deleted 2" in box.ok("show", "add-x")


def test_without_a_terminal_it_wants_yes(box: Sandbox) -> None:
    done = box.run("delete", "add-x")
    assert (done.returncode, "Add --yes" in done.stderr) == (2, True)
    assert box.change("add-x").is_dir()


@pytest.mark.parametrize(("answer", "gone"), [("y\n", True), ("\n", False), ("n\n", False)])
def test_it_asks(box: Sandbox, answer: str, gone: bool) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, answer.encode())
    done = subprocess.run(
        [sys.executable, "-m", "agentd", "delete", "add-x"],
        cwd=box.root,
        stdin=theirs,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "Delete agentd/changes/add-x/ (1 call, $0.003523)? [y/N] "
    assert done.returncode == (0 if gone else 130)
    assert box.change("add-x").exists() is not gone


def test_killed_in_between_it_is_finished_by_the_same_command(box: Sandbox) -> None:
    store = StateStore(box.change("add-x"))
    store.update(last_action="delete")
    (box.root / "agentd/archive").mkdir()
    box.change("add-x").rename(box.root / "agentd/archive/20261130-add-x")
    box.ok("delete", "add-x", "--yes")
    assert archived(box) == ["STATE.yaml"]


def test_an_archived_change_and_one_at_work_stay(box: Sandbox) -> None:
    with at_work(find_change(find_project(box.root), "add-x")):
        assert "is at work on add-x" in box.run("delete", "add-x", "--yes").stderr
    (box.root / "agentd/archive").mkdir()
    box.change("add-x").rename(box.root / "agentd/archive/20261130-add-x")
    assert "is archived as" in box.run("delete", "add-x", "--yes").stderr
    assert "tasks.md" in archived(box)


def test_what_openspec_made_and_nobody_took_up_just_goes(box: Sandbox) -> None:
    (box.change("add-y")).mkdir()
    (box.change("add-y") / "proposal.md").write_text("# P\n")
    box.ok("delete", "add-y", "--yes")
    assert not box.change("add-y").exists()
    assert not (box.root / "agentd/archive").exists()
