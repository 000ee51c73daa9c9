"""Which step comes next: the three loops of a change, as one pure decision.

plan, impl and archive have the same shape: a first step, a judge that reads its work, and a step
that mends what the judge found, until the judge approves.
"""

from __future__ import annotations

from typing import Literal

from agentd.frozen import frozen

APPROVED = "APPROVED"
REJECTED = "REJECTED"


@frozen(kw_only=True)
class Loop:
    """A loop's steps, the setting that bounds it, and the phases in which it has ended well.

    In the phases of ``told_by_documents`` those of its first step tell that it was done, where
    STATE.yaml does not know.
    """

    name: str
    first: str
    judge: str
    mend: str
    limit: str
    done: tuple[str, ...]
    told_by_documents: tuple[str | None, ...] = ()

    @property
    def steps(self) -> tuple[str, str, str]:
        """The names of its steps."""
        return self.first, self.judge, self.mend


PLAN = Loop(
    name="plan",
    first="proposal",
    judge="challenge",
    mend="reproposal",
    limit="planning_iterations",
    done=("challenged", "implementing", "complete", "archived"),
    told_by_documents=(None, "proposed", "rejected"),
)
IMPL = Loop(
    name="impl",
    first="implementation",
    judge="review",
    mend="resolve",
    limit="implementation_iterations",
    done=("complete", "archived"),
    told_by_documents=("implementing",),
)
ARCHIVE = Loop(
    name="archive",
    first="archive",
    judge="archive-review",
    mend="archive-fix",
    limit="archive_iterations",
    done=("archived",),
)
LOOPS = (PLAN, IMPL, ARCHIVE)


@frozen(kw_only=True)
class Situation:
    """Where a change stands.

    ``last`` is the step that ended well last, ``verdict`` what the judge's document says now,
    ``doubt`` why it can't be taken, ``asked`` how often the judge has answered in a row,
    ``iteration`` 1 at the first judgement and one more after each mending. ``stuck``: the judge
    found the same as the time before. ``feedback``: a person has said what to mend, and there is a
    judgement to mend it with.
    """

    phase: str | None
    last: str | None
    iteration: int
    verdict: str | None
    asked: int
    stuck: bool
    doubt: str = ""
    feedback: bool = False


@frozen()
class Stop:
    """The loop ends without approval ("ended"), or a person must decide ("paused")."""

    kind: Literal["ended", "paused"]
    why: str


def decide(loop: Loop, at: Situation, limit: int) -> str | Stop | None:  # noqa: PLR0911 - a table
    """The step that comes next in ``loop``, None when it has ended well.

    ``limit`` is how often its work may be mended.
    """
    if at.feedback and (at.last == loop.judge or at.phase == loop.done[0]):
        return loop.mend
    if at.phase in loop.done:
        return None
    if at.last in (loop.first, loop.mend):
        return loop.judge
    if at.last != loop.judge:
        return loop.first
    if at.verdict == APPROVED:
        return None
    if at.verdict is None:
        if at.asked < 2:
            return loop.judge
        return Stop("paused", f"the {loop.judge} was asked twice, and can't be taken: {at.doubt}")
    if at.verdict == REJECTED:
        return Stop("ended", f"the {loop.judge} says REJECTED")
    if at.stuck:
        return Stop("ended", f"no progress: the {loop.judge} found the same issues again")
    if at.iteration > limit:
        return Stop("ended", f"the {loop.judge} says {at.verdict} after {at.iteration} rounds")
    return loop.mend
