"""A document that a CLI printed instead of writing it."""

from __future__ import annotations

import re
from pathlib import PurePath

_FENCE = re.compile(r"^(`{3,}|~{3,})[ \t]*([^`\s]*)[ \t]*$")
_MARKDOWN = ("markdown", "md")
_SENTENCE_CHARS = 300
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def document_in_text(text: str, name_hint: str) -> str | None:
    """The document in a CLI's final text, None unless the text clearly is one.

    ``name_hint`` is its file's name: for ``REVIEW.md`` its first line must be a heading that begins
    with ``# Review``. It may be within one ```` ```markdown ```` fence, and one sentence may stand
    before it, or after the fence. It needs a section (``## ``), and no second title.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").strip().split("\n")
    lines = _without_sentence(lines)
    inside = _within_fence(lines)
    lines = lines if inside is None else inside
    if lines and _is_title(lines[0], name_hint) and _is_one_document(lines):
        return "\n".join(lines).rstrip() + "\n"
    return None


def _without_sentence(lines: list[str]) -> list[str]:
    """The lines after a first paragraph of one line, or all when there is none."""
    first = lines[0]
    if first.startswith("#") or _FENCE.match(first) or len(first) > _SENTENCE_CHARS:
        return lines
    rest = lines[1:]
    if rest and not rest[0].strip():
        return rest[1:]
    return rest if rest and _FENCE.match(rest[0]) else lines


def _within_fence(lines: list[str]) -> list[str] | None:
    """What the fence around the lines holds, None without one that is unmistakable."""
    opening = _FENCE.match(lines[0]) if lines else None
    if opening is None or opening[2].lower() not in _MARKDOWN:
        return None
    body = lines[1:]
    if len(body) > 2 and not _FENCE.match(body[-1]) and len(body[-1]) <= _SENTENCE_CHARS:
        body = body[:-1]
        while body and not body[-1].strip():
            body.pop()
    if not body or not _closes(body[-1], opening[1]):
        return None
    body = body[:-1]
    inner = None
    for line in body:
        fence = _FENCE.match(line)
        if fence is None:
            continue
        if inner is not None:
            inner = None if _closes(line, inner) else inner
        elif _closes(line, opening[1]):
            return None  # it may close the outer fence: then what follows is no document
        else:
            inner = fence[1]
    return body if inner is None else None


def _closes(line: str, fence: str) -> bool:
    found = _FENCE.match(line)
    return found is not None and not found[2] and found[1].startswith(fence)


def _is_title(line: str, name_hint: str) -> bool:
    words = PurePath(name_hint).stem.replace("_", " ").replace("-", " ")
    pattern = rf"# {re.escape(words)}(?:\W.*)?"
    return re.fullmatch(pattern, line.replace("-", " ").rstrip(), re.IGNORECASE) is not None


def _is_one_document(lines: list[str]) -> bool:
    titles = sections = 0
    fence = None
    for line in lines:
        if _NOT_TEXT.search(line):
            return False
        found = _FENCE.match(line)
        if fence is not None:
            fence = None if _closes(line, fence) else fence
        elif found is not None:
            fence = found[1]
        else:
            titles += line.startswith("# ")
            sections += line.startswith("## ")
    return titles == 1 and sections > 0 and fence is None
