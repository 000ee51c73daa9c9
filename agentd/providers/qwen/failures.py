"""How qwen says why it failed: ``error`` of its result, else its exit code."""

from __future__ import annotations

import re

from agentd.late_pattern import late_pattern
from agentd.providers.failure import Failure, Reason, reason_of_form

EXIT_REASONS: dict[int, Reason] = {
    41: "auth",
    42: "refused",  # its input or arguments
    44: "refused",  # its sandbox
    52: "refused",  # its settings
    53: "budget",  # --max-session-turns
    55: "budget",  # --max-wall-time, --max-tool-calls
}
_FORMS: tuple[tuple[re.Pattern[str], Reason | None], ...] = (
    (late_pattern(r"\[API Error: ([45]\d\d)\b"), None),
    (late_pattern(r"\[API Error: (?:Connection error|.*\b(?:ECONN|fetch failed))"), "network"),
    (late_pattern(r"Missing API key|No auth type is selected"), "auth"),
)


def failure(message: str) -> Failure:
    """Why a run failed whose result has this message."""
    return Failure(reason=reason_of_form(_FORMS, message) or "no_result", message=message)
