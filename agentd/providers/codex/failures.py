"""How codex says why it failed: the message of ``turn.failed``, of which these forms are known.

They stand in the program (0.34 to 0.169); what an API says of itself comes behind them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from agentd.clock import local
from agentd.late_pattern import late_pattern
from agentd.providers.failure import Failure, Reason, reason_of_form

_STATUS = late_pattern(r"(?:unexpected status|exceeded retry limit, last status:) (\d{3})\b")
_FORMS: tuple[tuple[re.Pattern[str], Reason | None], ...] = (
    (_STATUS, None),
    (
        late_pattern(
            r"Missing environment variable: |Your access token could not be refreshed"
            r"|Quota exceeded\. Check your plan|Your workspace is out of credits\."
            r"|You hit your spend cap |To use Codex with your ChatGPT plan, upgrade"
        ),
        "auth",
    ),
    (late_pattern(r"You[’']ve hit your usage limit\.|rate limit exceeded: "), "rate_limit"),
    (
        late_pattern(
            r"We[’']re currently experiencing high demand|Selected model is at capacity\."
            r"|Policy-restricted capacity is unavailable\."
        ),
        "overloaded",
    ),
    (
        late_pattern(
            r"\{\s*\"(?:error|detail)\""  # the body of a 400, as it came
            r"|Codex ran out of room in the model's context window\."
            r"|stream disconnected before completion: Incomplete response returned, reason: content"
        ),
        "refused",
    ),
    (
        late_pattern(
            r"stream disconnected before completion: |Connection failed: "
            r"|Reconnecting\.\.\. waiting for network"
        ),
        "network",
    ),
    (late_pattern(r"budget reached"), "budget"),
)
_CUT = ("stream disconnected", "idle timeout")
_NOT_SENT = ("error sending request", "Connection failed")
_AGAIN = late_pattern(
    r"You[’']ve hit your usage limit\..* try again at "
    r"(?:([A-Z][a-z]{2}) (\d{1,2})(?:st|nd|rd|th), (\d{4}) )?(\d{1,2}):(\d\d) ([AP])M\.\Z"
)
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def is_cut(message: str) -> bool:
    """Whether it tells of an answer that had begun, and is asked for again or given up."""
    over = (*_NOT_SENT, "Incomplete response")  # this one came to its end, and is in the log
    return any(form in message for form in _CUT) and not any(form in message for form in over)


def failure(message: str) -> Failure:
    """Why a turn failed with this message."""
    return Failure(reason=reason_of_form(_FORMS, message) or "no_result", message=message)


def resets_at(message: str, ended_at: datetime) -> datetime | None:
    """When a plan's limit is lifted: told in local time, without the date when it is the same day.

    Codex cuts the seconds off, so it is the end of that minute.
    """
    found = _AGAIN.match(message)
    if found is None:
        return None
    month, day, year, hour, minute, half = found.groups()
    here = local(ended_at)
    try:
        date = (int(year), _MONTHS.index(month) + 1, int(day)) if month else None
        told = datetime(  # noqa: DTZ001 - astimezone takes it as the local time that it is
            *(date or (here.year, here.month, here.day)),
            int(hour) % 12 + (12 if half == "P" else 0),
            int(minute),
        )
        return told.astimezone(UTC) + timedelta(minutes=1)
    except (ValueError, OverflowError):
        return None
