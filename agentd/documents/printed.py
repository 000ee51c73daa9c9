"""A document that a CLI printed instead of writing it."""

from __future__ import annotations

import re
from pathlib import PurePath

from agentd.late_pattern import late_pattern
from agentd.markdown.blocks import Fence
from agentd.markdown.document import scan

_MARKDOWN = ("markdown", "md")
_SENTENCE_CHARS = 300
_OPENED = late_pattern(r"""<file path=["']([^"']+)["']>""")
_NOT_TEXT = late_pattern(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


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


def files_in_text(text: str, folder: str) -> dict[str, str]:
    """The files in a final text, by their paths within ``folder``, a change's.

    Each stands between a line ``<file path="...">`` and one ``</file>``, perhaps in one fence of
    Markdown. A file without its end, or with control characters, is left out.
    """
    found = {}
    lines: list[str] | None = None
    name = ""
    for line in text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"):
        opened = _OPENED.fullmatch(line.strip())
        if opened and lines is None:
            name, lines = opened[1].removeprefix("./").removeprefix(f"{folder}/"), []
        elif line.strip() == "</file>" and lines is not None:
            while lines and not lines[0].strip():
                del lines[0]
            while lines and not lines[-1].strip():
                lines.pop()
            inside = _within_fence(lines)
            body = lines if inside is None else inside
            if body and not any(_NOT_TEXT.search(one) for one in body):
                found[name] = "\n".join(body).rstrip() + "\n"
            lines = None
        elif lines is not None:
            lines.append(line)
    return found


def _without_sentence(lines: list[str]) -> list[str]:
    """The lines after a first paragraph of one line, or all when there is none."""
    first = lines[0]
    if first.startswith("#") or _is_fence(first) or len(first) > _SENTENCE_CHARS:
        return lines
    rest = lines[1:]
    if rest and not rest[0].strip():
        return rest[1:]
    return rest if rest and _is_fence(rest[0]) else lines


def _within_fence(lines: list[str]) -> list[str] | None:
    """What the fence around the lines holds, None without one that is unmistakable."""
    outer = Fence.opened_by(lines[0]) if lines else None
    if outer is None or outer.indent or outer.info.lower() not in _MARKDOWN:
        return None
    body = lines[1:]
    if len(body) > 2 and not _is_fence(body[-1]) and len(body[-1]) <= _SENTENCE_CHARS:
        body = body[:-1]
        while body and not body[-1].strip():
            body.pop()
    if not body or not outer.closed_by(body[-1]):
        return None
    body = body[:-1]
    inner: Fence | None = None
    for line in body:
        if inner is not None:
            inner = None if inner.closed_by(line) else inner
        elif outer.closed_by(line):
            return None  # it may close the outer fence: then what follows is no document
        else:
            inner = Fence.opened_by(line)
    return body if inner is None else None


def _is_fence(line: str) -> bool:
    return Fence.opened_by(line) is not None


def _is_title(line: str, name_hint: str) -> bool:
    words = PurePath(name_hint).stem.replace("_", " ").replace("-", " ")
    pattern = rf"# {re.escape(words)}(?:\W.*)?"
    return re.fullmatch(pattern, line.replace("-", " ").rstrip(), re.IGNORECASE) is not None


def _is_one_document(lines: list[str]) -> bool:
    if any(_NOT_TEXT.search(line) for line in lines):
        return False
    document = scan("\n".join(lines))
    levels = [heading.level for heading in document.headings]
    return levels.count(1) == 1 and 2 in levels and document.unclosed is None
