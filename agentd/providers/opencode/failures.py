"""How opencode says why it failed: the ``error`` of its event.

What an API may answer later (529) it asks for again by itself, still after 20 s: the time limit of
the step bounds that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentd.providers.failure import Failure, Reason, reason_of_status
from agentd.providers.fields import mapping, text

_KINDS: dict[str, Reason] = {
    "ProviderAuthError": "auth",
    "ContextOverflowError": "refused",
    "ContentFilterError": "refused",
    "MessageOutputLengthError": "refused",
    "StructuredOutputError": "refused",
}


def message_of(error: Mapping[str, Any]) -> str:
    """opencode's own message."""
    told = text(mapping(error.get("data")).get("message")) or text(error.get("message"))
    return told or text(error.get("name")) or "it gave no reason"


def status_of(error: Mapping[str, Any]) -> int | None:
    """The HTTP status of the API's answer; None when it was none, or no error."""
    status = mapping(error.get("data")).get("statusCode")
    return status if isinstance(status, int) and status >= 400 else None


def failure(error: Mapping[str, Any]) -> Failure:
    """Why a run failed whose event has this ``error``."""
    return Failure(reason=_reason(error), message=message_of(error))


def _reason(error: Mapping[str, Any]) -> Reason:
    kind, status = str(error.get("name")), status_of(error)
    if status is not None:
        return reason_of_status(status)
    if kind == "APIError":  # the API was not reached, or its answer broke off
        return "network"
    return _KINDS.get(kind, "no_result")
