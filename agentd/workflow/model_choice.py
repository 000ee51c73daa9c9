"""Which provider and which of its models run a step."""

from __future__ import annotations

import os
from collections.abc import Iterable

from agentd.config.load import shown_path
from agentd.config.model import COMPLEXITIES, Complexity, Config, ModelConfig, ProviderConfig
from agentd.errors import ConfigError
from agentd.frozen import frozen
from agentd.providers import PROVIDERS
from agentd.providers.provider import Provider
from agentd.workflow.steps import Step

# As the original agentd had it: a change is of the first size that its specs and tasks, added up,
# do not exceed.
_SIZES: tuple[tuple[Complexity, int], ...] = (("low", 4), ("medium", 10), ("high", 20))


@frozen(kw_only=True)
class Choice:
    """A provider's name, and the full name of its model (None: the CLI's default).

    ``instead_of``: the provider that is usual for the step, and not installed; else "".
    ``why`` that model: ``low complexity (3)`` of so many specs and tasks, or who names it.
    """

    provider: str
    model: str | None
    instead_of: str = ""
    why: str = ""


def choose(
    config: Config,
    step: Step,
    *,
    provider: str | None = None,
    model: str | None = None,
    size: int = 0,
) -> Choice:
    """The provider and model of a step; ``provider`` and ``model`` are the command line's.

    Provider: the command line, ``[steps.X]``, the one that is usual for the step's work,
    the first that the config has; of the last two only one whose CLI is installed, if any is.
    Model: the command line, ``[steps.X]``, the provider's model for a change with ``size`` specs
    and tasks, its default. Raises ConfigError when the provider has no section.
    """
    set_ = config.steps.get(step.name)
    root = config.path.absolute().parent.parent
    installed = [
        name for name, each in config.providers.items() if each.executable(root, os.environ)
    ]
    rows = {name: config.row(name) for name in config.providers}
    able = [name for name in installed or rows if step.can_run(rows[name])]
    usual = usual_provider(step, [rows[one] for one in able])
    asked = provider or (set_ and set_.provider)
    name = asked or usual
    if name not in config.providers:
        lacking = f"no provider {name}" if name else "there is no provider"
        raise ConfigError(
            f"{shown_path(config.path)}: {lacking} for step {step.name}; "
            f"it has {', '.join(config.providers) or 'none'}",
            fix=f"Add it: agentd init --provider {name}, or name another with --provider."
            if name in PROVIDERS
            else f"Name one of these: --provider {next(iter(config.providers))}."
            if name and config.providers
            else f"Add one: agentd init --provider {next(iter(PROVIDERS))}, or name another with "
            "--provider.",
        )
    if not step.can_run(rows[name]):
        raise ConfigError(
            f"{shown_path(config.path)}: {name} can't run step {step.name}: it edits code, and "
            f"{name} is an HTTP API without tools",
            fix=f"Let a CLI run it: steps.{step.name}.provider in config.toml, or --provider.",
        )
    settings = config.providers[name]
    # A model of [steps.X] without a provider is one of the provider that the step would have.
    same = set_ is not None and (set_.provider or usual) == name
    wanted = model or (set_.model if set_ and same else None)
    first = usual_provider(step, [row for row in rows.values() if step.can_run(row)])
    instead_of = first if not asked and first != name else ""
    sized = model_for(settings, size) if wanted is None else None
    if wanted is not None:
        why = "--model" if model else f"[steps.{step.name}]"
    else:
        default = f"default of [{rows[name].section}]"
        why = f"{complexity_of(size)} complexity ({size})" if sized else default
    return Choice(
        provider=name,
        model=sized.model if sized else settings.model_name(wanted),
        instead_of=instead_of,
        why=why,
    )


def usual_provider(step: Step, providers: Iterable[Provider]) -> str:
    """Of these providers the first that is usual for the step's work, else the first of all."""
    known = list(providers)
    usual = (row.name for row in known if step.work in row.usual_for)
    return next(usual, known[0].name if known else "")


def complexity_of(size: int) -> Complexity:
    """The complexity of a change with so many specs and tasks."""
    return next((name for name, most in _SIZES if size <= most), "critical")


def model_for(provider: ProviderConfig, size: int) -> ModelConfig | None:
    """The provider's model for a change with so many specs and tasks.

    Of its models that have a complexity: the simplest that is up to the change's, else the most
    complex; of several alike the default, else the first. None when there is none, or when there
    are no specs and tasks yet to go by.
    """
    rated = [entry for entry in provider.models if entry.complexity is not None]
    if not rated or not size:
        return None
    wanted = COMPLEXITIES.index(complexity_of(size))

    def distance(entry: ModelConfig) -> tuple[bool, int, bool]:
        level = COMPLEXITIES.index(entry.complexity) if entry.complexity else 0
        return level < wanted, abs(level - wanted), entry.id != provider.default

    return min(rated, key=distance)
