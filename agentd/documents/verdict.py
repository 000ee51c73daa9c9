"""What a document that judges says, in one reading for the loops, ``status`` and the forecast."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from agentd.frozen import frozen
from agentd.markdown.document import scan
from agentd.project.change import Change

NOT_COVERED = "## Not covered (added by agentd)"
"""The heading in an approving review under which agentd lists what the review says nothing of."""

FAILED_CHECKS = "## Failed checks (added by agentd)"
"""The heading under which agentd lists required checks that fail: no document with it approves."""

_CHOICE = re.compile(r"^\s*[-*+]\s*\[(?P<mark>.)\]\s*(?P<text>.*)$")
# Possessive: a line of thousands of underscores takes no time.
_WORD = re.compile(r"^[\s*_`]*+([A-Za-z][A-Za-z_]*+)[\s*_`.!]*+(?:[-–—:(].*)?$")
_LABEL = re.compile(r"^\s*[*_]*Verdict[*_]*\s*:[*_]*\s*(.+)$", re.IGNORECASE)


@frozen(kw_only=True)
class Judgement:
    """A document that judges, and the verdicts it may give, the approving one first.

    ``covers``: it approves only with a full table of what implements and tests each scenario, and
    asks for changes with its second verdict otherwise.
    """

    document: str
    verdicts: tuple[str, ...]
    covers: bool = False


def verdict_of(change: Change, judgement: Judgement | None) -> str | None:
    """What the document says; None where there is none, it gives none, or no step judges.

    A skeleton left unfilled approves nothing. A review that approves but does not say of each
    scenario where it is implemented and tested asks for changes; so does one to which agentd added
    a required check that fails.
    """
    document = change.text(judgement.document) if judgement else None
    if judgement is None or document is None:
        return None
    approving, *others = judgement.verdicts
    verdict = read_verdict(document, judgement.verdicts)
    if verdict != approving:
        return verdict
    from agentd.documents.placeholders import is_skeleton  # `agentd status` rarely gets here

    if is_skeleton(document):
        return None
    if FAILED_CHECKS in (line.strip() for _, line in scan(document).numbered()):
        return others[0]
    return others[0] if judgement.covers and uncovered(change, judgement) else verdict


def uncovered(change: Change, judgement: Judgement) -> list[str]:
    """The requirements and scenarios of the change that the review has no full row for."""
    names = [path.relative_to(change.folder).as_posix() for path in change.documents("specs")]
    specs = tuple((name, change.text(name)) for name in names)
    return list(_uncovered(change.text(judgement.document) or "", specs))


@lru_cache(maxsize=4)  # of one review it is asked several times
def _uncovered(review: str, specs: tuple[tuple[str, str | None], ...]) -> tuple[str, ...]:
    from agentd.documents.coverage import missing_coverage
    from agentd.specs.deltas import parse_delta
    from agentd.specs.model import SpecError

    unread = [f"{name} can't be read" for name, text in specs if text is None]
    if unread:
        return tuple(unread)
    try:
        deltas = [parse_delta(text or "", name) for name, text in specs]
    except SpecError as error:
        return (error.message,)
    return tuple(missing_coverage(review, deltas))


def read_verdict(document: str, allowed: Sequence[str]) -> str | None:
    """The one verdict given under the heading "Verdict"; None when there is none, or two.

    Taken are ``- [x] APPROVED``, ``**Verdict**: APPROVED`` and a bare ``APPROVED``. A list with
    no box ticked, as in a skeleton, is no verdict; nor is a word in a sentence, a quotation, a
    comment or a code block.
    """
    found = {name for line in _section(document) for name in _given(line, allowed)}
    return found.pop() if len(found) == 1 else None


def _section(document: str) -> list[str]:
    """The lines below headings named Verdict, and lines like ``**Verdict**: X`` anywhere."""
    text = scan(document)
    headings = {heading.line: heading.title for heading in text.headings}
    lines: list[str] = []
    inside = False
    for number, line in text.numbered():
        if number in headings:
            name, _, rest = headings[number].partition(":")
            inside = name.strip(" *_").lower() == "verdict"
            lines += [rest] if inside and rest else []
        elif label := _LABEL.match(line):
            lines.append(label[1])
        elif inside:
            lines.append(line)
    return lines


def _given(line: str, allowed: Sequence[str]) -> list[str]:
    """The verdicts that one line gives."""
    choice = _CHOICE.match(line)
    if choice and choice["mark"] not in "xX✓✔":
        return []
    text = choice["text"] if choice else line
    word = _WORD.match(text)
    name = word[1].upper().strip("_") if word else ""
    return [name] if name in allowed else []
