"""A requirement that moved between the proposal and the merge."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.merging import merge_and_settle
from support.openspec_cases import CHANGE_ID, FOLDER, LOGIN, MAIN, RENAME, B, block, delta, main

from agentd.project.layout import Project
from agentd.specs import snapshot
from agentd.specs.apply import merge
from agentd.specs.deltas import parse_delta
from agentd.specs.model import MergeResult, SpecError
from agentd.specs.plan import plan_merge

BASE = {"Beta": B.rstrip()}
QUICKER = "The system SHALL do it quickly."


def merged(text: str, change: str, base: dict[str, str | None]) -> MergeResult:
    return merge(text, parse_delta(change, "x"), base, capability="login", change_id="c")


def moved(old: str, new: str) -> str:
    assert old in B
    return MAIN.replace(B, B.replace(old, new))


def test_edits_of_different_lines_are_both_kept() -> None:
    main_now = moved("Two happens", "Two happens twice")
    result = merged(main_now, delta(modified=B.replace("do it.", "do it quickly.")), BASE)
    assert result.text is not None
    assert "quickly" in result.text
    assert "Two happens twice" in result.text


def test_edits_of_one_line_clash() -> None:
    main_now = moved("do it.", "do it slowly.")
    result = merged(main_now, delta(modified=B.replace("do it.", "do it quickly.")), BASE)
    assert result.text is None
    (conflict,) = result.conflicts
    assert conflict.name == "Beta"
    assert ("slowly" in conflict.ours, "quickly" in conflict.theirs) == (True, True)
    assert conflict.base == BASE["Beta"]


def test_two_changes_that_each_add_a_scenario_are_both_kept() -> None:
    main_now = MAIN.replace(B, block("Beta", "One", "Two", "Three"))
    result = merged(main_now, delta(modified=block("Beta", "One", "Two", "Four")), BASE)
    assert result.text is not None
    names = [line for line in result.text.splitlines() if line.startswith("#### ")]
    assert names[1:5] == [f"#### Scenario: {name}" for name in ("One", "Two", "Three", "Four")]


def test_the_same_scenario_added_twice_differently_clashes() -> None:
    main_now = MAIN.replace(B, block("Beta", "One", "Two", "Three"))
    theirs = block("Beta", "One", "Two", "Three").replace("Three happens", "Three is over")
    assert merged(main_now, delta(modified=theirs), BASE).conflicts


def test_the_same_edit_twice_is_no_conflict() -> None:
    change = B.replace("do it.", "do it quickly.")
    main_now = MAIN.replace(B, change)
    assert merged(main_now, delta(modified=change), BASE).text == main_now


def test_a_scenario_that_was_removed_meanwhile_stays_removed() -> None:
    main_now = MAIN.replace(B, block("Beta", "One"))
    result = merged(main_now, delta(modified=B.replace("do it.", "do it quickly.")), BASE)
    assert result.text is not None
    assert "Scenario: Two" not in result.text


def test_a_removed_requirement_that_moved_is_a_conflict() -> None:
    result = merged(moved("do it.", "do it now."), delta(removed="### Requirement: Beta\n"), BASE)
    assert result.text is None
    assert [(c.name, c.theirs) for c in result.conflicts] == [("Beta", "")]


def test_a_renamed_requirement_takes_the_text_that_moved() -> None:
    change = delta(renamed=RENAME.format("Beta", "Omega"))
    result = merged(moved("do it.", "do it now."), change, BASE)
    assert result.text is not None
    assert "### Requirement: Omega\nThe system SHALL do it now.\n" in result.text


def test_renamed_and_modified_is_merged_against_the_old_name() -> None:
    theirs = B.replace("Requirement: Beta", "Requirement: Omega").replace("do it.", "do all.")
    change = delta(renamed=RENAME.format("Beta", "Omega"), modified=theirs)
    result = merged(moved("Two happens", "Two happens twice"), change, BASE)
    assert result.text is not None
    assert "SHALL do all." in result.text
    assert "Two happens twice" in result.text


def test_a_requirement_that_came_meanwhile_was_never_seen() -> None:
    """MODIFIED of what was not there when the proposal was made."""
    assert merged(MAIN, delta(modified=B.replace("do it.", "do all.")), {"Beta": None}).conflicts
    assert merged(MAIN, delta(modified=B), {"Beta": None}).text == MAIN


def test_without_git_a_moved_requirement_is_a_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    base, ours, theirs = (
        block("Beta", text=f"It SHALL.\n\n{first}\n\nMore.\n\n{last}")
        for first, last in (("a", "b"), ("A", "b"), ("a", "B"))
    )
    known: dict[str, str | None] = {"Beta": base.rstrip()}
    result = merged(main(ours), delta(modified=theirs), known)
    assert result.text is not None
    assert "A\n\nMore.\n\nB" in result.text
    monkeypatch.setenv("PATH", "/nowhere")
    assert merged(main(ours), delta(modified=theirs), known).conflicts


def change_with(root: Path, before: str, change: str) -> tuple[Project, Path]:
    project = Project(root)
    folder = project.changes_dir / CHANGE_ID
    for path, text in ((project.specs_dir / LOGIN, before), (folder / "specs" / LOGIN, change)):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return project, folder


def test_where_openspec_reverts_the_first_change_the_second_keeps_it(tmp_path: Path) -> None:
    case = FOLDER / "modified_from_an_old_text"
    before, change, theirs = ((case / f / LOGIN).read_text() for f in ("before", "change", "after"))
    assert "Two happens twice" in before
    assert "Two happens twice" not in theirs, "OpenSpec loses what the first change did"
    project, folder = change_with(tmp_path, MAIN, change)
    snapshot.take(project, folder)
    (project.specs_dir / LOGIN).write_text(before)  # the first change is archived
    merge_and_settle(project, folder)
    text = (project.specs_dir / LOGIN).read_text()
    assert "Two happens twice" in text
    assert QUICKER in text


def test_a_conflict_shows_both_texts_and_writes_nothing(tmp_path: Path) -> None:
    project, folder = change_with(tmp_path, MAIN, delta(modified=B.replace("do it.", "do all.")))
    snapshot.take(project, folder)
    now = moved("do it.", "do nothing.")
    (project.specs_dir / LOGIN).write_text(now)
    with pytest.raises(SpecError) as error:
        merge_and_settle(project, folder)
    assert "SHALL do all." in error.value.message
    assert "SHALL do nothing." in error.value.message
    assert (project.specs_dir / LOGIN).read_text() == now


def test_a_snapshot_holds_what_is_touched_and_nothing_else(tmp_path: Path) -> None:
    change = delta(
        added=block("New"),
        modified=block("Omega") + "\n" + block("Absent"),
        removed="### Requirement: Gamma\n",
        renamed=RENAME.format("Alpha", "Omega"),
    )
    project, folder = change_with(tmp_path, MAIN, change)
    taken = snapshot.take(project, folder)
    assert taken == snapshot.load(project, folder)
    (blocks,) = taken.values()
    assert set(blocks) == {"Alpha", "Absent", "Gamma"}
    assert blocks["Absent"] is None
    assert blocks["Gamma"] == block("Gamma").rstrip()
    first = (folder / "BASE.json").read_bytes()
    snapshot.take(project, folder)
    assert (folder / "BASE.json").read_bytes() == first


@pytest.mark.parametrize(
    "edit", [("do it.", "do it!"), ('"schema_version": 1', '"schema_version": 9'), ("{", "[")]
)
def test_an_edited_snapshot_is_refused(tmp_path: Path, edit: tuple[str, str]) -> None:
    project, folder = change_with(tmp_path, MAIN, delta(modified=B))
    assert snapshot.load(project, folder) == {}
    snapshot.take(project, folder)
    path = folder / "BASE.json"
    path.write_text(path.read_text().replace(*edit))
    with pytest.raises(SpecError, match=r"BASE\.json: this snapshot was edited or damaged"):
        plan_merge(project, folder)


def test_the_original_agentds_spec_keeps_its_form() -> None:
    old = main(A_OLD, "### R2: Second\nIt SHALL too.\n")
    change = delta(added=block("New"), modified="### R1: First\nIt SHALL be better.\n")
    result = merged(old, change, {})
    assert result.text is not None
    heads = [line for line in result.text.splitlines() if line.startswith("### ")]
    assert heads == ["### R1: First", "### R2: Second", "### Requirement: New"]
    again = merged(result.text, delta(removed="### Requirement: New\n"), {})
    assert again.text is not None
    assert "### R1: First\nIt SHALL be better." in again.text
    assert "New" not in again.text


A_OLD = "### R1: First\nIt SHALL.\n"
