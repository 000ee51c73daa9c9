"""What ``project.md`` adds to each prompt."""

from __future__ import annotations

import os
import re
from pathlib import Path

from agentd.late_pattern import late_pattern
from agentd.markdown.blocks import Kind
from agentd.markdown.document import Document, scan
from agentd.workflow.prompts.templates import read_utf8

MAX_CHARS = 8000
# As `agentd init` writes them: a line that is one sentence in angle brackets.
_UNFILLED = late_pattern(r"^<[A-Z][^<>]*\.>$")


def read_notes(agentd_dir: Path) -> str:
    """The text of ``project.md``, empty when there is none. Raises InputError if it is no text."""
    path = agentd_dir / "project.md"
    return read_utf8(path) if os.path.lexists(path) else ""


def shorten_notes(text: str, *, path: str) -> str:
    """``text`` for a prompt: no HTML comments, nothing that is still to be filled in, bounded.

    Empty when nothing is left. Longer than MAX_CHARS, it is cut, and a last line says so and names
    ``path``.
    """
    notes = "\n".join(_filled_sections(scan(text))).strip()
    notes = re.sub(r"\n{3,}", "\n\n", notes)
    if len(notes) <= MAX_CHARS:
        return notes
    # At the end of a line, if one is near.
    end = max(notes.rfind("\n", MAX_CHARS - 1000, MAX_CHARS), 0) or MAX_CHARS
    return f"{notes[:end].rstrip()}\n[cut here: {end} of {len(notes)} characters; all: `{path}`]"


def _filled_sections(document: Document) -> list[str]:
    """The lines that are filled in, but for headings that nothing stands under then."""
    levels = {heading.line: heading.level for heading in document.headings}
    kept: list[str] = []
    deepest = 0  # level of what stands below, seen from the end: 7 for text, 0 for nothing
    for number in range(len(document.lines), 0, -1):
        line, kind = document.shown[number - 1], document.kinds[number - 1]
        if _UNFILLED.match(line.strip()) or (kind is Kind.COMMENT and not line.strip()):
            continue
        if number in levels:
            if deepest <= levels[number]:
                if document.kinds[number : number + 1] == [Kind.UNDERLINE]:
                    kept.pop()
                continue
            deepest = levels[number]
        elif line.strip() and kind is not Kind.UNDERLINE:
            deepest = 7
        kept.append(line)
    return kept[::-1]
