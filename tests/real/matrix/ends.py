"""How a run ends, and what makes it end so."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from loopback.scenario import Step

from real.bench import Bench
from real.matrix.shapes import Script, Shape

Steps = tuple[Step, ...]
_BUDGET_TOKENS = 900_000


@dataclass(frozen=True, kw_only=True)
class End:
    """``answers`` are the last ones; ``status`` is what the call may be recorded as.

    ``stop`` is called with the project and agentd's process id, in the middle of the last answer
    or of a running tool. ``entered_by`` is the next command, which enters the call when agentd did
    not live to do so; a step follows a CLI that still works, and gets a Ctrl-C then. ``config`` are
    lines of config.toml, ``settings`` numbers in it, ``sets`` other keys; ``model`` None is the
    CLI's. ``retries`` is how often the CLI may ask anew. The ``optional`` last answers need not be
    asked for.
    """

    answers: Callable[[Script], Steps]
    status: tuple[str, ...] = ("ok",)
    stop: Callable[[Bench, int], None] | None = None
    entered_by: str | None = None
    config: str = ""
    settings: Mapping[str, int] = field(default_factory=dict)
    sets: Mapping[str, str] = field(default_factory=dict)
    retries: int = 0
    optional: int = 0
    model: str | None = None

    @property
    def is_stop(self) -> bool:
        """Whether it comes in the middle, so that it may come inside a tool too."""
        return self.answers is _stalled

    def steps(self, script: Script, shape: Shape) -> Steps:
        """All answers of the run."""
        last = (script.endless(),) if shape.inside else self.answers(script)
        return (*shape.turns(script), *last)


def _success(script: Script) -> Steps:
    return (script.last(),)


def _after_error(status: int) -> Callable[[Script], Steps]:
    return lambda script: (Step(status=status), script.last())


def _lasting_error(script: Script) -> Steps:
    # gemini asks anew after a 500 for over a minute, whatever its settings say (0.61.0).
    status = 400 if script.cli.name == "gemini" else 500
    return (Step(status=status, stays=True),)


def _stalled(script: Script) -> Steps:
    return (script.last(stalls=True),)


def _pausing(script: Script) -> Steps:
    return (script.last(pauses=True),)


def _too_dear(script: Script) -> Steps:
    dear = script.tool("sleep 2")
    usage = replace(dear.usage, output_tokens=_BUDGET_TOKENS)
    return (replace(dear, usage=usage), script.last())


def _cut(script: Script) -> Steps:
    return (script.last(cut=True), script.last())


def _untold(script: Script) -> Steps:
    return (script.last(untold=True),)


def signal_to_agentd(number: signal.Signals) -> Callable[[Bench, int], None]:
    """A stop that sends agentd a signal."""
    return lambda bench, agentd: os.kill(agentd, number)


def _kill_cli(bench: Bench, agentd: int) -> None:
    os.killpg(bench.cli_pid(), signal.SIGKILL)


def _kill_agentd_and_let_the_cli_end(bench: Bench, agentd: int) -> None:
    cli = bench.cli_pid()
    os.kill(agentd, signal.SIGKILL)
    bench.api.go_on.set()
    bench.wait_for_end_of(cli)


def _kill_both(bench: Bench, agentd: int) -> None:
    cli = bench.cli_pid()
    os.kill(agentd, signal.SIGKILL)
    os.killpg(cli, signal.SIGKILL)


def _wait_for_the_time_limit(bench: Bench, agentd: int) -> None:
    """Nothing: agentd stops the run by itself."""


def _stop(stop: Callable[[Bench, int], None], *status: str, **more: Any) -> End:
    return End(answers=_stalled, stop=stop, status=status, **more)


ENDS: Mapping[str, End] = {
    "success": End(answers=_success),
    "429 then ok": End(
        answers=_after_error(429),
        status=("ok", "failed"),
        settings={"script_retries": 1},
        retries=2,
    ),
    "500 then ok": End(
        answers=_after_error(500),
        status=("ok", "failed"),
        settings={"script_retries": 1},
        retries=2,
    ),
    "lasting error": End(answers=_lasting_error, status=("failed",)),
    "SIGINT": _stop(signal_to_agentd(signal.SIGINT), "cancelled"),
    "SIGTERM": _stop(signal_to_agentd(signal.SIGTERM), "cancelled"),
    "SIGKILL of the CLI": _stop(_kill_cli, "failed"),
    "SIGKILL of agentd": _stop(
        signal_to_agentd(signal.SIGKILL), "cancelled", entered_by="challenge"
    ),
    "SIGKILL of agentd, the CLI ends": End(
        answers=_pausing,
        stop=_kill_agentd_and_let_the_cli_end,
        status=("ok",),
        entered_by="status",
    ),
    "SIGKILL of both": _stop(_kill_both, "interrupted", entered_by="status"),
    "time limit": _stop(_wait_for_the_time_limit, "timeout", settings={"step_timeout_secs": 16}),
    "budget": End(
        answers=_too_dear,
        status=("budget_stopped",),
        optional=1,
        config=f"[budget]\nlimit_tokens = {_BUDGET_TOKENS}\n",
    ),
    "cut and retried": End(answers=_cut, retries=2, optional=1),  # not always by gemini
    "no usage": End(answers=_untold),
}
