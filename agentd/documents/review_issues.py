"""The issues of a challenge, a review or an archive review, in the forms models write them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from agentd.documents.name_key import name_key
from agentd.documents.tables import rows_of
from agentd.frozen import frozen
from agentd.late_pattern import late_pattern
from agentd.markdown.document import Document, Heading, scan

# Titles as models write them: a number, a severity and a place around what matters.
_WORD = (
    "critical|blocker|blocking|major|high|severe|medium|moderate|low|minor|trivial|nit|info|p[0-3]"
)
_TITLE_NUMBER = late_pattern(
    r"^[\s*_`#\[(]{0,6}(?:(?:issue|finding|problem)[ \t]*#?\d{1,4}(?!\w)"
    r"|(?:[a-z]{1,2}-?|#)?\d{1,4}(?=[\])*_`]{0,4}[:.)\]–—]|[ \t]-[ \t]))"
    r"[\s*_`\]]{0,6}[:.)–—-]{0,2}[\s*_`]{0,6}",
    re.IGNORECASE,
)
_TAG = late_pattern(
    rf"^\W{{0,6}}(?:severity[ \t]*[:=][ \t]*)?(?:{_WORD})(?=[ \t]{{0,2}}[:：\])*_–—]|[ \t]-[ \t])"
    r"[\s:：\])*_–—-]{1,8}",
    re.IGNORECASE,
)
_INSIDE = late_pattern(
    rf"[\[(][ \t]*(?:severity[ \t]*:[ \t]*)?(?:{_WORD})(?:[ \t]*[,;/][^\[\]()]{{0,200}})?[\])]",
    re.IGNORECASE,
)
_GROUP = late_pattern(
    rf"^\W{{0,4}}(?:{_WORD})(?:[ \t-]+(?:severity|priority))?"
    r"(?:[ \t]+(?:issues|findings))?\W{0,4}$",
    re.IGNORECASE,
)
_SEVERITY = late_pattern(rf"\b(?:{_WORD})\b", re.IGNORECASE)
_SEVERE = ("critical", "blocker", "blocking", "major", "high", "severe", "p0", "p1")
_STATUS_CLOSED = late_pattern(
    r"^\W*(?:already\s+)?(?:resolved|fixed|closed|done|addressed|settled)\b", re.IGNORECASE
)
_TITLE_CLOSED = late_pattern(
    r"[\[(](?:resolved|fixed|closed|addressed)\b[^\])]*[\])]|^\W*(?:resolved|fixed|closed)[*_]*:"
    r"|^[\s*_]*(?:~~.*~~|[✅✔☑])",
    re.IGNORECASE,
)
_NOTHING = late_pattern(
    r"^\W*(?:none|nothing|n/?a|no(?:[ \t]\w+){0,3}[ \t](?:issues?|findings?|problems?))?"
    r"(?:[ \t](?:were|was|are|is))?(?:[ \t](?:found|left|open|remain|remaining|to report))?\W*$",
    re.IGNORECASE,
)
_MAX_TITLE = 500
_PLACE = late_pattern(r"[\w./-]{1,120}\.\w{1,9}(?::\d+|#L\d+)")
_SECTION = late_pattern(
    r"^[\d.)\s]*(?:\w+ )?(?:issues|findings|problems)\b(?!.*\b(?:resolved|fixed|closed)\b)",
    re.IGNORECASE,
)
_NUMBERED = late_pattern(r"^\W{0,4}(?:issue|finding|problem)[ \t]*#?\d", re.IGNORECASE)
_FIELD = late_pattern(
    r"^[ \t]*(?:[-*+][ \t]+)?[*_]{0,2}"
    r"(severity|priority|status|resolution|where|location|file|files|path|place)"
    r"[*_]{0,2}[ \t]*[:：][*_]{0,2}[ \t]*(.*)$",
    re.IGNORECASE,
)
_FIELD_NAMES = {
    "severity": "severity",
    "priority": "severity",
    "status": "status",
    "resolution": "status",
}
_ITEM = late_pattern(r"^([ \t]*)(?:[-*+]|\d{1,4}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?(\S.*)$")
_LINE_NUMBER = late_pattern(r"[:#]L?\d[\d:L–-]*|,?\s?\blines?\s\d[\d–-]*")


@frozen()
class ReviewIssue:
    """An issue a reviewer raised: ``where`` is a file or heading, "" when none is given.

    ``is_severe``: of High severity or worse; ``is_closed``: it says itself that it is resolved.
    """

    title: str
    where: str
    is_severe: bool = False
    is_closed: bool = False


def issues_of(document: str) -> list[ReviewIssue]:
    """What stands under "Issues", and headings such as ``### Issue 1: ...`` anywhere.

    Issues are headings with ``- Severity: High`` and ``- Where: ...`` below, list items
    (``- **High**: title``, ``1. [Low] title``), the same under ``### High``, or rows of a table.
    "none" is no issue. Severities are left out of titles.
    """
    text = scan(document)
    found: list[ReviewIssue] = []
    done_to = 0
    headings = text.headings
    for place, heading in enumerate(headings):
        if heading.line <= done_to:
            continue
        if _NUMBERED.match(heading.title):
            found.append(_heading_issue(text, heading))
        elif _SECTION.match(heading.title):
            found += _below(text, heading, _inner(headings, place))
            done_to = heading.end
    return found


def fingerprint(document: str) -> frozenset[str]:
    """The issues of a document as far as two rounds can be compared: titles and files.

    Numbers of issues and lines, case and punctuation are left out.
    """
    return frozenset(
        f"{_plain(issue.title)} @ {_plain(issue.where)}" for issue in issues_of(document)
    )


def _inner(headings: Sequence[Heading], place: int) -> list[Heading]:
    """The headings below one."""
    last = bisect_right(headings, headings[place].end, key=lambda heading: heading.line)
    return list(headings[place + 1 : last])


def _below(
    text: Document, parent: Heading, inner: Sequence[Heading], group: str = ""
) -> Iterator[ReviewIssue]:
    """The issues under a heading: items before its sub-headings, and these themselves.

    ``group`` is the heading that says how severe they are, where one does.
    """
    level = min((heading.level for heading in inner), default=0)
    places = [place for place, heading in enumerate(inner) if heading.level == level]
    end = inner[0].line - 1 if inner else parent.end
    yield from _items(text, parent.line + 1, end, group)
    yield from _rows(text, parent.line + 1, end, group)
    for place in places:
        heading = inner[place]
        if _names_group(heading.title) and "severity" not in _fields(text, heading):
            yield from _below(text, heading, _inner(inner, place), heading.title)
        elif not _is_nothing(heading.title):
            yield _heading_issue(text, heading, group)


def _heading_issue(text: Document, heading: Heading, group: str = "") -> ReviewIssue:
    return _issue(heading.title, _fields(text, heading), group)


def _issue(written: str, fields: Mapping[str, str], group: str) -> ReviewIssue:
    """An issue by its title as written, and the fields below it."""
    title = _bare_title(written)
    return ReviewIssue(
        title,
        fields.get("where") or _place_in(written),
        is_severe=_is_severe(fields.get("severity") or _tag_of(written) or group),
        is_closed=any(map(_TITLE_CLOSED.search, (written, title)))
        or _STATUS_CLOSED.match(fields.get("status", "")) is not None,
    )


def _items(text: Document, start: int, end: int, group: str) -> Iterator[ReviewIssue]:
    """List items and bold lines; what is deeper, or a field, belongs to the one before."""
    drafts: list[tuple[int, list[str]]] = []
    for _, line in text.numbered(start, end):
        match = _ITEM.match(line)
        bold = line.startswith("**") and not _FIELD.match(line)
        if bold:
            drafts.append((0, [line]))
        elif match and not (drafts and (_FIELD.match(line) or len(match[1]) > drafts[-1][0])):
            drafts.append((len(match[1]), [match[2]]))
        elif drafts:
            drafts[-1][1].append(line)
    for _, (first, *rest) in drafts:
        title = _bare_title(first)
        if title and not _is_nothing(title):
            yield _issue(first, _read_fields(rest), group)


def _rows(text: Document, start: int, end: int, group: str) -> Iterator[ReviewIssue]:
    """Issues as rows of a table."""
    for row in rows_of(text, start, end):
        title = row.cell("issue", "title", "problem", "finding", "description") or ""
        if title and not _is_nothing(title):
            fields = {
                "where": _stripped(row.cell("where", "location", "file", "place") or ""),
                "severity": row.cell("severity", "priority") or "",
                "status": row.cell("status", "resolution") or "",
            }
            issue = _issue(title, fields, group)
            yield replace(issue, title=_stripped(title), where=fields["where"])


def _fields(text: Document, heading: Heading) -> dict[str, str]:
    return _read_fields(line for _, line in text.numbered(heading.line + 1, heading.end))


def _read_fields(lines: Iterable[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for match in filter(None, map(_FIELD.match, lines)):
        fields.setdefault(_FIELD_NAMES.get(match[1].lower(), "where"), _stripped(match[2]))
    return fields


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", name_key(_LINE_NUMBER.sub("", text))))


def _bare_title(text: str) -> str:
    """A title without its number and its severity; at most 500 characters."""
    text = text[:_MAX_TITLE]
    tagged = False
    for _ in range(2):
        text = _TITLE_NUMBER.sub("", text, count=1)
        if tag := _TAG.match(text):
            tagged, text = True, text[tag.end() :]
    return _stripped(text if tagged else _INSIDE.sub("", text, count=1))


def _tag_of(written: str) -> str:
    """The severity before or within a title, "" without one."""
    text = _TITLE_NUMBER.sub("", written[:_MAX_TITLE], count=1)
    tag = _TAG.match(text) or _INSIDE.search(text)
    return tag[0] if tag else ""


def _is_severe(text: str) -> bool:
    word = _SEVERITY.search(text)
    return word is not None and word[0].lower() in _SEVERE


def _names_group(title: str) -> bool:
    """Whether a heading only says how severe the issues below are: "High severity issues"."""
    return _GROUP.match(title) is not None


def _is_nothing(title: str) -> bool:
    """Whether a title says that there is no issue."""
    return bool(_NOTHING.match(title[:100]))


def _place_in(text: str) -> str:
    """The first ``path:line`` of a text, "" without one."""
    match = _PLACE.search(text[:_MAX_TITLE])
    return match[0] if match else ""


def _stripped(text: str) -> str:
    """A text without the markup and the colon around it."""
    return text.strip(" \t*_`:：")
