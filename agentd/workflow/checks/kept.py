"""What checks came to, kept in the folders of runs: for prompts, reports, and comparisons."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from agentd.files import read_plain, write_atomic
from agentd.frozen import frozen
from agentd.guard.tree import is_judged, look_at
from agentd.json_value import json_value
from agentd.late_pattern import late_pattern
from agentd.ledger.run_folders import run_dirs
from agentd.masking import without_keys
from agentd.project.change import Change
from agentd.project.layout import Project
from agentd.runner.run_folder import CHECKS_AFTER, CHECKS_BEFORE
from agentd.workflow.checks.check_output import LEFT_OUT, cut_to
from agentd.workflow.checks.counts import (
    Count,
    failed_so_far,
    failing,
    stopped_early,
    unloaded,
)
from agentd.workflow.checks.detect import LocalCheck
from agentd.workflow.checks.run_checks import CheckResult
from agentd.workflow.steps import STEPS

_TIME = late_pattern(r"\d+\.\d+|\d+:\d\d:\d\d|\d+ ?m?s\b")
_AS_LONG = 0.9  # of the time limit, which both took
_MAX_BYTES = 48 * 1024  # what guards keep of a run's file is 64 KB


@frozen(kw_only=True)
class Kept:
    """Results that were kept; ``red`` is what of them forbids to approve, in sentences.

    ``code`` stands for the project's files as they were then (:func:`code_stamp`).
    """

    results: tuple[CheckResult, ...]
    red: tuple[str, ...] = ()
    code: str | None = None


def baseline_of(change: Change) -> tuple[CheckResult, ...]:
    """What the checks came to before the change's first code; none where nobody looked."""
    for run_dir in run_dirs(change.runs_dir):
        if (kept := _read(run_dir / CHECKS_BEFORE)) is not None:
            return kept.results
    return ()


def last_round(change: Change) -> Kept | None:
    """What the checks came to after the last run that coded, where its folder is here."""
    folder = _last_coding(change)
    return _read(folder / CHECKS_AFTER) if folder else None


def baseline_file(results: Sequence[CheckResult]) -> dict[str, bytes]:
    """The file that keeps what the checks came to before a run that codes, by its name."""
    return {CHECKS_BEFORE: _as_json(Kept(results=tuple(results)))}


def keep_round(change: Change, kept: Kept) -> None:
    """Keep what the checks came to after the last run that coded, where its folder is here."""
    if folder := _last_coding(change):
        write_atomic(folder / CHECKS_AFTER, _as_json(kept), durable=False)


def has_coded(change: Change) -> bool:
    """Whether a step that codes has run, whatever became of it."""
    return any(_codes(call.step) for call in change.state.calls)


def masked_command(check: LocalCheck) -> str:
    """A check's command as it is kept, by which results of different times are compared."""
    return without_keys(check.command, os.environ)


def is_no_worse(before: CheckResult, now: CheckResult) -> bool:
    """Whether a check that fails now has failed so before.

    More failures are worse. Where they are not counted both times, whatever else ends otherwise is:
    by another exit code or last line. A command that is not found is never as good as before, nor
    are tests of which more can't be loaded, as what is not run does not fail, or of which another
    one fails; where the middle of what was printed before is left out, numbers go before names. One
    that is stopped at the time limit was stopped before, not later than now, with no fewer failures
    until then.
    """
    if not before.failed or now.is_missing or unloaded(now.output) > unloaded(before.output):
        return False
    is_told = LEFT_OUT not in before.output or not (before.count and now.count)
    if is_told and failing(now.output) - failing(before.output):
        return False
    if before.timed_out or now.timed_out:
        is_as_long = now.duration_ms >= _AS_LONG * before.duration_ms
        no_more = failed_so_far(now.output) <= failed_so_far(before.output)
        return before.timed_out and now.timed_out and is_as_long and no_more
    if before.count and now.count and not stopped_early(now.output):
        return before.count.noun == now.count.noun and now.count.number <= before.count.number
    return _end_of(before) == _end_of(now)


def _end_of(result: CheckResult) -> tuple[object, ...]:
    """By what two ends are told apart: a time that was taken is no difference."""
    lines = result.output.strip().splitlines()[-1:]
    last = [_TIME.sub("", without_keys(line, os.environ)) for line in lines]
    return result.count, result.exit_code, last


def code_stamp(project: Project) -> str:
    """What changes when a file of the project does, but for specs, changes and what tools make."""
    stamp = hashlib.sha256()
    own = {*map(str, (project.specs_dir, project.changes_dir, project.archive_dir))}
    for folder, names, files in os.walk(project.root):
        judged = filter(is_judged, names)
        names[:] = sorted(name for name in judged if f"{folder}/{name}" not in own)
        for name in sorted(filter(is_judged, files)):
            path = f"{folder}/{name}"
            look = look_at(path, hash_up_to=-1)
            stamp.update(repr((path, look and (look.stamp, look.digest))).encode())
    return stamp.hexdigest()


def is_red_as_before(change: Change) -> bool:
    """Whether checks were red after the last two runs that coded, over the files as they are now.

    To mend that was paid for once then, and changed nothing.
    """
    there = {path.name: path for path in run_dirs(change.runs_dir)}
    coding = [call.id for call in change.state.calls if _codes(call.step) and call.id in there]
    rounds = [kept for each in coding if (kept := _read(there[each] / CHECKS_AFTER)) is not None]
    if len(rounds) < 2 or not all(kept.red for kept in rounds[-2:]):
        return False
    before, last = (kept.code for kept in rounds[-2:])
    return before == last == code_stamp(change.project)


def _codes(step: str) -> bool:
    return step in STEPS and STEPS[step].code


def _last_coding(change: Change) -> Path | None:
    there = {path.name: path for path in run_dirs(change.runs_dir)}
    coding = [call.id for call in change.state.calls if _codes(call.step)]
    return there.get(coding[-1]) if coding else None


def _as_json(kept: Kept) -> bytes:
    max_chars = _MAX_BYTES
    while True:
        data = json.dumps(_document(kept, max_chars), ensure_ascii=False).encode(errors="replace")
        if len(data) <= _MAX_BYTES or max_chars == 0:
            return data
        max_chars //= 2


def _document(kept: Kept, max_chars: int) -> dict[str, object]:
    checks = [
        {
            "told": result.told(),
            "name": result.check.name,
            "command": masked_command(result.check),
            "detected": result.check.detected,
            "exit_code": result.exit_code,
            "timed_out": result.timed_out,
            "duration_ms": result.duration_ms,
            "count": result.count,
            "output": cut_to(result.output, max_chars) if max_chars else "",
        }
        for result in kept.results
    ]
    return {"checks": checks, "red": kept.red, "code": kept.code}


def _read(path: Path) -> Kept | None:
    """What was kept; None where nothing was, or what is there is damaged."""
    try:
        given = json_value(read_plain(path))
        return Kept(
            results=tuple(map(_result, given["checks"])),
            red=tuple(map(str, given["red"])),
            code=given["code"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _result(given: dict[str, object]) -> CheckResult:
    count, exit_code = given["count"], given["exit_code"]
    if exit_code is not None and type(exit_code) is not int:
        raise ValueError(f"exit_code is {exit_code!r}")
    number, noun = count if isinstance(count, list) else (0, "")
    return CheckResult(
        check=LocalCheck(
            str(given["name"]), str(given["command"]), detected=bool(given["detected"])
        ),
        exit_code=exit_code,
        output=str(given["output"]),
        timed_out=bool(given["timed_out"]),
        duration_ms=int(str(given["duration_ms"])),
        count=Count(int(number), str(noun)) if noun else None,
    )
