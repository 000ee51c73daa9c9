"""Code and comments as OpenSpec sees them.

Specs are merged byte for byte as OpenSpec merges them, so they are cut where it cuts, also where it
reads a text otherwise than CommonMark: the recordings in fixtures/specs/openspec show where.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentd.late_pattern import late_pattern

# What JavaScript's trim() takes.
SPACES = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
_COMMENT_END = late_pattern(r"--!?>")
_NOT_NEWLINE = late_pattern(r"[^\n]+")


def code_lines(lines: Sequence[str]) -> bytearray:
    """One byte a line: 1 for a line of a fenced block of code, its fences among them.

    OpenSpec knows no lists and quotes, indents a fence by anything, and takes an info string with
    backticks.
    """
    mask = bytearray(len(lines))
    mark, length = "", 0
    for number, line in enumerate(lines):
        if not mark:
            if "```" not in line and "~~~" not in line:
                continue
            text = line.lstrip(SPACES)
            if text.startswith(("```", "~~~")):
                mark = text[0]
                length = len(text) - len(text.lstrip(mark))
                mask[number] = 1
            continue
        mask[number] = 1
        text = line.strip(SPACES)
        if len(text) >= length and text == mark * len(text):
            mark = ""
    return mask


def without_comments(text: str) -> str:
    """``text`` with HTML comments blanked, its lines kept; an open comment runs to the end.

    So OpenSpec reads the Purpose of a change's spec, and nothing else: it looks for comments before
    it looks for code, and headings in comments are headings to it.
    """
    parts = []
    at = 0
    while (opened := text.find("<!--", at)) != -1:
        closed = _COMMENT_END.search(text, opened + 4)
        end = closed.end() if closed else len(text)
        parts += [text[at:opened], _NOT_NEWLINE.sub(" ", text[opened:end])]
        at = end
    return "".join([*parts, text[at:]])
