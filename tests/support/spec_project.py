"""A project with three specs, and a change that edits two of them and adds one in new folders."""

from __future__ import annotations

from pathlib import Path

from agentd.project.layout import Project
from support.openspec_cases import BETTER_B, CHANGE_ID, MAIN, A, block, delta, main

SPECS = {"login.md": MAIN, "pay/spec.md": main(A), "CHANGELOG.md": "# Changelog\n"}
DELTAS = {
    "login.md": delta(modified=BETTER_B),
    "pay/spec.md": delta(added=block("Delta")),
    "area/new/spec.md": delta(added=block("Delta")),
    "CHANGELOG.md": "not a spec",
}


def lay_out(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def spec_project(root: Path) -> Project:
    """The project, and the change of CHANGE_ID in it."""
    project = Project(root)
    lay_out(project.specs_dir, SPECS)
    lay_out(project.changes_dir / CHANGE_ID / "specs", DELTAS)
    return project
