"""Hostile agents, each in a reading or a coding step of its own, over the command line.

The project has copies for all; a slice is judged at a time. What fails is told with all that went
wrong; ``KNOWN`` are those that are known to, and that must fail until their cause is mended.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from support import hostile_agents as agents
from support.hostile_box import Case, Step, make_project, remove
from support.slices import SLICE, SLICES

pytestmark = [
    pytest.mark.reliability,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc here"),
]

READING = (
    *(agents.CODE, agents.PERSON, agents.GIT, agents.SILENT, agents.OWN),
    *(agents.RUNS, agents.PROCESSES, agents.KILLS, agents.FRESH),
)
CODING = (agents.PERSON, agents.GIT, agents.SILENT, agents.KILLS, agents.FRESH)
AGENTS: Mapping[str, tuple[Step, str]] = {
    **{f"reading: {name}": ("challenge", do) for group in READING for name, do in group.items()},
    **{f"coding: {name}": ("implement", do) for group in CODING for name, do in group.items()},
}
IN_MAKE_TEST = (
    "reading: a hidden daemon that writes later",
    "reading: a link in place of the change",
    "coding: stash and drop",
    "reading: kills agentd and forges the phase",
)
KNOWN: Mapping[str, str] = {}


def test_there_are_enough() -> None:
    assert len({script for _, script in AGENTS.values()}) >= 120


def test_nothing_is_changed_unseen_nothing_is_lost_and_each_call_is_recorded_once(
    tmp_path: Path,
) -> None:
    make_project(tmp_path / "made")
    wrong: dict[str, list[str]] = {}
    names = _of_this_slice()
    for name in names:
        if told := judged(name, tmp_path):
            wrong[name] = told
    text = "\n".join(f"{name}:\n  " + "\n  ".join(told) for name, told in wrong.items())
    new = sorted(wrong.keys() - KNOWN.keys())
    mended = sorted(KNOWN.keys() & set(names) - wrong.keys())
    assert not new, f"{len(wrong)} of {len(names)}: {new}\n{text}"
    assert not mended, f"works now, take it out of KNOWN: {mended}"


def judged(name: str, folder: Path) -> list[str]:
    """Everything that is wrong after this agent."""
    step, script = AGENTS[name]
    box = folder / "case"
    shutil.copytree(folder / "made", box, symlinks=True)
    try:
        return list(Case(box, step, script).complaints())
    finally:
        remove(box)


def _of_this_slice() -> list[str]:
    only = os.environ.get("AGENTD_TEST_ONLY")  # for whoever works on one of them
    if only:
        return [name for name in AGENTS if re.search(only, name)]
    if SLICE == 0:
        return list(IN_MAKE_TEST)
    rest = [name for name in AGENTS if name not in IN_MAKE_TEST]
    return rest[SLICE - 1 :: SLICES - 1]
