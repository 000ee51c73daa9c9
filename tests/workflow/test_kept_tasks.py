"""tasks.md after a step that codes: ticks count; what was dropped or rewritten comes back."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.loop_box import STREAMS, sandbox

from agentd.documents.tasks import read_tasks
from agentd.workflow.kept_tasks import changed_tasks, with_ticks

OLD = """\ufeff# Tasks

- [ ] 1.1 Do a
  - Requirement: A
  - Test: `t`, `u`
* [ ] 1.2 Do b
- [x] Do c
- [ ] D""".replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("new", "changed"),
    [
        (OLD, []),
        (OLD.replace("[ ]", "[X]"), []),
        (OLD.replace("\r\n", "\n") + "\n- [ ] 9 more\n  a note\n", []),
        (OLD.replace("Do a", "Do a  "), []),
        (OLD.replace("1.1 Do a", "~~1.1 Do a~~ ✅").replace("1.2 Do b", "**1.2 do b.**"), []),
        (OLD.replace("Do c", "“Do” c (done)"), [None]),
        (OLD.replace("Do c", "Do c (done)").replace(": A", ": `A`"), []),
        (OLD.replace("Do a", "Do half of a"), ["1.1"]),
        (OLD.replace("Do a", "Do a later"), ["1.1"]),
        (OLD.replace("1.2", "1.3"), ["1.2"]),
        (OLD.replace("Requirement: A", "done"), ["1.1"]),
        (OLD.replace("\r\n  - Test: `t`, `u`", ""), ["1.1"]),
        (OLD.replace("`t`, `u`", "by hand"), ["1.1"]),
        (OLD.replace("`t`, `u`", "t, u\r\n  - Tests: v"), []),
        ("", ["1.1", "1.2", None, None]),
    ],
)
def test_what_was_dropped_or_rewritten(new: str, changed: list[str | None]) -> None:
    assert [task.number for task in changed_tasks(OLD, new)] == changed


def test_ticks_by_number_else_by_text() -> None:
    new = read_tasks("- [x] 1.1 Do it all\n- [ ] 1.2 Do b\n- [x] D ✔\n- [x] ~~7 Else~~\n")
    ticked = with_ticks(OLD, new)
    assert ticked == OLD.replace("- [ ] 1.1", "- [x] 1.1").replace("- [ ] D", "- [x] D")


def test_a_step_that_rewrites_tasks_is_told_and_goes_on(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    box.ok("plan", "add-x", "Let users log in")
    tasks = box.change("add-x") / "tasks.md"
    before = tasks.read_text()
    assert before.count("- [ ]") >= 1
    rewritten = "# Tasks\n\n- [x] 1.1 All is done\n"
    documents = {"change/IMPLEMENTATION.md": "# Implementation\nDone.\n"}
    box.answers("implementation", (STREAMS["gemini"], {**documents, "change/tasks.md": rewritten}))
    done = box.run("implement", "add-x")
    assert done.returncode == 0, done.stderr
    assert "1.1 dropped or rewritten, and brought back: a step may only tick tasks" in done.stderr
    assert tasks.read_text() == before.replace("- [ ] 1.1", "- [x] 1.1")
    [kept] = box.change("add-x").glob("runs/*-implementation-*/tasks.md")
    assert kept.read_text() == rewritten
    assert str(kept.relative_to(box.root)) in done.stderr


@pytest.mark.parametrize("forged", ["- [ ] 1.1 All is done\n", None])
def test_an_agent_that_forges_what_was_kept_of_the_tasks_is_stopped(
    tmp_path: Path, forged: str | None
) -> None:
    box = sandbox(tmp_path)
    box.ok("plan", "add-x", "Let users log in")
    tasks = box.change("add-x") / "tasks.md"
    before = tasks.read_text()
    kept = "change/runs/*-implementation-*/tasks-before-the-run.md"
    deed = f"rm {kept}" if forged is None else f"printf '{forged}' | tee {kept}"
    documents = {"change/IMPLEMENTATION.md": "# Implementation\nDone.\n"}
    box.answers(
        "implementation", (STREAMS["gemini"], {**documents, "change/tasks.md": "- [ ] x\n"})
    )
    box.plan["implementation"][0]["shell"] = deed.replace("change/", "agentd/changes/add-x/")
    box.write_plan()
    done = box.run("implement", "add-x")
    assert done.returncode == 4, done.stderr
    assert "tasks-before-the-run.md" in done.stderr
    assert "brought back: a step may only tick tasks" in done.stderr
    assert tasks.read_text() == before
