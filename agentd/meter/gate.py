"""Who is asked before a request is sent; the budgets' answer is given in ``agentd.budget.gate``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from agentd.metering.dialects import Asked
from agentd.metering.requests import ApiRequest


class Gate(Protocol):
    """Says whether a request may be sent, and hears what it used. May block for a moment."""

    def refusal(self, key: str, asked: Asked, input_tokens: int, body: bytes) -> str | None:
        """Why a request is not sent, None when it may be; then the gate counts it as in flight.

        ``body`` is what is sent, decoded. It is written nowhere.
        """

    def ended(self, key: str, requests: Sequence[ApiRequest]) -> None:
        """The request ``key`` is over, and this is what it used. Never waits."""


class OpenGate:
    """Lets every request through."""

    def refusal(self, key: str, asked: Asked, input_tokens: int, body: bytes) -> str | None:
        """None."""
        del key, asked, input_tokens, body
        return None

    def ended(self, key: str, requests: Sequence[ApiRequest]) -> None:
        """Nothing to do."""
