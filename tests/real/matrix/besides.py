"""Ends that one CLI alone has: requests that it makes or loses by ways of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from loopback.scenario import ToolCall

from real.bench import Bench
from real.ledger import FAST_MODE
from real.matrix.ends import End, Steps, signal_to_agentd
from real.matrix.shapes import SHAPES, Script

_FAST_PRICES = """\
[pricing.models."{}".variants."speed=fast"]
cost_per_1m_input = {}
cost_per_1m_output = {}
""".format(*FAST_MODE)


@dataclass(frozen=True, kw_only=True)
class Beside:
    """``cli`` is the only one that ends so."""

    cli: str
    end: End


def _subagent_works_on(script: Script) -> Steps:
    cli = script.cli
    return (
        script.answer(tools=(cli.subagent,), **cli.in_main),
        script.answer(text="It takes long.", stalls=True, **cli.in_subagent),
        script.tool("sleep 2", **cli.in_main),
        script.last(**cli.in_main),
    )


def _finished_subagent(script: Script) -> Steps:
    return (*SHAPES["subagent"].turns(script), script.last())


def _ends_as(status: Literal["incomplete", "failed"]) -> Callable[[Script], Steps]:
    def steps(script: Script) -> Steps:
        half = replace(script.answer(text="Half of it."), status_told=status)
        return (script.tool("true"), half, script.last())

    return steps


def _kill_the_launcher(bench: Bench, agentd: int) -> None:
    """codex is a node script that starts the real one, which works on."""
    del agentd
    launcher = bench.cli_pid()
    os.kill(launcher, signal.SIGKILL)
    bench.wait_for_end_of(launcher)
    bench.api.go_on.set()


def _goes_on_later(script: Script) -> Steps:
    return (script.tool("true"), script.last(pauses=True))


def _search(tool: ToolCall, side_call: str, **found: Any) -> Callable[[Script], Steps]:
    def steps(script: Script) -> Steps:
        return (
            script.answer(text="Found.", body=side_call, **found),
            script.answer(tools=(tool,)),
            script.last(),
        )

    return steps


def _partly_fast(script: Script) -> Steps:
    return (
        script.answer(tools=(script.cli.shell("true"),), variants={"speed": "fast"}),
        script.last(),
    )


def _routed(script: Script) -> Steps:
    choice = '{"complexity_reasoning": "it is simple", "complexity_score": 10}'
    routing = script.answer(text=choice, body="complexity_score")
    return (
        replace(routing, tool_prompt_tokens=0),
        script.tool("true", without="complexity_score"),
        script.last(without="complexity_score"),
    )


def _routed_and_stalled(script: Script) -> Steps:
    *begun, last = _routed(script)
    return (*begun, replace(last, stalls=True))


BESIDES: Mapping[str, Beside] = {
    "the subagent works on": Beside(
        cli="codex", end=End(answers=_subagent_works_on, status=("ok", "failed"))
    ),
    "no session log": Beside(
        cli="codex",
        end=End(answers=_finished_subagent, sets={"codex.extra_args": '["--ephemeral"]'}),
    ),
    "incomplete answer": Beside(
        cli="codex", end=End(answers=_ends_as("incomplete"), status=("ok", "failed"), optional=1)
    ),
    "failed answer": Beside(
        cli="codex", end=End(answers=_ends_as("failed"), status=("ok", "failed"), optional=1)
    ),
    "the launcher is killed": Beside(
        cli="codex", end=End(answers=_goes_on_later, stop=_kill_the_launcher)
    ),
    "web search": Beside(
        cli="claude",
        end=End(
            answers=_search(
                ToolCall(name="WebSearch", input={"query": "csv"}), "web_search_20", web_searches=2
            )
        ),
    ),
    "fast mode": Beside(cli="claude", end=End(answers=_partly_fast, config=_FAST_PRICES)),
    "google web search": Beside(
        cli="gemini",
        end=End(
            answers=_search(
                ToolCall(name="google_web_search", input={"query": "csv"}), "googleSearch"
            )
        ),
    ),
    "router": Beside(cli="gemini", end=End(answers=_routed, model="auto")),
    "router, then SIGINT": Beside(
        cli="gemini",
        end=End(
            answers=_routed_and_stalled,
            stop=signal_to_agentd(signal.SIGINT),
            status=("cancelled",),
            model="auto",
        ),
    ),
}
