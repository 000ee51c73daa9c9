"""What ``openspec new change`` writes: ``.openspec.yaml``, and README.md with a description.

The first is read without a reader of YAML: OpenSpec writes it flat, and `agentd status` asks.
"""

from __future__ import annotations

import re

from agentd.project.change import Change

METADATA = ".openspec.yaml"
_SKIPS_SPECS = re.compile(r"^skip_specs:[ \t]+(?:true|True|TRUE)[ \t\r]*(?:#.*)?$", re.MULTILINE)
_SCHEMA = re.compile(r"^schema:[ \t]+\S", re.MULTILINE)
_GOAL = re.compile(r"^goal:[ \t]+(?:[|>][+-]?[ \t\r]*\n)?(.+(?:\n[ \t]+.*)*)", re.MULTILINE)


def skips_specs(change: Change) -> bool:
    """Whether it says that the change touches no spec; as there, beside a schema only."""
    text = change.text(METADATA) or ""
    return bool(_SKIPS_SPECS.search(text) and _SCHEMA.search(text))


def described(change: Change) -> str | None:
    """What the change is to do: its README.md below the title, and its goal; None without both."""
    metadata = change.text(METADATA)
    if metadata is None:
        return None
    lines = (change.text("README.md") or "").split("\n")
    titled = lines[0].startswith("# ")
    goal = _GOAL.search(metadata)
    told = "\n".join(lines[titled:]).strip()
    aim = " ".join(goal[1].split()).strip("\"'") if goal else ""
    return "\n\n".join(filter(None, (told, aim and f"Goal: {aim}"))) or None
