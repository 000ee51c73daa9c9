"""What a request to an API asks for, as far as metering and budgets need it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agentd.frozen import frozen
from agentd.metering.requests import Thread


@frozen(kw_only=True)
class Asked:
    """A request before it is sent.

    ``model`` is the one it names. ``output_limit`` is the most output tokens it allows, None where
    it sets no limit. ``server_tools``: the API may run tools of its own for it, such as a web
    search, or adds what it keeps of earlier requests, so that its input may be more than its body.
    ``variants`` are what it asks for that multiplies its price, as those of an answer.
    ``body_bytes`` is the size of its body, from which its input is estimated. ``conversation``
    tells the threads of one kind apart, "" where nothing does.
    """

    model: str
    thread: Thread = "main"
    output_limit: int | None = None
    server_tools: bool = False
    variants: tuple[tuple[str, str], ...] = ()
    body_bytes: int = 0
    conversation: str = ""


OfCli = Callable[[Asked, Mapping[str, str], Mapping[str, Any]], Asked]
"""What a CLI's own headers (in small letters) and body tell beside its API's language."""
