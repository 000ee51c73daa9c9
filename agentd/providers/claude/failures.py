"""How claude says why it failed: fields of its ``result``, and of the message before it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from agentd.late_pattern import late_pattern
from agentd.providers.failure import Failure, Reason, reason_of_form, reason_of_status
from agentd.providers.fields import mapping, text

# ``error`` of the <synthetic> message; "server_error" and "unknown" say less than the status.
_KINDS: dict[str, Reason] = {
    "authentication_failed": "auth",
    "billing_error": "auth",
    "rate_limit": "rate_limit",
    "model_not_found": "refused",
    "invalid_request": "refused",  # the model's refusal too
}
_SUBTYPES: dict[str, Reason] = {"error_max_turns": "budget", "error_max_budget_usd": "budget"}
_NO_SESSION = late_pattern(r"No conversation found with session ID: \S+\Z")
# 1.0 and 2.0 have no field for the status; with is_error set, their ``result`` is this message.
_RESULTS: tuple[tuple[re.Pattern[str], Reason | None], ...] = (
    (late_pattern(r"API Error: (\d{3}) "), None),
)


def failure(
    result: Mapping[str, Any], message: str, *, kind: str | None, limits: Mapping[str, Any]
) -> Failure:
    """Why a run failed whose last ``result`` is given.

    ``kind`` is the ``error`` of its last <synthetic> message, ``limits`` the last
    ``rate_limit_info``.
    """
    reason = _reason(result, kind)
    resets = limits.get("resetsAt")
    known = reason == "rate_limit" and limits.get("status") == "rejected"
    return Failure(
        reason=reason,
        message=message,
        resets_at=datetime.fromtimestamp(resets, UTC)
        if known and isinstance(resets, int) and 0 < resets < 2**32
        else None,
    )


def limits_of(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a ``rate_limit_event`` says of the plan's window that is used up."""
    return mapping(event.get("rate_limit_info"))


def message_of(result: Mapping[str, Any]) -> str | None:
    """claude's own message when its last ``result`` says that it failed."""
    subtype = str(result.get("subtype", "success"))
    if result.get("is_error"):
        return text(result.get("result")) or "; ".join(_errors(result)) or subtype
    return subtype if subtype.startswith("error") else None


def _errors(result: Mapping[str, Any]) -> list[str]:
    errors = result.get("errors")
    return [str(error) for error in errors] if isinstance(errors, list) else []


def _reason(result: Mapping[str, Any], kind: str | None) -> Reason:
    if any(_NO_SESSION.match(error) for error in _errors(result)):
        return "unknown_session"
    if result.get("api_error") == "connection_failed":
        return "network"
    told = _SUBTYPES.get(str(result.get("subtype"))) or _KINDS.get(kind or "")
    return told or _of_status(result)


def _of_status(result: Mapping[str, Any]) -> Reason:
    status = result.get("api_error_status")
    if isinstance(status, int) and status >= 400:
        return reason_of_status(status)
    answer = text(result.get("result")) if result.get("is_error") else None
    return reason_of_form(_RESULTS, answer or "") or "no_result"
