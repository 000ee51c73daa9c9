"""proposal, challenge and implement, struck at every change that agentd makes on disk."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from support.fault_proof import Scene, prove
from support.loop_box import approving, sandbox
from support.workflow_box import put_change
from support.workspace import Sandbox

SAID_ALREADY = "has a proposal already|is in phase"
TOLD = "/requests[.]jsonl$"  # the call has their sum


def struck(folder: Path, step: str, *command: str, phase: str | None = None) -> None:
    """Prove that ``command``, which runs ``step`` once, holds for a change in ``phase``."""

    def make(place: Path) -> Sandbox:
        place.mkdir(parents=True)
        box = sandbox(place)
        approving(box)
        if phase:
            put_change(box, "add-x", phase)
        return box

    scene = Scene(
        command=command,
        make=make,
        paid=Counter({f"add-x {step}": 1}),
        says_done="(?m)^  next: agentd",
        may_say=SAID_ALREADY,
        may_lack=TOLD,
    )
    prove(scene, folder)


@pytest.mark.reliability
def test_proposal(tmp_path: Path) -> None:
    struck(tmp_path, "proposal", "proposal", "add-x", "Let users log in")


@pytest.mark.reliability
def test_challenge(tmp_path: Path) -> None:
    struck(tmp_path, "challenge", "challenge", "add-x", phase="proposed")


@pytest.mark.reliability
def test_implement(tmp_path: Path) -> None:
    struck(tmp_path, "implementation", "implement", "add-x", phase="challenged")
