"""Requirement blocks in a document: their headings, scenarios and statements."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise

from agentd.late_pattern import late_pattern
from agentd.markdown.openspec import SPACES
from agentd.specs.lines import ANY, SPACE, Lines, open_heading
from agentd.specs.model import Requirement, Scenario

_REQUIREMENT = late_pattern(rf"###{SPACE}*Requirement:{SPACE}*({ANY}+)\Z", re.IGNORECASE)
_OLD_STYLE = late_pattern(rf"###{SPACE}+(R\d+:{ANY}*)\Z")
_SECTION_END = late_pattern(rf"##{SPACE}")
_SCENARIO = late_pattern(rf"####{SPACE}+")
_SCENARIO_LABEL = late_pattern(rf"Scenario:{SPACE}*", re.IGNORECASE)
_SCENARIO_END = late_pattern(rf"#{{1,4}}{SPACE}")
_ANY_HEADING = late_pattern(rf"#{{1,6}}{SPACE}")
_METADATA = late_pattern(r"\*\*[^*]+\*\*:")


Finder = Callable[[str], re.Match[str] | None]


def requirement_finder(doc: Lines, start: int, end: int) -> Finder:
    """How the section in this range writes requirement headings.

    ``### R1: Title`` counts only where the section's first requirement is written so: in OpenSpec's
    files it is a heading like any other.
    """
    for index in marks_between(doc, start, end):
        if _REQUIREMENT.match(doc.all[index]):
            break
        if _OLD_STYLE.match(doc.all[index]):
            return _either
    return _REQUIREMENT.match


def _either(line: str) -> re.Match[str] | None:
    return _REQUIREMENT.match(line) or _OLD_STYLE.match(line)


def section_end(doc: Lines, start: int) -> int:
    """The line of the next ``## `` heading after ``start``, or the number of lines."""
    following = (i for i in doc.marks if i > start and _SECTION_END.match(doc.all[i]))
    return next(following, len(doc.all))


def marks_between(doc: Lines, start: int, end: int) -> list[int]:
    """The heading lines after line ``start`` and before line ``end``."""
    return doc.marks[bisect_right(doc.marks, start) : bisect_left(doc.marks, end)]


def requirements(
    doc: Lines, find: Finder, heads: Sequence[int], end: int
) -> tuple[Requirement, ...]:
    """The blocks that begin at ``heads``, each up to the next of them or ``end``."""
    return tuple(
        _requirement(doc, find, head, stop, marks_between(doc, head, stop))
        for head, stop in pairwise([*heads, end])
    )


def _requirement(
    doc: Lines, find: Finder, head: int, stop: int, marks: Sequence[int]
) -> Requirement:
    match = find(doc.all[head])
    assert match is not None, "heads are lines that find() matches"
    for mark in marks:  # a bare "## " ends a block though it opens no section
        if _SECTION_END.match(doc.all[mark]):
            stop = mark
            marks = marks_between(doc, head, stop)
            break
    first_heading = next((i for i in marks if _ANY_HEADING.match(doc.all[i])), stop)
    return Requirement(
        name=open_heading(match[1]),
        text=doc.slice(head, stop).rstrip(SPACES),
        scenarios=_scenarios(doc, stop, marks),
        line=head + 1,
        body=_statement(doc, head + 1, first_heading),
        old_style=bool(_OLD_STYLE.match(match[0])),
    )


def _scenarios(doc: Lines, stop: int, marks: Sequence[int]) -> tuple[Scenario, ...]:
    heads = [i for i in marks if _SCENARIO.match(doc.all[i])]
    ends = [i for i in marks if _SCENARIO_END.match(doc.all[i])]
    next_end = dict(pairwise([*ends, stop]))
    found = []
    for head, following in pairwise([*heads, stop]):
        name = open_heading(_SCENARIO.sub("", doc.all[head], count=1))
        label = _SCENARIO_LABEL.match(name)
        found.append(
            Scenario(
                name=(name[label.end() :] if label else name).strip(SPACES),
                text=doc.slice(head, following).rstrip(SPACES),
                line=head + 1,
                body=doc.slice(head + 1, next_end[head]).strip(SPACES),
            )
        )
    return tuple(found)


def _statement(doc: Lines, start: int, end: int) -> str:
    kept = [line.strip(SPACES) for _, line in doc.unfenced(start, end)]
    kept = [line for line in kept if line]
    plain = [line for line in kept if not _METADATA.match(line)]
    return "\n".join(plain or kept)


def requirement_in(block: str) -> Requirement:
    """The requirement of a block that stands alone, whatever its heading's form."""
    doc = Lines(block)
    marks = marks_between(doc, 0, len(doc.all))
    return Requirement(
        name=open_heading(block.split("\n", 1)[0].lstrip("# ")),
        text=block,
        scenarios=_scenarios(doc, len(doc.all), marks),
        line=1,
        body=_statement(doc, 1, marks[0] if marks else len(doc.all)),
    )
