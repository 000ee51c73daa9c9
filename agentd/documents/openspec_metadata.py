"""OpenSpec's ``.openspec.yaml`` of a change: flat, so `agentd status` loads no YAML for it."""

from __future__ import annotations

import re

from agentd.late_pattern import late_pattern
from agentd.project.change import Change

METADATA = ".openspec.yaml"
_GOAL = late_pattern(r"^goal:[ \t]+(?:[|>][+-]?[ \t\r]*\n)?(.+(?:\n[ \t]+.*)*)", re.MULTILINE)
_SKIPS_SPECS = late_pattern(r"^skip_specs:[ \t]+(?:true|True|TRUE)[ \t\r]*(?:#.*)?$", re.MULTILINE)
_SCHEMA = late_pattern(r"^schema:[ \t]+\S", re.MULTILINE)


def goal_of(change: Change) -> str | None:
    """The change's goal, "" where it has none; None where there is no such file."""
    text = change.text(METADATA)
    if text is None:
        return None
    goal = _GOAL.search(text)
    return " ".join(goal[1].split()).strip("\"'") if goal else ""


def skips_specs(change: Change) -> bool:
    """Whether it says ``skip_specs``; as in OpenSpec, beside a schema only."""
    text = change.text(METADATA) or ""
    return bool(_SKIPS_SPECS.search(text) and _SCHEMA.search(text))
