"""codex: items that start and end; a message comes whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from agentd.late_pattern import late_pattern
from agentd.providers.activity import Activity, tool_shown

MARKERS = (b'"item.',)
TEXT_MARKERS: tuple[bytes, ...] = ()

_SHELL = late_pattern(r"^\S*/(?:ba|z)?sh -l?c (['\"]?)(?P<command>.*)\1$", re.DOTALL)


def read(event: Mapping[str, Any]) -> Activity | None:
    """What an event of ``exec --json`` tells."""
    match event:
        case {"type": "item.completed", "item": {"type": "agent_message", "text": str(text)}}:
            return Activity(tool="", text=f"{text}\n")
        case {"type": "item.completed", "item": {"type": str(kind)}} if kind != "error":
            return Activity(tool="")
        case {"type": "item.started", "item": {"type": "command_execution", "command": str(line)}}:
            match = _SHELL.match(line)
            return Activity(
                tool=tool_shown("shell", {"command": match["command"] if match else line})
            )
        case {"type": "item.started", "item": {"type": "mcp_tool_call", "tool": str(name)}}:
            return Activity(tool=name)
        case {"type": "item.started", "item": {"type": str(kind)}}:
            return Activity(tool=kind)
    return None
