"""opencode: its texts, and its tools once they have run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentd.providers.activity import Activity, tool_shown
from agentd.providers.fields import mapping

MARKERS = (b'"tool_use"',)
TEXT_MARKERS: tuple[bytes, ...] = ()


def read(event: Mapping[str, Any]) -> Activity | None:
    """What an event tells."""
    match event:
        case {"type": "tool_use", "part": {"tool": str(name), "state": state}}:
            return Activity(tool=tool_shown(name, mapping(mapping(state).get("input"))))
        case {"type": "step_finish"}:
            return Activity(tool="")
        case {"type": "text", "part": {"text": str(text)}}:
            return Activity(text=text)
    return None
