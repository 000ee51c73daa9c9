"""copilot: its tools as they begin and end, its text as it arrives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentd.providers.activity import Activity, tool_shown
from agentd.providers.fields import mapping

MARKERS = (b'"tool.execution_start"', b'"tool.execution_complete"')
TEXT_MARKERS = (b'"assistant.message_delta"',)


def read(event: Mapping[str, Any]) -> Activity | None:
    """What an event tells; of a subagent only its tools show."""
    data, main = mapping(event.get("data")), "agentId" not in event
    match event.get("type"):
        case "tool.execution_start":
            name = str(data.get("toolName"))
            return Activity(tool=tool_shown(name, mapping(data.get("arguments"))))
        case "tool.execution_complete" if main:
            return Activity(tool="")
        case "assistant.message_delta" if main:
            return Activity(text=str(data.get("deltaContent") or ""))
    return None
