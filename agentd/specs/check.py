"""What OpenSpec's archive refuses: in a change's deltas, and in the spec they would make."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from agentd.markdown.openspec import SPACES
from agentd.specs.lines import Heading, Lines, normalized
from agentd.specs.mains import parse_main
from agentd.specs.model import Delta, Problem, Requirement, fold


def delta_problems(delta: Delta) -> tuple[Problem, ...]:
    """Why these deltas can't be merged into any spec; () when nothing speaks against it."""
    return tuple(_delta_problems(delta))


def _delta_problems(delta: Delta) -> Iterator[Problem]:
    if delta.empty and not delta.problems:
        if delta.sections:
            yield Problem(f'no "### Requirement: Name" under "{delta.sections[0].strip(SPACES)}"')
        else:
            yield Problem('no section such as "## ADDED Requirements"')
        return
    yield from delta.problems
    for kind, blocks in (("ADDED", delta.added), ("MODIFIED", delta.modified)):
        yield from _twice(kind, ((block.name, block.line) for block in blocks))
        for block in blocks:
            yield from _block_problems(kind, block)
    yield from _twice("REMOVED", ((entry.name, entry.line) for entry in delta.removed))
    yield from _twice("RENAMED FROM", ((entry.old, entry.line) for entry in delta.renamed))
    yield from _twice("RENAMED TO", ((entry.new, entry.line) for entry in delta.renamed))
    yield from _contradictions(delta)


def _block_problems(kind: str, block: Requirement) -> Iterator[Problem]:
    if not block.body:
        yield Problem(f'{kind} "{block.name}" has no text under its heading', block.line)
    if not block.old_style and not any(scenario.body for scenario in block.scenarios):
        text = f'{kind} "{block.name}" has no "#### Scenario:" with steps under it'
        yield Problem(text, block.line)


def _twice(kind: str, entries: Iterable[tuple[str, int]]) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for name, line in entries:
        if name in seen:
            yield Problem(f'"{name}" is in {kind} twice, first on line {seen[name]}', line)
        else:
            seen[name] = line


def _contradictions(delta: Delta) -> Iterator[Problem]:
    added = {block.name for block in delta.added}
    removed = {entry.name for entry in delta.removed}
    removed_folded = {fold(name) for name in removed}
    renamed_away = {entry.old: entry for entry in delta.renamed}
    for block in delta.modified:
        for kind, names in (("REMOVED", removed), ("ADDED", added)):
            if block.name in names:
                yield Problem(f'"{block.name}" is in both MODIFIED and {kind}', block.line)
        if block.name in renamed_away:
            text = f'MODIFIED must name the new heading, "{renamed_away[block.name].new}"'
            yield Problem(text, block.line)
    for block in delta.added:
        if block.name in removed:
            yield Problem(f'"{block.name}" is in both ADDED and REMOVED', block.line)
    for entry in delta.renamed:
        if fold(entry.old) in removed_folded:
            yield Problem(f'"{entry.old}" is in both RENAMED and REMOVED', entry.line)
        if entry.new in added:
            yield Problem(f'"{entry.new}" is in both RENAMED and ADDED', entry.line)


def main_problems(text: str, path: str) -> tuple[Problem, ...]:
    """Why a merged spec is not written.

    The original agentd's specs (``### R1: Title``) need no Purpose and keep their scenarios apart.
    """
    spec = parse_main(text, path)
    old_style = any(block.old_style for block in spec.requirements)
    problems = list(spec.problems) + [
        Problem(f'"{block.name}" has no text under its heading', block.line)
        for block in spec.requirements
        if not block.body
    ]
    return tuple(problems if old_style else [*problems, *_outline_problems(text)])


def _outline_problems(text: str) -> Iterator[Problem]:
    doc = Lines(normalized(text))
    purpose = _first(doc, "purpose")
    if purpose is None or not _content(doc, purpose):
        yield Problem('no "## Purpose" with text under it')
    section = _first(doc, "requirements")
    if section is None:
        yield Problem('no section "## Requirements"')
        return
    children = list(_children(doc, section))
    if not children:
        yield Problem("no requirement is left in it", doc.headings[section].index + 1)
    for child in children:
        if not any(_content(doc, step) for step in _children(doc, child)):
            heading = doc.headings[child]
            text = f'"{heading.title}" has no "#### Scenario:" with steps under it'
            yield Problem(text, heading.index + 1)


def readable_purpose(text: str) -> bool:
    """Whether a new spec's Purpose and Requirements can be found again in ``text``."""
    doc = Lines(normalized(text))
    purpose = _first(doc, "purpose")
    return (
        "<!--" not in text
        and not parse_main(text, "").problems
        and purpose is not None
        and bool(_content(doc, purpose))
        and _first(doc, "requirements") is not None
    )


def _first(doc: Lines, title: str) -> int | None:
    """The number of the first heading with this title, at any level."""
    return next((n for n, h in enumerate(doc.headings) if h.title.lower() == title), None)


def _content(doc: Lines, number: int) -> str:
    """The text under a heading, up to the next one of its level or above, trimmed."""
    heading = doc.headings[number]
    first = bisect_right(doc.borders, (heading.index, 7))
    later = (doc.borders[n] for n in range(first, len(doc.borders)))
    end = next((index for index, level in later if level <= heading.level), len(doc.all))
    return doc.slice(heading.index + 1, end).strip(SPACES)


def _children(doc: Lines, number: int) -> Iterator[int]:
    """The headings directly under one: those no deeper than any before them under it."""
    parent = doc.headings[number]
    above: list[Heading] = []
    for index in range(number + 1, len(doc.headings)):
        heading = doc.headings[index]
        if heading.level <= parent.level:
            return
        while above and above[-1].level >= heading.level:
            above.pop()
        if not above:
            yield index
        above.append(heading)
