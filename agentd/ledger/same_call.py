"""Which of several entries of one call counts: in one file, or where two branches meet."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence, Set
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from typing import Any, TypeVar

Call = TypeVar("Call")
_ACCURACY = ("heuristic", "family", "exact")
_NEVER = datetime.min.replace(tzinfo=UTC)


def fuller(one: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The one of two entries of a call that says more of it; None when that can't be told.

    Exact beats an estimate, then more tokens, then the later amendment, then what says all that the
    other says and more.
    """
    if one == other:
        return one
    ranks = _rank(one), _rank(other)
    if ranks[0] != ranks[1]:
        return max((one, other), key=_rank)
    for more, less in ((one, other), (other, one)):
        if less.items() <= more.items():
            return more
    return None


def rank(accuracy: str, tokens: int) -> tuple[int, int]:
    """How much an entry of a call says beside another: how sure it is, then its tokens."""
    return _ACCURACY.index(accuracy) if accuracy in _ACCURACY else -1, tokens


def _rank(call: Mapping[str, Any]) -> tuple[int, int, datetime]:
    accuracy = call.get("accuracy", "exact")  # the original agentd wrote none: see call_fields
    tokens = call["tokens_in"] + call["tokens_out"]
    return *rank(accuracy, tokens), call.get("amended") or _NEVER


def best_of(
    ledgers: Sequence[Sequence[Call]], told: Callable[[Call], tuple[str, tuple[Any, ...]]]
) -> list[list[Call]]:
    """The calls of ledgers, each id once: the entry of which ``told`` says most, then the first.

    ``told`` gives a call's id, and what is compared, as from :func:`said`. Of calls without an id,
    as many count as the ledger has that has most of the same.
    """
    best: dict[str, tuple[tuple[Any, ...], Call]] = {}
    for call in chain(*ledgers):
        name, more = told(call)
        if name and more > best.setdefault(name, (more, call))[0]:
            best[name] = more, call
    found: list[list[Call]] = []
    nameless: dict[str, int] = {}
    for calls in ledgers:
        counting, here = [], dict.fromkeys(nameless, 0)
        for call in calls:
            if name := told(call)[0]:
                counts = best[name][1] is call
            else:
                same = repr(call)
                here[same] = here.get(same, 0) + 1
                counts = here[same] > nameless.get(same, 0)
            if counts:
                counting.append(call)
        found.append(counting)
        nameless |= {same: max(count, nameless.get(same, 0)) for same, count in here.items()}
    return found


def said(accuracy: str, tokens: int, cost_usd: Decimal) -> tuple[tuple[int, int], Decimal]:
    """How much an entry says: the surer, then that with more tokens.

    Then what it cost, so that the sum is the same in whatever order the ledgers come.
    """
    return rank(accuracy, tokens), cost_usd


def sharing(names: Sequence[Set[Hashable]]) -> set[int]:
    """The places of those that have a name which another one has too."""
    if sum(map(len, names)) == len(set().union(*names)):
        return set()
    first: dict[Hashable, int] = {}
    places = ((at, first.setdefault(one, at)) for at, own in enumerate(names) for one in own)
    return {place for pair in places if pair[0] != pair[1] for place in pair}


def ids_twice(ids: Sequence[str | None]) -> tuple[str, ...]:
    """The ids that come more than once, in order."""
    known = [each for each in ids if each]
    if len(set(known)) == len(known):
        return ()
    from collections import Counter

    return tuple(each for each, count in Counter(known).items() if count > 1)


def told_twice(ids: Sequence[str], change_id: str) -> str:
    """The sentence that says which calls of a change stand in its ledger more than once."""
    which = f"the call {ids[0]}" + f" (and {len(ids) - 1} more)" * (len(ids) > 1)
    cure = f"`agentd validate --fix {change_id}` takes the other entries out"
    return f"change {change_id} has {which} in its STATE.yaml twice; it counts once: {cure}"


def entries_that_count(calls: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The calls, each id where it comes first, as the entry that counts; else the first."""
    best: dict[str, Mapping[str, Any]] = {}
    for call in calls:
        name = call.get("id")
        if name:
            best[name] = (fuller(best[name], call) or best[name]) if name in best else call
    for call in calls:
        name = call.get("id")
        if not name:
            yield call
        elif name in best:
            yield best.pop(name)
