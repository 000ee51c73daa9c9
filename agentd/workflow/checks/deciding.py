"""When the project's checks run, and what they decide: no red one that is required is approved.

They run before the change's first code, to know what was red before it; before each review, which
is not paid for while one is red; and before the archive, unless nothing has changed since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from agentd.errors import LoopEnded
from agentd.project.change import Change
from agentd.workflow.checks.detect import LocalChecks, choose, unknown
from agentd.workflow.order import Order
from agentd.workflow.step_run import StepRun

if TYPE_CHECKING:
    from agentd.workflow.checks.run_checks import CheckResult

_SKIPPED = "checks: skipped (--no-checks)"


def announce(change: Change, order: Order) -> None:
    """Tell which checks will run."""
    if order.no_checks:
        return
    checks, required, lacking = _chosen(change)
    for check in checks:
        needed = " (required)" if check.kind in required else ""
        order.note(f"check {check.name}{needed}: {check.command}")
    for name in lacking:
        order.note(f"check {name}: none is known, so it holds nothing back (see agentd doctor)")
    if not checks and not lacking:
        order.note("checks: none")


def before_step(run: StepRun) -> tuple[StepRun, bool]:
    """The run of a step, with what it needs of the checks; whether it is to be paid for."""
    if run.step.runs_checks and run.order.no_checks:
        _skip(run.change, run.order)
    elif run.step.runs_checks:
        return _before_review(run) if run.step.judgement else (_before_code(run), True)
    elif "checks" in run.step.fields:
        from agentd.workflow.checks.kept import last_round

        if (last := last_round(run.change)) is not None:
            return _with_results(run, last.results), True
    return run, True


def before_archive(change: Change, order: Order) -> None:
    """Let no code into the archive over a required check that is red.

    Raises LoopEnded (exit 5) when one is; the review asks for changes then.
    """
    from agentd.workflow.checks import outcome
    from agentd.workflow.checks.kept import has_coded

    if not change.documents("IMPLEMENTATION.md") and not has_coded(change):
        return
    if order.no_checks:
        _skip(change, order)
        return
    checks, required, lacking = _chosen(change)
    checks = tuple(check for check in checks if check.kind in required)
    gone = outcome.gone_ones(change, lacking)
    if not gone and (not checks or outcome.has_passed(change, checks)):
        return
    was_skipped = change.state.checks == "skipped"  # a person approved it without them
    _, red = outcome.run_and_decide(change, order, checks, required, gone, judges=not was_skipped)
    if red and was_skipped:
        raise LoopEnded(
            f"{change.id} was approved with --no-checks, and is not archived: {'; '.join(red)}",
            fix=f"To archive it all the same: agentd archive {change.id} --no-checks. To have it "
            f"mended: agentd review {change.id}, then agentd impl {change.id}",
        )
    if red:
        review = change.project.shown(change.folder / outcome.REVIEW.writes[0])
        raise LoopEnded(
            f"{change.id} is not archived: {'; '.join(red)}",
            fix=f"{review} asks for changes now. To go on: {change.go_on}",
        )


def _chosen(change: Change) -> tuple[LocalChecks, tuple[str, ...], tuple[str, ...]]:
    """The checks that will run, the names of the required ones, and of those that are unknown."""
    settings = change.workspace.config.checks
    checks = choose(change.project.root, settings)
    return checks, settings.required, unknown(checks, settings)


def _before_code(run: StepRun) -> StepRun:
    """Of a change without code yet, how the checks are before it."""
    from agentd.workflow.checks import outcome
    from agentd.workflow.checks.kept import baseline_file, has_coded

    change, order = run.change, run.order
    if has_coded(change):
        return run
    checks, required, _ = _chosen(change)
    results = outcome.run(change, order, checks)
    outcome.check_there(results, required, ())
    for result in results:
        if result.failed:
            order.warn(f"{result.told()}, before the change: it counts only if it gets worse")
        else:
            order.note(result.told())
    return replace(run, keeps={**run.keeps, **baseline_file(results)})


def _before_review(run: StepRun) -> tuple[StepRun, bool]:
    """With what the checks print for its prompt; not to be paid for while a required one is red."""
    change, order = run.change, run.order
    checks, required, lacking = _chosen(change)
    if not checks and not lacking:
        return run, True
    from agentd.workflow.checks import outcome  # which a step without checks does not need

    gone = outcome.gone_ones(change, lacking)
    if not checks and not gone:
        return run, True
    results, red = outcome.run_and_decide(change, order, checks, required, gone)
    return (run, False) if red else (_with_results(run, results), True)


def _with_results(run: StepRun, results: Sequence[CheckResult]) -> StepRun:
    """With what the checks printed, for its prompt."""
    from agentd.workflow.checks.run_checks import as_markdown

    return replace(run, values={**run.values, "checks": as_markdown(results)})


def _skip(change: Change, order: Order) -> None:
    from agentd.workflow.checks.outcome import note

    order.warn(_SKIPPED)
    note(change, "skipped")
