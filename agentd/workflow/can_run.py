"""Whether every step that is ahead can run: asked before the first of them is paid for."""

from __future__ import annotations

import os
from collections.abc import Iterable
from shutil import which

from agentd.errors import ProviderError
from agentd.project.workspace import Workspace
from agentd.providers import PROVIDERS
from agentd.providers.provider import Provider
from agentd.workflow.decide import PLAN, Loop
from agentd.workflow.model_choice import choose
from agentd.workflow.order import Order
from agentd.workflow.steps import STEPS


def steps_ahead(
    phase: str | None, loops: Iterable[Loop], *, small: bool = False, reopened: bool = False
) -> list[str]:
    """The steps of those of ``loops`` that are not over in ``phase``; a ``small`` plan has one.

    ``reopened``: the loop that ended last goes on, as a person has said what to mend.
    """
    return [
        name
        for loop in loops
        if phase not in loop.done or (reopened and phase == loop.done[0])
        for name in (loop.steps[:1] if small and loop is PLAN else loop.steps)
    ]


def check_can_run(workspace: Workspace, steps: Iterable[str], order: Order) -> None:
    """Raise ProviderError where the CLI of a step is not installed, ConfigError without a provider.

    It names each CLI that is missing, the steps that it would run, and two ways out.
    """
    config, root = workspace.config, workspace.project.root
    lacking: dict[str, list[str]] = {}
    for name in steps:
        provider = choose(config, STEPS[name], provider=order.provider, model=order.model).provider
        if config.providers[provider].executable(root, os.environ) is None:
            lacking.setdefault(provider, []).append(name)
    if not lacking:
        return
    there = [name for name, each in config.providers.items() if each.executable(root, os.environ)]
    told, fixes = [], []
    for provider, names in lacking.items():
        row, command = config.row(provider), config.providers[provider].command
        step = "step" if len(names) == 1 else "steps"
        told.append(f"there is no command {command}, so {provider} can't run {step} {_and(names)}")
        install = (
            f"Install {row.row_name}: {row.install}" if row.install else f"Install {row.title}"
        )
        fixes.append(f"{install}\n{_switch(row, names, there, order)}")
    raise ProviderError("\n".join(told), fix="\n".join(fixes))


def _switch(row: Provider, names: list[str], there: list[str], order: Order) -> str:
    if there and order.provider == row.name:
        return f"Or let another CLI run it: --provider {there[0]}"
    if there:
        pairs = " ".join(f"steps.{name}.provider {there[0]}" for name in names)
        return f"Or let {there[0]} run it: agentd config set {pairs}"
    if found := [name for name in PROVIDERS if which(name)]:
        return f"Or use {found[0]}, which is installed: agentd init --provider {found[0]}"
    return f"Or say where it is: agentd config set {row.section}.command PATH"


def _and(names: list[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
