"""`agentd show`, `list --specs`, `status --all` and `validate --all`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.workflow_box import MAIN, block, box_with, modified, put_change
from support.workspace import REVIEW, Sandbox

DELTA = modified(block("Greet", "The system SHALL greet by name.", "hello", "it says the name"))
FOUND = REVIEW.replace("none\n", "- **High**: no test at all (`login.py:3`)\n").replace(
    "- [x] APPROVED\n- [ ] NEEDS", "- [ ] APPROVED\n- [x] NEEDS"
)


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    box = box_with(tmp_path)
    (box.root / "agentd/specs/login.md").write_text(MAIN)
    put_change(box, "add-x", "implementing", {"specs/login.md": DELTA, "REVIEW.md": FOUND})
    return box


def test_show_has_proposal_tasks_deltas_and_verdict(box: Sandbox) -> None:
    text = box.ok("show", "add-x")
    assert text.startswith("Change: add-x\n\n# Proposal: log in\n")
    assert "\nTasks: 0/1\n  [ ] 1.1 Log in by name (`login.py`)\n" in text
    assert "\nSpecs:\n  ~ login: MODIFIED Greet\n" in text
    assert text.endswith(
        "\nVerdicts:\n  REVIEW.md: NEEDS_CHANGES\n    - no test at all (`login.py:3`)\n"
    )
    told = json.loads(box.ok("show", "--json"))
    assert list(told) == [
        *("version", "change_id", "path", "archived_on", "proposal", "tasks", "deltas"),
        *("verdicts", "diffs"),
    ]
    assert told["tasks"] == [
        {"number": "1.1", "text": "Log in by name (`login.py`)", "done": False}
    ]
    (delta,) = told["deltas"]
    assert (delta["operation"], delta["requirement"]) == ("MODIFIED", "Greet")
    assert told["diffs"] is None


def test_what_the_specs_have_already_makes_no_difference(box: Sandbox) -> None:
    (box.change("add-x") / "specs/login.md").unlink()
    out = box.ok("show", "add-x", "--diff")
    assert out == "change add-x makes no difference to the main specs\n"


def test_diff_is_what_the_specs_would_become(box: Sandbox) -> None:
    lines = box.ok("show", "add-x", "--diff").splitlines()
    assert lines[:2] == ["--- agentd/specs/login.md", "+++ agentd/specs/login.md"]
    assert "-The system SHALL greet." in lines
    assert "+The system SHALL greet by name." in lines
    (one,) = json.loads(box.ok("show", "add-x", "--diff", "--json"))["diffs"]
    assert one["path"] == "agentd/specs/login.md"
    (box.root / "agentd/specs/login.md").write_text(MAIN.replace("SHALL greet", "MUST greet"))
    done = box.run("show", "add-x", "--diff")
    assert done.returncode == 1
    assert "Greet" in done.stderr
    (box.root / "agentd/changes/add-x").rename(box.root / "agentd/add-x")
    (box.root / "agentd/archive").mkdir()
    (box.root / "agentd/add-x").rename(box.root / "agentd/archive/20261130-add-x")
    assert "Change: add-x (archived 20261130)" in box.ok("show", "add-x")
    assert "git log -p -- agentd/specs" in box.run("show", "add-x", "--diff").stderr


def test_specs_that_cannot_be_read_stop_no_show(box: Sandbox) -> None:
    (box.change("add-x") / "specs/login.md").write_bytes(b"\xff")
    assert "this is no UTF-8 text" in box.ok("show", "add-x")
    assert "no UTF-8" in json.loads(box.ok("show", "add-x", "--json"))["problem"]
    (box.change("add-x") / "proposal.md").unlink()
    assert "no proposal.md" in box.ok("show", "add-x")


def test_list_specs(box: Sandbox) -> None:
    (box.root / "agentd/specs/CHANGELOG.md").write_text("# Changelog\n")
    assert [line.split() for line in box.ok("list", "--specs").splitlines()] == [
        ["SPEC", "REQUIREMENTS", "FILE"],
        ["login", "2", "agentd/specs/login.md"],
    ]
    assert json.loads(box.ok("list", "--specs", "--json")) == {
        "version": "1",
        "specs": [
            {
                "capability": "login",
                "path": "agentd/specs/login.md",
                "purpose": "Let users in.",
                "requirements": ["Greet", "Log out"],
            }
        ],
    }
    (box.root / "agentd/specs/login.md").unlink()
    assert box.ok("list", "--specs").startswith("No specs yet.")


def test_status_of_all_open_changes(box: Sandbox) -> None:
    put_change(box, "add-y", "proposed")
    text = box.ok("status", "--all")
    assert [line for line in text.splitlines() if line.startswith(("Change:", "Phase:"))] == [
        *("Change: add-x", "Phase: implementing, iteration 1"),
        *("Change: add-y", "Phase: proposed, iteration 1"),
    ]
    changes = json.loads(box.ok("status", "--all", "--json"))["changes"]
    assert [one["change_id"] for one in changes] == ["add-x", "add-y"]
    assert box.run("status", "add-x", "--all").returncode == 2
    (box.change("add-y") / "STATE.yaml").write_text("[")
    done = box.run("status", "--all")
    assert done.returncode == 1
    assert "Change: add-x" in done.stdout
    assert "add-y: " in done.stdout


def test_status_of_all_where_no_change_is_open(box: Sandbox) -> None:
    archived = box.root / "agentd/archive"
    archived.mkdir(exist_ok=True)
    box.change("add-x").rename(archived / "20261130-add-x")
    assert box.ok("status", "--all").startswith("No open changes. Start one: agentd run ")


def test_validate_all_changes(box: Sandbox) -> None:
    put_change(box, "add-y", "proposed", {"specs/login.md": DELTA.replace("SHALL", "may")})
    assert box.ok("validate").startswith("all ledgers: ok")
    done = box.run("validate", "--all")
    assert done.returncode == 1
    assert "agentd/changes/add-y/specs/login.md" in done.stdout
    assert "all changes: not ok" in done.stdout
    told = json.loads(box.run("validate", "--all", "--json").stdout)
    assert (told["change_id"], told["ok"]) == (None, False)
    assert box.run("validate", "add-x", "--all").returncode == 2
