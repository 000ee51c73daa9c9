"""How gemini says why it failed: ``error`` of its result, else its exit code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from agentd.json_value import json_value
from agentd.late_pattern import late_pattern
from agentd.providers.failure import Failure, Reason, reason_of_form, reason_of_status
from agentd.providers.fields import mapping, text

# The codes of gemini itself; after an API error it exits with the HTTP status, of which a process
# keeps the lowest eight bits.
EXIT_REASONS: dict[int, Reason] = {
    **{status % 256: reason_of_status(status) for status in range(400, 512)},
    41: "auth",
    42: "refused",  # its input or arguments
    44: "refused",  # its sandbox
    52: "refused",  # its settings
    53: "budget",  # maxSessionTurns
    55: "refused",  # the folder is not trusted
}
_BODY = late_pattern(r"\[API Error: (\{.*\})\]", re.DOTALL)
_FORMS: tuple[tuple[re.Pattern[str], Reason | None], ...] = (
    (late_pattern(r"\[API Error: exception TypeError: fetch failed"), "network"),
    (late_pattern(r"\[API Error: You have exhausted your daily quota "), "rate_limit"),
    (late_pattern(r"\[API Error: models/\S+ is not found for API version "), "refused"),
)
_AFTER = late_pattern(r"\nSuggested retry after (\d+(?:\.\d+)?)s\.\]")
_LONGEST_S = 32 * 24 * 3600


def is_cut(message: str) -> bool:
    """Whether it tells of an answer that had begun and did not come to its end."""
    return message == "Model stream ended without a finish reason."


def failure(error: Mapping[str, Any], message: str) -> Failure:
    """Why a run failed whose result has this ``error`` ({} when it has none)."""
    return Failure(reason=_reason(error), message=message)


def resets_at(message: str, ended_at: datetime) -> datetime | None:
    """When a rate limit is lifted: gemini tells the API's ``retryDelay`` in seconds."""
    found = _AFTER.search(message) if message.startswith("[API Error: ") else None
    seconds = float(found[1]) if found else _LONGEST_S
    return ended_at + timedelta(seconds=seconds) if seconds < _LONGEST_S else None


def _reason(error: Mapping[str, Any]) -> Reason:
    message = text(error.get("message")) or ""
    if found := _BODY.match(message):
        return _of_body(found[1])
    return reason_of_form(_FORMS, message) or "no_result"


def _of_body(body: str) -> Reason:
    """The reason in the API's own error object, which gemini prints as it came."""
    try:
        error = mapping(mapping(json_value(body)).get("error"))
    except ValueError:
        return "no_result"
    details = error.get("details")
    for detail in details if isinstance(details, list) else []:
        if mapping(detail).get("reason") == "API_KEY_INVALID":  # comes with status 400
            return "auth"
    status = error.get("code")
    return reason_of_status(status) if isinstance(status, int) and status >= 400 else "no_result"
