"""claude: text deltas and whole content blocks; what its subagents say is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentd.providers.activity import Activity, tool_shown

MARKERS = (b'"tool_result"',)
TEXT_MARKERS = (b'"text_delta"',)


def read(event: Mapping[str, Any]) -> Activity | None:
    """What a stream-json event tells."""
    main = event.get("parent_tool_use_id") is None
    match event:
        case {"type": "assistant", "message": {"content": [*blocks]}}:
            return _blocks(blocks, main)
        case {"type": "user", "message": {"content": [*blocks]}}:
            done = any(isinstance(b, Mapping) and b.get("type") == "tool_result" for b in blocks)
            return Activity(tool="") if done and main else None
        case {
            "type": "stream_event",
            "event": {"delta": {"type": "text_delta", "text": str(said)}},
        }:
            return Activity(text=said, partial=True) if main else None
    return None


def _blocks(blocks: list[Any], main: bool) -> Activity:
    tool, said = None, ""
    for block in blocks:
        match block:
            case {"type": "tool_use", "name": str(name)}:
                arguments = block.get("input")
                tool = tool_shown(name, arguments if isinstance(arguments, Mapping) else {})
            case {"type": "text", "text": str(text)} if main:
                said += f"{text}\n"
    return Activity(tool=tool, text=said)
