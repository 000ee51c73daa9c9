"""The prompt of a step of a change, with all that the project puts into it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from agentd.clock import utc_now
from agentd.workflow.notes import read_notes
from agentd.workflow.prompt import Prompts, layers_of
from agentd.workflow.steps import Step
from agentd.workflow.workspace import Workspace


def render(
    workspace: Workspace, change: Path, step: Step, prompt: str, values: Mapping[str, str]
) -> str:
    """The text that the CLI gets: ``prompt`` names it, ``values`` fills the fields of its own."""
    project = workspace.project
    given = {
        "change_id": change.name,
        "change": workspace.shown(change),
        "agentd": workspace.shown(project.agentd_dir),
        "specs": workspace.shown(project.specs_dir),
        "spec_file": project.spec_file,
        "changelog": workspace.shown(project.specs_dir / "CHANGELOG.md"),
        "today": utc_now().strftime("%Y-%m-%d"),
        **values,
    }
    chosen = workspace.config.steps.get(step.name)
    return Prompts(layers_of(project.agentd_dir, os.environ)).render(
        prompt,
        given,
        rules=chosen.rules if chosen else (),
        project_notes=read_notes(project.agentd_dir),
    )
