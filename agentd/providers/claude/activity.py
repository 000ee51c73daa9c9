"""claude: text deltas and whole content blocks; what its subagents say is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentd.providers.activity import Activity, blocks_shown

MARKERS = (b'"tool_result"',)
TEXT_MARKERS = (b'"text_delta"',)


def read(event: Mapping[str, Any]) -> Activity | None:
    """What a stream-json event tells."""
    main = event.get("parent_tool_use_id") is None
    match event:
        case {"type": "assistant", "message": {"content": [*blocks]}}:
            return blocks_shown(blocks, main=main)
        case {"type": "user", "message": {"content": [*blocks]}}:
            done = any(isinstance(b, Mapping) and b.get("type") == "tool_result" for b in blocks)
            return Activity(tool="") if done and main else None
        case {
            "type": "stream_event",
            "event": {"delta": {"type": "text_delta", "text": str(said)}},
        }:
            return Activity(text=said, partial=True) if main else None
    return None
