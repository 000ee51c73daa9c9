"""Two branches' STATE.yaml made one: calls by id, the budget's keys, approvals and feedback by what
they mean, else text.

What is laid out in another way is brought into agentd's layout first. No call is dropped: money
that was spent stays spent, so a call that one side took out and the other still has is kept.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from agentd.clock import told_time
from agentd.ledger import document, own_grammar, restarts, scalar
from agentd.ledger.merge_side import UNITED_KEYS, Entry, Side, read_side
from agentd.ledger.own_layout import SUMMED, Block, Sums, add_up, with_sums
from agentd.ledger.same_call import fuller
from agentd.ledger.source import Malformed, Source
from agentd.ledger.text_merge import Merging
from agentd.text import counted

_PROJECT = "project"  # the warnings of the project: a change's own restart does not touch them


class Merged(NamedTuple):
    """The text, whether a person must still choose in it, and what is to be told.

    ``undecided`` are the ids of calls of which both sides say something else, and neither more.
    """

    text: str
    conflict: bool
    notes: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()


class _Place(NamedTuple):
    """A call in the merged list: one entry, or those of both sides where neither says more."""

    ours: list[Entry]
    theirs: list[Entry]

    @property
    def first(self) -> Entry:
        return (self.ours or self.theirs)[0]

    @property
    def conflict(self) -> bool:
        return bool(self.ours and self.theirs) and self.ours != self.theirs


def merge(
    base: Source | None,
    ours: Source,
    theirs: Source,
    merging: Merging,
    without: Collection[str] = (),
) -> Merged:
    """The version that both lead to. Raises Malformed when one of the two can't be read.

    ``base`` only tells who has changed what outside the calls; None, or one that can't be read:
    what differs there is a conflict. Calls with an id in ``without`` are left out.
    """
    try:
        old = read_side(base) if base is not None and base.text else None
    except Malformed:
        old = None
    one, other = read_side(ours), read_side(theirs)
    places = [each for each in _united(one, other) if each.first.call.get("id") not in without]
    sides = [side for side in (old, one, other) if side is not None]
    values = _values(places, one, other) | _given(old, one, other)
    sums = add_up({key: [place.first.call[key] for place in places] for key in SUMMED})
    parts = [_parts(side, values, sums) for side in sides]
    if old is None:
        merging = merging._replace(zealous=True)
        parts.insert(0, ("", "", "", ""))
    (before, opening, closing, after), conflict = _merged_texts(parts, merging)
    calls = "".join(_shown(place, merging) for place in places)
    if not places:
        opening = re.sub(r"(?m)^  calls:", "  calls: []", opening, count=1)
    text = "".join((before, opening, calls, closing, after))
    conflict = conflict or any(place.conflict for place in places)
    if not conflict and not _is_sound(ours._replace(text=text), places):
        if parts[1] == parts[2]:
            raise Malformed(1, "the calls can't be united")
        before, opening, closing, after = map(merging.whole, parts[1], parts[2])
        text, conflict = "".join((before, opening, calls, closing, after)), True
    undecided = tuple(place.first.call["id"] for place in places if place.conflict)
    return Merged(text, conflict, tuple(_notes(old, one, other, undecided)), undecided)


def _united(one: Side, other: Side) -> list[_Place]:
    """The calls of both, each once, by their time and id."""
    found: dict[object, _Place] = {}
    for number, side in enumerate((one, other)):
        for entry in side.entries:
            mine = found.setdefault(entry.key, _Place([], []))[number]
            if entry.call.get("id"):
                _put(mine, entry)
            else:
                mine.append(entry)  # without an id the same call twice may be two
    return sorted(
        (single for place in found.values() for single in _chosen(place)),
        key=lambda place: (place.first.at, place.first.call.get("id", "")),
    )


def _put(entries: list[Entry], new: Entry) -> None:
    """Add an entry of the same call, unless another says more; those that say less go."""
    for entry in entries:
        if _fuller(entry, new) is entry:
            return
    entries[:] = [entry for entry in entries if _fuller(entry, new) is not new] + [new]


def _fuller(one: Entry, other: Entry) -> Entry | None:
    if one.lines == other.lines:
        return one
    more = fuller(one.call, other.call)
    if more is None or one.call != other.call:
        return one if more is one.call else other if more is other.call else None
    lines = [{line.strip() for line in entry.lines.split("\n")} for entry in (one, other)]
    return one if lines[0] >= lines[1] else other if lines[1] >= lines[0] else None


def _chosen(place: _Place) -> Iterator[_Place]:
    """The places that one call takes."""
    ours, theirs = place
    if not place.first.call.get("id"):
        yield from (_Place([entry], []) for entry in max(ours, theirs, key=len))
        return
    both: list[Entry] = []
    for entry in (*ours, *theirs):
        _put(both, entry)
    yield _Place(both, []) if len(both) == 1 or not (ours and theirs) else place


def _values(places: Sequence[_Place], one: Side, other: Side) -> dict[str, str]:
    """What the keys that steps change by themselves say now, as YAML."""
    keys = [place.first.key for place in places]
    ends = [
        max((at + 1 for at, key in enumerate(keys) if key in side.restart), default=0)
        for side in (one, other)
    ]
    # Warnings are given again after a restart, so those from before the later one don't count.
    given, gone = set[str](), set[str]()
    for side, end in zip((one, other), ends, strict=True):
        for name in side.united.get("budget_warned", "").split():
            (given if end == max(ends) or name.startswith(_PROJECT) else gone).add(name)
    united = {*one.united, *other.united}
    values: dict[str, str] = {}
    if "budget_warned" in united:
        values["budget_warned"] = scalar.text(" ".join(sorted(given)))
    if {"budget_reset_calls", "budget_reset_after"} & united:
        last = places[max(ends) - 1].first.call.get("id", "") if max(ends) else ""
        values["budget_reset_calls"] = str(max(ends))
        values["budget_reset_after"] = scalar.text(last)
        if "budget_warned_before" in united or gone:
            ids = [place.first.call.get("id", "") for place in places]
            before = _warned_before(one, other, {last: gone}, ids)
            values["budget_warned_before"] = scalar.text(before)
    times = [side.found.value("updated_at") for side in (one, other)]
    if None not in (moments := [*map(told_time, times)]):
        values["updated_at"] = times[moments.index(max(filter(None, moments)))]
    return values


def _warned_before(
    one: Side, other: Side, gone: Mapping[str, Collection[str]], ids: Sequence[str]
) -> str:
    """The warnings before the restarts of both sides, in the order of the restarts."""
    told = [restarts.read(side.united.get("budget_warned_before")) for side in (one, other)]
    found: dict[str, set[str]] = {}
    for last, names in chain(*(each.items() for each in (*told, gone))):
        found.setdefault(last, set()).update(names)
    places = {call_id: at for at, call_id in enumerate(ids)}
    ordered = sorted(found, key=lambda last: (places.get(last, -1), last))
    return restarts.as_text({last: sorted(found[last]) for last in ordered if last})


def _given(old: Side | None, one: Side, other: Side) -> dict[str, str]:
    """What people have given on either side, but what one of them has used up since."""
    values = {}
    for key, between in (("approvals", " "), ("feedback", "\n\n")):
        parts = [
            [*filter(None, side.united.get(key, "").split(between))] if side else []
            for side in (old, one, other)
        ]
        if any(key in side.united for side in (one, other)):
            before, ours, theirs = parts
            gone = {each for each in before if each not in ours or each not in theirs}
            kept = [each for each in before if each not in gone]
            # Each side's in its order, as paragraphs build on each other; the same both ways round.
            for side in sorted((ours, theirs)):
                kept += [each for each in side if each not in {*before, *kept}]
            values[key] = scalar.text(between.join(kept))
    return values


def _parts(side: Side, values: Mapping[str, str], sums: Sums) -> tuple[str, str, str, str]:
    """The texts before, at the begin of, at the end of and behind the block, with these values."""
    wanted = {
        key: text for key, text in values.items() if key in UNITED_KEYS or key in side.found.spans
    }
    found = side.found
    assert isinstance(found.calls, Block)
    block = found.text[found.calls.start : found.calls.end]
    before, _, after = found.update(wanted).partition(block)
    return before, side.opening, with_sums(side.closing, sums), after


def _merged_texts(parts: Sequence[tuple[str, ...]], merging: Merging) -> tuple[list[str], bool]:
    done = [merging.merge(*versions) for versions in zip(*parts, strict=True)]
    return [text for text, _ in done], any(conflict for _, conflict in done)


def _shown(place: _Place, merging: Merging) -> str:
    ours, theirs = ("".join(entry.lines for entry in side) for side in place)
    return merging.whole(ours, theirs) if place.conflict else ours or theirs


def _is_sound(source: Source, places: Sequence[_Place]) -> bool:
    try:
        found = document.read(source, own_grammar.ALL)
    except Malformed:
        return False
    entries = found.calls.entries["tokens_in"]
    return isinstance(found.calls, Block) and len(entries) == sum(
        len(place.ours or place.theirs) for place in places
    )


def _notes(old: Side | None, one: Side, other: Side, undecided: Sequence[str]) -> Iterator[str]:
    ids = [{entry.call.get("id", "") for entry in side.entries} for side in (one, other)]
    known = {entry.call.get("id", "") for entry in old.entries} if old else set()
    if gone := sorted(known & (ids[0] ^ ids[1])):
        shown = ", ".join(gone[:3]) + (", ..." if gone[3:] else "")
        yield f"only one side still has {counted(len(gone), 'call')}, kept: {shown}"
    for call_id in undecided:
        yield f"the call {call_id} differs on both sides: choose one entry"
