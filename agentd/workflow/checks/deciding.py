"""When the project's checks run, and what they decide: no red one that is required is approved.

They run before the change's first code, to know what was red before it; before each review, which
is not paid for while one is red; and before the archive, unless nothing has changed since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agentd.config.model import CHECKS
from agentd.documents.verdict import FAILED_CHECKS
from agentd.errors import ConfigError, LoopEnded
from agentd.project.change import Change
from agentd.workflow.checks.detect import LocalChecks, choose, unknown
from agentd.workflow.checks.kept import (
    Kept,
    baseline_file,
    baseline_of,
    code_stamp,
    has_coded,
    is_no_worse,
    keep_round,
    last_round,
    masked_command,
)
from agentd.workflow.checks.run_checks import CheckResult, as_markdown, printed, run_checks
from agentd.workflow.decide import IMPL
from agentd.workflow.order import Order
from agentd.workflow.recording import issue, judge_without_model
from agentd.workflow.step_run import StepRun
from agentd.workflow.steps import STEPS

_REVIEW = STEPS[IMPL.judge]
_IN_REVIEW_CHARS = 4000  # of what a check printed; the prompt of the step that mends has more
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
        run.order.warn(_SKIPPED)
        _note(run.change, "skipped")
    elif run.step.runs_checks:
        return _before_review(run) if run.step.judgement else (_before_code(run), True)
    elif "checks" in run.step.fields and (last := last_round(run.change)) is not None:
        return replace(run, values={**run.values, "checks": as_markdown(last.results)}), True
    return run, True


def before_archive(change: Change, order: Order) -> None:
    """Let no code into the archive over a required check that is red.

    Raises LoopEnded (exit 5) when one is; the review asks for changes then.
    """
    if not change.documents("IMPLEMENTATION.md") and not has_coded(change):
        return
    if order.no_checks:
        order.warn(_SKIPPED)
        _note(change, "skipped")
        return
    checks, required, lacking = _chosen(change)
    checks = tuple(check for check in checks if check.kind in required)
    gone = _gone(change, lacking)
    if not gone and (not checks or _has_passed(change, checks)):
        return
    was_skipped = change.state.checks == "skipped"  # a person approved it without them
    _, red = _run_and_decide(change, order, checks, required, gone, judges=not was_skipped)
    if red and was_skipped:
        raise LoopEnded(
            f"{change.id} was approved with --no-checks, and is not archived: {'; '.join(red)}",
            fix=f"To archive it all the same: agentd archive {change.id} --no-checks. To have it "
            f"mended: agentd review {change.id}, then agentd impl {change.id}",
        )
    if red:
        raise LoopEnded(
            f"{change.id} is not archived: {'; '.join(red)}",
            fix=f"{change.project.shown(change.folder / _REVIEW.writes[0])} asks for changes now. "
            f"To go on: {change.go_on}",
        )


def _chosen(change: Change) -> tuple[LocalChecks, tuple[str, ...], tuple[str, ...]]:
    """The checks that will run, the names of the required ones, and of those that are unknown."""
    settings = change.workspace.config.checks
    checks = choose(change.project.root, settings)
    return checks, settings.required, unknown(checks, settings)


def _before_code(run: StepRun) -> StepRun:
    """Of a change without code yet, how the checks are before it."""
    change, order = run.change, run.order
    if has_coded(change):
        return run
    checks, required, _ = _chosen(change)
    results = _run(change, order, checks)
    _check_there(results, required, ())
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
    gone = _gone(change, lacking)
    if not checks and not gone:
        return run, True
    results, red = _run_and_decide(change, order, checks, required, gone)
    if red:
        return run, False
    return replace(run, values={**run.values, "checks": as_markdown(results)}), True


def _run(change: Change, order: Order, checks: LocalChecks) -> tuple[CheckResult, ...]:
    settings = change.workspace.config.checks
    for check in checks:
        order.note(f"{check.name}: {check.command} ...")
    mark = change.runs_dir / "checks"
    return run_checks(
        change.project.root, checks, settings.timeout_secs, settings.max_output_chars, mark
    )


def _run_and_decide(
    change: Change,
    order: Order,
    checks: LocalChecks,
    required: Sequence[str],
    gone: Sequence[CheckResult],
    *,
    judges: bool = True,
) -> tuple[tuple[CheckResult, ...], tuple[str, ...]]:
    """Tell and keep results. Those that forbid to approve are returned too, in sentences.

    Then the review is written without a model, if it ``judges``. ``gone`` are checks that are known
    no more. Raises ConfigError for a command that is not there.
    """
    code = code_stamp(change.project)  # what changes while they run was not checked
    results = _run(change, order, checks)
    baseline = baseline_of(change)
    _check_there(results, required, baseline)
    red: dict[str, CheckResult] = {}
    for result in gone:
        command = masked_command(result.check)
        told = f"{result.check.name}: FAILED (none is known any more), before the change: {command}"
        order.warn(told)
        red[told] = replace(result, output="")
    for result in results:
        earlier, told = _same(result, baseline), result.told()
        if _is_red(result, baseline):
            if not result.failed:
                told += ", where there were some before" if result.found_none else ", unlike before"
            elif earlier is not None and earlier.failed and not result.is_missing:
                told += f", worse than before the change ({earlier.told()})"
            order.warn(told)
            if result.check.kind in required:
                red[told] = result
        elif result.failed and earlier is not None:
            order.warn(f"{told}, no worse than before the change ({earlier.told()})")
        else:
            (order.note if result.passed else order.warn)(told)
    keep_round(change, Kept(results=results, red=tuple(red), code=code))
    if red and judges:
        issues = [
            issue(f"T{number}", told, "the project's own checks")
            + f"\n{printed(result, _IN_REVIEW_CHARS)}\n"
            for number, (told, result) in enumerate(red.items(), 1)
        ]
        summary = "The project's own checks fail"
        judge_without_model(
            change, _REVIEW, summary, issues, heading=FAILED_CHECKS, checks="failed"
        )
    elif not red:
        _note(change, "passed")
    return results, tuple(red)


def _check_there(
    results: Sequence[CheckResult], required: Sequence[str], baseline: Sequence[CheckResult]
) -> None:
    """Raise ConfigError for a required command of the config that is not found.

    No agent can mend that, unless the command was there before the change.
    """
    for result in results:
        name = result.check.kind
        if result.failed and result.is_missing and name in required:
            earlier = _same(result, baseline)
            if earlier is None or not earlier.passed:
                key = f"checks.{name}" if name in CHECKS else f"checks.own.{name}"
                raise ConfigError(
                    f'agentd/config.toml: {key} is "{masked_command(result.check)}", which ends '
                    "with exit 127: a command in it is not found",
                    fix=f"Install it, or correct {key}; agentd doctor tells what it finds. Without "
                    "checks: --no-checks.",
                )


def _gone(change: Change, lacking: Sequence[str]) -> tuple[CheckResult, ...]:
    """The required checks that passed before the change, and of whose kind none is known now."""
    before = baseline_of(change) if lacking else ()
    return tuple(each for each in before if each.passed and each.check.kind in lacking)


def _is_red(result: CheckResult, baseline: Sequence[CheckResult]) -> bool:
    """Whether a check tells against the change; ``baseline`` is what was before that."""
    if result.found_none or result.is_missing:
        name = result.check.name
        if any(each.passed and each.check.name == name for each in baseline):
            return True
    earlier = _same(result, baseline)
    return result.failed and (earlier is None or not is_no_worse(earlier, result))


def _same(result: CheckResult, baseline: Sequence[CheckResult]) -> CheckResult | None:
    """What the same command came to before the change."""
    command = masked_command(result.check)
    return next((each for each in baseline if masked_command(each.check) == command), None)


def _has_passed(change: Change, checks: LocalChecks) -> bool:
    """Whether these ran after the change's last code, and no file has changed since."""
    last = last_round(change)
    if last is None or last.red:
        return False
    baseline = baseline_of(change)
    # One may not have been required then.
    good = {each.check.command for each in last.results if not _is_red(each, baseline)}
    if not {*map(masked_command, checks)} <= good:
        return False
    return last.code == code_stamp(change.project)


def _note(change: Change, outcome: str) -> None:
    """Let STATE.yaml say what became of the checks the last time."""
    if change.state.checks != outcome:
        change.ledger.update(checks=outcome)
