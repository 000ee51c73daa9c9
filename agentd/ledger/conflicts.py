"""A STATE.yaml that two branches have changed: as git's merge driver gets it, or with markers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from agentd import git
from agentd.ledger import document, source
from agentd.ledger.merge import Merged, merge
from agentd.ledger.source import Malformed, Source
from agentd.ledger.text_merge import Merging
from agentd.text import counted

_MARKERS = {
    "<": (("",), "ours"),
    "|": (("ours",), "base"),
    "=": (("ours", "base"), "theirs"),
    ">": (("theirs",), ""),
}
"""What a line of markers ends, and what begins behind it."""
_LEAST_MARKERS = 7  # more where git merges what it has merged, or a file that both sides have moved


class _Sides(NamedTuple):
    """The versions that markers tell of; ``base`` is None where one of them shows none."""

    ours: str
    base: str | None
    theirs: str
    labels: Mapping[str, str]


def merge_files(base: bytes, ours: bytes, theirs: bytes, merging: Merging) -> tuple[bytes, Merged]:
    """What becomes of the three versions that a merge driver gets, an empty one is none.

    One of the two that can't be read makes it a merge of text, and a conflict in any case.
    """
    sources: list[Source | None] = []
    problem = ""
    for name, data in (("base", base), (merging.ours, ours), (merging.theirs, theirs)):
        found = None
        try:
            found = source.decode(data)
            if name != "base":
                document.read(found)
        except Malformed as error:
            problem = problem or ("" if name == "base" else f"{name} can't be read: {error}")
        sources.append(found)
    old, one, other = sources
    if not problem and one and other:
        try:
            merged = merge(old, one, other, merging)
        except Malformed as error:
            problem = str(error)
        else:
            return one.encode(merged.text), merged
    texts = [data.decode(errors="surrogateescape") for data in (base, ours, theirs)]
    text, _ = merging.merge(*texts)
    told = f"{problem}; it was merged as text, so look at it before you commit it"
    return text.encode(errors="surrogateescape"), Merged(text, True, (told,))


def mend(path: Path, data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """A file with its calls united where markers part them, and each id once; and what was done.

    ``path`` is where it lies: while a merge goes on, git knows the base. What differs outside the
    calls stays a conflict. Raises Malformed for a file that can't be read for another reason.
    """
    try:
        found = document.read(source.decode(data))
    except Malformed as error:
        if (sides := _sides(source.decode(data).text)) is None:
            raise
        try:
            return _without_markers(path, data, sides)
        except Malformed as inner:
            raise Malformed(error.line, f"{error.problem}, and of one side {inner}") from None
    ids = found.twice()
    if not ids:
        return data, ()
    same = source.decode(data)
    text = merge(same, same, same, Merging(path.parent)).text
    if (left := document.read(same._replace(text=text)).twice()) == ids:
        return data, ()
    calls = counted(len(ids) - len(left), "call")
    return same.encode(text), (f"took {calls} out that stood there twice",)


def undecided(path: Path, data: bytes) -> tuple[str, ...]:
    """The ids of calls that markers part, and of which neither side says more than the other."""
    try:
        text = source.decode(data).text
        return _united(path, sides)[0].undecided if (sides := _sides(text)) else ()
    except Malformed:
        return ()


def _without_markers(path: Path, data: bytes, sides: _Sides) -> tuple[bytes, tuple[str, ...]]:
    merged, merging = _united(path, sides)
    new = source.decode(data).encode(merged.text)
    if new == data:
        return data, ()
    left = "; what else differs is left to you" if merged.conflict else ""
    return new, (f"united the calls of {merging.ours} and {merging.theirs}{left}", *merged.notes)


def _united(path: Path, sides: _Sides) -> tuple[Merged, Merging]:
    labels = sides.labels
    merging = Merging(path.parent, labels["ours"] or "ours", labels["theirs"] or "theirs")
    base = _base_of_git(path) or (
        source.decode(sides.base.encode()) if sides.base is not None else None
    )
    one, other = (source.decode(text.encode()) for text in (sides.ours, sides.theirs))
    return merge(base, one, other, merging), merging


def _base_of_git(path: Path) -> Source | None:
    """The base of the merge that goes on; None when git knows of none for this file."""
    try:
        shown = git.run(path.parent, "show", f":1:./{path.name}")
        return source.decode(shown.stdout) if shown.returncode == 0 else None
    except (git.GitFailed, Malformed):
        return None


def _sides(text: str) -> _Sides | None:
    """The versions of a text with markers; None for none, or for markers that don't fit."""
    texts: dict[str, list[str]] = {"ours": [], "base": [], "theirs": []}
    labels: dict[str, str] = {}
    place, has_base, size = "", False, 0
    for line in text.splitlines(keepends=True):
        signs, _, label = line.rstrip("\r\n").partition(" ")
        sign, count = signs[:1], len(signs)
        is_marker = sign in _MARKERS and signs == sign * count and count >= _LEAST_MARKERS
        if not is_marker or (place and count != size):
            for name in (place,) if place else texts:
                texts[name].append(line)
            continue
        before, after = _MARKERS[sign]
        if place not in before:
            return None
        if sign != "=":
            labels.setdefault(after or place, label)
        place, has_base, size = after, has_base or after == "base", count
    if place or not labels:
        return None
    ours, base, theirs = ("".join(lines) for lines in texts.values())
    return _Sides(ours, base if has_base else None, theirs, labels)
