"""Why a run failed, as a type: the forms a CLI has for it stand in its folder.

Every sign comes from a field that the CLI itself fills in when it fails, or from its exit code;
never from what the agent wrote. The signs, and how they were measured: docs/failures.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Literal

from agentd.frozen import frozen
from agentd.metering.words import CallStatus

Reason = Literal[
    "rate_limit",
    "overloaded",
    "network",
    "auth",
    "refused",
    "timeout",
    "budget",
    "no_result",
    "unknown_session",
]
_PASSES = ("rate_limit", "overloaded", "network", "no_result")


@frozen(kw_only=True)
class Failure:
    """Why a run is not ok; ``resets_at`` (UTC) is when a rate limit is lifted, None if not told.

    rate_limit: too many requests, or a plan's window is used up. overloaded: the API's fault.
    network: the API was not reached, or its answer broke off. auth: the account is not let in
    (no key, a wrong one, no right, no credit). refused: the API, the model or the CLI won't do this
    as it stands. timeout: agentd's time limit. budget: a limit the user set (dollars, turns).
    no_result: it gave no reason that agentd knows. unknown_session: it has no such session.
    """

    reason: Reason
    message: str
    resets_at: datetime | None = None

    @property
    def passes_later(self) -> bool:
        """Whether the same run may succeed later, with nothing changed."""
        return self.reason in _PASSES


def reason_of_status(status: int) -> Reason:
    """The reason behind an HTTP status of 400 or more."""
    match status:
        case 401 | 402 | 403 | 407:
            return "auth"
        case 408:
            return "network"
        case 429:
            return "rate_limit"
        case _:
            return "refused" if status < 500 else "overloaded"


def reason_of_form(
    forms: Iterable[tuple[re.Pattern[str], Reason | None]], message: str
) -> Reason | None:
    """The reason of the first form that ``message`` begins with, None when there is none.

    A form without a reason of its own has an HTTP status as its first group.
    """
    for pattern, reason in forms:
        if found := pattern.match(message):
            return reason or reason_of_status(int(found[1]))
    return None


def conclude_failure(
    seen: Failure | None,
    *,
    status: CallStatus,
    exit_code: int | None,
    exit_reasons: Mapping[int, Reason],
    silent_resume: bool,
    message: str,
) -> Failure | None:
    """Why the whole run is not ok, from what the parser has ``seen`` and how the run ended.

    ``silent_resume``: it should have gone on with a session, and ended before its first event.
    None for a run that is ok, or that a person stopped.
    """
    match status:
        case "timeout":
            return Failure(reason="timeout", message=message)
        case "budget_stopped":
            return Failure(reason="budget", message=message)
        case "failed":
            seen = seen or Failure(reason="no_result", message=message)
            if seen.reason != "no_result":
                return seen
            if silent_resume and exit_code is not None and exit_code > 0:
                return replace(seen, reason="unknown_session")
            return replace(seen, reason=exit_reasons.get(exit_code or 0, "no_result"))
        case _:
            return None
