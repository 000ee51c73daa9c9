"""Merging as OpenSpec's archive does: the recordings of tests/generate, without node."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.merging import merge_and_settle
from support.openspec_cases import BY_HAND, CASES, CHANGE_ID, FOLDER, GENERATED, generated, tree

from agentd.project.layout import Project
from agentd.specs.model import SpecError
from agentd.specs.plan import plan_merge
from agentd.specs.snapshot import take

# Where agentd decides otherwise, on purpose. "accepted": OpenSpec refuses; "refused": it accepts.
EXCEPTIONS = {
    "flat_file": ("accepted", "agentd's own layout is specs/login.md; OpenSpec reads no such file"),
    "whole_spec": ("accepted", "a whole spec is how the original agentd's changes add one"),
    "old_style_delta": ("accepted", "the original agentd's ### R1: Title is a requirement"),
    "old_style_whole": ("accepted", "the original agentd's ### R1: Title is a requirement"),
    "not_utf8": ("refused", "OpenSpec writes U+FFFD in place of what it can't read"),
    "nul_byte": ("refused", "a binary file is no spec"),
    "open_fence": ("refused", "a fence left open hides the requirements after it"),
}


def project_of(case: Path, root: Path) -> tuple[Project, Path]:
    project = Project(root)
    change = project.changes_dir / CHANGE_ID
    for source, target in (("before", project.specs_dir), ("change", change / "specs")):
        target.mkdir(parents=True)
        if (case / source).is_dir():  # git keeps no empty folder
            shutil.copytree(case / source, target, dirs_exist_ok=True)
    return project, change


def outcome(project: Project, change: Path) -> str:
    try:
        take(project, change)
        merge_and_settle(project, change)
    except SpecError as error:
        return f"refused: {error.message}"
    return "accepted"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_like_openspec(case: Path, tmp_path: Path) -> None:
    project, change = project_of(case, tmp_path)
    recorded = "refused" if (case / "refusal.txt").exists() else "accepted"
    if case.name in EXCEPTIONS:
        expected, _ = EXCEPTIONS[case.name]
        assert expected != recorded, "this is no exception"
        assert outcome(project, change).startswith(expected)
        return
    assert outcome(project, change).startswith(recorded)
    assert tree(project.specs_dir) == tree(case / ("before" if recorded == "refused" else "after"))


def test_the_recordings_are_of_these_cases() -> None:
    cases = {**BY_HAND, **generated(GENERATED)}
    assert {case.name for case in CASES} == set(cases)
    for case in CASES:
        files = {"before": cases[case.name].before, "change": cases[case.name].change}
        for folder, texts in files.items():
            written = {k: v if isinstance(v, bytes) else v.encode() for k, v in texts.items()}
            assert tree(case / folder) == written


def test_an_accepted_merge_again_changes_nothing(tmp_path: Path) -> None:
    project, change = project_of(FOLDER / "added", tmp_path)
    merge_and_settle(project, change)
    merged = tree(project.specs_dir)
    assert [t.result.counts["added"] for t in plan_merge(project, change).targets] == [0]
    assert plan_merge(project, change).targets[0].result.text == merged["login/spec.md"].decode()
