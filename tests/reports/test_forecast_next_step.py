"""Which step comes next, told without changing anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.changes import change_at
from support.workflow_box import box_with, put_change

from agentd.ledger.store import StateStore
from agentd.reports.forecast.forecast import next_step


def judged(name: str, verdict: str) -> dict[str, str]:
    return {f"{name}.md": f"# X\n\n## Verdict\n- [x] {verdict}\n"}


@pytest.mark.parametrize(
    ("phase", "last", "files", "step"),
    [
        ("proposed", "proposal", {}, "challenge"),
        ("proposed", None, {}, "challenge"),  # written by hand
        ("proposed", "challenge", judged("CHALLENGE", "NEEDS_REVISION"), "reproposal"),
        ("proposed", "challenge", judged("CHALLENGE", "APPROVED"), "implementation"),
        ("proposed", "challenge", {"CHALLENGE.md": "# X\n"}, "challenge"),
        ("proposed", "reproposal", judged("CHALLENGE", "NEEDS_REVISION"), "challenge"),
        ("rejected", "challenge", judged("CHALLENGE", "REJECTED"), "reproposal"),
        ("challenged", "challenge", judged("CHALLENGE", "APPROVED"), "implementation"),
        ("challenged", None, {"IMPLEMENTATION.md": "# I\n"}, "implementation"),
        ("implementing", "implementation", {}, "review"),
        ("implementing", None, {"IMPLEMENTATION.md": "# I\n"}, "review"),
        ("implementing", "review", judged("REVIEW", "NEEDS_CHANGES"), "resolve"),
        ("implementing", "resolve", judged("REVIEW", "NEEDS_CHANGES"), "review"),
        ("complete", "review", {}, "archive"),
        ("complete", "archive", {}, "archive-review"),
        ("complete", "archive-review", judged("ARCHIVE_REVIEW", "NEEDS_FIX"), "archive-fix"),
        ("complete", "archive-review", judged("ARCHIVE_REVIEW", "APPROVED"), None),
        ("archived", "archive-review", {}, None),
    ],
)
def test_the_step(
    tmp_path: Path, phase: str, last: str | None, files: dict[str, str], step: str | None
) -> None:
    change = put_change(box_with(tmp_path), "add-x", phase, files)
    if last:
        StateStore(change).update(last_action=last)
    assert next_step(change_at(change)) == step


def test_a_change_without_documents_begins_with_its_proposal(tmp_path: Path) -> None:
    folder = box_with(tmp_path).change("add-x")
    StateStore(folder).create("add-x")
    assert next_step(change_at(folder)) == "proposal"


def test_out_of_rounds_the_mending_step_goes_on(tmp_path: Path) -> None:
    files = judged("CHALLENGE", "NEEDS_REVISION")
    change = put_change(box_with(tmp_path), "add-x", "proposed", files)
    StateStore(change).update(last_action="challenge", iteration=9)
    assert next_step(change_at(change)) == "reproposal"
