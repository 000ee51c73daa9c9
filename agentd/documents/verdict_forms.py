"""The forms in which models write a verdict, and a condition beside one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from agentd.frozen import frozen
from agentd.markdown.document import scan

# Possessive: a line of thousands of underscores takes no time.
_NOISE = r"[\s*_`\"'“”\u2600-\u27bf\u2b00-\u2bff\ufe0f\U0001f300-\U0001faff]*+"
_BOX = re.compile(r"^\s*(?:[-*+]|\d{1,3}[.)])\s*\[(?P<mark>.)\]\s*(?P<text>.*)$")
_BULLET = re.compile(r"^\s*(?:[-*+]|\d{1,3}[.)])\s+")
_UNTICKED = "❌✗✘☐⬜□🔲🚫⛔"
_HEADING = re.compile(
    rf"^{_NOISE}(?:\d[\d.)]*\s*)?{_NOISE}(?:(?:final|overall|my|the|review)\s+)?verdict\b{_NOISE}"
    r"(?:[:：|–—(-]\s*(?P<rest>.*)|$)",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"^\s*(?:[-+]\s+|\*\s+|\|\s*)?[*_]*+(?:(?:final|overall)\s+)?verdict[*_]*+\s*[:：|][*_]*+\s*(.+)$",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"\b(?:once|if|provided|assuming|unless|until|pending|subject to|condition\w*|contingent"
    r"|as soon as|but (?:only|please|first|fix|with)|except"
    r"|with (?:\w+ ){0,2}(?:changes|conditions?|fixes|modifications|reservations)"
    r"|(?:after|when) .{0,80}\b(?:is|are|has|have|gets?|was|were)\b)\b",
    re.IGNORECASE,
)
_APPROVAL = re.compile(r"\b(?:approv\w*|merge[ds]?|accept\w*)\b", re.IGNORECASE)


@frozen()
class _Given:
    """A verdict that a line gives, and what stands behind it."""

    name: str
    rest: str


def verdicts_in(document: str, allowed: Sequence[str]) -> list[str]:
    """The verdicts that a document gives, in order.

    Taken are, under a heading "Verdict" of any level and number, ``- [x] APPROVED``,
    ``APPROVED``, ``✅ **NEEDS REVISION**: why``, a list item or a row of a table with one;
    anywhere ``**Verdict**: APPROVED`` and ``| Verdict | APPROVED |``. A box that is not ticked is
    no verdict; nor is a word in a sentence, a quotation, a comment or a code block.
    """
    return [given.name for line in _section(document) for given in _given(line, allowed)]


def condition_of(document: str, approving: str) -> str:
    """The line that puts a condition on an approval, as written; "" without one."""
    for line in _section(document):
        given = next(_given(line, (approving,)), None)
        told = given.rest if given else line if _APPROVAL.search(line) else ""
        is_choice = (box := _BOX.match(line)) is not None and not _is_ticked(box["mark"])
        if told and not is_choice and _CONDITION.search(told):
            return line.strip(" \t*_|")
    return ""


def _section(document: str) -> list[str]:
    """The lines below headings named Verdict, and lines like ``**Verdict**: X`` anywhere."""
    text = scan(document)
    headings = {heading.line: heading.title for heading in text.headings}
    lines: list[str] = []
    inside = False
    for number, line in text.numbered():
        if number in headings:
            named = _HEADING.match(headings[number])
            inside = named is not None
            lines += [named["rest"]] if named and named["rest"] else []
        elif label := _LABEL.match(line):
            lines.append(label[1])
        elif inside and not line.lstrip().startswith(">"):
            lines.append(line)
    return lines


def _given(line: str, allowed: Sequence[str]) -> Iterator[_Given]:
    """The verdicts that one line gives."""
    box = _BOX.match(line)
    if box and not _is_ticked(box["mark"]):
        return
    text = box["text"] if box else line
    cells = text.strip().strip("|").split("|") if "|" in text else [text]
    for cell in cells:
        bare = cell if box else _BULLET.sub("", cell)
        if bare.lstrip(" \t*_`")[:1] in tuple(_UNTICKED):
            continue
        for name in allowed:
            if match := _name(name).match(bare):
                rest = bare[match.end() :]
                if box or _ENDS.match(rest):
                    yield _Given(name, rest)


_ENDS = re.compile(rf"{_NOISE}[.!)]?{_NOISE}(?:$|[-–—:(,;])")


@cache
def _name(verdict: str) -> re.Pattern[str]:
    """A verdict as models write it: ``NEEDS_REVISION``, ``Needs revision``, ``needs-revision``."""
    return re.compile(rf"^{_NOISE}{verdict.replace('_', '[ _-]')}(?![A-Za-z0-9])", re.IGNORECASE)


def _is_ticked(mark: str) -> bool:
    return mark in "xX✓✔✅☑"
