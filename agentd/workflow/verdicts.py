"""The verdict of a review document, read from its verdict section only."""

from __future__ import annotations

import re
from collections.abc import Sequence

NOT_COVERED = "## Not covered (added by agentd)"
"""The heading in an approving review under which agentd lists what the review says nothing of."""

_HEADING = re.compile(r"^#{1,6}\s+(.*)$")
_CHOICE = re.compile(r"^\s*[-*+]\s*\[(?P<mark>.)\]\s*(?P<text>.*)$")
# Possessive: a line of thousands of underscores takes no time.
_WORD = re.compile(r"^[\s*_`]*+([A-Za-z][A-Za-z_]*+)[\s*_`.!]*+(?:[-–—:(].*)?$")
_FENCE = re.compile(r"^\s*(```|~~~)")


def read_verdict(document: str, allowed: Sequence[str]) -> str | None:
    """The one verdict given under the heading "Verdict"; None when there is none, or two.

    Taken are ``- [x] APPROVED``, ``**Verdict**: APPROVED`` and a bare ``APPROVED``. A list with
    no box ticked, as in a skeleton, is no verdict; nor is a word in a sentence, a quotation or a
    code block.
    """
    found = {name for line in _section(document) for name in _given(line, allowed)}
    return found.pop() if len(found) == 1 else None


def _section(document: str) -> list[str]:
    """The lines below headings named Verdict, and lines like ``**Verdict**: X`` anywhere."""
    lines: list[str] = []
    inside = fenced = False
    for line in document.lstrip("\ufeff").splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        if fenced:
            continue
        heading = _HEADING.match(line)
        label = re.match(r"^\s*[*_]*Verdict[*_]*\s*:[*_]*\s*(.+)$", line, re.IGNORECASE)
        if heading:
            name, _, rest = heading[1].rstrip("# \t").partition(":")
            inside = name.strip(" *_").lower() == "verdict"
            lines += [rest] if inside and rest else []
        elif label:
            lines.append(label[1])
        elif inside:
            lines.append(line)
    return lines


def _given(line: str, allowed: Sequence[str]) -> list[str]:
    """The verdicts that one line gives."""
    choice = _CHOICE.match(line)
    if choice and choice["mark"] not in "xX✓✔":
        return []
    text = choice["text"] if choice else line
    word = _WORD.match(text)
    name = word[1].upper().strip("_") if word else ""
    return [name] if name in allowed else []
