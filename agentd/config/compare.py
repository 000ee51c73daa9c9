"""What the settings of one config.toml have to do with each other."""

from __future__ import annotations

from collections.abc import Sequence

from agentd import min_version
from agentd.config.model import CHECKS, ChecksConfig, Config
from agentd.config.table import Problems, join, shown
from agentd.providers import any_provider


def compare_settings(config: Config, problems: Problems) -> None:
    """Report settings that refer to something the file does not have, or contradict each other."""
    providers = config.providers
    missing = [name for name in config.workflow.fallback if name not in providers]
    if missing:
        expected = f"providers that have a section here, and [{missing[0]}] is missing"
        problems.wrong("workflow.fallback", list(config.workflow.fallback), expected)
    for name, provider in providers.items():
        ids = [entry.id for entry in provider.models]
        _refuse_twice(f"{name}.models", "id", ids, problems)
        if provider.default and ids and provider.default not in ids:
            expected = f"an id of [[{name}.models]]: {', '.join(ids)}"
            problems.wrong(f"{name}.default", provider.default, expected)
    _compare_steps(config, problems)
    _compare_checks(config.checks, problems)
    patterns = [pattern.name for pattern in config.validation.patterns]
    _refuse_twice("validation.patterns", "name", patterns, problems)
    if not providers:
        problems.warn(f"no provider is configured; add {any_provider('[{}]')}")
    _compare_prices(config, problems)
    if too_old := min_version.complaint(config.min_version):
        problems.warn(f"{too_old}, which can only read here")


def _refuse_twice(key: str, label: str, names: Sequence[str], problems: Problems) -> None:
    for twice in sorted({name for name in names if name and names.count(name) > 1}):
        problems.error(f"{key} has the {label} {shown(twice)} twice; expected each {label} once")


def _compare_checks(checks: ChecksConfig, problems: Problems) -> None:
    for name in CHECKS:
        if name in checks.own:
            problems.error(f"checks.own.{name}: {name} is no name for one; set checks.{name}")
    known = [*CHECKS, *checks.own]
    if not set(checks.required) <= set(known) or len(set(checks.required)) < len(checks.required):
        expected = f"a list of {', '.join(known)}, each at most once"
        problems.wrong("checks.required", list(checks.required), expected)


def _compare_steps(config: Config, problems: Problems) -> None:
    ids = {name: [one.id for one in row.models] for name, row in config.providers.items()}
    for name, step in config.steps.items():
        key, provider = join("steps", name), step.provider
        owners = [owner for owner in ids if step.model in ids[owner]]
        if provider and provider not in ids:
            expected = f"a provider that has a section here, and [{provider}] is missing"
            problems.wrong(f"{key}.provider", provider, expected)
        elif provider and owners and provider not in owners:
            problems.warn(
                f"{key}.model is {shown(step.model)}, an id of {owners[0]}, but the step runs with "
                f"{provider}; its ids are {', '.join(ids[provider]) or 'none'}"
            )


def _compare_prices(config: Config, problems: Problems) -> None:
    """Warn when one model has two different prices in the file, and say which one counts."""
    seen = {
        name: (f"pricing.models.{shown(name)}", prices)
        for name, prices in config.pricing.models.items()
    }
    for provider, row in config.providers.items():
        for entry in row.models:
            if entry.prices is None:
                continue
            key = f"{provider}.models.{entry.id}"
            first, prices = seen.setdefault(entry.model, (key, entry.prices))
            if prices != entry.prices:
                problems.warn(
                    f"{entry.model} has two prices; that of {first} counts, not that of {key}"
                )
