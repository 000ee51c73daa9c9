"""Every round's judgement stays in the change, the newest under its plain name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.loop_box import (
    STREAMS,
    WHOLE,
    archived_state,
    for_openspec,
    sandbox,
    steps_of,
    verdict,
)
from support.merging import killed_at
from support.workflow_box import STREAM, box_with, put_change
from support.workspace import REVIEW, Sandbox

from agentd.files import write_atomic
from agentd.project.change import Change
from agentd.project.layout import find_project
from agentd.workflow.set_aside import put_away, put_back, set_aside
from agentd.workflow.step_run import StepRun
from agentd.workflow.steps import STEPS

FIRST, SECOND = verdict("NEEDS_REVISION", "vague"), verdict("APPROVED")


def rounds_in(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted((folder / "rounds").glob("*"))}


@pytest.mark.parametrize("layout", ["agentd", "openspec"])
def test_a_whole_change_keeps_each_round_in_its_archive(tmp_path: Path, layout: str) -> None:
    box = sandbox(tmp_path)
    if layout == "openspec":
        (box.root / "openspec" / "changes").mkdir(parents=True)
        for_openspec(box, "add-x")
    box.ok("run", "add-x", "Let users log in")
    (folder,) = box.root.glob(f"{layout}/**/archive/*-add-x")
    kept = rounds_in(folder)
    assert list(kept) == ["01-CHALLENGE.md", "01-REVIEW.md"]
    assert "NEEDS_REVISION" in kept["01-CHALLENGE.md"]
    assert "[x] NEEDS_CHANGES" in kept["01-REVIEW.md"]
    assert "[x] APPROVED" in (folder / "CHALLENGE.md").read_text()
    assert (folder / "REVIEW.md").read_text() == REVIEW
    if layout == "agentd":
        assert steps_of(archived_state(box, "add-x")) == WHOLE


def test_git_has_them_and_no_step_may_touch_them(tmp_path: Path) -> None:
    box = sandbox(tmp_path, workflow="planning_iterations = 3")
    stream = STREAMS["gemini"]
    issues = ("one", "two", "three")
    needs = [(stream, {"change/CHALLENGE.md": verdict("NEEDS_REVISION", one)}) for one in issues]
    box.answers("challenge", *needs, (stream, {"change/CHALLENGE.md": SECOND}))
    box.ok("plan", "add-x", "Let users log in")
    kept = rounds_in(box.change("add-x"))
    assert list(kept) == ["01-CHALLENGE.md", "02-CHALLENGE.md", "03-CHALLENGE.md"]
    assert all(issue in text for issue, text in zip(issues, kept.values(), strict=True))
    box.answer("implementation", stream, {"change/rounds/01-CHALLENGE.md": "forged\n"})
    done = box.run("impl", "add-x")
    assert done.returncode == 4
    assert "rounds/01-CHALLENGE.md" in done.stderr
    assert rounds_in(box.change("add-x")) == kept


def test_a_judgement_without_a_model_keeps_the_one_before(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    needs = box.plan["review"][0]["files"]["change/REVIEW.md"]
    text = box.root / "agentd/config.toml"
    text.write_text(text.read_text().replace("echo all tests passed", "test ! -e red"))
    box.plan["resolve"][0]["files"]["red"] = ""
    box.write_plan()
    box.ok("plan", "add-x", "Let users log in")
    assert box.run("impl", "add-x").returncode == 5
    kept = rounds_in(box.change("add-x"))
    assert "01-REVIEW.md" in kept
    assert kept["01-REVIEW.md"] == needs
    assert "no model was asked" in (box.change("add-x") / "REVIEW.md").read_text()


def test_what_gives_no_verdict_is_no_round(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    mine = "# Review\n\nMine.\n"
    put_change(box, "add-x", "implementing", {"IMPLEMENTATION.md": "# I\n", "REVIEW.md": mine})
    box.answer("review", STREAM, {"change/REVIEW.md": REVIEW})
    box.ok("review", "add-x")
    assert rounds_in(box.change("add-x")) == {}
    assert [p.read_text() for p in box.change("add-x").glob("runs/*/REVIEW.md.replaced")] == [mine]


def test_a_persons_notes_outlive_a_judgement_without_a_model(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    config = box.root / "agentd/config.toml"
    config.write_text(config.read_text().replace('test = ""', 'test = "exit 1"'))
    review = put_change(box, "add-x", "implementing", {"IMPLEMENTATION.md": "# I\n"}) / "REVIEW.md"
    for mine in ("# Review\n\nMine.\n", "# Review\n\nMine as well.\n"):
        review.write_text(mine)
        assert box.run("review", "add-x").returncode == 0
        assert "no model was asked" in review.read_text()
    kept = rounds_in(box.change("add-x"))
    assert kept["REVIEW.md.replaced"] == "# Review\n\nMine.\n"
    assert kept["REVIEW.md.replaced.1"] == mine


def change_of(box: Sandbox) -> Change:
    return Change(find_project(box.root), "add-x", box.change("add-x"))


def judge_anew(change: Change, run_dir: Path) -> None:
    run_dir.mkdir(parents=True, exist_ok=True)
    with set_aside(StepRun(change=change, step=STEPS["challenge"]), run_dir):
        write_atomic(change.folder / "CHALLENGE.md", SECOND.encode())


def test_one_that_can_not_be_moved_is_moved_by_the_next_step(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    put_change(box, "add-x", "proposed", {"CHALLENGE.md": FIRST})
    folder = box.change("add-x")
    (folder / "rounds").write_text("in the way\n")
    judge_anew(change_of(box), folder / "runs/20261130T000000-challenge-00000001")
    assert (folder / "CHALLENGE.md").read_text() == SECOND
    (folder / "rounds").unlink()
    put_back(change_of(box), held=True)
    assert rounds_in(folder) == {"01-CHALLENGE.md": FIRST}
    assert not list(folder.glob("runs/*/*"))


def left_by_a_review(box: Sandbox) -> Path:
    put_change(box, "add-x", "complete", {"IMPLEMENTATION.md": "# I\n", "REVIEW.md": REVIEW})
    run_dir = box.change("add-x") / "runs/20261130T000000-review-00000001"
    run_dir.mkdir(parents=True)
    (run_dir / "REVIEW.md.before").write_text(FIRST)
    return run_dir


def test_a_command_without_a_step_moves_what_a_run_had_to_leave(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    run_dir = left_by_a_review(box)
    (run_dir / "call.json").write_text("{}")
    box.ok("impl", "add-x")
    assert rounds_in(box.change("add-x")) == {"01-REVIEW.md": FIRST}
    assert [path.name for path in run_dir.iterdir()] == ["call.json"]


def test_what_a_cli_at_work_has_set_aside_stays_there(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    run_dir = left_by_a_review(box)
    (box.change("add-x") / "REVIEW.md").unlink()
    put_away(change_of(box))
    assert (run_dir / "REVIEW.md.before").read_text() == FIRST
    (run_dir / "call.json").write_text("{}")  # a person wants another review
    put_away(change_of(box))
    assert rounds_in(box.change("add-x")) == {"01-REVIEW.md": FIRST}
    assert not (box.change("add-x") / "REVIEW.md").exists()


def test_what_can_not_be_kept_is_not_written_over_by_checks(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    needs = box.plan["review"][0]["files"]["change/REVIEW.md"]
    text = box.root / "agentd/config.toml"
    text.write_text(text.read_text().replace("echo all tests passed", "test ! -e red"))
    box.plan["resolve"][0]["files"]["red"] = ""
    box.write_plan()
    box.ok("plan", "add-x", "Let users log in")
    shutil.rmtree(box.change("add-x") / "rounds")
    (box.change("add-x") / "rounds").write_text("in the way\n")
    assert "rounds/01-REVIEW.md: Not a directory" in box.run("impl", "add-x").stderr
    assert (box.change("add-x") / "REVIEW.md").read_text() == needs
    (box.change("add-x") / "rounds").unlink()
    assert box.run("impl", "add-x").returncode == 5
    assert needs in rounds_in(box.change("add-x")).values()


def test_killed_at_any_point_no_round_is_lost_or_doubled(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    put_change(box, "add-x", "proposed")
    folder, number, killed = box.change("add-x"), 0, True
    while killed:
        number += 1
        for path in (*folder.glob("rounds/*"), *folder.glob("runs/*/*")):
            path.unlink()
        (folder / "CHALLENGE.md").write_text(FIRST)
        run_dir = folder / "runs" / f"20261130T000000-challenge-{number:08x}"
        killed = killed_at(number, lambda place=run_dir: judge_anew(change_of(box), place))
        put_back(change_of(box), held=True)
        now = (folder / "CHALLENGE.md").read_text()
        kept = [*rounds_in(folder).values(), *([now] if now == FIRST else [])]
        assert kept == [FIRST], number
        assert now in (FIRST, SECOND)
    assert now == SECOND
    assert number > 5
