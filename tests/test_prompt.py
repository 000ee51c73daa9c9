"""Each step's prompt says what to read, what to write and in which form."""

from __future__ import annotations

import re

import pytest

from agentd.workflow.prompt import render
from agentd.workflow.steps import STEPS, Step

VALUES = {
    "change_id": "add-x",
    "change": "agentd/changes/add-x",
    "agentd": "agentd",
    "changelog": "agentd/specs/CHANGELOG.md",
    "today": "2026-11-22",
    "description": "Add x",
    "spec": "agentd/changes/add-x/specs/login.md",
    "target": "agentd/specs/login.md",
    "path": "src",
}


@pytest.mark.parametrize("step", STEPS.values(), ids=lambda step: step.name)
def test_prompt_names_the_files_and_the_form(step: Step) -> None:
    prompt = render(step.name, VALUES)
    assert prompt.startswith(f"# agentd: step `{step.name}` of change `add-x`\n")
    assert "{{" not in prompt
    for name in (*step.reads, *step.writes):
        assert f"agentd/changes/add-x/{name}" in prompt
    writes = prompt.partition("## Write\n")[2].partition("\n## Context")[0]
    for name in step.writes:
        assert f"agentd/changes/add-x/{name}" in writes
    for verdict in step.verdicts:
        assert f"- [ ] {verdict}\n" in prompt
    assert "## Limits" in prompt


def test_text_in_a_description_is_not_filled_again() -> None:
    prompt = render("proposal", {**VALUES, "description": "Show {{change_id}} and {{nothing}}"})
    assert "> Show {{change_id}} and {{nothing}}" in prompt


def test_spec_form_has_the_four_kinds_of_delta() -> None:
    prompt = render("proposal", VALUES)
    kinds = re.findall(r"^## (\w+) Requirements$", prompt, re.MULTILINE)
    assert kinds == ["ADDED", "MODIFIED", "REMOVED", "RENAMED"]
