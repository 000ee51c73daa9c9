"""The loops as a decision: every way through them, and where they end."""

from __future__ import annotations

import pytest

from agentd.workflow.decide import (
    ARCHIVE,
    IMPL,
    PLAN,
    Loop,
    Situation,
    Stop,
    decide,
)


def at(
    last: str | None,
    verdict: str | None = None,
    *,
    phase: str | None = None,
    iteration: int = 1,
    asked: int = 1,
    stuck: bool = False,
    feedback: bool = False,
) -> Situation:
    return Situation(
        phase=phase,
        last=last,
        iteration=iteration,
        verdict=verdict,
        asked=asked,
        stuck=stuck,
        feedback=feedback,
    )


@pytest.mark.parametrize(
    ("loop", "situation", "step"),
    [
        (PLAN, at(None), "proposal"),
        (PLAN, at("proposal"), "challenge"),
        (PLAN, at("proposal", "APPROVED"), "challenge"),  # an old document is no approval
        (PLAN, at("challenge", "NEEDS_REVISION"), "reproposal"),
        (PLAN, at("reproposal", "NEEDS_REVISION", iteration=2), "challenge"),
        (PLAN, at("challenge"), "challenge"),
        (PLAN, at("challenge", "REJECTED", phase="rejected", feedback=True), "reproposal"),
        (PLAN, at("challenge", "NEEDS_REVISION", iteration=9, feedback=True), "reproposal"),
        (PLAN, at("challenge", "APPROVED", phase="challenged", feedback=True), "reproposal"),
        (PLAN, at("reproposal", "APPROVED", phase="proposed", feedback=True), "challenge"),
        (IMPL, at("challenge", "APPROVED", phase="challenged", feedback=True), "implementation"),
        (IMPL, at("implementation", feedback=True), "review"),
        (IMPL, at("archive-review", phase="complete", feedback=True), "resolve"),
        (IMPL, at("challenge", "APPROVED", phase="challenged"), "implementation"),
        (IMPL, at("implementation"), "review"),
        (IMPL, at("review", "NEEDS_CHANGES"), "resolve"),
        (IMPL, at("review", "MAJOR_ISSUES"), "resolve"),
        (IMPL, at("resolve", iteration=2), "review"),
        (ARCHIVE, at("review", "APPROVED", phase="complete"), "archive"),
        (ARCHIVE, at("archive", phase="complete"), "archive-review"),
        (ARCHIVE, at("archive-review", "NEEDS_FIX", phase="complete"), "archive-fix"),
        (ARCHIVE, at("archive-fix", "NEEDS_FIX", phase="complete", iteration=2), "archive-review"),
    ],
)
def test_next_step(loop: Loop, situation: Situation, step: str) -> None:
    assert decide(loop, situation, 1) == step


@pytest.mark.parametrize(
    ("loop", "situation"),
    [
        (PLAN, at("challenge", "APPROVED")),
        (PLAN, at("challenge", phase="challenged")),
        (PLAN, at("implementation", phase="implementing")),
        (IMPL, at("review", "APPROVED", phase="implementing")),
        (IMPL, at("archive-review", phase="complete")),
        (ARCHIVE, at("archive-review", "APPROVED", phase="complete")),
    ],
)
def test_done(loop: Loop, situation: Situation) -> None:
    assert decide(loop, situation, 1) is None


@pytest.mark.parametrize(
    ("situation", "kind", "why"),
    [
        (at("challenge", "REJECTED"), "ended", "REJECTED"),
        (at("challenge", asked=2), "paused", "asked twice"),
        (at("challenge", "NEEDS_REVISION", iteration=3), "ended", "after 3 rounds"),
        (at("challenge", "NEEDS_REVISION", stuck=True), "ended", "no progress"),
    ],
)
def test_stop(situation: Situation, kind: str, why: str) -> None:
    action = decide(PLAN, situation, 2)
    assert isinstance(action, Stop)
    assert action.kind == kind
    assert why in action.why


@pytest.mark.parametrize("limit", [0, 1, 2, 3])
def test_work_is_mended_as_often_as_the_limit_says(limit: int) -> None:
    last, iteration, steps = "proposal", 1, []
    while isinstance(
        action := decide(PLAN, at(last, "NEEDS_REVISION", iteration=iteration), limit), str
    ):
        last = action
        iteration += action == "reproposal"
        steps.append(last)
    assert steps == ["challenge"] + ["reproposal", "challenge"] * limit
