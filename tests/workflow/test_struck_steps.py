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
FINDINGS = "/findings[.]json$"  # of a run that the next command judged
TOLD = "/requests[.]jsonl$"  # the call has their sum


def before_proposal(folder: Path) -> Sandbox:
    folder.mkdir(parents=True)
    box = sandbox(folder)
    approving(box)
    return box


@pytest.mark.reliability
def test_proposal(tmp_path: Path) -> None:
    scene = Scene(
        command=("proposal", "add-x", "Let users log in"),
        make=before_proposal,
        paid=Counter({"add-x proposal": 1}),
        may_say=SAID_ALREADY,
        may_leave=FINDINGS,
        may_lack=TOLD,
    )
    prove(scene, tmp_path)


def before_challenge(folder: Path) -> Sandbox:
    box = before_proposal(folder)
    put_change(box, "add-x", "proposed")
    return box


@pytest.mark.reliability
def test_challenge(tmp_path: Path) -> None:
    scene = Scene(
        command=("challenge", "add-x"),
        make=before_challenge,
        paid=Counter({"add-x challenge": 1}),
        may_say=SAID_ALREADY,
        may_leave=FINDINGS,
        may_lack=TOLD,
    )
    prove(scene, tmp_path)


def before_implementing(folder: Path) -> Sandbox:
    box = before_proposal(folder)
    put_change(box, "add-x", "challenged")
    return box


@pytest.mark.reliability
def test_implement(tmp_path: Path) -> None:
    scene = Scene(
        command=("implement", "add-x"),
        make=before_implementing,
        paid=Counter({"add-x implementation": 1}),
        may_say=SAID_ALREADY,
        may_leave=FINDINGS,
        may_lack=TOLD,
    )
    prove(scene, tmp_path)
