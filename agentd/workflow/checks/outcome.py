"""What the checks come to: run, compared with what was before the change, told and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agentd.config.model import CHECKS
from agentd.documents.verdict import FAILED_CHECKS
from agentd.errors import ConfigError
from agentd.project.change import Change
from agentd.workflow.checks.detect import LocalChecks
from agentd.workflow.checks.kept import (
    Kept,
    baseline_of,
    code_stamp,
    is_no_worse,
    keep_round,
    last_round,
    masked_command,
)
from agentd.workflow.checks.run_checks import CheckResult, printed, run_checks
from agentd.workflow.decide import IMPL
from agentd.workflow.order import Order
from agentd.workflow.recording import issue, judge_without_model
from agentd.workflow.steps import STEPS

REVIEW = STEPS[IMPL.judge]
_IN_REVIEW_CHARS = 4000  # of what a check printed; the prompt of the step that mends has more


def run(change: Change, order: Order, checks: LocalChecks) -> tuple[CheckResult, ...]:
    """Run them one after another, and tell which."""
    settings = change.workspace.config.checks
    for check in checks:
        order.note(f"{check.name}: {check.command} ...")
    mark = change.runs_dir / "checks"
    return run_checks(
        change.project.root, checks, settings.timeout_secs, settings.max_output_chars, mark
    )


def run_and_decide(
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
    results = run(change, order, checks)
    baseline = baseline_of(change)
    check_there(results, required, baseline)
    red: dict[str, CheckResult] = {}
    for result in gone:
        command = masked_command(result.check)
        told = f"{result.check.name}: FAILED (none is known any more), before the change: {command}"
        order.warn(told)
        red[told] = replace(result, output="")
    for result in results:
        earlier, told = _same(result, baseline), result.told()
        if is_red(result, baseline):
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
        judge_without_model(change, REVIEW, summary, issues, heading=FAILED_CHECKS, checks="failed")
    elif not red:
        note(change, "passed")
    return results, tuple(red)


def check_there(
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


def gone_ones(change: Change, lacking: Sequence[str]) -> tuple[CheckResult, ...]:
    """The required checks that passed before the change, and of whose kind none is known now."""
    before = baseline_of(change) if lacking else ()
    return tuple(each for each in before if each.passed and each.check.kind in lacking)


def is_red(result: CheckResult, baseline: Sequence[CheckResult]) -> bool:
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


def has_passed(change: Change, checks: LocalChecks) -> bool:
    """Whether these ran after the change's last code, and no file has changed since."""
    last = last_round(change)
    if last is None or last.red:
        return False
    baseline = baseline_of(change)
    # One may not have been required then.
    good = {each.check.command for each in last.results if not is_red(each, baseline)}
    if not {*map(masked_command, checks)} <= good:
        return False
    return last.code == code_stamp(change.project)


def note(change: Change, outcome: str) -> None:
    """Let STATE.yaml say what became of the checks the last time."""
    if change.state.checks != outcome:
        change.ledger.update(checks=outcome)
