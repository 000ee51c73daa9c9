"""What a run does before it comes to its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from loopback.scenario import Step

from agentd.metering.tokens import count_tokens
from real.bench import UNJUDGED, endless
from real.ledger import Served
from real.models import RealCli

DOCUMENT = "# Challenge: add-export\n\n## Verdict\n- [x] APPROVED\n"


@dataclass(frozen=True, kw_only=True)
class Script:
    """Writes the API's answers for one CLI. Input is counted, so that its size can be estimated."""

    cli: RealCli
    served: Served
    project: Path

    @property
    def mark(self) -> Path:
        """There as long as the endless tool runs."""
        return self.project / UNJUDGED / "mark"

    def answer(self, **how: Any) -> Step:
        """An answer whose usage differs in every number from all others."""
        step = self.served.step(self.cli.name, **how)
        return replace(step, input_tokens_of=lambda body: count_tokens(body, self.cli.model))

    def tool(self, command: str, **how: Any) -> Step:
        """An answer that runs a shell command."""
        return self.answer(tools=(self.cli.shell(command),), **how)

    def last(self, **how: Any) -> Step:
        """The answer that ends the work."""
        return self.answer(text=DOCUMENT, **how)

    def endless(self) -> Step:
        """A tool that runs until its mark is gone."""
        call = self.cli.shell(endless(self.mark))
        # By itself codex asks on after 10 s, and leaves the tool at work.
        more = {"yield_time_ms": 30_000} if self.cli.name == "codex" else {}
        return self.answer(tools=(replace(call, input={**call.input, **more}),))


def _no_turns(script: Script) -> tuple[Step, ...]:
    del script
    return ()


def _one_tool(script: Script) -> tuple[Step, ...]:
    return (script.tool("true"),)


def _subagent(script: Script) -> tuple[Step, ...]:
    cli, seen = script.cli, script.project / UNJUDGED / "seen"
    report = {"tools": (cli.after_subagent,)} if cli.after_subagent else {"text": "Seen."}
    # codex does not wait for its subagents: it is kept busy until this one is done.
    wait = f"until test -e {seen}; do sleep 0.1; done; sleep 1"
    return (
        script.answer(tools=(cli.subagent,), **cli.in_main),
        script.tool(f"touch {seen}", **cli.in_subagent),
        script.answer(**report, **cli.in_subagent),
        script.tool(wait),
    )


@dataclass(frozen=True, kw_only=True)
class Shape:
    """``turns`` come before the end; ``inside``: the end comes while a tool runs."""

    turns: Callable[[Script], tuple[Step, ...]] = _no_turns
    resumed: bool = False
    inside: bool = False


SHAPES: Mapping[str, Shape] = {
    "plain": Shape(),
    "tool": Shape(turns=_one_tool),
    "subagent": Shape(turns=_subagent),
    "resumed": Shape(resumed=True),
    "in a tool": Shape(inside=True),
    "in a tool after a subagent": Shape(turns=_subagent, inside=True),
}
