"""``agentd fillback``: specs for existing code in parts, resumed, and archived at the end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.workflow_box import STREAM, archiving, box_with, calls_of, specs_of, state_of
from support.workspace import PROPOSAL, SPEC, Sandbox

LINES = 160_000 // 10


def requirement(number: int) -> str:
    return (
        f"\n### Requirement: Part {number}\nThe system SHALL do part {number}.\n\n"
        f"#### Scenario: part {number}\n- **WHEN** it runs\n- **THEN** it does {number}\n"
    )


def answers(*numbers: int, failing: int | None = None) -> list[dict[str, object]]:
    """What the stand-in does for one part after another: the specs so far and one more."""
    rounds: list[dict[str, object]] = []
    for number in numbers:
        known = "".join(requirement(n) for n in range(1, number + 1))
        tasks = "".join(f"- [x] 1.{n} Part {n} (`src/m{n}.py`)\n" for n in range(1, number + 1))
        files = {
            **PROPOSAL,
            "change/tasks.md": f"# Tasks\n\n{tasks}",
            "change/specs/login.md": SPEC.partition("\n### Requirement")[0] + known,
        }
        stdout = str(Path(__file__).parents[2] / "fixtures/recordings" / STREAM / "stdout")
        rounds.append({"stdout": stdout, "files": {} if number == failing else files})
    return rounds


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    """Three files, each of which fills a part."""
    box = box_with(tmp_path)
    (box.root / "src").mkdir()
    for number in (1, 2, 3):
        (box.root / f"src/m{number}.py").write_text(f"x = {number}   \n" * LINES)
    return box


def plan(box: Sandbox, rounds: list[dict[str, object]]) -> None:
    box.plan["fillback"] = rounds
    box.write_plan()
    (box.root.parent / "old.fillback.rounds").unlink(missing_ok=True)


def prompts(box: Sandbox) -> list[str]:
    found = sorted(
        box.change("old").glob("runs/*-fillback-*/prompt"), key=lambda p: p.stat().st_mtime_ns
    )
    return [path.read_text() for path in found]


def test_parts_one_after_another_and_archive_after_them(box: Sandbox) -> None:
    plan(box, answers(1, 2, 3))
    box.ok("fillback", "old", "--path", "src")
    assert calls_of(box, "old") == [("fillback", "ok")] * 3
    for number, prompt in enumerate(prompts(box), 1):
        assert f"{number} of 3" in prompt
        assert f"`src/m{number}.py`" in prompt
    assert state_of(box, "old")["phase"] == "complete"
    box.ok("fillback", "old", "--path", "src")
    assert len(calls_of(box, "old")) == 3
    box.ok("validate", "old")
    archiving(box, "APPROVED")
    box.ok("archive", "old")
    merged = specs_of(box)["login.md"].decode()
    assert all(f"### Requirement: Part {number}" in merged for number in (1, 2, 3))


def test_failing_part_is_where_it_goes_on(box: Sandbox) -> None:
    plan(box, answers(1, 2, failing=2))
    done = box.run("fillback", "old", "--path", "src")
    assert done.returncode == 4
    assert state_of(box, "old")["phase"] == "proposed"
    plan(box, answers(2, 3))
    box.ok("fillback", "old", "--path", "src")
    texts = prompts(box)
    assert ["1 of 3" in text for text in texts] == [True, False, False, False]
    assert ["2 of 3" in text for text in texts] == [False, True, True, False]
    assert state_of(box, "old")["phase"] == "complete"


def test_changed_part_is_done_again(box: Sandbox) -> None:
    plan(box, answers(1, 2, 3))
    box.ok("fillback", "old", "--path", "src")
    (box.root / "src/m2.py").write_text("y = 2   \n" * LINES)
    plan(box, answers(4))
    box.ok("fillback", "old", "--path", "src")
    assert len(calls_of(box, "old")) == 4
    assert "2 of 3" in prompts(box)[3]
    assert state_of(box, "old")["phase"] == "complete"


def test_kill_in_a_part_repeats_no_paid_call(box: Sandbox) -> None:
    """SIGKILL right after the second part's call is in the ledger, before the part is noted."""
    plan(box, answers(1, 2, 3))
    code = (
        "import os, signal, sys\nfrom agentd.cli import main\n"
        "from agentd.workflow import begin\n"
        "mark, marked = begin.mark_done, []\n"
        "def die(change, part):\n"
        "    marked.append(part)\n"
        "    if len(marked) == 2:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    mark(change, part)\n"
        "begin.mark_done = die\nmain()\n"
    )
    subprocess.run(
        [sys.executable, "-c", code, "fillback", "old", "--path", "src"], cwd=box.root, check=False
    )
    assert calls_of(box, "old") == [("fillback", "ok")] * 2
    box.ok("status", "old")
    box.ok("fillback", "old", "--path", "src")
    assert calls_of(box, "old") == [("fillback", "ok")] * 3
    assert state_of(box, "old")["phase"] == "complete"


def test_part_that_is_not_valid_is_told_by_validate_and_not_archived(box: Sandbox) -> None:
    rounds = answers(1, 2, 3)
    files = rounds[2]["files"]
    assert isinstance(files, dict)
    files["change/specs/login.md"] += "\n### Requirement: Nothing\n"
    plan(box, rounds)
    box.ok("fillback", "old", "--path", "src")
    archiving(box, "APPROVED")
    before = specs_of(box)
    assert box.run("archive", "old").returncode == 1
    assert specs_of(box) == before
