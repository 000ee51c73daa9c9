"""The ``## Purpose`` of a spec, told from one that a comment or a fence only shows."""

from __future__ import annotations

import re

from agentd.workflow.specs.lines import SPACE, SPACES, Lines, normalized

_PURPOSE = re.compile(rf"##{SPACE}+Purpose{SPACE}*\Z", re.IGNORECASE)
_SECTION_END = re.compile(rf"##{SPACE}")
_COMMENT_END = re.compile(r"--!?>")
_NOT_NEWLINE = re.compile(r"[^\n]+")


def purpose_section(text: str) -> str:
    """The body of the section ``## Purpose``, trimmed; "" when it is missing or says nothing.

    One that holds a fence or a comment alone says nothing; its body is returned as written.
    """
    doc = Lines(normalized(text))
    masked = Lines(without_comments(doc.text)) if "<!--" in doc.text else doc
    start = next((i for i in masked.marks if _PURPOSE.match(masked.all[i])), None)
    if start is None:
        return ""
    following = (i for i in masked.marks if i > start and _SECTION_END.match(masked.all[i]))
    end = next(following, len(masked.all))
    if not any(line.strip(SPACES) for _, line in masked.unfenced(start + 1, end)):
        return ""
    return doc.slice(start + 1, end).strip(SPACES)


def without_comments(text: str) -> str:
    """``text`` with HTML comments blanked, its lines kept; an open comment runs to the end."""
    parts = []
    at = 0
    while (opened := text.find("<!--", at)) != -1:
        closed = _COMMENT_END.search(text, opened + 4)
        end = closed.end() if closed else len(text)
        parts += [text[at:opened], _NOT_NEWLINE.sub(" ", text[opened:end])]
        at = end
    return "".join([*parts, text[at:]])
