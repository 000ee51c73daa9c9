"""What ``project.md`` adds to each prompt."""

from __future__ import annotations

import re
from pathlib import Path

from agentd.errors import InputError

MAX_CHARS = 8000
# As `agentd init` writes them: a line that is one sentence in angle brackets.
_UNFILLED = re.compile(r"^<[A-Z][^<>]*\.>$")
_HEADING = re.compile(r"^(#{1,6})\s")


def read_notes(agentd_dir: Path) -> str:
    """The text of ``project.md``, empty when there is none. Raises InputError if it is no text."""
    path = agentd_dir / "project.md"
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise InputError(
            f"{path} can't be read: {error.strerror}", fix="Make it a file that you can read."
        ) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}: line {line}: this is no UTF-8", fix="Save it as UTF-8."
        ) from error


def shorten_notes(text: str, *, path: str) -> str:
    """``text`` for a prompt: no HTML comments, nothing that is still to be filled in, bounded.

    Empty when nothing is left. Longer than MAX_CHARS, it is cut, and a last line says so and names
    ``path``.
    """
    lines = _without_comments("\n".join(text.splitlines())).split("\n")
    filled = [line for line in lines if not _UNFILLED.match(line.strip())]
    notes = "\n".join(_without_empty_sections(filled)).strip()
    notes = re.sub(r"\n{3,}", "\n\n", notes)
    if len(notes) <= MAX_CHARS:
        return notes
    # At the end of a line, if one is near.
    end = max(notes.rfind("\n", MAX_CHARS - 1000, MAX_CHARS), 0) or MAX_CHARS
    return f"{notes[:end].rstrip()}\n[cut here: {end} of {len(notes)} characters; all: `{path}`]"


def _without_comments(text: str) -> str:
    kept = []
    at = 0
    while (start := text.find("<!--", at)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        kept.append(text[at:start])
        at = end + 3
    return "".join(kept) + text[at:]


def _without_empty_sections(lines: list[str]) -> list[str]:
    """The lines but for headings that nothing stands under, not even a deeper section."""
    kept: list[str] = []
    deepest = 0  # level of what stands below, seen from the end: 7 for text, 0 for nothing
    for line, level in reversed(list(zip(lines, _levels(lines), strict=True))):
        if level == 0:
            deepest = 7 if line.strip() else deepest
        elif deepest <= level:
            continue
        else:
            deepest = level
        kept.append(line)
    return kept[::-1]


def _levels(lines: list[str]) -> list[int]:
    """The level of each line that is a heading, 0 for others and within code blocks."""
    levels = []
    fenced = False
    for line in lines:
        fenced ^= line.lstrip().startswith(("```", "~~~"))
        heading = None if fenced else _HEADING.match(line)
        levels.append(len(heading[1]) if heading else 0)
    return levels
