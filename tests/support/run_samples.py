"""A run as agentd keeps it: its run.json, and what is concluded from the files of its folder."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agentd.metering.words import CallStatus
from agentd.providers.base import Cli
from agentd.runner.result import RunResult, conclude
from agentd.runner.run_folder import RunFolder, RunInfo
from agentd.runner.stdout import Reading

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def run_info(provider: str, **values: Any) -> RunInfo:
    """What a run of ``provider`` has in run.json; ``values`` are those that the test is about."""
    info = RunInfo(
        call_id="20261122T054052-review-6f1c2a9b",
        step="review",
        provider=provider,
        requested_model=None,
        argv=(provider,),
        cwd="/home/user/project",
        resume_session_id=None,
        started_at=BEGAN,
        agentd_pid=1,
        agentd_token=None,
    )
    return replace(info, **values)


def concluded(
    folder: Path,
    info: RunInfo,
    cli: Cli,
    *,
    home: Path,
    watched: bool = False,
    status: CallStatus | None = None,
    exit_code: int = 0,
    duration_ms: int = 5,
) -> RunResult:
    """What agentd makes of a run that has ended; ``watched``: somebody looked on meanwhile."""
    run = RunFolder(folder)
    with closing(Reading(run, cli, watched=watched, live_text=watched)) as reading:
        if watched:
            reading.seen(0, resumed=False)
        return conclude(
            run,
            info,
            reading,
            cli,
            status=status,
            exit_code=exit_code,
            duration_ms=duration_ms,
            prior_usage=None,
            environ={"HOME": str(home)},
        )
