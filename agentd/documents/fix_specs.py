"""Mending a change's spec: heading levels, the bold form of WHEN and THEN, a missing ADDED."""

from __future__ import annotations

import re
from collections.abc import Callable

from agentd.markdown.document import scan
from agentd.markdown.openspec import code_lines

_SECTION = re.compile(
    r"^ {0,3}(#{1,6})([ \t]*)(ADDED|MODIFIED|REMOVED|RENAMED)[ \t]+Requirements?[ \t]*:?$",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"^( {0,3})(#{1,6})([ \t]*)(Requirement|Scenario)[ \t]*([:：])[ \t]*(\S.*)$", re.IGNORECASE
)
_BOLD_SCENARIO = re.compile(
    r"^(?:[-*+][ \t]+)?(\*\*|__)Scenario"
    r"(?:[ \t]*[:：][ \t]*(\S.*?)\1|[ \t]*[:：]?\1[:：]?[ \t]*(\S.*))$",
    re.IGNORECASE,
)
_WHOLE = re.compile(r"^##[ \t]+Requirements[ \t]*$", re.IGNORECASE)
_REQUIREMENT = re.compile(r"^###[ \t]*Requirement:", re.IGNORECASE)
_HEADING = re.compile(r"^(#{1,6})[ \t]")
_CLAUSE = re.compile(
    r"^(?P<indent>[ \t]*)(?P<bullet>[-*+][ \t]+)?(?P<bold>\*\*|__)?"
    r"(?P<word>GIVEN|WHEN|THEN|AND|BUT)(?![A-Za-z0-9_*'’-])(?P<rest>.*)$",
    re.IGNORECASE,
)
_BOLD_CLAUSE = re.compile(
    r"^(?P<indent>[ \t]*)(?P<bullet>[-*+][ \t]+)?(?P<bold>\*\*|__)"
    r"(?P<word>GIVEN|WHEN|THEN|AND|BUT)[ \t]*:?(?P=bold)(?P<rest>.*)$",
    re.IGNORECASE,
)
_GOOD_CLAUSE = re.compile(r"^[ \t]*[-*+][ \t]+\*\*[A-Za-z]+\*\*(?:[ \t]|$)")


def mend_spec(lines: list[str], *, is_new: bool) -> tuple[list[str], list[str]]:
    """The mended lines, and what was mended; ``is_new`` when it has no main spec yet."""
    notes: list[str] = []
    plain = _plain(lines)
    mended = list(lines)
    for mend, what in (
        (_each(_section_heading), "delta heading"),
        (_each(_named_heading), "heading of a requirement or scenario"),
        (_bold_scenarios, "bold line made a scenario's heading"),
        (_clauses, "WHEN, THEN and the like made bold"),
    ):
        before = list(mended)
        mend(mended, plain)
        changed = sum(new != old for new, old in zip(mended, before, strict=True))
        if changed:
            notes.append(f"{changed} × {what}")
    if is_new and _add_section(mended, plain):
        notes.append("wrote the missing ## ADDED Requirements")
    return mended, notes


Mend = Callable[[list[str], list[bool]], None]


def _plain(lines: list[str]) -> list[bool]:
    """Which lines neither this package nor the spec parser takes for code or a comment."""
    document, theirs = scan("\n".join(lines)), code_lines(lines)
    return [document.is_prose(index) and not theirs[index] for index in range(len(lines))]


def _each(mend: Callable[[str], str]) -> Mend:
    def all_headings(lines: list[str], plain: list[bool]) -> None:
        for index, line in enumerate(lines):
            if plain[index] and "#" in line[:4]:
                lines[index] = mend(line)

    return all_headings


def _section_heading(line: str) -> str:
    match = _SECTION.match(line)
    if match and not re.match(r"##[ \t]+\w+[ \t]+Requirements$", line, re.IGNORECASE):
        return f"## {match[3].upper()} Requirements"
    return line


def _named_heading(line: str) -> str:
    match = _NAMED.match(line)
    if not match:
        return line
    indent, marks, space, word, colon, name = match.groups()
    level = "###" if word.lower() == "requirement" else "####"
    if not indent and marks == level and space and colon == ":":
        return line
    return f"{level} {word.capitalize()}: {name}"


def _bold_scenarios(lines: list[str], plain: list[bool]) -> None:
    inside = False
    for index, line in enumerate(lines):
        if not plain[index]:
            continue
        if line[:1] == "#":
            inside = bool(_REQUIREMENT.match(line)) or (inside and line.startswith("####"))
        elif inside and "cenario" in line and (match := _BOLD_SCENARIO.match(line)):
            lines[index] = f"#### Scenario: {match[2] or match[3]}"


def _clauses(lines: list[str], plain: list[bool]) -> None:
    inside = False
    for index, line in enumerate(lines):
        if not plain[index]:
            continue
        if heading := _HEADING.match(line):
            inside = line.startswith("#### ") or (inside and len(heading[1]) > 4)
        elif inside and line.strip():
            lines[index] = _clause(line)


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
