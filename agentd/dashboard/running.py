"""The runs of CLIs that are under way: who, how long, what they have used, what they do."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from agentd.clock import iso, monotonic_ms, precise_utc_now
from agentd.dashboard.entry import key_of
from agentd.errors import AgentdError
from agentd.ledger.run_folders import unentered
from agentd.metering.money import usd
from agentd.project.change import Change
from agentd.project.hold import worker_on
from agentd.providers import provider_of
from agentd.providers.activity import Snapshot
from agentd.runner.process import is_same
from agentd.runner.run_folder import RunFolder, RunInfo
from agentd.runner.stdout import Reading
from agentd.runner.used_so_far import LiveRequests
from agentd.workflow.model_choice import Choice
from agentd.workflow.order import Begun
from agentd.workflow.step_run import StepRun
from agentd.workflow.steps import STEPS

_LOOK_MS = 500


class Runs:
    """The runs of a project's open changes, each followed from its first look to its end.

    Only what the run's folder holds is read; of a run without a relay that is its stdout.
    """

    def __init__(self) -> None:
        self._followed: dict[Path, _Followed] = {}
        self._due_ms = 0

    def close(self) -> None:
        """Let go of all files."""
        for one in self._followed.values():
            one.close()
        self._followed.clear()

    def now(self, changes: Iterable[Change], *, look: bool = False) -> list[dict[str, Any]]:
        """The runs under way, for JSON.

        New ones are looked for twice a second, at once with ``look``.
        """
        if look or monotonic_ms() >= self._due_ms:
            self._look(changes)
            self._due_ms = monotonic_ms() + _LOOK_MS
        told = []
        for path, one in [*self._followed.items()]:
            if one.is_over():
                self._followed.pop(path).close()
            else:
                told.append(one.told())
        return told

    def _look(self, changes: Iterable[Change]) -> None:
        for change in changes:
            if not _may_be_at_work(change) or worker_on(change) is None:
                continue
            for path in unentered(change.runs_dir):
                if path not in self._followed and (one := _follow(change, path)) is not None:
                    self._followed[path] = one


def _may_be_at_work(change: Change) -> bool:
    """Whether the process that held the change last lives: to ask for its lock may disturb one."""
    try:
        with open(change.runs_dir / ".work", "rb") as file:
            os.kill(int(file.read(20)), 0)
    except PermissionError:  # another user's
        return True
    except (OSError, ValueError, OverflowError):
        return False
    return True


def _follow(change: Change, path: Path) -> _Followed | None:
    folder = RunFolder(path)
    with contextlib.suppress(AgentdError, OSError):
        info = folder.info()
        if _lives(info):
            return _Followed(change, folder, info)
    return None


def _lives(info: RunInfo) -> bool:
    return is_same(info.agentd_pid, info.agentd_token) or is_same(info.cli_pid, info.cli_token)


class _Followed:
    def __init__(self, change: Change, folder: RunFolder, info: RunInfo) -> None:
        self._change, self._folder, self._info = change, folder, info
        row = provider_of(info.provider, info.base)
        self._reading = Reading(folder, row.cli(), watched=True) if row else None
        self._requests = LiveRequests(folder.path / "requests.jsonl")
        self._begun = self._begin()

    def _begin(self) -> Begun | None:
        step = STEPS.get(self._info.step.partition("/")[0])
        if step is None:
            return None
        choice = Choice(provider=self._info.provider, model=self._info.requested_model)
        run = StepRun(
            change=Change(self._change.project, self._change.id, self._change.folder), step=step
        )
        with contextlib.suppress(AgentdError):
            return run.begun(choice)
        return None

    def close(self) -> None:
        self._requests.close()
        if self._reading is not None:
            self._reading.close()

    def is_over(self) -> bool:
        """Whether its call is entered, or nobody works on it any more."""
        return (self._folder.path / "call.json").exists() or not _lives(self._info)

    def told(self) -> dict[str, Any]:
        seen, info, begun = self._seen(), self._info, self._begun
        usage = seen.usage
        cost_usd: Decimal | None = None
        if begun is not None:
            with contextlib.suppress(AgentdError):
                cost_usd = begun.cost_so_far(seen)
        return {
            "change": key_of(self._change),
            "id": self._change.id,
            "call": info.call_id,
            "step": info.step,
            "round": begun.round if begun else None,
            "provider": info.provider,
            "model": seen.model or info.requested_model,
            "started_at": iso(info.started_at),
            "requests": seen.requests,
            "tokens_in": usage and usage.input_tokens,
            "tokens_out": usage and usage.output_tokens,
            "cost": None if cost_usd is None else usd(cost_usd, 4),
            "tool": seen.tool,
        }

    def _seen(self) -> Snapshot:
        elapsed = precise_utc_now() - self._info.started_at
        elapsed_ms = round(elapsed.total_seconds() * 1000)
        if self._reading is None:
            seen = Snapshot(elapsed_ms=elapsed_ms, usage=None, model=None, tool=None, text="")
        else:
            self._reading.drain()
            resumed = self._info.resume_session_id is not None
            seen = self._reading.seen(elapsed_ms, resumed=resumed)
        return self._requests.added_to(seen)
