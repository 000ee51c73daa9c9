"""Limits and what counts against them: pure sums and comparisons, no clock, no files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field
from decimal import Decimal
from typing import NamedTuple

from agentd.budget import sentences
from agentd.config.model import Limit
from agentd.frozen import frozen
from agentd.metering.call import CallRecord
from agentd.metering.money import usd
from agentd.metering.totals import summarise


class Amount(NamedTuple):
    """Dollars, and tokens of input and output together."""

    usd: Decimal = Decimal(0)
    tokens: int = 0

    def plus(self, other: Amount) -> Amount:
        """The sum of two."""
        return Amount(self.usd + other.usd, self.tokens + other.tokens)

    def or_more(self, other: Amount) -> Amount:
        """The larger of two, dollars and tokens each."""
        return Amount(max(self.usd, other.usd), max(self.tokens, other.tokens))

    def covers(self, used: Amount, limit: Limit) -> bool:
        """Whether ``used`` is within it in all that is limited."""
        return (limit.limit_usd is None or used.usd <= self.usd) and (
            limit.limit_tokens is None or used.tokens <= self.tokens
        )


def amount_of(calls: Iterable[CallRecord]) -> Amount:
    """What these calls have cost and used."""
    totals = summarise(calls)
    return Amount(totals.total_cost_usd, totals.tokens_in + totals.tokens_out)


@frozen(kw_only=True)
class Account(Limit):
    """One budget: ``key`` is its table in the config, ``shown`` what it is for.

    ``spent`` is what the ledger holds, ``reserved`` what other calls that run now will at least
    cost.
    """

    key: str
    shown: str
    spent: Amount = field(default_factory=Amount)
    reserved: Amount = field(default_factory=Amount)

    def left_usd(self) -> Decimal | None:
        """What a new call may cost, None without a limit in dollars; never below 0."""
        if self.limit_usd is None:
            return None
        return max(Decimal(0), self.limit_usd - self.spent.usd - self.reserved.usd)

    def left_tokens(self) -> int | None:
        """How many tokens a new call may use, None without such a limit; never below 0."""
        if self.limit_tokens is None:
            return None
        return max(0, self.limit_tokens - self.spent.tokens - self.reserved.tokens)

    def share_usd(self) -> Decimal | None:
        """What is spent of the limit in dollars, 1 for all; None without one, and for 0."""
        return _share(self.spent.usd, self.limit_usd)

    def share_tokens(self) -> Decimal | None:
        """The same of the limit in tokens."""
        return _share(self.spent.tokens, self.limit_tokens)

    def told(self) -> str:
        """``$44.62 of $50.00 (89 %, $5.38 left)``: what is spent and left of each limit."""
        spent, parts = self.spent, []
        if self.limit_usd is not None:
            parts.append(sentences.left_usd(spent.usd, self.limit_usd))
        if self.limit_tokens is not None:
            parts.append(sentences.left_tokens(spent.tokens, self.limit_tokens))
        return ", ".join(parts)

    def used_up(self) -> Iterator[str]:
        """That no dollar is left, in words: then nothing that costs may begin."""
        if self.limit_usd is not None and not self.left_usd():
            yield (
                f"{self.shown} has spent {usd(self.spent.usd)} of {usd(self.limit_usd)}; "
                f"nothing is left ({self.key}.limit_usd)"
            )

    def beyond(self, more: Amount) -> Iterator[str]:
        """The limits that ``more`` would exceed, each in words; to reach one is allowed."""
        usd_left, tokens_left = self.left_usd(), self.left_tokens()
        taken = self.spent.plus(self.reserved).plus(more)
        if self.limit_usd is not None and usd_left is not None and taken.usd > self.limit_usd:
            held = f", {usd(self.reserved.usd)} reserved by running calls"
            yield (
                f"{self.shown} has spent {usd(self.spent.usd)} of {usd(self.limit_usd)}"
                f"{held if self.reserved.usd else ''}; {usd(usd_left)} is left, "
                f"{usd(more.usd)} needed ({self.key}.limit_usd)"
            )
        if (
            self.limit_tokens is not None
            and tokens_left is not None
            and taken.tokens > self.limit_tokens
        ):
            held = f", {self.reserved.tokens:,} reserved by running calls"
            yield (
                f"{self.shown} has used {self.spent.tokens:,} of {self.limit_tokens:,} tokens"
                f"{held if self.reserved.tokens else ''}; {tokens_left:,} are left, "
                f"{more.tokens:,} needed ({self.key}.limit_tokens)"
            )


def _share(spent: Decimal | int, limit: Decimal | int | None) -> Decimal | None:
    return round(Decimal(spent) / Decimal(limit), 4) if limit else None
