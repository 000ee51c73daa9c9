"""Reading a main spec, and writing it again from its slices, byte for byte as OpenSpec does."""

from __future__ import annotations

import re
from collections.abc import Iterable

from agentd.late_pattern import late_pattern
from agentd.markdown.openspec import SPACES, code_lines, without_comments
from agentd.specs.blocks import marks_between, requirement_finder, requirements, section_end
from agentd.specs.lines import ANY, SPACE, Lines, normalized, open_heading
from agentd.specs.model import MainSpec, Problem

_REQUIREMENTS = late_pattern(rf"##{SPACE}+Requirements{SPACE}*\Z", re.IGNORECASE)
_DELTA_HEADING = late_pattern(
    rf"##{SPACE}+(ADDED|MODIFIED|REMOVED|RENAMED){SPACE}+Requirements{SPACE}*\Z", re.IGNORECASE
)
_PURPOSE = late_pattern(rf"##{SPACE}+Purpose{SPACE}*\Z", re.IGNORECASE)
_SPACED_REQUIREMENT = late_pattern(rf"###{SPACE}+Requirement:{SPACE}*({ANY}+)\Z", re.IGNORECASE)


def parse_main(text: str, path: str) -> MainSpec:
    """A main spec's slices; never fails: what is wrong with it is in ``problems``."""
    doc = Lines(normalized(text))
    start = next((i for i in doc.marks if _REQUIREMENTS.match(doc.all[i])), None)
    if start is None:
        return MainSpec(
            path=path,
            text=text,
            before=text.rstrip(SPACES),
            header="",
            preamble="",
            requirements=(),
            after="",
            problems=_structure(doc, len(doc.all), len(doc.all)),
        )
    end = section_end(doc, start)
    find = requirement_finder(doc, start, end)
    heads = [i for i in marks_between(doc, start, end) if find(doc.all[i])]
    first = heads[0] if heads else end
    return MainSpec(
        path=path,
        text=text,
        before=doc.slice(0, start),
        header=doc.all[start],
        preamble=doc.slice(start + 1, first).rstrip(SPACES),
        requirements=requirements(doc, find, heads, end),
        after=doc.slice(end, len(doc.all)),
        problems=_structure(doc, start, end),
    )


def _structure(doc: Lines, start: int, end: int) -> tuple[Problem, ...]:
    problems = []
    seen: dict[str, int] = {}
    for index in doc.marks:
        line = doc.all[index]
        shown = line.strip(SPACES)
        if _DELTA_HEADING.match(line):
            text = f'"{shown}" stands in a main spec; deltas belong into a change'
            problems.append(Problem(text, index + 1))
            continue
        match = _SPACED_REQUIREMENT.match(line)
        if not match:
            continue
        name = open_heading(match[1])
        if not start < index < end:
            text = f'"{shown}" stands outside the section "## Requirements"'
            problems.append(Problem(text, index + 1))
        elif name in seen:
            text = f'"{shown}" is there twice, first on line {seen[name]}'
            problems.append(Problem(text, index + 1))
        else:
            seen[name] = index + 1
    return tuple(problems)


def purpose_section(text: str) -> str:
    """The body of the section ``## Purpose``, trimmed; "" when it is missing or says nothing.

    One that holds a fence or a comment alone says nothing; its body is returned as written.
    """
    doc = Lines(normalized(text))
    masked = Lines(without_comments(doc.text)) if "<!--" in doc.text else doc
    start = next((i for i in masked.marks if _PURPOSE.match(masked.all[i])), None)
    if start is None:
        return ""
    end = section_end(masked, start)
    if not any(line.strip(SPACES) for _, line in masked.unfenced(start + 1, end)):
        return ""
    return doc.slice(start + 1, end).strip(SPACES)


def spec_text(spec: MainSpec, blocks: Iterable[str]) -> str:
    """``spec`` with these requirement blocks: one blank line between parts, the file's newline."""
    preamble = [spec.preamble] if spec.preamble.strip(SPACES) else []
    body = "\n\n".join([*preamble, *blocks]).rstrip(SPACES)
    parts = (
        spec.before.rstrip(SPACES),
        spec.header or "## Requirements",
        body,
        spec.after.strip(SPACES),
    )
    text = _single_blanks("\n\n".join(part for part in parts if part)).rstrip(SPACES) + "\n"
    return _with_newlines_of(spec.text, text)


def _single_blanks(text: str) -> str:
    """Runs of empty lines as one, but not in fences, whose blank lines mean something."""
    lines = text.split("\n")
    fenced = code_lines(lines)
    return "\n".join(
        line for i, line in enumerate(lines) if line or i == 0 or lines[i - 1] or fenced[i - 1]
    )


def _with_newlines_of(original: str, text: str) -> str:
    crlf = original.count("\r\n")
    lf = original.count("\n") - crlf
    if not crlf and not lf:
        return text
    text = text.replace("\r\n", "\n")
    return text.replace("\n", "\r\n") if crlf >= lf else text
