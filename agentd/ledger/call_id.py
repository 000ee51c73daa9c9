"""The id of a call: the name of its run's folder, and what keeps it from being entered twice."""

from __future__ import annotations

import os
from datetime import datetime

from agentd.late_pattern import late_pattern
from agentd.state_folder import hash_of

ALLOWED = "Use letters, digits, '.', '_' and '-', beginning with a letter or digit."
_FORM = late_pattern(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_KINDS = ("", "feature/", "feat/", "fix/")
_NO_PART = late_pattern(r"[^A-Za-z0-9.-]+")


def new_call_id(step: str, started_at: datetime) -> str:
    """``20261122T054052-proposal-6f1c2a9b``: sorts by time, and never comes twice."""
    return f"{started_at:%Y%m%dT%H%M%S}-{_NO_PART.sub('-', step)}-{os.urandom(4).hex()}"


def manual_call_id(provider: str, session_id: str, day: datetime, branch: str | None) -> str:
    """What a person did in a session on a day and a git branch: the same for who imports it."""
    name = session_id
    if not (name.isascii() and name.replace("-", "").isalnum() and len(name) <= 64):
        name = hash_of(name)
    return f"manual-{provider}-{name}-{day:%Y%m%d}{_end_of(branch) if branch else ''}"


def is_named_by_branch(change_id: str, call_id: str) -> bool:
    """Whether an imported call's git branch has the change's name, as in ``feature/add-oauth``."""
    return call_id.endswith(tuple(_end_of(f"{kind}{change_id}") for kind in _KINDS))


def _end_of(branch: str) -> str:
    return f"-{hash_of(branch)[:8]}"


def is_call_id(text: str) -> bool:
    """Whether a folder may be named so; ALLOWED says what that takes."""
    return _FORM.fullmatch(text) is not None
