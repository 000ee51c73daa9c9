"""What a proposal.md must hold, and what every document must."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from agentd.documents.report import Issue, Severity
from agentd.late_pattern import late_pattern
from agentd.markdown.document import Document, Heading

NEEDED = ("Why", "What changes")
_NEEDED = late_pattern(r"(?<![a-z0-9])(why|what changes)(?![a-z0-9])")
_LAST_LATIN = "\u024f"


def proposal_issues(document: Document, path: str) -> Iterator[Issue]:
    """The sections "Why" and "What changes" are there and say something, and it has a title.

    Their headings may stand at any level, in any case, numbered, or beside a translation
    (``## 为什么 (Why)``). A heading in another script alone can't be told, so that is a warning.
    """
    sections = [(heading, _section(heading)) for heading in document.headings]
    known = {name for _, name in sections}
    foreign = sum(
        heading.level > 1 and not name and any(letter > _LAST_LATIN for letter in heading.title)
        for heading, name in sections
    )
    missing = [name for name in NEEDED if name not in known]
    severity: Severity = "warning" if foreign >= len(missing) else "error"
    for name in missing:
        text = f'there is no section "## {name}"'
        fix = f'Write it; in another language: "## ... ({name})".'
        yield Issue(severity, "missing-section", path, None, text, fix)
    if not any(heading.level == 1 for heading in document.headings):
        yield Issue("info", "no-title", path, 1, 'there is no title "# Proposal: ..."')


def common_issues(document: Document, path: str, needed: Collection[str] = ()) -> Iterator[Issue]:
    """Sections without a word, and a code block or comment that is never closed.

    An empty section named in ``needed`` is an error, another one a warning.
    """
    for heading in document.headings:
        if document.is_empty(heading):
            title = f"{'#' * heading.level} {heading.title}".rstrip()
            severity: Severity = "error" if _section(heading) in needed else "warning"
            text = f'nothing stands under "{title[:100]}"'
            fix = "Write it, or take the heading out."
            yield Issue(severity, "empty-section", path, heading.line, text, fix)
    if document.unclosed is not None:
        text = "the code block or comment that begins here is never closed"
        fix = "Close it: what follows it is not read."
        yield Issue("warning", "unclosed", path, document.unclosed, text, fix)


def _section(heading: Heading) -> str | None:
    """Which needed section a heading opens."""
    match = _NEEDED.search(heading.title.casefold())
    return match[1].capitalize() if match else None
