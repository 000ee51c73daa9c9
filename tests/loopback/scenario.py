"""What the loopback API is told to answer, in agentd's terms; ``wire`` puts it into each API's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentd.metering.usage import ModelUsage


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    """A tool the model asks for; ``namespace`` is codex's (``multi_agent_v1``)."""

    name: str
    input: Mapping[str, Any]
    namespace: str | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """One answer, given to the first request it fits, and then used up, unless it ``stays``.

    ``model``, ``body`` and ``without`` are regular expressions: searched in the model's name, in
    the request's body, and not to be found in the body. ``usage`` is inclusive;
    ``tool_prompt_tokens`` (gemini) are inside its input. A ``status`` other than 200 is an API
    error. ``stalls``: nothing comes after the first delta until the client goes away.
    """

    text: str = ""
    tools: tuple[ToolCall, ...] = ()
    usage: ModelUsage = field(default_factory=ModelUsage)
    tool_prompt_tokens: int = 0
    model: str = ""
    body: str = ""
    without: str | None = None
    status: int = 200
    stalls: bool = False
    stays: bool = False

    def fits(self, model: str, body: str) -> bool:
        """Whether this step answers a request."""
        return (
            re.search(self.model, model) is not None
            and re.search(self.body, body) is not None
            and (self.without is None or re.search(self.without, body) is None)
        )
