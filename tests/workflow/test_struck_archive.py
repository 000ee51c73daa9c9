"""archive, struck at every change that agentd makes on disk: the specs are old or new, whole."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from support.fault_proof import Scene, prove
from support.loop_box import sandbox
from support.workflow_box import (
    MAIN,
    archiving,
    block,
    modified,
    put_change,
    specs_of,
    state_of,
    tasks_for,
)
from support.workspace import Sandbox

from agentd.ledger.store import StateStore
from agentd.project.layout import find_project
from agentd.specs.plan import plan_merge
from agentd.specs.staging import merged_dir, stage

LOUD = modified(block("Greet", "The system SHALL greet loudly.", "hello", "it says HELLO"))
NEW = "# New\n\n## ADDED Requirements\n\n" + block("Sing", "It SHALL sing.", "song", "it sings")


def complete(folder: Path) -> Sandbox:
    folder.mkdir(parents=True)
    box = sandbox(folder)
    archiving(box, "APPROVED")
    project = find_project(box.root)
    (project.specs_dir / "login.md").write_text(MAIN)
    put_change(box, "two", "complete")
    files = {"specs/login.md": LOUD, "specs/area/new/spec.md": NEW, "tasks.md": tasks_for("Greet")}
    put_change(box, "one", "complete", files)
    return box


def reviewed(folder: Path) -> Sandbox:
    box = complete(folder)
    project, change = find_project(box.root), box.change("one")
    stage(project, change, plan_merge(project, change).texts())
    (merged_dir(change) / "CHANGELOG.md").write_text("# Changelog\n\n## one\n\nLouder.\n")
    (change / "ARCHIVE_REVIEW.md").write_text("# Archive review\n\n## Verdict\n- [x] APPROVED\n")
    StateStore(change).update(last_action="archive-review")
    return box


def is_archived(box: Sandbox) -> None:
    assert state_of(box, "one")["phase"] == "archived"
    specs = specs_of(box)
    assert sorted(specs) == ["CHANGELOG.md", "area/new/spec.md", "login.md"]
    assert b"greet loudly" in specs["login.md"]
    assert specs["CHANGELOG.md"].count(b"\n## ") == 1


SAID_ALREADY = "there is no change one|is archived since"


@pytest.mark.reliability
def test_publishing(tmp_path: Path) -> None:
    scene = Scene(
        command=("archive", "one"),
        make=reviewed,
        paid=Counter(),
        holds=is_archived,
        may_say=SAID_ALREADY,
    )
    prove(scene, tmp_path)


@pytest.mark.reliability
def test_archive_with_its_steps(tmp_path: Path) -> None:
    scene = Scene(
        command=("archive", "one"),
        make=complete,
        paid=Counter({"one archive": 1, "one archive-review": 1}),
        holds=is_archived,
        may_say=SAID_ALREADY,
        may_leave="^agentd/.running|/findings[.]json$",
        may_lack="/requests[.]jsonl$",
    )
    prove(scene, tmp_path)
