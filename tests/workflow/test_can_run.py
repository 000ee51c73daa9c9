"""Before the first call of a loop: each of its steps has a CLI that is installed."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.workflow_box import box_with, put_change
from support.workspace import Sandbox

SETTINGS = "[steps.{step}]\nprovider = 'codex'\n"


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    """A project of gemini and codex, of which codex is not installed."""
    box = box_with(tmp_path, providers=("gemini", "codex"))
    (tmp_path / "codex").unlink()
    return box


def let_codex_run(box: Sandbox, *steps: str) -> None:
    with (box.root / "agentd/config.toml").open("a") as config:
        config.writelines(SETTINGS.format(step=step) for step in steps)


@pytest.mark.parametrize(
    ("command", "phase", "step"),
    [
        (("plan", "a", "Greet"), None, "reproposal"),
        (("impl", "a"), "challenged", "resolve"),
        (("archive", "a"), "complete", "archive-fix"),
        (("run", "a", "Greet"), None, "archive-fix"),
        (("run", "a"), "challenged", "review"),
        (("run", "a"), "complete", "archive-review"),
    ],
)
def test_no_loop_begins_whose_last_step_lacks_its_cli(
    box: Sandbox, command: tuple[str, ...], phase: str | None, step: str
) -> None:
    let_codex_run(box, step)
    if phase:
        put_change(box, "a", phase)
    done = box.run(*command)
    assert done.returncode == 4
    told = done.stderr.splitlines()
    first = next(place for place, line in enumerate(told) if line.startswith("Error: "))
    assert told[first : first + 3] == [
        f"Error: there is no command {box.root.parent}/codex, so codex can't run step {step}",
        "Install codex: npm install -g @openai/codex@latest",
        f"Or let gemini run it: agentd config set steps.{step}.provider gemini",
    ]
    assert not (box.root.parent / "began.log").exists()
    assert not list(box.change("a").glob("runs/*/"))
    box.ok("config", "set", f"steps.{step}.provider", "gemini")
    assert "there is no command" not in box.run(*command).stderr


def test_a_step_that_is_over_or_not_asked_for_needs_no_cli(box: Sandbox) -> None:
    let_codex_run(box, "challenge", "proposal")
    put_change(box, "a", "challenged")
    assert "there is no command" not in box.run("impl", "a").stderr
    let_codex_run(box, "archive")
    put_change(box, "b", "challenged")
    assert "there is no command" not in box.run("impl", "b").stderr
    assert "there is no command" in box.run("run", "b").stderr


def test_all_that_is_missing_is_told_at_once(box: Sandbox) -> None:
    let_codex_run(box, "challenge", "reproposal")
    (box.root.parent / "gemini").unlink()
    told = box.run("plan", "a", "Greet", PATH="/nowhere").stderr
    assert "gemini can't run step proposal\n" in told
    assert "codex can't run steps challenge and reproposal\n" in told
    assert "Or say where it is: agentd config set gemini.command PATH" in told
    told = box.run("plan", "a", "Greet", "--provider", "codex", PATH="/nowhere").stderr
    assert "codex can't run steps proposal, challenge and reproposal\n" in told


def test_a_small_plan_needs_the_proposals_cli_alone(box: Sandbox) -> None:
    let_codex_run(box, "challenge")
    assert "there is no command" in box.run("plan", "a", "Greet").stderr
    assert "there is no command" not in box.run("plan", "a", "--small").stderr


def test_a_loop_that_feedback_opens_again_is_ahead(box: Sandbox) -> None:
    let_codex_run(box, "reproposal")
    put_change(box, "a", "challenged")
    assert "there is no command" not in box.run("impl", "a").stderr
    box.ok("feedback", "a", "Greet in French")
    assert "codex can't run step reproposal" in box.run("run", "a").stderr


def test_a_command_of_the_project_is_found_from_any_folder(box: Sandbox) -> None:
    (box.root / "tools").mkdir()
    (box.root.parent / "gemini").rename(box.root / "tools/gemini")
    box.ok("config", "set", "gemini.command", "tools/gemini")
    done = box.run("-C", "tools", "plan", "a", "Greet")
    assert "there is no command" not in done.stderr
