"""The work a step owes: its documents, its verdict, and what follows for the change's state."""

from __future__ import annotations

from pathlib import Path

from agentd.files import write_atomic
from agentd.state.changes import Changes
from agentd.workflow.documents.source import read_text
from agentd.workflow.documents.verdict_documents import is_skeleton, missing_coverage
from agentd.workflow.specs.parse import SpecError, parse_delta
from agentd.workflow.steps import Step
from agentd.workflow.verdicts import NOT_COVERED, read_verdict

_FIRST = ("proposal", "implementation", "archive", "fillback")
_MENDING = ("reproposal", "resolve", "archive-fix")


def documents_of(change: Path, name: str) -> list[Path]:
    """The files that a name of the step table stands for, those that are there."""
    if name in ("specs", "merged"):
        return sorted(path for path in (change / name).rglob("*.md") if path.is_file())
    return [change / name] if (change / name).is_file() else []


def verdict_of(change: Path, step: Step) -> str | None:
    """What the document of a judging step says; None for no verdict, and for other steps.

    A skeleton left unfilled approves nothing. A review that approves but does not say of each
    scenario where it is implemented and tested asks for changes.
    """
    document = read(change / step.writes[0]) if step.verdicts else None
    if document is None:
        return None
    verdict = read_verdict(document, tuple(step.verdicts))
    if verdict == "APPROVED" and is_skeleton(document):
        return None
    if step.name == "review" and verdict == "APPROVED" and uncovered(change):
        return "NEEDS_CHANGES"
    return verdict


def uncovered(change: Path) -> list[str]:
    """The requirements and scenarios that REVIEW.md has no full row for."""
    specs = {path: read(path) for path in documents_of(change, "specs")}
    unread = [f"{path.name} can't be read" for path, text in specs.items() if text is None]
    if unread:
        return unread
    try:
        deltas = [parse_delta(text or "", str(path)) for path, text in specs.items()]
    except SpecError as error:
        return [error.message]
    return missing_coverage(read(change / "REVIEW.md") or "", deltas)


def advance(change: Path, step: Step, iteration: int | None, *, small: bool = False) -> Changes:
    """What STATE.yaml says once the work of ``step`` is there."""
    phase = step.phase
    if step.verdicts:
        phase, _ = step.verdicts.get(verdict_of(change, step) or "", (None, None))
    counted = None
    if step.name in _FIRST:
        counted = 1
    elif step.name in _MENDING:
        counted = (iteration or 1) + 1
    return Changes(phase="challenged" if small else phase, iteration=counted, last_action=step.name)


def note_uncovered(change: Path) -> None:
    """Add to an approving review, as issues, the scenarios that it says nothing of."""
    document = change / "REVIEW.md"
    text = read(document)
    if text is None:
        return
    missing = uncovered(change)
    if missing and NOT_COVERED not in text:
        rows = "".join(
            f"\n### Issue C{number}: {sentence}\n- Severity: High\n- Where: REVIEW.md, Coverage\n"
            for number, sentence in enumerate(missing, 1)
        )
        write_atomic(document, f"{text.rstrip()}\n\n{NOT_COVERED}\n{rows}".encode())


def read(path: Path) -> str | None:
    """A document's text; None when it is not there, or is what ``validate`` refuses to read."""
    refused, text = read_text(path)
    return None if refused else text
