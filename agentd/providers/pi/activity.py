"""pi: its tools as they begin and end, its text as it arrives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentd.providers.activity import Activity, tool_shown
from agentd.providers.fields import mapping

MARKERS = (b'"tool_execution_start"', b'"tool_execution_end"')
TEXT_MARKERS = (b'"text_delta"',)


def read(event: Mapping[str, Any]) -> Activity | None:
    """What an event tells."""
    match event:
        case {"type": "tool_execution_start", "toolName": str(name)}:
            return Activity(tool=tool_shown(name, mapping(event.get("args"))))
        case {"type": "tool_execution_end"}:
            return Activity(tool="")
        case {
            "type": "message_update",
            "assistantMessageEvent": {"type": "text_delta", "delta": str(text)},
        }:
            return Activity(text=text)
    return None
