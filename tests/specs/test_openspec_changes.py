"""Each kind of a change that OpenSpec has archived: validated and merged as there, without node."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.merging import merge_and_settle
from support.openspec_cases import tree
from support.openspec_changes import CHANGE_ID, CHANGES, KINDS

from agentd.config.model import Config
from agentd.documents.validate import validate_change
from agentd.project.layout import Project

# Where agentd decides otherwise, on purpose. "accepted": OpenSpec refuses; "refused": it accepts.
EXCEPTIONS = {
    "new_capability_as_a_whole_spec": ("accepted", "so the original agentd's changes add one"),
    "no_proposal": ("refused", "`agentd plan` has it written"),
    "no_specs_skipped_by_text": ("accepted", "there is a warning that it has no spec"),
    "no_tasks": ("refused", "`agentd plan` has them written"),
    "requirement_outside_the_sections": ("refused", "it would be lost; OpenSpec warns"),
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_of_change(kind: Path, tmp_path: Path) -> None:
    shutil.copytree(kind / "openspec", tmp_path / "openspec")
    project = Project(tmp_path, "openspec")
    project.specs_dir.mkdir(exist_ok=True)  # git keeps no empty folder
    change = project.change_dir(CHANGE_ID)
    recorded = "refused" if (kind / "refusal.txt").exists() else "accepted"
    expected, _ = EXCEPTIONS.get(kind.name, (recorded, ""))
    assert expected != recorded or kind.name not in EXCEPTIONS, "this is no exception"
    report = validate_change(project, change, Config(path=tmp_path / "config.toml"))
    assert ("accepted" if report.ok() else "refused") == expected, report.errors
    if expected == recorded == "accepted":
        merge_and_settle(project, change)
        assert tree(project.specs_dir) == tree(kind / "after")


def test_the_recordings_are_of_these_kinds() -> None:
    assert {kind.name for kind in KINDS} == set(CHANGES)
    for kind in KINDS:
        files = {name: text for name, text in CHANGES[kind.name].items() if text is not None}
        written = {k: v if isinstance(v, bytes) else v.encode() for k, v in files.items()}
        assert tree(kind / "openspec") == written
