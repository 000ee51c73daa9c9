"""Relative links whose file is not there."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from urllib.parse import unquote

from agentd.documents.report import Issue
from agentd.late_pattern import late_pattern
from agentd.markdown.document import Document
from agentd.markdown.spans import without_code

MAX_CHECKED = 3_000
_INLINE = late_pattern(
    r"\]\([ \t]{0,9}(?:<([^<>\n]{0,1000})>"
    r"|([^()\s\]\[]{1,1000}(?:\([^()\s]{0,200}\)[^()\s\]\[]{0,200})?))"
)
_REFERENCE = late_pattern(r"^ {0,3}\[[^\]\[]{1,200}\]:[ \t]{1,9}<?([^\s<>]{1,1000})>?")
_ABSOLUTE = late_pattern(r"^(?:[A-Za-z][A-Za-z0-9+.-]{1,30}:(?!\d+$)|//|/|#|$)")
_PLACE = late_pattern(r"(?:[?#].*|:\d+(?:[-:]\d+)?)$")


def broken_links(document: Document, path: str, exists: Callable[[str], bool]) -> Iterator[Issue]:
    """A warning for each relative link to nothing.

    ``path`` is the document's, relative to the project; a target counts from the document's folder
    or from the project's root. ``exists`` tells whether such a path is there. At most 3,000
    targets are looked up.
    """
    known: dict[str, bool] = {}
    folder = posixpath.dirname(path)
    for number, target in _targets(document):
        if target not in known:
            if len(known) >= MAX_CHECKED:
                yield _issue(path, number, f"more than {MAX_CHECKED:,} links; the rest unchecked")
                return
            places = [posixpath.normpath(posixpath.join(base, target)) for base in (folder, "")]
            known[target] = any(not p.startswith("..") and exists(p) for p in places)
        if not known[target]:
            yield _issue(path, number, f"the link to {target[:200]} leads to no file")


def _targets(document: Document) -> Iterator[tuple[int, str]]:
    """The relative targets of inline links, images and definitions, without line and anchor."""
    for number, line in document.numbered():
        if "](" not in line and "]:" not in line:
            continue
        plain = without_code(line)
        found = [match[1] or match[2] or "" for match in _INLINE.finditer(plain)]
        if definition := _REFERENCE.match(plain):
            found.append(definition[1])
        for target in found:
            if not _ABSOLUTE.match(target):
                bare = unquote(_PLACE.sub("", target))
                if bare and "\0" not in bare:
                    yield number, bare


def _issue(path: str, line: int, message: str) -> Issue:
    fix = "Name a file from this document's folder or from the project's root."
    return Issue("warning", "broken-link", path, line, message, fix)
