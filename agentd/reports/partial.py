"""What is not known of calls, in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from agentd.metering.money import usd
from agentd.metering.partial import bound
from agentd.text import counted

_MOST_KINDS = 3
NOT_TOLD = "not told why"


class _Sums(Protocol):
    """Sums of calls, a change's or a report's."""

    @property
    def partial(self) -> int:
        """How many of them are partial."""

    @property
    def estimated(self) -> int:
        """How many of these may have used less."""


def told_bound(sums: _Sums, cost_usd: Decimal, whys: Mapping[str, int]) -> str:
    """``at least $0.0805: 2 calls are partial (answer cut: 2)``; "" where all is known.

    The figure is the one of the line `Total Cost`; where that is 0, the cost is unknown.
    """
    partial = told_partial(whys)
    figure = f"{bound(sums.partial, sums.estimated)} {usd(cost_usd, 4)}"
    return partial and f"{figure if cost_usd else 'cost unknown'}: {partial}"


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
