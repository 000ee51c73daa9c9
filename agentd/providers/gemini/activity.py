"""gemini: a message's deltas, and its tools by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentd.providers.activity import Activity, tool_shown

MARKERS = (b'"tool_use"',)
TEXT_MARKERS: tuple[bytes, ...] = ()


def read(event: Mapping[str, Any]) -> Activity | None:
    """What a stream-json event tells."""
    match event:
        case {"type": "tool_use", "tool_name": str(name)}:
            parameters = event.get("parameters")
            return Activity(
                tool=tool_shown(name, parameters if isinstance(parameters, Mapping) else {})
            )
        case {"type": "tool_result"}:
            return Activity(tool="")
        case {"type": "message", "role": "assistant", "content": str(text)}:
            return Activity(text=text)
    return None
