"""What is not known of calls, in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from agentd.metering.money import usd
from agentd.metering.partial import bound
from agentd.metering.unpriced import LOCAL
from agentd.text import counted

_MOST_KINDS = 3
NOT_TOLD = "not told why"


class _Sums(Protocol):
    """Sums of calls, a change's or a report's."""

    @property
    def calls(self) -> int:
        """How many there are."""

    @property
    def local(self) -> int:
        """How many of them servers of one's own answered."""

    @property
    def unpriced(self) -> int:
        """How many of them have no price."""

    @property
    def partial(self) -> int:
        """How many of them are partial."""

    @property
    def estimated(self) -> int:
        """How many of these may have used less."""


def told_bound(sums: _Sums, cost_usd: Decimal, whys: Mapping[str, int]) -> str:
    """``at least $0.0805: 2 calls are partial (answer cut: 2)``; "" where all is known.

    The figure is the one of the line `Total Cost`; where that is 0, the cost is unknown, but for
    calls that nobody bills: of these the tokens are.
    """
    partial, word = told_partial(whys), bound(sums.partial, sums.estimated)
    if cost_usd:
        figure = f"{word} {usd(cost_usd, 4)}"
    elif sums.local == sums.calls and not sums.unpriced:
        figure = f"{LOCAL}, {word} so many tokens"
    else:
        figure = "cost unknown"
    return partial and f"{figure}: {partial}"


def told_partial(whys: Mapping[str, int]) -> str:
    """``2 calls are partial (answer cut: 1, relay bypassed: 1)``; "" for none.

    ``whys`` has how many calls are partial for what reason; "" stands for none that is told.
    """
    calls = sum(whys.values())
    if not calls:
        return ""
    kinds = kinds_of(whys)
    if len(whys) == 1:
        shown = next(iter(whys)) or NOT_TOLD
    elif len(kinds) == 1:
        shown = next(iter(kinds))
    else:
        parts = [f"{kind}: {count}" for kind, count in kinds.most_common(_MOST_KINDS)]
        others = sum(count for _, count in kinds.most_common()[_MOST_KINDS:])
        shown = ", ".join([*parts, *([f"others: {others}"] if others else [])])
    return f"{counted(calls, 'call')} {'is' if calls == 1 else 'are'} partial ({shown})"


def kinds_of(whys: Mapping[str, int]) -> Counter[str]:
    """The same, with what differs in a number alone as one kind; a call may be of several."""
    kinds: Counter[str] = Counter()
    for why, count in whys.items():
        for part in (why or NOT_TOLD).split("; "):
            kind = re.sub(r" after \d+ tokens$", "", part)
            kinds["answer cut" if re.fullmatch(r"\d+ answers cut", kind) else kind] += count
    return kinds
