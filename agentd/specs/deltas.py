"""Reading a change's deltas. Text in, values out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from agentd.late_pattern import late_pattern
from agentd.markdown.openspec import SPACES
from agentd.specs.blocks import marks_between, requirement_finder, requirements
from agentd.specs.lines import ANY, SPACE, Lines, normalized, open_heading
from agentd.specs.mains import parse_main, purpose_section
from agentd.specs.model import Delta, Problem, Removed, Renamed, Requirement

_SECTION = late_pattern(rf"##{SPACE}+({ANY}+)\Z")
_OTHER_HEADING = late_pattern(rf"###{SPACE}+({ANY}+)\Z")
_BULLETED = late_pattern(rf"[-*+]{SPACE}*`?###{SPACE}*Requirement:{SPACE}*({ANY}+)\Z")
_RENAME = late_pattern(
    rf"(?:[-*+]{SPACE}*)?(FROM|TO):{SPACE}*`?###{SPACE}*Requirement:{SPACE}*({ANY}+)\Z"
)
_REASON = late_pattern(r"[-*+]?[ \t]*\*\*Reason(?::\*\*|\*\*:?)", re.IGNORECASE)
_KINDS = {f"{kind} requirements": kind for kind in ("added", "modified", "removed", "renamed")}


def parse_delta(text: str, path: str) -> Delta:
    """A change's deltas; never fails: what is wrong with them is in ``problems`` and ``stray``."""
    doc = Lines(normalized(text))
    sections = _sections(doc)
    deltas = [section for section in sections if section[0]]
    blocks: dict[str, list[Requirement]] = {"added": [], "modified": []}
    removed: list[Removed] = []
    renamed: list[Renamed] = []
    problems: list[Problem] = []
    stray = _outside(doc, sections)
    for kind, start, end in deltas:
        if kind in blocks:
            blocks[kind] += _section_requirements(doc, start, end, stray)
        elif kind == "removed":
            removed += _removed(doc, start, end)
        else:
            pairs, unpaired = _renamed(doc, start, end)
            renamed += pairs
            problems += unpaired
    whole = () if deltas else parse_main(text, path).requirements
    return Delta(
        path=path,
        text=text,
        purpose=purpose_section(text),
        sections=tuple(doc.all[start] for _, start, _ in deltas),
        added=tuple(blocks["added"]) or whole,
        modified=tuple(blocks["modified"]),
        removed=tuple(removed),
        renamed=tuple(renamed),
        problems=tuple(problems),
        stray=() if whole else tuple(sorted(stray, key=lambda problem: problem.line or 0)),
        whole=bool(whole),
    )


def _sections(doc: Lines) -> list[tuple[str, int, int]]:
    """Each ``## `` section: the kind of its deltas, or "", its heading's line, its end."""
    heads = [(i, m) for i in doc.marks if (m := _SECTION.match(doc.all[i]))]
    kinds = [_KINDS.get(match[1].strip(SPACES).lower(), "") for _, match in heads]
    ends = pairwise([*(index for index, _ in heads), len(doc.all)])
    return [(kind, start, end) for kind, (start, end) in zip(kinds, ends, strict=True)]


def _outside(doc: Lines, sections: Sequence[tuple[str, int, int]]) -> list[Problem]:
    first = sections[0][1] if sections else len(doc.all)
    problems = []
    for kind, start, end in (("", -1, first), *sections):
        find = requirement_finder(doc, start, end)
        problems += [
            Problem(
                f'requirement "{open_heading(match[1])}" stands outside the sections '
                "ADDED, MODIFIED, REMOVED and RENAMED Requirements: it is not merged",
                index + 1,
            )
            for index in marks_between(doc, start, end)
            if not kind and (match := find(doc.all[index]))
        ]
    return problems


def _section_requirements(
    doc: Lines, start: int, end: int, stray: list[Problem]
) -> tuple[Requirement, ...]:
    marks = marks_between(doc, start, end)
    find = requirement_finder(doc, start, end)
    heads = [i for i in marks if find(doc.all[i])]
    for i in marks:
        other = _OTHER_HEADING.match(doc.all[i])
        if other and not find(doc.all[i]):
            text = f'"{doc.all[i].strip(SPACES)}" is no "### Requirement: Name" heading'
            stray.append(Problem(f"{text}: it is not read as one", i + 1))
    return requirements(doc, find, heads, end)


def _removed(doc: Lines, start: int, end: int) -> list[Removed]:
    find = requirement_finder(doc, start, end)
    heads: list[tuple[int, str]] = []
    for index, line in doc.unfenced(start + 1, end):
        if line[:1] == "#" and (match := find(line)):
            heads.append((index, open_heading(match[1])))
        elif bullet := _BULLETED.match(line.lstrip(SPACES)):
            heads.append((index, open_heading(_unquoted(bullet[1]))))
    found = []
    for (index, name), (stop, _) in pairwise([*heads, (end, "")]):
        reason = ""
        for _, line in doc.unfenced(index + 1, stop):
            text = line.strip(SPACES)
            if label := _REASON.match(text):
                reason = text[label.end() :].lstrip(": \t")
        found.append(Removed(name, reason, index + 1))
    return found


def _renamed(doc: Lines, start: int, end: int) -> tuple[list[Renamed], list[Problem]]:
    """FROM and TO in pairs: a FROM, then a TO with no FROM between."""
    pairs: list[Renamed] = []
    alone: list[tuple[str, str, int]] = []
    pending: tuple[str, int] | None = None
    for index, line in doc.unfenced(start + 1, end):
        match = _RENAME.match(line.lstrip(SPACES)) if ":" in line else None
        if not match:
            continue
        name = open_heading(_unquoted(match[2]))
        if match[1] == "FROM":
            if pending:
                alone.append(("FROM", *pending))
            pending = (name, index + 1)
        elif pending:
            pairs.append(Renamed(pending[0], name, pending[1]))
            pending = None
        else:
            alone.append(("TO", name, index + 1))
    if pending:
        alone.append(("FROM", *pending))
    return pairs, [
        Problem(
            f'RENAMED: {side} "{name}" has no {"TO" if side == "FROM" else "FROM"}; '
            "write each rename as a FROM line and, right under it, its TO line",
            line,
        )
        for side, name, line in alone
    ]


def _unquoted(text: str) -> str:
    """A name without the backtick that closes it."""
    stripped = text.rstrip(SPACES)
    return stripped[:-1] if len(stripped) > 1 and stripped.endswith("`") else stripped
