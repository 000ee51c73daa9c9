"""`agentd archive` killed at any moment: what the next commands make of it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from support.merging import killed_at, put_reviewed_changes
from support.slices import SLICE, SLICES
from support.workflow_box import box_with, specs_of
from support.workspace import Sandbox

from agentd.cli import run
from agentd.ledger.store import StateStore
from agentd.project.change import Change
from agentd.project.hold import at_work
from agentd.project.layout import find_project
from agentd.specs.staging import journal_of, publish, take_back


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    box = box_with(tmp_path)
    put_reviewed_changes(box)
    return box


def archive(box: Sandbox) -> None:
    code = run(["-C", str(box.root), "archive", "one"])
    if code:
        os._exit(code)


def state(box: Sandbox) -> str:
    """Whether the change is archived by its phase."""
    agentd = box.root / "agentd"
    (folder,) = [*agentd.glob("archive/*-one"), *agentd.glob("changes/one")]
    return StateStore(folder).read().phase or ""


@pytest.mark.reliability
def test_killed_at_any_moment_the_specs_are_old_or_new_and_the_change_gets_there(
    box: Sandbox, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(box.root, whole, symlinks=True)
    before = specs_of(box)
    assert not killed_at(0, lambda: archive(box))
    after = specs_of(box)
    assert after != before
    number, half_done, taken_back = 1 + SLICE, 0, 0
    while True:
        shutil.rmtree(box.root)
        shutil.copytree(whole, box.root, symlinks=True)
        if not killed_at(number, lambda: archive(box)):
            break
        half_done += specs_of(box) not in (before, after)
        project = find_project(box.root)
        take_back(project, box.change("two"))  # what any other change's archive does first
        archived = state(box) == "archived"
        taken_back += not archived
        assert specs_of(box) == (after if archived else before), number
        if box.change("one").exists():
            assert not killed_at(0, lambda: archive(box))
        (folder,) = (box.root / "agentd/archive").glob("*-one")
        assert specs_of(box) == after, number
        assert StateStore(folder).read().phase == "archived"
        assert not (folder / "merged").exists()
        assert not journal_of(project, folder).open
        number += SLICES
    assert number > 30
    assert half_done, "no kill fell between the first and the last write"
    assert 0 < taken_back < number


def _half_published(box: Sandbox) -> dict[str, bytes]:
    """The specs before; one of two is in place, and the agentd that did it is gone."""
    before = specs_of(box)
    project = find_project(box.root)
    change = box.change("one")
    publish(project, change)
    (project.specs_dir / "area/new/spec.md").unlink()
    assert specs_of(box) != before
    return before


@pytest.mark.parametrize("reader", [("status", "one"), ("list",), ("validate", "two")])
def test_a_reader_tells_of_specs_that_are_half_published(
    box: Sandbox, reader: tuple[str, ...]
) -> None:
    assert "half those of change one" not in box.run(*reader).stderr
    _half_published(box)
    assert "half those of change one" in box.run(*reader).stderr


def test_any_step_of_any_change_takes_half_published_specs_back(box: Sandbox) -> None:
    before = _half_published(box)
    box.run("challenge", "two")
    assert specs_of(box) == before
    assert "half those of change one" not in box.run("list").stderr


def test_specs_of_an_archive_at_work_are_left_alone(box: Sandbox) -> None:
    before = _half_published(box)
    project = find_project(box.root)
    with at_work(Change(project, "one", box.change("one"))):
        box.run("challenge", "two")
        assert "half those of" not in box.run("list").stderr
    assert specs_of(box) != before
