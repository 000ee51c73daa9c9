"""What a document that judges says, in one reading for the loops, ``status`` and the forecast."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from agentd.documents.verdict_forms import condition_of, verdicts_in
from agentd.frozen import frozen
from agentd.markdown.document import scan
from agentd.project.change import Change
from agentd.text import some_of

if TYPE_CHECKING:
    from agentd.documents.coverage import Gap

NOT_COVERED = "## Not covered (added by agentd)"
"""The heading in an approving review under which agentd lists what the review finds missing."""

FAILED_CHECKS = "## Failed checks (added by agentd)"
"""The heading under which agentd lists required checks that fail: no document with it approves."""

_NAMED = 10


@frozen(kw_only=True)
class Judgement:
    """What a step judges in: its document, and the verdicts it may give, the approving one first.

    ``covers``: it approves only with a full table of what implements and tests each scenario, and
    asks for changes with its second verdict where the table says that something is missing.
    """

    step: str
    document: str
    verdicts: tuple[str, ...]
    covers: bool = False


@frozen()
class Ruling:
    """What a judge's document comes to.

    ``verdict`` is None where it gives none, or approves in a way that can't be taken; ``doubt``
    then says to the judge what is wrong, "" otherwise.
    """

    verdict: str | None
    doubt: str = ""


def verdict_of(change: Change, judgement: Judgement | None) -> str | None:
    """What the document says; None where there is none, it gives none, or no step judges."""
    return ruling_of(change, judgement).verdict


def ruling_of(change: Change, judgement: Judgement | None) -> Ruling:
    """What the document says, and why it can't be taken.

    A skeleton left unfilled approves nothing. A review to which agentd added a required check that
    fails, or whose table says that a scenario is not implemented or not tested, asks for changes.
    An approval is in doubt under a condition, beside an open issue of High severity, or without a
    row for each scenario: the judge is asked again, nobody pays for changes that nobody asked for.
    Not where a person has edited the document since, in more than spaces and line ends: what they
    ticked counts.
    """
    document = change.text(judgement.document) if judgement else None
    if judgement is None or document is None:
        return Ruling(None)
    approving, *others = judgement.verdicts
    verdict = read_verdict(document, judgement.verdicts)
    if verdict is None:
        return Ruling(
            None, "it gives no verdict: one box under Verdict must be ticked, and only one"
        )
    if verdict != approving:
        return Ruling(verdict)
    from agentd.documents.placeholders import is_skeleton  # `agentd status` rarely gets here

    if is_skeleton(document):
        return Ruling(None, "it is the skeleton, not filled in")
    is_red = FAILED_CHECKS in (line.strip() for _, line in scan(document).numbered())
    if is_red or (judgement.covers and uncovered(change, judgement)):
        return Ruling(others[0])
    doubt = _doubt(change, judgement, document)
    judged = judged_text(change, judgement) if doubt else None
    is_taken = not doubt or (judged is not None and judged.split() != document.split())
    return Ruling(verdict) if is_taken else Ruling(None, doubt)


def judged_text(change: Change, judgement: Judgement) -> str | None:
    """The document as the judge left it last; None where its run is not there."""
    calls = change.state.calls
    good = [call.id for call in calls if call.step == judgement.step and call.status == "ok"]
    return change.text(f"runs/{good[-1]}/{judgement.document}") if good else None


def uncovered(change: Change, judgement: Judgement) -> list[str]:
    """What the review itself says is missing, of the scenarios of the change."""
    return [gap.told for gap in _gaps(change, judgement) if gap.is_said]


def _doubt(change: Change, judgement: Judgement, document: str) -> str:
    from agentd.documents.review_issues import issues_of

    approving = judgement.verdicts[0]
    if condition := condition_of(document, approving):
        return f'it says {approving} under a condition: "{condition[:200]}"'
    severe = [
        issue.title for issue in issues_of(document) if issue.is_severe and not issue.is_closed
    ]
    if severe:
        return f"it says {approving}, and an issue of High severity is open: {severe[0][:200]}"
    if judgement.covers and (rows := [gap.told for gap in _gaps(change, judgement)]):
        return f"its table Coverage is not complete: {some_of(rows, _NAMED)}"
    return ""


def _gaps(change: Change, judgement: Judgement) -> Sequence[Gap]:
    names = [path.relative_to(change.folder).as_posix() for path in change.documents("specs")]
    specs = tuple((name, change.text(name)) for name in names)
    return _gaps_of(change.text(judgement.document) or "", specs)


@lru_cache(maxsize=4)  # of one review it is asked several times
def _gaps_of(review: str, specs: tuple[tuple[str, str | None], ...]) -> tuple[Gap, ...]:
    from agentd.documents.coverage import Gap, missing_coverage
    from agentd.specs.deltas import parse_delta
    from agentd.specs.model import SpecError

    unread = [Gap(f"{name} can't be read", is_said=True) for name, text in specs if text is None]
    if unread:
        return tuple(unread)
    try:
        deltas = [parse_delta(text or "", name) for name, text in specs]
    except SpecError as error:
        return (Gap(error.message, is_said=True),)
    return tuple(missing_coverage(review, deltas))


def read_verdict(document: str, allowed: Sequence[str]) -> str | None:
    """The one verdict given under the heading "Verdict"; None when there is none, or two."""
    found = set(verdicts_in(document, allowed))
    return found.pop() if len(found) == 1 else None
