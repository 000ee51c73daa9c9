"""Each step, fillback, a loop over red tests and a whole run, struck at every change on disk."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from support.check_box import GREP, box_of, whole
from support.fault_proof import (
    THINNED,
    Case,
    Scene,
    complaints,
    copied,
    files_of,
    prove,
    prove_cuts,
)
from support.faults import Fault
from support.loop_box import REVISED, STREAMS, approving, sandbox
from support.slices import SLICES
from support.workflow_box import put_change, specs_of, state_of
from support.workspace import PROPOSAL, REVIEW, Sandbox

SAID_ALREADY = "has a proposal already|is in phase"
LONG = SLICES * THINNED * (5 if THINNED > 1 else 1)
TOLD = "/requests[.]jsonl$"  # the call has their sum


def scene_of(step: str, *command: str, phase: str | None = None) -> Scene:
    """``command``, which runs ``step`` once, for a change in ``phase``."""

    def make(place: Path) -> Sandbox:
        place.mkdir(parents=True)
        box = sandbox(place)
        approving(box)
        if phase:
            files = {"IMPLEMENTATION.md": "# Implementation\n", "REVIEW.md": REVIEW}
            put_change(box, "add-x", phase, files if phase == "implementing" else {})
        return box

    return Scene(
        command=command,
        make=make,
        paid=Counter({f"add-x {step}": 1}),
        says_done="(?m)^  next: agentd",
        may_say=SAID_ALREADY,
        may_lack=TOLD,
    )


PROPOSAL_SCENE = scene_of("proposal", "proposal", "add-x", "Let users log in")
IMPLEMENT_SCENE = scene_of("implementation", "implement", "add-x", phase="challenged")


@pytest.mark.reliability
def test_proposal(tmp_path: Path) -> None:
    prove(PROPOSAL_SCENE, tmp_path)


@pytest.mark.reliability
@pytest.mark.parametrize("scene", [PROPOSAL_SCENE, IMPLEMENT_SCENE], ids=lambda s: s.command[0])
def test_a_power_cut(tmp_path: Path, scene: Scene) -> None:
    prove_cuts(scene, tmp_path)


@pytest.mark.reliability
def test_challenge(tmp_path: Path) -> None:
    prove(scene_of("challenge", "challenge", "add-x", phase="proposed"), tmp_path)


@pytest.mark.reliability
def test_implement(tmp_path: Path) -> None:
    prove(IMPLEMENT_SCENE, tmp_path)


@pytest.mark.reliability
def test_review(tmp_path: Path) -> None:
    prove(scene_of("review", "review", "add-x", phase="implementing"), tmp_path)


def test_a_guard_that_can_not_be_ended_costs_no_second_review(tmp_path: Path) -> None:
    scene = scene_of("review", "review", "add-x", phase="implementing")
    box = scene.make(tmp_path / "whole")
    good = Case(scene, copied(box, tmp_path / "good"), Fault())
    changes = good.strike().changes
    ends = [at for at, line in enumerate(changes, 1) if re.search(r" unlink .*\.ended$", line)]
    assert ends
    for at in ends:
        case = Case(scene, copied(box, tmp_path / "case"), Fault("fail", at))
        assert not [*complaints(case, files_of(good.box))]


@pytest.mark.reliability
def test_resolve(tmp_path: Path) -> None:
    prove(scene_of("resolve", "resolve", "add-x", phase="implementing"), tmp_path)


def two_parts(folder: Path) -> Sandbox:
    folder.mkdir(parents=True)
    box = sandbox(folder)
    box.answers("fillback", (STREAMS["gemini"], PROPOSAL), (STREAMS["gemini"], REVISED))
    for number in (1, 2):
        source = box.root / f"src/m{number}.py"
        source.parent.mkdir(exist_ok=True)
        source.write_text("x = 1   \n" * 16_000)
    return box


def is_filled_back(box: Sandbox) -> None:
    assert state_of(box, "old")["phase"] == "complete"


@pytest.mark.reliability
def test_fillback(tmp_path: Path) -> None:
    scene = Scene(
        command=("fillback", "old", "--path", "src"),
        make=two_parts,
        paid=Counter({"old fillback": 2}),
        holds=is_filled_back,
        may_lack=TOLD,
    )
    prove(scene, tmp_path)


def approved(folder: Path) -> Sandbox:
    folder.mkdir(parents=True)
    box = sandbox(folder)
    approving(box)
    return box


def is_archived(box: Sandbox) -> None:
    assert state_of(box, "add-x")["phase"] == "archived"
    assert sorted(specs_of(box)) == ["CHANGELOG.md", "login.md"]
    assert (box.root / "login.py").read_text() == "a\n"


@pytest.mark.reliability
def test_a_whole_run(tmp_path: Path) -> None:
    steps = ("proposal", "challenge", "implementation", "review", "archive", "archive-review")
    scene = Scene(
        command=("run", "add-x", "Let users log in"),
        make=approved,
        paid=Counter({f"add-x {step}": 1 for step in steps}),
        holds=is_archived,
        may_say="is archived since",
        may_lack=TOLD,
    )
    prove(scene, tmp_path, step=LONG)


@pytest.mark.reliability
def test_a_loop_whose_tests_are_red_first(tmp_path: Path) -> None:
    def make(place: Path) -> Sandbox:
        place.mkdir(parents=True)
        box = box_of(place, GREP)
        whole(box, "bad", "good")
        put_change(box, "add-x", "challenged")
        return box

    def is_approved(box: Sandbox) -> None:
        state = state_of(box, "add-x")
        assert (state["phase"], state["iteration"], state.get("checks")) == (
            "complete",
            2,
            "passed",
        )

    scene = Scene(
        command=("impl", "add-x"),
        make=make,
        paid=Counter({f"add-x {step}": 1 for step in ("implementation", "resolve", "review")}),
        holds=is_approved,
        may_lack=TOLD,
    )
    prove(scene, tmp_path, step=LONG)
