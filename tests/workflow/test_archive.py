"""`run` of a change that is archived: over, or a new one of the same id."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.workflow_box import box_with, put_change

from agentd.clock import utc_now
from agentd.project.layout import find_project
from agentd.workflow.archive import archived


@pytest.mark.parametrize(
    ("day", "described", "over"),
    [("20200101", False, True), ("20200101", True, False), ("", False, True), ("", True, True)],
)
def test_which_archived_change_is_meant(
    tmp_path: Path, day: str, described: bool, over: bool
) -> None:
    box = box_with(tmp_path)
    project = find_project(box.root)
    now = utc_now()
    folder = project.archive_dir / f"{day}-add-x" if day else project.archived_dir("add-x", now)
    project.archive_dir.mkdir(exist_ok=True)
    put_change(box, "add-x", "archived").rename(folder)
    found = archived(project, "add-x", described=described)
    assert (found and found.folder) == (folder if over else None)
    put_change(box, "add-x", "proposed")
    assert archived(project, "add-x", described=described) is None


def test_a_change_that_was_archived_some_day_is_over(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    (box.root / "agentd/archive").mkdir(exist_ok=True)
    put_change(box, "add-x", "archived").rename(box.root / "agentd/archive/20200101-add-x")
    assert "archived already as agentd/archive/20200101-add-x/" in box.ok("run", "add-x")
    told = box.run("run", "add-x", "--feedback", "More").stderr
    assert told == "warning: no step takes the feedback: add-x is archived\n"
    assert not box.change("add-x").exists()
