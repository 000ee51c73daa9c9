"""A new step is one row and one prompt: no other line of the package knows of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.workflow_box import STREAM, box_with, calls_of, put_change, state_of
from support.workspace import Sandbox

from agentd.workflow.prompts.templates import PACKAGED

TOY = Path(__file__).parents[1] / "standins" / "agentd_with_a_toy_step.py"


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    box = box_with(tmp_path)
    put_change(box, "add-x", "proposed")
    shutil.copytree(PACKAGED, tmp_path / "prompts", ignore=shutil.ignore_patterns("*.py"))
    (tmp_path / "prompts/estimate.md").write_text("Write `{{change}}/ESTIMATE.md`.\n")
    return box


def toy(box: Sandbox, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOY), str(box.root.parent / "prompts"), *arguments]
    return subprocess.run(
        command, cwd=box.root, capture_output=True, text=True, timeout=60, check=False
    )


def test_it_has_a_command_a_prompt_a_record_and_a_place_in_status(box: Sandbox) -> None:
    assert "Estimate the work: ESTIMATE.md." in toy(box, "estimate", "--help").stdout
    box.answer("estimate", STREAM, {"change/ESTIMATE.md": "# Estimate\n\n3 days\n"})
    done = toy(box, "estimate", "add-x")
    assert done.returncode == 0, done.stderr
    assert "agentd/changes/add-x/ESTIMATE.md" in done.stdout
    assert "next: agentd run add-x" in done.stdout
    assert calls_of(box, "add-x") == [("estimate", "ok")]
    assert state_of(box, "add-x")["last_action"] == "estimate"
    (run_dir,) = (box.change("add-x") / "runs").glob("*-estimate-*")
    assert "Write `agentd/changes/add-x/ESTIMATE.md`." in (run_dir / "prompt").read_text()
    assert "estimate" in toy(box, "status", "add-x").stdout


def test_what_its_row_does_not_name_it_may_not_touch(box: Sandbox) -> None:
    files = {"change/ESTIMATE.md": "# Estimate\n", "change/tasks.md": "gone"}
    box.answer("estimate", STREAM, files)
    done = toy(box, "estimate", "add-x")
    assert done.returncode == 4
    assert "changed what step estimate may not touch: agentd/changes/add-x/tasks.md" in done.stderr


def test_it_is_refused_in_another_phase(box: Sandbox) -> None:
    put_change(box, "add-y", "implementing")
    done = toy(box, "estimate", "add-y")
    assert done.returncode == 1
    assert "estimate starts from proposed or challenged" in done.stderr
