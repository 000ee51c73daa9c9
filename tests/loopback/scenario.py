"""What the loopback API is told to answer, in agentd's terms; ``wire`` puts it into each API's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

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
    ``tool_prompt_tokens`` (gemini) are inside its input. ``input_tokens_of`` counts the input from
    the request's body. A ``status`` other than 200 is an API error. After the first delta of an
    answer that ``stalls`` nothing comes until the client goes away; one that ``pauses`` goes on
    when the API is told to; one that is ``cut`` is over there. ``untold``: it has no usage.
    ``status_told`` is how an answer of OpenAI's ends. ``web_searches`` are billed beside the
    tokens, ``variants`` are fields that change a price, of the usage (anthropic) or beside it.
    """

    text: str = ""
    tools: tuple[ToolCall, ...] = ()
    usage: ModelUsage = field(default_factory=ModelUsage)
    input_tokens_of: Callable[[str], int] | None = None
    tool_prompt_tokens: int = 0
    model: str = ""
    body: str = ""
    without: str | None = None
    status: int = 200
    stalls: bool = False
    pauses: bool = False
    cut: bool = False
    untold: bool = False
    status_told: Literal["completed", "incomplete", "failed"] = "completed"
    web_searches: int = 0
    variants: Mapping[str, Any] = field(default_factory=dict)
    stays: bool = False

    def fits(self, model: str, body: str) -> bool:
        """Whether this step answers a request."""
        return (
            re.search(self.model, model) is not None
            and re.search(self.body, body) is not None
            and (self.without is None or re.search(self.without, body) is None)
        )
