"""What is said about a budget; the one place where these sentences are made."""

from __future__ import annotations

from decimal import Decimal

from agentd.metering.money import plain_number, rounded, usd
from agentd.text import counted


def threshold_reached(percent: Decimal, spent_usd: Decimal, limit_usd: Decimal) -> str:
    """``⚠️  BUDGET WARNING: 90% threshold reached ($45.12 / $50.00)``."""
    spent, limit = _told_apart(2, spent_usd, limit_usd)
    return _threshold(percent, spent, limit)


def token_threshold_reached(percent: Decimal, spent_tokens: int, limit_tokens: int) -> str:
    """``⚠️  BUDGET WARNING: 90% threshold reached (4,512 / 5,000 tokens)``."""
    return _threshold(percent, f"{spent_tokens:,}", tokens_shown(limit_tokens))


def exceeded(spent_usd: Decimal, limit_usd: Decimal) -> str:
    """``Budget exceeded: $60.00 / $50.00``."""
    spent, limit = _told_apart(2, spent_usd, limit_usd)
    return f"Budget exceeded: {spent} / {limit}"


def tokens_exceeded(spent_tokens: int, limit_tokens: int) -> str:
    """``Budget exceeded: 6,000 / 5,000 tokens``."""
    return f"Budget exceeded: {spent_tokens:,} / {tokens_shown(limit_tokens)}"


def crossed_dollars(spent_usd: Decimal, mark_usd: Decimal) -> str:
    """``session cost $0.51 has crossed warn_at_dollars=$0.50``."""
    spent, mark = _told_apart(2, spent_usd, mark_usd)
    return f"session cost {spent} has crossed warn_at_dollars={mark}"


def crossed_tokens(spent_tokens: int, mark_tokens: int) -> str:
    """``session used 100,345 tokens and has crossed warn_at_tokens=100,000``."""
    return (
        f"session used {tokens_shown(spent_tokens)} and has crossed warn_at_tokens={mark_tokens:,}"
    )


def left_usd(spent_usd: Decimal, limit_usd: Decimal) -> str:
    """``$44.62 of $50.00 (89 %, $5.38 left)``, ``$60.00 of $50.00 (120 %, $10.00 over)``."""
    rest = limit_usd - spent_usd
    spent, limit, shown = _told_apart(2, spent_usd, limit_usd, abs(rest))
    return f"{spent} of {limit} ({_percent(spent_usd, limit_usd)}{shown} {_side(rest)})"


def left_tokens(spent: int, limit: int) -> str:
    """``1,200 of 5,000 tokens (24 %, 3,800 left)``."""
    rest = limit - spent
    percent = _percent(Decimal(spent), Decimal(limit))
    return f"{spent:,} of {tokens_shown(limit)} ({percent}{abs(rest):,} {_side(rest)})"


def _percent(spent: Decimal, limit: Decimal) -> str:
    """Rounded down: 100 % says that nothing is left."""
    if not limit:
        return ""
    return f"{int(spent * 100 / limit):,} %, " if spent * 100 >= limit or not spent else "<1 %, "


def _side(rest: Decimal | int) -> str:
    return "over" if rest < 0 else "left"


def tokens_shown(tokens: int) -> str:
    """``1 token``, ``5,000 tokens``."""
    return counted(tokens, "token")


def _threshold(percent: Decimal, spent: str, limit: str) -> str:
    return f"⚠️  BUDGET WARNING: {plain_number(percent)}% threshold reached ({spent} / {limit})"


def _told_apart(digits: int, *amounts_usd: Decimal) -> list[str]:
    """All with so many digits, or with more where these would show two as equal, or one as 0."""
    different = {*amounts_usd, Decimal(0)}
    while len({rounded(amount, digits) for amount in different}) < len(different):
        digits += 1
    return [usd(amount, digits) for amount in amounts_usd]
