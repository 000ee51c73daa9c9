"""What a webhook is told, in each form."""

from __future__ import annotations

import os
from datetime import datetime
from decimal import Decimal
from typing import Any

from agentd.clock import iso
from agentd.config.model import NotifyEvent, NotifyForm
from agentd.frozen import frozen
from agentd.masking import masked
from agentd.metering.money import usd
from agentd.text import json_text, plain

_LONGEST = 3_000  # Slack takes 40,000 characters; a person reads fewer


@frozen(kw_only=True)
class Notice:
    """One thing to tell of a change.

    ``text`` says what happened, ``fix`` what to do, "" for nothing; ``exit_code`` is that of the
    command where it has ended. ``spent_usd`` is what the change has cost, None where its ledger
    can't be read.
    """

    event: NotifyEvent
    project: str
    change_id: str
    phase: str | None
    text: str
    at: datetime
    fix: str = ""
    exit_code: int | None = None
    spent_usd: Decimal | None = None


def body_of(notice: Notice, form: NotifyForm) -> bytes:
    """The JSON document to be sent; nothing in it is a key."""
    document = _slack(notice) if form == "slack" else _json(notice)
    return json_text(document).encode("utf-8", "replace")


def _json(notice: Notice) -> dict[str, Any]:
    return {
        "event": notice.event,
        "project": _clean(notice.project),
        "change_id": notice.change_id,
        "phase": notice.phase,
        "text": _clean(notice.text),
        "fix": _clean(notice.fix) or None,
        "exit_code": notice.exit_code,
        "spent_usd": notice.spent_usd,
        "at": iso(notice.at),
    }


def _slack(notice: Notice) -> dict[str, str]:
    spent = "" if notice.spent_usd is None else f" ({usd(notice.spent_usd, 2)} so far)"
    lines = [f"*{notice.project}/{notice.change_id}*: {notice.text}{spent}"]
    lines += [notice.fix] if notice.fix else []
    text = _clean("\n".join(lines))
    for sign, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, escaped)
    return {"text": text}


def _clean(text: str) -> str:
    return masked(plain(text), os.environ)[:_LONGEST]
