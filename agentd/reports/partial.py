"""What is not known of calls, in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from agentd.text import counted

_MOST_KINDS = 3
NOT_TOLD = "not told why"


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
