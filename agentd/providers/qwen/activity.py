"""qwen: whole content blocks; what its subagents say is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentd.providers.activity import Activity, blocks_shown

MARKERS = (b'"tool_result"',)


def read(event: Mapping[str, Any]) -> Activity | None:
    """What a stream-json event tells."""
    main = event.get("parent_tool_use_id") is None
    match event:
        case {"type": "assistant", "message": {"content": [*blocks]}}:
            return blocks_shown(blocks, main=main)
        case {"type": "user", "message": {"content": [{"type": "tool_result"}, *_]}} if main:
            return Activity(tool="")
    return None
