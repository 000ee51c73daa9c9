"""How pi says why it failed: ``errorMessage`` of its last answer. It exits with 0 then."""

from __future__ import annotations

import re

from agentd.late_pattern import late_pattern
from agentd.providers.failure import Failure, Reason, reason_of_form

# The status comes first where the API answered with an error; else the words are pi's own.
_FORMS: tuple[tuple[re.Pattern[str], Reason | None], ...] = (
    (late_pattern(r"[^{]*429[^{]*\{.*insufficient_quota"), "auth"),  # no credit is left
    (late_pattern(r"(?:Error: )?\(?([45]\d\d)\b"), None),
    (late_pattern(r"OpenAI API error \(([45]\d\d)\)"), None),
    (late_pattern(r"Connection error|fetch failed|.*\bECONN|.*stream ended before"), "network"),
    (late_pattern(r"No API key|.*authentication"), "auth"),
)

_NO_KEY = late_pattern(r"^No API key found for ", re.MULTILINE)


def status_is_told(message: str) -> bool:
    """Whether the API answered with an error, which is not billed."""
    return any(pattern.match(message) for pattern, reason in _FORMS if reason is None)


def reason_on_stderr(last_words: str) -> Reason | None:
    """Why it ended before its agent began; None where that is none of the known reasons."""
    return "auth" if _NO_KEY.search(last_words) else None


def failure(message: str) -> Failure:
    """Why a run failed whose last answer has this message."""
    return Failure(reason=reason_of_form(_FORMS, message) or "no_result", message=message)
