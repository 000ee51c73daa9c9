"""What makes a change, and what must not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.workflow_box import STREAM, box_with, put_change
from support.workspace import PROPOSAL, Sandbox


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    made = box_with(tmp_path)
    made.answer("proposal", STREAM, PROPOSAL)
    return made


@pytest.mark.parametrize("command", ["plan", "run"])
def test_without_a_description_no_change_is_made(box: Sandbox, command: str) -> None:
    done = box.run(command, "add-x")
    assert done.returncode == 1
    assert "there is no change add-x yet" in done.stderr
    assert 'agentd run add-x "DESCRIPTION"' in done.stderr
    assert not box.change("add-x").exists()


def test_without_a_description_the_changes_are_named_that_there_are(box: Sandbox) -> None:
    put_change(box, "add-a", "proposed")
    put_change(box, "add-b", "proposed")
    done = box.run("run", "add-x")
    assert 'agentd run add-x "DESCRIPTION" (open are add-a, add-b)' in done.stderr


@pytest.mark.parametrize("command", ["plan", "run", "proposal"])
def test_a_description_that_is_no_utf_8_makes_nothing(box: Sandbox, command: str) -> None:
    done = box.run(command, "add-x", "caf\udcf6")
    assert done.returncode == 1
    assert "the description: not UTF-8 (byte 0xf6 at offset 3)" in done.stderr
    assert not box.change("add-x").exists()


@pytest.mark.parametrize("command", ["plan", "run", "proposal"])
def test_the_id_of_an_archived_change_is_not_taken_again(box: Sandbox, command: str) -> None:
    put_change(box, "add-x", "archived")
    archive = box.root / "agentd/archive/20260101-add-x"
    archive.parent.mkdir()
    box.change("add-x").rename(archive)
    done = box.run(command, "add-x", "Once more")
    assert done.returncode == 1
    assert "change add-x is archived as agentd/archive/20260101-add-x/" in done.stderr
    assert "such as add-x-2" in done.stderr
    assert not box.change("add-x").exists()


def test_documents_whose_ledger_a_merge_has_left_in_the_archive_go_on_with_it(box: Sandbox) -> None:
    """One branch deleted the change, the other went on, and a person kept what that one did."""
    state = put_change(box, "add-x", "proposed") / "STATE.yaml"
    archive = box.root / "agentd/archive/20260101-add-x"
    archive.mkdir(parents=True)
    state.rename(archive / "STATE.yaml")
    done = box.run("run", "add-x")
    moved = "git mv agentd/archive/20260101-add-x/STATE.yaml agentd/changes/add-x/"
    assert (done.returncode, moved in done.stderr) == (1, True)


def test_a_proposal_written_by_hand_needs_no_description(box: Sandbox) -> None:
    folder = box.change("add-x")
    folder.mkdir(parents=True)
    (folder / "proposal.md").write_text(PROPOSAL["change/proposal.md"])
    done = box.run("plan", "add-x")
    assert (folder / "STATE.yaml").exists(), done.stderr


def test_after_a_proposal_that_came_to_nothing_its_description_is_still_known(box: Sandbox) -> None:
    box.answer("proposal", STREAM, {})  # it writes nothing
    done = box.run("plan", "add-x", "Let users log in\nby name")
    assert done.returncode == 4
    box.answer("proposal", STREAM, PROPOSAL)
    box.answer("challenge", STREAM, {"change/CHALLENGE.md": "## Verdict\n- [x] APPROVED\n"})
    done = box.run("plan", "add-x")
    assert done.returncode == 0, done.stderr
    assert "takes the description that it was given before" in done.stderr
    first, second = sorted((box.change("add-x") / "runs").glob("*-proposal-*/prompt"))
    assert "> Let users log in\n> by name\n" in second.read_text()
    assert first.read_text() == second.read_text()
    kept = box.change("add-x") / "runs/description"
    assert kept.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("refused", ["it can't be started", "by its budget"])
def test_after_a_call_that_was_not_made_its_description_is_still_known(
    box: Sandbox, refused: str
) -> None:
    box.answer("challenge", STREAM, {"change/CHALLENGE.md": "## Verdict\n- [x] APPROVED\n"})
    config = box.root / "agentd/config.toml"
    sound = config.read_text()
    if refused == "by its budget":
        config.write_text(f"{sound}\n[budget]\nlimit_tokens = 10\n")
    else:
        config.write_text(re.sub('command = ".*"', 'command = "/nowhere"', sound))
    assert box.run("plan", "add-x", "Let users log in").returncode in (3, 4)
    assert not list(box.change("add-x").glob("runs/*/"))
    assert box.ok("status", "add-x").splitlines()[-1] == "Next: agentd run add-x"
    config.write_text(sound)
    assert "takes the description that it was given before" in box.run("plan", "add-x").stderr
    (prompt,) = (box.change("add-x") / "runs").glob("*-proposal-*/prompt")
    assert "> Let users log in\n" in prompt.read_text()
