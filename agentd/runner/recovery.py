"""Runs that agentd did not live to finish: found by the next command, and finished there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from agentd.errors import StateError
from agentd.files import write_private
from agentd.metering.usage import UsageMetrics
from agentd.providers.provider import Provider
from agentd.runner.process import group_lives, is_same
from agentd.runner.result import RunResult, conclude
from agentd.runner.run_folder import RunFolder, RunInfo
from agentd.runner.stdout import Reading
from agentd.runner.stop import LEFTOVERS, stop_family, stop_group, stop_stages

# What the ledger leaves in a run's folder once the run is entered, or kept to be entered.
_RECORDED = ("call.json", "call.pending.json")


def unfinished(runs_dir: Path) -> list[RunFolder]:
    """The runs that began, were never recorded, and that no living agentd attends; oldest first.

    A folder whose ``run.json`` is damaged is among them: :func:`recover` says so.
    """
    if not runs_dir.is_dir():
        return []
    folders = (RunFolder(entry) for entry in sorted(runs_dir.iterdir()))
    return [folder for folder in folders if _is_unfinished(folder)]


def still_running(folder: RunFolder) -> bool:
    """Whether the run's CLI still lives. Raises StateError when run.json is damaged."""
    return _lives(folder.info())


def recover(
    folder: RunFolder,
    provider: Provider,
    *,
    prior_usage: UsageMetrics | None = None,
    environ: Mapping[str, str] | None = None,
    stop_grace_s: float = 10.0,
    term_grace_s: float = 3.0,
) -> RunResult:
    """Finish a run of which :func:`unfinished` told.

    Its status is "ok" when the CLI came to its own good end meanwhile, else "interrupted".

    A CLI that still lives is stopped first, in the stages that let it report; then its stdout and
    its session log are read as ever. The end is taken to be the last output. ``environ`` (None:
    agentd's own) says where the session logs lie. Nothing is lost when this is interrupted and
    called again. Raises StateError when another agentd holds the run, or run.json is damaged.
    """
    environ = os.environ if environ is None else environ
    with folder.attend(timeout_s=60.0), contextlib.ExitStack() as stack:
        info, cli = folder.info(), provider.cli()
        for file in (folder.stdout, folder.stderr):
            with contextlib.suppress(FileExistsError):  # somebody may have deleted them
                write_private(file)
        reading = stack.enter_context(contextlib.closing(Reading(folder, cli)))
        pid = info.cli_pid
        stopped = pid is not None and _lives(info)
        if pid is not None and stopped:
            stages = stop_stages(cli.first_signal, stop_grace_s, term_grace_s)
            stop_family(pid, stages, alive=lambda: _lives(info), pump=reading.pump)
            stop_group(pid, LEFTOVERS, alive=lambda: group_lives(pid), pump=reading.pump)
        result = conclude(
            folder,
            info,
            reading,
            cli,
            status="interrupted" if stopped else None,
            exit_code=None,
            duration_ms=_duration_ms(folder, info),
            prior_usage=prior_usage,
            environ=environ,
        )
        if result.status == "failed":  # who knows what its exit code was
            return replace(result, status="interrupted", failure=None)
        return result


def _is_unfinished(folder: RunFolder) -> bool:
    if not folder.run_json.exists():
        return False
    # Attended before recorded: a run is recorded while it is attended, so the other order could
    # miss its entry.
    try:
        attended = folder.is_attended()
    except StateError:
        attended = False
    return not attended and not any((folder.path / name).exists() for name in _RECORDED)


def _lives(info: RunInfo) -> bool:
    return is_same(info.cli_pid, info.cli_token)


def _duration_ms(folder: RunFolder, info: RunInfo) -> int:
    last = max(file.stat().st_mtime for file in (folder.stdout, folder.stderr))
    return max(0, int((datetime.fromtimestamp(last, UTC) - info.started_at).total_seconds() * 1000))
