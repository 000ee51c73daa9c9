"""When spending reaches a mark: what is to be said, each thing under a name of its own."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from agentd.budget import sentences
from agentd.budget.account import Account, Amount
from agentd.metering.money import plain_number


class Mark(NamedTuple):
    """Something to be said once; ``name`` keeps it from being said twice.

    The name holds the limit, so that another limit is spoken of anew. No spaces are in it.
    """

    name: str
    text: str
    is_error: bool = False


def percent_marks(account: Account, percent: Decimal, name: str = "") -> Iterator[Mark]:
    """The account's limits of which ``percent`` or more is spent; a limit of 0 always is."""
    usd, tokens, spent = account.limit_usd, account.limit_tokens, account.spent
    if usd is not None and spent.usd * 100 >= usd * percent:
        text = sentences.threshold_reached(percent, spent.usd, usd)
        yield Mark(_named(name, "percent", percent, usd), text + _of(account, name))
    if tokens is not None and spent.tokens * 100 >= tokens * percent:
        text = sentences.token_threshold_reached(percent, spent.tokens, tokens)
        yield Mark(_named(name, "percent_tokens", percent, tokens), text + _of(account, name))


def amount_marks(
    spent: Amount, warn_at_dollars: Decimal | None, warn_at_tokens: int | None
) -> Iterator[Mark]:
    """The marks in dollars and in tokens that a change has reached."""
    if warn_at_dollars is not None and spent.usd >= warn_at_dollars:
        yield Mark(
            _named("", "dollars", warn_at_dollars),
            sentences.crossed_dollars(spent.usd, warn_at_dollars),
        )
    if warn_at_tokens is not None and spent.tokens >= warn_at_tokens:
        yield Mark(
            _named("", "tokens", warn_at_tokens),
            sentences.crossed_tokens(spent.tokens, warn_at_tokens),
        )


def exceeded_marks(account: Account, name: str = "") -> Iterator[Mark]:
    """The account's limits that more is spent than they allow."""
    usd, tokens, spent = account.limit_usd, account.limit_tokens, account.spent
    if usd is not None and spent.usd > usd:
        text = sentences.exceeded(spent.usd, usd)
        yield Mark(_named(name, "exceeded", usd), text + _of(account, name), is_error=True)
    if tokens is not None and spent.tokens > tokens:
        text = sentences.tokens_exceeded(spent.tokens, tokens)
        yield Mark(
            _named(name, "exceeded_tokens", tokens), text + _of(account, name), is_error=True
        )


def _named(account: str, mark: str, *about: Decimal | int) -> str:
    """``percent@90@50``, ``steps.review.exceeded@5``."""
    values = "".join(f"@{plain_number(Decimal(value))}" for value in about)
    return f"{account}.{mark}{values}" if account else f"{mark}{values}"


def _of(account: Account, name: str) -> str:
    return f" for {account.shown}" if name else ""
