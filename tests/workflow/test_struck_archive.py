"""archive, struck at every change that agentd makes on disk: the specs are old or new, whole."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from support.fault_proof import Scene, prove, prove_cuts
from support.loop_box import sandbox
from support.merging import put_complete_changes, put_reviewed_changes
from support.workflow_box import (
    MAIN,
    STREAM,
    archiving,
    block,
    modified,
    put_change,
    specs_of,
    state_of,
    tasks_for,
)
from support.workspace import Sandbox


def complete(folder: Path) -> Sandbox:
    folder.mkdir(parents=True)
    box = sandbox(folder)
    archiving(box, "APPROVED")
    put_complete_changes(box)
    return box


def reviewed(folder: Path) -> Sandbox:
    folder.mkdir(parents=True)
    box = sandbox(folder)
    put_reviewed_changes(box)
    return box


def is_archived(box: Sandbox) -> None:
    assert state_of(box, "one")["phase"] == "archived"
    specs = specs_of(box)
    assert sorted(specs) == ["CHANGELOG.md", "area/new/spec.md", "login.md"]
    assert b"greet loudly" in specs["login.md"]
    assert specs["CHANGELOG.md"].count(b"\n## ") == 1


SAID_ALREADY = "there is no change one|is archived since"


PUBLISHING = Scene(
    command=("archive", "one"),
    make=reviewed,
    paid=Counter(),
    holds=is_archived,
    may_say=SAID_ALREADY,
)


@pytest.mark.reliability
def test_publishing(tmp_path: Path) -> None:
    prove(PUBLISHING, tmp_path)


@pytest.mark.reliability
def test_a_power_cut(tmp_path: Path) -> None:
    prove_cuts(PUBLISHING, tmp_path)


@pytest.mark.reliability
def test_archive_with_its_steps(tmp_path: Path) -> None:
    scene = Scene(
        command=("archive", "one"),
        make=complete,
        paid=Counter({"one archive": 1, "one archive-review": 1}),
        holds=is_archived,
        may_say=SAID_ALREADY,
        may_lack="/requests[.]jsonl$",
    )
    prove(scene, tmp_path)


_TWICE = block("Greet", "The system SHALL greet twice.", "hello", "it says hello hello")
_LOUDLY = block("Greet", "The system SHALL greet loudly.", "hello", "it says HELLO")
_OUT = block("Log out", "The system SHALL let a user out at once.", "bye", "the user is out")


def clashing(folder: Path) -> Sandbox:
    """Change ``ours`` is archived; ``theirs`` changes the same requirement otherwise.

    It changes another one besides, which is merged by rule.
    """
    folder.mkdir(parents=True)
    box = sandbox(folder)
    archiving(box, "APPROVED")
    (box.root / "agentd/specs/login.md").write_text(MAIN)
    for name, blocks in (("theirs", (_TWICE, _OUT)), ("ours", (_LOUDLY,))):
        files = {"specs/login.md": modified(*blocks), "tasks.md": tasks_for("Greet")}
        put_change(box, name, "complete", files)
    box.ok("archive", "ours")
    main = (box.root / "agentd/specs/login.md").read_text()
    assert main.count(_LOUDLY.strip()) == 1
    box.answer("merge", STREAM, {"change/merged/login.md": main.replace("loudly", "LOUDLY, twice")})
    return box


def is_merged(box: Sandbox) -> None:
    assert b"greet loudly." in specs_of(box)["login.md"]
    merged = (box.change("theirs") / "merged/login.md").read_bytes()
    assert b"LOUDLY, twice" in merged
    assert b"out at once" in merged


@pytest.mark.reliability
def test_merge_with_a_conflict(tmp_path: Path) -> None:
    ran = {"ours archive": 1, "ours archive-review": 1, "theirs merge": 1}
    scene = Scene(
        command=("merge", "theirs", "--resolve"),
        make=clashing,
        paid=Counter(ran),
        holds=is_merged,
        may_lack="/requests[.]jsonl$",
    )
    prove(scene, tmp_path)
