"""claude: the text of answers that were cut, of which stdout shows every delta."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentd.providers.fields import mapping, text

_PARTS = ("text", "thinking", "partial_json")
_MAX_CHARS = 4_000_000  # far above the output limit of any model


class ClaudeCutText:
    """Keeps the deltas of the messages with these ids."""

    markers: tuple[bytes, ...] = (b'"message_start"', b'"content_block_delta"')

    def __init__(self, request_ids: frozenset[str]) -> None:
        self._texts: dict[str, list[str]] = {one: [] for one in request_ids}
        self._open: dict[str, str] = {}
        self._chars = 0

    def feed(self, event: Mapping[str, Any]) -> None:
        """Take one event."""
        thread, told = str(event.get("parent_tool_use_id")), mapping(event.get("event"))
        if told.get("type") == "message_start":
            self._open[thread] = text(mapping(told.get("message")).get("id")) or ""
        kept = self._texts.get(self._open.get(thread, ""))
        if kept is None or self._chars > _MAX_CHARS:
            return
        delta = mapping(told.get("delta"))
        part = "".join(text(delta.get(name)) or "" for name in _PARTS)
        kept.append(part)
        self._chars += len(part)

    def text(self, request_id: str) -> str:
        """What came of a message."""
        return "".join(self._texts.get(request_id, ()))
