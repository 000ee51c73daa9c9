"""The steps of a change, as a table. A new step is one row here and one prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from agentd.frozen import frozen

if TYPE_CHECKING:
    from agentd.documents.verdict import Judgement
    from agentd.providers.provider import Provider, Work


@frozen(kw_only=True)
class Step:
    """One kind of LLM call.

    ``name`` is the step string of the ledger and the prompt's name. ``phases`` are those it may
    start from, ``phase`` the one it leads to; a step that judges leads to the phase that
    ``verdicts`` has for its verdict. ``reads`` must be there before, ``writes`` after; both are
    files of the change's folder, ``specs`` stands for at least one spec, ``merged`` for the folder
    of that name. ``touches`` may be changed besides; ``code``: so may the project's own files.
    ``continues`` are the steps whose session it goes on with, the best first.

    ``help`` is that of its command; "" where ``agentd.cli`` writes the command out. ``fields`` are
    the placeholders of its prompt besides those of all. ``small_prompt`` is the one for a small
    change, which leads to ``small_phase``.

    What makes it different: it ``starts_rounds`` (iteration 1) or ``mends`` what a judge found (one
    more) and a person has said (``takes_feedback``); its document ``covers`` each scenario, or
    approves nothing; it ``takes_description``; the documents are validated before it
    (``validates_first``); the project's checks run before it (``runs_checks``): of a step that
    judges they decide whether it is paid for, of one that codes they are what later ones are
    compared with. It ``plans``: the requirements it changes are remembered as they are now.
    """

    name: str
    command: str
    phases: tuple[str, ...]
    phase: str | None = None
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()
    code: bool = False
    verdicts: Mapping[str, str | None] = field(default_factory=dict)
    continues: tuple[str, ...] = ()
    help: str = ""
    fields: tuple[str, ...] = ()
    small_prompt: str | None = None
    small_phase: str | None = None
    starts_rounds: bool = False
    mends: bool = False
    takes_feedback: bool = False
    covers: bool = False
    takes_description: bool = False
    validates_first: bool = False
    runs_checks: bool = False
    plans: bool = False

    @property
    def work(self) -> Work:
        """What it does; where the config names no provider, one that is usual for that runs it."""
        return "code" if self.code else "judge" if self.verdicts else "write"

    def can_run(self, provider: Provider) -> bool:
        """Whether a provider can do it: code is edited with tools."""
        return provider.has_tools or not self.code

    @property
    def judgement(self) -> Judgement | None:
        """What a step that judges writes; None for others."""
        if not self.verdicts:
            return None
        from agentd.documents.verdict import Judgement

        document, *_ = self.writes
        verdicts = tuple(self.verdicts)
        return Judgement(step=self.name, document=document, verdicts=verdicts, covers=self.covers)


_PLANNED = ("proposal.md", "tasks.md", "specs")

_ROWS = (
    Step(
        name="proposal",
        command="proposal",
        phases=("proposed",),
        phase="proposed",
        writes=_PLANNED,
        fields=("description",),
        small_prompt="proposal-small",
        small_phase="challenged",
        starts_rounds=True,
        takes_description=True,
        plans=True,
    ),
    Step(
        name="challenge",
        command="challenge",
        phases=("proposed", "challenged"),
        reads=_PLANNED,
        writes=("CHALLENGE.md",),
        verdicts={
            "APPROVED": "challenged",
            "NEEDS_REVISION": "proposed",
            "REJECTED": "rejected",
        },
        help="Challenge the proposal: CHALLENGE.md.",
        validates_first=True,
    ),
    Step(
        name="reproposal",
        command="reproposal",
        phases=("proposed", "challenged", "rejected"),
        phase="proposed",
        reads=(*_PLANNED, "CHALLENGE.md"),
        writes=_PLANNED,
        continues=("reproposal", "proposal"),
        help="Revise the proposal after its challenge.",
        mends=True,
        takes_feedback=True,
        plans=True,
    ),
    Step(
        name="implementation",
        command="implement",
        phases=("challenged", "implementing"),
        phase="implementing",
        reads=_PLANNED,
        writes=("IMPLEMENTATION.md",),
        touches=("tasks.md",),
        code=True,
        help="Implement the change: code and IMPLEMENTATION.md.",
        starts_rounds=True,
        runs_checks=True,
    ),
    Step(
        name="review",
        command="review",
        phases=("implementing", "complete"),
        reads=(*_PLANNED, "IMPLEMENTATION.md"),
        writes=("REVIEW.md",),
        covers=True,
        verdicts={
            "APPROVED": "complete",
            "NEEDS_CHANGES": "implementing",
            "MAJOR_ISSUES": "implementing",
        },
        help="Review the code against its specs: REVIEW.md.",
        fields=("checks",),
        runs_checks=True,
    ),
    Step(
        name="resolve",
        command="resolve",
        phases=("implementing", "complete"),
        phase="implementing",
        reads=(*_PLANNED, "REVIEW.md"),
        writes=("IMPLEMENTATION.md",),
        touches=("tasks.md",),
        code=True,
        continues=("resolve", "implementation"),
        help="Resolve what the review found.",
        fields=("checks",),
        mends=True,
        takes_feedback=True,
    ),
    Step(
        name="merge",
        command="merge",
        phases=("complete",),
        reads=("specs",),
        writes=("merged",),
        fields=("spec", "target", "conflict"),
    ),
    Step(
        name="archive",
        command="archive",
        phases=("complete",),
        reads=("proposal.md", "specs"),
        writes=("merged/CHANGELOG.md",),
        starts_rounds=True,
    ),
    Step(
        name="archive-review",
        command="archive",
        phases=("complete",),
        reads=("specs", "merged"),
        writes=("ARCHIVE_REVIEW.md",),
        verdicts={
            "APPROVED": None,
            "NEEDS_FIX": None,
            "REJECTED": None,
        },
    ),
    Step(
        name="archive-fix",
        command="archive",
        phases=("complete",),
        reads=("specs", "merged", "ARCHIVE_REVIEW.md"),
        writes=("merged",),
        continues=("archive-fix",),
        mends=True,
    ),
    Step(
        name="fillback",
        command="fillback",
        phases=("proposed", "complete"),
        phase="proposed",
        writes=_PLANNED,
        fields=("path", "part", "files"),
        starts_rounds=True,
        plans=True,
    ),
)

STEPS: dict[str, Step] = {step.name: step for step in _ROWS}
