"""Where OpenSpec has a change's specs: what it would not read is refused before money is spent."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.openspec_cases import block, delta

from agentd.documents.validate import validate_change
from agentd.project.layout import Project
from agentd.project.workspace import Workspace

ADDED = delta(added=block("Alpha"))


def project_with(root: Path, files: dict[str, str]) -> tuple[Project, Path]:
    change = root / "openspec" / "changes" / "edit-x"
    documents = {
        "proposal.md": "# x\n\n## Why\na\n\n## What changes\nb\n",
        "tasks.md": "- [ ] 1 a\n",
    }
    for name, text in (
        {**documents, **{f"specs/{key}": text for key, text in files.items()}}
    ).items():
        (change / name).parent.mkdir(parents=True, exist_ok=True)
        (change / name).write_text(text)
    (root / "agentd").mkdir()
    (root / "agentd" / "config.toml").write_text('[paths]\nlayout = "openspec"\n')
    return Workspace.open(root).project, change


def errors(root: Path, files: dict[str, str]) -> list[str]:
    project, change = project_with(root, files)
    report = validate_change(project, change, Workspace.open(root).config)
    return [f"{issue.place} {issue.message} {issue.fix}" for issue in report.errors]


@pytest.mark.parametrize(
    ("key", "right"),
    [
        ("user-auth.md", "user-auth/spec.md"),
        ("spec.md", "<capability>/spec.md"),
        ("login/more.md", "login/spec.md"),
        ("auth/login/extra.md", "auth/login/spec.md"),
    ],
)
def test_a_spec_that_openspec_would_not_read(tmp_path: Path, key: str, right: str) -> None:
    specs = "openspec/changes/edit-x/specs"
    assert errors(tmp_path, {key: ADDED, "other/spec.md": ADDED}) == [
        f"{specs}/{key} OpenSpec reads no spec of this name Move what it says to {specs}/{right}."
    ]


def test_notes_beside_specs_are_no_specs(tmp_path: Path) -> None:
    notes = {"README.md": "# Notes\n", "login/design.md": "# Design\nText.\n"}
    assert errors(tmp_path, {"login/spec.md": ADDED, **notes}) == []


def test_folders_in_folders(tmp_path: Path) -> None:
    assert errors(tmp_path, {"auth/login/spec.md": ADDED}) == []
