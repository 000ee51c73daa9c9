"""What is said about a budget; the one place where these sentences are made."""

from __future__ import annotations

from decimal import Decimal

from agentd.metering.money import plain_number, usd


def threshold_reached(percent: Decimal, spent_usd: Decimal, limit_usd: Decimal) -> str:
    """``⚠️  BUDGET WARNING: 90% threshold reached ($45.12 / $50.00)``."""
    spent, limit = _told_apart(2, spent_usd, limit_usd)
    return _threshold(percent, spent, limit)


def token_threshold_reached(percent: Decimal, spent_tokens: int, limit_tokens: int) -> str:
    """``⚠️  BUDGET WARNING: 90% threshold reached (4512 / 5000 tokens)``."""
    return _threshold(percent, str(spent_tokens), tokens_shown(limit_tokens))


def exceeded(spent_usd: Decimal, limit_usd: Decimal) -> str:
    """``Budget exceeded: $60.00 / $50.00``."""
    spent, limit = _told_apart(2, spent_usd, limit_usd)
    return f"Budget exceeded: {spent} / {limit}"


def tokens_exceeded(spent_tokens: int, limit_tokens: int) -> str:
    """``Budget exceeded: 6000 / 5000 tokens``."""
    return f"Budget exceeded: {spent_tokens} / {tokens_shown(limit_tokens)}"


def crossed_dollars(spent_usd: Decimal, mark_usd: Decimal) -> str:
    """``session cost $0.512345 has crossed warn_at_dollars=$0.500000``."""
    spent, mark = _told_apart(6, spent_usd, mark_usd)
    return f"session cost {spent} has crossed warn_at_dollars={mark}"


def crossed_tokens(spent_tokens: int, mark_tokens: int) -> str:
    """``session used 100345 tokens and has crossed warn_at_tokens=100000``."""
    return f"session used {tokens_shown(spent_tokens)} and has crossed warn_at_tokens={mark_tokens}"


def tokens_shown(tokens: int) -> str:
    """``1 token``, ``5000 tokens``."""
    return f"{tokens} token" if tokens == 1 else f"{tokens} tokens"


def _threshold(percent: Decimal, spent: str, limit: str) -> str:
    return f"⚠️  BUDGET WARNING: {plain_number(percent)}% threshold reached ({spent} / {limit})"


def _told_apart(digits: int, first_usd: Decimal, second_usd: Decimal) -> list[str]:
    """Both with so many digits, or with more where these would show them as equal or as 0."""
    different = {first_usd, second_usd, Decimal(0)}
    while len({usd(amount, digits) for amount in different}) < len(different):
        digits += 1
    return [usd(first_usd, digits), usd(second_usd, digits)]
