"""The steps of a change, as a table. A new step is one row here and one prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One kind of LLM call.

    ``name`` is the step string of the ledger and the prompt's file name, ``provider`` the one that
    runs it when the config names none. ``phases`` are those it may start from, ``phase`` the one
    it leads to when it succeeded, ``next`` the command after it. Where the step ends in a verdict,
    ``verdicts`` gives both for each. ``reads`` must be there before, ``writes`` after; both are
    files of the change's folder, ``specs`` stands for at least one spec.
    """

    name: str
    command: str
    provider: str
    phases: tuple[str, ...]
    phase: str | None
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    next: str | None = None
    verdicts: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)


STEPS: dict[str, Step] = {
    step.name: step
    for step in (
        Step(
            name="proposal",
            command="proposal",
            provider="gemini",
            phases=("proposed",),
            phase="proposed",
            writes=("proposal.md", "tasks.md", "specs"),
            next="challenge",
        ),
        Step(
            name="challenge",
            command="challenge",
            provider="codex",
            phases=("proposed", "challenged"),
            phase="challenged",
            reads=("proposal.md", "tasks.md", "specs"),
            writes=("CHALLENGE.md",),
            verdicts={
                "APPROVED": ("challenged", "implement"),
                "NEEDS_REVISION": ("challenged", "reproposal"),
                "REJECTED": ("rejected", "reproposal"),
            },
        ),
        Step(
            name="reproposal",
            command="reproposal",
            provider="gemini",
            phases=("proposed", "challenged", "rejected"),
            phase="proposed",
            reads=("proposal.md", "tasks.md", "specs", "CHALLENGE.md"),
            writes=("proposal.md", "tasks.md", "specs"),
            next="challenge",
        ),
        Step(
            name="implementation",
            command="implement",
            provider="claude",
            phases=("proposed", "challenged", "implementing"),
            phase="implementing",
            reads=("proposal.md", "tasks.md", "specs"),
            writes=("IMPLEMENTATION.md",),
            next="review",
        ),
        Step(
            name="review",
            command="review",
            provider="codex",
            phases=("implementing", "complete"),
            phase="implementing",
            reads=("proposal.md", "tasks.md", "specs", "IMPLEMENTATION.md"),
            writes=("REVIEW.md",),
            verdicts={
                "APPROVED": ("complete", "archive"),
                "NEEDS_CHANGES": ("implementing", "resolve"),
                "MAJOR_ISSUES": ("implementing", "resolve"),
            },
        ),
        Step(
            name="resolve",
            command="resolve",
            provider="claude",
            phases=("implementing", "complete"),
            phase="implementing",
            reads=("tasks.md", "specs", "REVIEW.md"),
            writes=("IMPLEMENTATION.md",),
            next="review",
        ),
        Step(
            name="merge",
            command="merge",
            provider="gemini",
            phases=("implementing", "complete"),
            phase=None,
            reads=("specs",),
            next="archive",
        ),
        Step(
            name="archive",
            command="archive",
            provider="gemini",
            phases=("implementing", "complete"),
            phase=None,
            reads=("proposal.md",),
        ),
        Step(
            name="archive-review",
            command="archive",
            provider="codex",
            phases=("implementing", "complete"),
            phase=None,
            reads=("specs",),
            writes=("ARCHIVE_REVIEW.md",),
            verdicts={
                "APPROVED": (None, None),
                "NEEDS_FIX": (None, "archive"),
                "REJECTED": (None, "resolve"),
            },
        ),
        Step(
            name="fillback",
            command="fillback",
            provider="gemini",
            phases=("proposed", "complete"),
            phase="complete",
            writes=("proposal.md", "tasks.md", "specs"),
            next="archive",
        ),
    )
}

PHASES = ("proposed", "challenged", "rejected", "implementing", "complete", "archived")

# The command that comes next in a phase, when a person asks or is in the wrong one.
NEXT_COMMAND = {
    "proposed": "challenge",
    "challenged": "implement",
    "rejected": "reproposal",
    "implementing": "review",
    "complete": "archive",
}
