"""The merged specs that wait in a change's folder, and their way into the main specs."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.changes import change_at
from support.workflow_box import MAIN, block, box_with, modified, put_change, specs_of, tasks_for
from support.workspace import Sandbox

from agentd.errors import InputError
from agentd.ledger.store import StateStore
from agentd.project.hold import at_work
from agentd.project.layout import Project, find_project
from agentd.specs.plan import plan_merge
from agentd.specs.staging import (
    entry_of,
    is_staged,
    journal_of,
    merged_dir,
    publish,
    stage,
    take_back,
    with_entry,
)

LOUD = modified(block("Greet", "The system SHALL greet loudly.", "hello", "it says HELLO"))


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    box = box_with(tmp_path)
    (box.root / "agentd/specs/login.md").write_bytes(MAIN.replace("\n", "\r\n").encode())
    return box


def staged(box: Sandbox, change_id: str = "one") -> tuple[Project, Path]:
    project = find_project(box.root)
    files = {"specs/login.md": LOUD, "tasks.md": tasks_for("Greet")}
    change = put_change(box, change_id, "complete", files)
    stage(project, change, plan_merge(project, change).texts())
    (merged_dir(change) / "CHANGELOG.md").write_text(f"# Changelog\n\n## {change_id}\n\nNew.\n")
    return project, change


def test_published_specs_are_the_staged_bytes(box: Sandbox) -> None:
    project, change = staged(box)
    waiting = (merged_dir(change) / "login.md").read_bytes()
    assert is_staged(project, change)
    publish(project, change)
    assert specs_of(box)["login.md"] == waiting
    assert b"\r\n" in waiting


@pytest.mark.parametrize("what", ["main", "delta", "gone", "more", "no spec", "no note"])
def test_what_was_merged_otherwise_is_not_published(box: Sandbox, what: str) -> None:
    project, change = staged(box)
    merged = merged_dir(change)
    match what:
        case "main":
            (box.root / "agentd/specs/login.md").write_text(MAIN)
        case "delta":
            (change / "specs/login.md").write_text(LOUD + "\n")
        case "gone":
            (merged / "login.md").unlink()
        case "more":
            (merged / "other.md").write_text(MAIN)
        case "no spec":
            (merged / "login.md").write_text("# Login\n")
        case _:
            (change / "runs/staged.json").unlink()
    before = specs_of(box)
    assert not is_staged(project, change)
    with pytest.raises(InputError):
        publish(project, change)
    assert specs_of(box) == before


def test_what_a_dead_agentd_published_is_taken_back_for_any_change(box: Sandbox) -> None:
    project, change = staged(box)
    other = put_change(box, "two", "complete")
    before = specs_of(box)
    publish(project, change)
    assert specs_of(box) != before
    take_back(project, other)
    assert specs_of(box) == before
    assert not journal_of(project, change).open


@pytest.mark.parametrize("why", ["archived", "at work"])
def test_what_stands_is_not_taken_back(box: Sandbox, why: str) -> None:
    project, change = staged(box)
    other = put_change(box, "two", "complete")
    publish(project, change)
    published = specs_of(box)
    if why == "archived":
        StateStore(change).update(phase="archived")
        take_back(project, other)
    else:
        with at_work(change_at(change)):
            take_back(project, other)
    assert specs_of(box) == published


def test_staging_again_keeps_the_entry_that_was_paid_for(box: Sandbox) -> None:
    project, change = staged(box)
    stage(project, change, plan_merge(project, change).texts())
    assert "New." in (merged_dir(change) / "CHANGELOG.md").read_text()


@pytest.mark.parametrize(
    ("changelog", "entry"),
    [
        ("# Changelog\n\n## b\nnew\n\n## a\nold\n", "## b\nnew\n"),
        ("# Changelog\n\n## b\nnew\n\n## 2026 add-x\nmine\n", "## 2026 add-x\nmine\n"),
        ("## b\r\nnew\r\n", "## b\nnew\n"),
        ("# Changelog\n", ""),
        ("", ""),
        ("## b\n```\n## a\n```\nnew\n", "## b\n```\n## a\n```\nnew\n"),
        ("<!-- \n## add-x\n-->\n## b\nnew\n", "## b\nnew\n"),
    ],
)
def test_entry_of_a_changelog(changelog: str, entry: str) -> None:
    assert entry_of(changelog, "add-x") == entry


def test_entry_goes_on_top_and_once() -> None:
    once = with_entry("# Changelog\n\n## a\nold\n", "## b\nnew\n")
    assert once == "# Changelog\n\n## b\nnew\n\n## a\nold\n"
    assert with_entry(once, "## b\nnew\n") == once
    assert with_entry("", "## b\nnew\n") == "# Changelog\n\n## b\nnew\n"
    above = "# Changelog\r\n<!--\r\n## YYYY-MM-DD id\r\n-->"
    older = "## a\r\nold\r\n"
    assert with_entry(f"{above}\r\n\r\n{older}", "## b\n") == f"{above}\n\n## b\n\n## a\r\nold\n"


def test_same_words_in_the_entry_of_another_day_stand_too() -> None:
    first = with_entry("", "## 2026-11-22 one\n\nUsers log in.\n")
    both = with_entry(first, "## 2026-11-23 two\n\nUsers log in.\n")
    assert both.count("Users log in.") == 2
