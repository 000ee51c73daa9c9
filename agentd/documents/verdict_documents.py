"""CHALLENGE.md, REVIEW.md and ARCHIVE_REVIEW.md: what the loops ask of them."""

from __future__ import annotations

from agentd.documents.coverage import CoverageRow, coverage_of, missing_coverage
from agentd.documents.markdown import scan
from agentd.documents.placeholders import skeleton_lines
from agentd.documents.review_issues import ReviewIssue, fingerprint, issues_of

__all__ = [
    "CoverageRow",
    "ReviewIssue",
    "coverage_of",
    "fingerprint",
    "is_skeleton",
    "issues_of",
    "missing_coverage",
]


def is_skeleton(document: str) -> bool:
    """Whether a document is empty, or still has a line that its skeleton wants filled."""
    text = scan(document)
    if not any(line.strip() for line in text.lines):
        return True
    skeleton = skeleton_lines()
    return any("<" in line and line.strip() in skeleton for _, line in text.numbered())
