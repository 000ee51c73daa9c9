"""The id of a call: the name of its run's folder, and what keeps it from being entered twice."""

from __future__ import annotations

import os
import re
from datetime import datetime

ALLOWED = "Use letters, digits, '.', '_' and '-', beginning with a letter or digit."
_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_NO_PART = re.compile(r"[^A-Za-z0-9.-]+")


def new_call_id(step: str, started_at: datetime) -> str:
    """``20261122T054052-proposal-6f1c2a9b``: sorts by time, and never comes twice."""
    return f"{started_at:%Y%m%dT%H%M%S}-{_NO_PART.sub('-', step)}-{os.urandom(4).hex()}"


def is_call_id(text: str) -> bool:
    """Whether a folder may be named so; ALLOWED says what that takes."""
    return _FORM.fullmatch(text) is not None
