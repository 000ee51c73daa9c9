"""How the ledger writes what the threads of a call beside the main one used."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from agentd.metering.bounds import COUNT_DIGITS, USD_DIGITS
from agentd.metering.money import decimal_text

MAIN = "main"
_COUNT, _USD = f"[0-9]{{1,{COUNT_DIGITS}}}", f"[0-9]{{1,{USD_DIGITS}}}"
_USE = rf"[a-z]{{1,20}}=(?:{_COUNT}/){{3,4}}{_USD}\.[0-9]{{1,60}}"
TEXT = rf"{_USE}(?:,{_USE})*"
"""The pattern of what the ledger has of the threads."""


class ThreadUse(NamedTuple):
    """What a thread has of a call, or of one model's share of it."""

    thread: str
    tokens_in: int
    tokens_out: int
    tokens_cache_read: int
    web_searches: int
    cost_usd: Decimal


def as_text(uses: Sequence[ThreadUse]) -> str:
    """``subagent=1200/30/600/0.0012,side=500/20/0/2/0.0201``: with two web searches."""
    return ",".join(
        f"{thread}={'/'.join(map(str, counts))}{f'/{searches}' * bool(searches)}"
        f"/{decimal_text(cost_usd)}"
        for thread, *counts, searches, cost_usd in uses
    )


def from_text(text: str | None) -> list[ThreadUse]:
    """What :func:`as_text` wrote; nothing for anything else."""
    if text is None or not re.fullmatch(TEXT, text):
        return []
    uses = []
    for part in text.split(","):
        thread, _, figures = part.partition("=")
        *counts, cost_usd = figures.split("/")
        tokens_in, tokens_out, cached, searches = (*map(int, counts), 0)[:4]
        uses.append(ThreadUse(thread, tokens_in, tokens_out, cached, searches, Decimal(cost_usd)))
    return uses
