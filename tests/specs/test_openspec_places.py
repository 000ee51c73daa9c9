"""Where OpenSpec has a change's specs: what it would not read is refused before money is spent."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.openspec_cases import block, delta

from agentd.documents.report import Report
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
    return [f"{issue.place} {issue.message} {issue.fix}" for issue in report(root, files).errors]


def report(root: Path, files: dict[str, str]) -> Report:
    project, change = project_with(root, files)
    return validate_change(project, change, Workspace.open(root).config)


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
    found = report(tmp_path, {"login/spec.md": ADDED, **notes})
    assert list(found.errors) == []
    assert [issue.path.split("/", 4)[-1] for issue in found.issues if issue.code == "note"] == [
        "README.md",
        "login/design.md",
    ]


CHINESE = """## ADDED Requirements

### Requirement: 登录
系统应当允许用户按姓名登录。

#### Scenario: 已知用户
- **当** 用户登录
- **那么** 允许进入
"""
GIVEN_THEN = block("Alpha").replace("- **WHEN** Works happens", "- **GIVEN** a user")


@pytest.mark.parametrize(
    ("files", "warned"),
    [
        ({"login/spec.md": delta(added=block("Alpha", text="It works."))}, {"no-shall"}),
        ({"login/spec.md": delta(added=GIVEN_THEN)}, {"no-when-then", "clause"}),
        ({"login/spec.md": CHINESE}, {"no-shall", "no-when-then", "clause"}),
        ({"login/spec.md": ADDED, "../proposal.md": "## Pourquoi\na\n"}, {"missing-section"}),
        (
            {"login/spec.md": ADDED, "../proposal.md": "## Why\n"},
            {"missing-section", "empty-section"},
        ),
        ({"login/spec.md": ADDED, "../tasks.md": "# Tasks\n\n- Do it\n"}, {"no-tasks"}),
        ({}, {"missing"}),
    ],
)
def test_what_openspec_accepts_is_a_warning(
    tmp_path: Path, files: dict[str, str], warned: set[str]
) -> None:
    found = report(tmp_path, files)
    assert list(found.errors) == []
    assert {issue.code for issue in found.issues if issue.severity == "warning"} == warned


def test_folders_in_folders(tmp_path: Path) -> None:
    assert errors(tmp_path, {"auth/login/spec.md": ADDED}) == []
