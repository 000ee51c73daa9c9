"""How copilot says why it failed: ``session.error``, or stderr before its session begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentd.late_pattern import late_pattern
from agentd.providers.failure import Failure, Reason, reason_of_status
from agentd.providers.fields import text

_NO_LOGIN = late_pattern(r"No authentication information found|Offline mode requires a local model")
_KINDS: dict[str, Reason] = {"authentication": "auth", "rate_limit": "rate_limit"}


def reason_on_stderr(last_words: str) -> Reason | None:
    """Why it ended before its session began; None where that is none of the known reasons."""
    return "auth" if _NO_LOGIN.search(last_words) else None


def status_of(error: Mapping[str, Any]) -> int | None:
    """The HTTP status of the API's answer; None when it was none, or no error."""
    status = error.get("statusCode")
    return status if isinstance(status, int) and status >= 400 else None


def failure(error: Mapping[str, Any]) -> Failure:
    """Why a run failed whose ``session.error`` has this ``data``."""
    status = status_of(error)
    reason = reason_of_status(status) if status else _KINDS.get(str(error.get("errorType")))
    message = text(error.get("message")) or "it gave no reason"
    return Failure(reason=reason or "no_result", message=message)
