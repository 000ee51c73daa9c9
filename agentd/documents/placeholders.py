"""What was left unfilled: lines of the skeletons, ``<...>``, ``{{x}}``, TODO, lorem ipsum."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from agentd.documents.report import Issue
from agentd.late_pattern import late_pattern
from agentd.markdown.document import Document, scan
from agentd.markdown.spans import without_code

SKELETONS = Path(__file__).parent / "skeletons"
_ANGLE = late_pattern(r"(?<![\w<])(?<!\]\()<([^\W\d_][^<>]{0,120})>")
_FIELD = late_pattern(r"\{\{[ \t]{0,9}[\w.]{1,80}[ \t]{0,9}\}\}")
_TO_DO = late_pattern(r"(?<![\w-])(TODO|TBD|FIXME|XXX)(?![\w-])")
_LOREM = late_pattern(r"\blorem ipsum\b", re.IGNORECASE)
# HTML that Markdown texts use in prose; other single words in angle brackets are placeholders.
_HTML = late_pattern(
    r"(?:a|abbr|b|blockquote|body|br|button|code|dd|del|details|div|dl|dt|em|footer|form|h[1-6]|"
    r"head|header|hr|html|i|img|input|ins|kbd|label|li|link|main|meta|nav|ol|option|p|pre|s|samp|"
    r"script|section|select|small|span|strong|style|sub|summary|sup|svg|table|tbody|td|template|"
    r"textarea|th|thead|title|tr|u|ul|var|video)\Z"
)


def left_placeholders(document: Document, path: str) -> Iterator[Issue]:
    """An error for each line left as the skeleton has it, a warning for what looks unfilled."""
    skeleton = _skeleton_lines()
    for number, line in document.numbered():
        if "<" in line and line.strip() in skeleton:
            text = f"{_short(line.strip())} is left as the skeleton has it"
            fix = "Write what it asks for, or take the line out."
            yield Issue("error", "placeholder", path, number, text, fix)
        elif found := _unfilled(line):
            text = f"{_short(found)} looks like a placeholder"
            fix = "Write what is meant; put it in `backticks` if it is meant so."
            yield Issue("warning", "placeholder", path, number, text, fix)


def is_skeleton(document: str) -> bool:
    """Whether a document is empty, or still has a line that its skeleton wants filled."""
    text = scan(document)
    if not any(line.strip() for line in text.lines):
        return True
    skeleton = _skeleton_lines()
    return any("<" in line and line.strip() in skeleton for _, line in text.numbered())


@cache
def _skeleton_lines() -> frozenset[str]:
    """The lines of the package's skeletons that a model has to fill."""
    files = sorted(SKELETONS.glob("*.md"))
    lines = (line for file in files for line in file.read_text(encoding="utf-8").splitlines())
    return frozenset(line.strip() for line in lines if "<" in line and "{{" not in line)


def _unfilled(line: str) -> str | None:
    """The first thing of a line that looks unfilled; code spans aside."""
    if not ("<" in line or "{{" in line or _TO_DO.search(line) or _LOREM.search(line)):
        return None
    line = without_code(line)
    for pattern in (_FIELD, _TO_DO, _LOREM):
        if match := pattern.search(line):
            return match[0]
    return next((match[0] for match in _ANGLE.finditer(line) if not _is_markup(match[1])), None)


def _is_markup(inside: str) -> bool:
    """Whether ``<inside>`` is HTML, a link or an address."""
    name = re.split(r"[\s/]", inside, maxsplit=1)[0].lower()
    return bool(_HTML.match(name)) or "=" in inside or ":" in name or "@" in inside


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."
