"""Mending a change's spec: heading levels, the bold form of WHEN and THEN, a missing ADDED."""

from __future__ import annotations

import re

from agentd.late_pattern import late_pattern
from agentd.markdown.document import scan
from agentd.markdown.openspec import code_lines

_SECTION = late_pattern(
    r"^ {0,3}(#{1,6})([ \t]*)(ADDED|MODIFIED|REMOVED|RENAMED)[ \t]+Requirements?[ \t]*:?$",
    re.IGNORECASE,
)
_NAMED = late_pattern(
    r"^( {0,3})(#{1,6})([ \t]*)(Requirement|Scenario)[ \t]*([:：])[ \t]*(\S.*)$", re.IGNORECASE
)
_BOLD_SCENARIO = late_pattern(
    r"^(?:[-*+][ \t]+)?(\*\*|__)Scenario"
    r"(?:[ \t]*[:：][ \t]*(\S.*?)\1|[ \t]*[:：]?\1[:：]?[ \t]*(\S.*))$",
    re.IGNORECASE,
)
_WHOLE = late_pattern(r"^##[ \t]+Requirements[ \t]*$", re.IGNORECASE)
_REQUIREMENT = late_pattern(r"^###[ \t]*Requirement:", re.IGNORECASE)
_MARKS = late_pattern(r"^(#{1,6})[ \t]")
_CLAUSE = late_pattern(
    r"^(?P<indent>[ \t]*)(?P<bullet>[-*+][ \t]+)?(?P<bold>\*\*|__)?"
    r"(?P<word>GIVEN|WHEN|THEN|AND|BUT)(?![A-Za-z0-9_*'’-])(?P<rest>.*)$",
    re.IGNORECASE,
)
_BOLD_CLAUSE = late_pattern(
    r"^(?P<indent>[ \t]*)(?P<bullet>[-*+][ \t]+)?(?P<bold>\*\*|__)"
    r"(?P<word>GIVEN|WHEN|THEN|AND|BUT)[ \t]*:?(?P=bold)(?P<rest>.*)$",
    re.IGNORECASE,
)
_GOOD_CLAUSE = late_pattern(r"^[ \t]*[-*+][ \t]+\*\*[A-Za-z]+\*\*(?:[ \t]|$)")


def mend_spec(lines: list[str], *, is_new: bool) -> tuple[list[str], list[str]]:
    """The mended lines, and what was mended; ``is_new`` when it has no main spec yet."""
    plain = _plain(lines)
    mended = list(lines)
    counts = dict.fromkeys(_NOTES, 0)
    in_requirement = in_scenario = False
    for index, line in enumerate(lines):
        if not plain[index]:
            continue
        new, what = line, ""
        if "#" in line[:4]:
            new, what = _heading(line)
        elif in_requirement and (match := _BOLD_SCENARIO.match(line)):
            new, what = f"#### Scenario: {match[2] or match[3]}", "bold"
        elif in_scenario and line.strip():
            new, what = _clause(line), "clause"
        if new[:1] == "#":
            is_below = in_requirement and new.startswith("####")
            in_requirement = bool(_REQUIREMENT.match(new)) or is_below
        if marks := _MARKS.match(new):
            in_scenario = new.startswith("#### ") or (in_scenario and len(marks[1]) > 4)
        if new != line:
            mended[index] = new
            counts[what] += 1
    notes = [f"{count} × {_NOTES[what]}" for what, count in counts.items() if count]
    if is_new and _add_section(mended, plain):
        notes.append("wrote the missing ## ADDED Requirements")
    return mended, notes


_NOTES = {
    "delta": "delta heading",
    "named": "heading of a requirement or scenario",
    "bold": "bold line made a scenario's heading",
    "clause": "WHEN, THEN and the like made bold",
}


def _plain(lines: list[str]) -> list[bool]:
    """Which lines neither this package nor the spec parser takes for code or a comment."""
    document, theirs = scan("\n".join(lines)), code_lines(lines)
    return [document.is_prose(index) and not theirs[index] for index in range(len(lines))]


def _heading(line: str) -> tuple[str, str]:
    """A heading as it should be, and which kind of note that is."""
    if match := _SECTION.match(line):
        sound = bool(re.match(r"##[ \t]+\w+[ \t]+Requirements$", line, re.IGNORECASE))
        return (line if sound else f"## {match[3].upper()} Requirements"), "delta"
    if match := _NAMED.match(line):
        indent, marks, space, word, colon, name = match.groups()
        level = "###" if word.lower() == "requirement" else "####"
        sound = not indent and marks == level and bool(space) and colon == ":"
        return (line if sound else f"{level} {word.capitalize()}: {name}"), "named"
    return line, ""


def _clause(line: str) -> str:
    """``- WHEN x``, ``**When:** x``, ``WHEN: x`` as ``- **WHEN** x``; a mere "When" is text."""
    if _GOOD_CLAUSE.match(line):
        return line
    match = _BOLD_CLAUSE.match(line)
    if not match:
        match = _CLAUSE.match(line)
        if not match or match["bold"] or not _is_keyword(match["word"], match["bullet"]):
            return line
    rest = match["rest"].lstrip().removeprefix(":").lstrip()
    return f"{match['indent']}- **{match['word'].upper()}**{' ' if rest else ''}{rest}"


def _is_keyword(word: str, bullet: str | None) -> bool:
    return word.isupper() or (bool(bullet) and word in ("When", "Then"))


def _add_section(lines: list[str], plain: list[bool]) -> bool:
    """Put bare requirements under ``## ADDED Requirements``, where it is clear which they are."""
    heads = [index for index, line in enumerate(lines) if plain[index] and line[:1] == "#"]
    if any(_SECTION.match(lines[index]) for index in heads):
        return False
    first = next((index for index in heads if _REQUIREMENT.match(lines[index])), None)
    if first is None:  # an R1: spec of the original agentd is read as it is
        return False
    for index in heads:
        if _WHOLE.match(lines[index]):
            lines[index] = "## ADDED Requirements"
            return True
    if any(lines[index].startswith(("# ", "## ")) for index in heads if index > first):
        return False
    gap = [""] if first and lines[first - 1] else []
    lines[first:first] = [*gap, "## ADDED Requirements", ""]
    return True
