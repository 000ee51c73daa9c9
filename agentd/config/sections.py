"""The sections of config.toml about providers and prices, read from checked tables into values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from agentd.config.model import (
    COMPLEXITIES,
    PRICE_SOURCES,
    STEP_NAMES,
    Complexity,
    ModelConfig,
    PriceSource,
    PricingSettings,
    ProviderConfig,
    StepConfig,
)
from agentd.config.table import Problems, Table, shown
from agentd.metering.rates import PRICE_KEYS, PricingConfig
from agentd.providers import PROVIDERS

_MODEL_NAME = r"[A-Za-z0-9]\S*"  # never read as an option by the CLI that gets it
_PRICE = "a price in USD per 1,000,000 tokens, 0 or more"
_NEEDED_PRICES = ("cost_per_1m_input", "cost_per_1m_output")


def read_provider(table: Table, name: str, problems: Problems) -> ProviderConfig:
    """The section of a provider with its ``models``."""
    command = table.text("command", "a command on PATH or a path")
    default = table.text("default", "the id of a model", pattern=_MODEL_NAME)
    extra_args = table.texts("extra_args", 'a list of texts, such as ["--debug"]')
    models = tuple(_read_model(entry, problems) for entry in table.tables("models", "id"))
    table.finish()
    ids = [model.id for model in models]
    for twice in sorted({id_ for id_ in ids if id_ and ids.count(id_) > 1}):
        problems.error(f"{name}.models has the id {shown(twice)} twice; expected each id once")
    if default and ids and default not in ids:
        table.wrong("default", f"an id of [[{name}.models]]: {', '.join(ids)}")
    return ProviderConfig(
        command=command or name, default=default, extra_args=extra_args, models=models
    )


def _read_model(table: Table, problems: Problems) -> ModelConfig:
    expected_id = 'a short name without spaces, such as "fast"'
    expected_model = "a full model name without spaces, as the CLI takes it"
    id_ = table.text("id", expected_id, pattern=_MODEL_NAME)
    model = table.text("model", expected_model, pattern=_MODEL_NAME)
    complexity = table.choice("complexity", COMPLEXITIES)
    prices = _read_prices(table)
    if any(key in table for key in PRICE_KEYS):
        for key in _NEEDED_PRICES:
            if key not in table:
                problems.warn(f"{table.path(key)} is missing, so its other prices are not used")
    return ModelConfig(
        id=table.require("id", id_, expected_id),
        model=table.require("model", model, expected_model),
        complexity=cast("Complexity | None", complexity),
        prices=prices,
    )


def read_steps(
    table: Table, providers: Mapping[str, ProviderConfig], problems: Problems
) -> dict[str, StepConfig]:
    """``[steps.STEP]``, of the steps that have one."""
    steps = {}
    for name in STEP_NAMES:
        entry = table.table(name)
        provider = entry.choice("provider", tuple(PROVIDERS))
        model = entry.text("model", "the id of a model, or a full model name", pattern=_MODEL_NAME)
        rules = entry.texts("rules", 'a list of sentences, such as ["Write the test first."]')
        entry.finish()
        if provider and provider not in providers:
            entry.wrong(
                "provider", f"a provider that has a section here, and [{provider}] is missing"
            )
        elif provider and model:
            _warn_about_foreign_id(entry.path("model"), model, provider, providers, problems)
        if name in table:
            steps[name] = StepConfig(provider=provider, model=model, rules=rules)
    table.finish()
    return steps


def _warn_about_foreign_id(
    key: str,
    model: str,
    provider: str,
    providers: Mapping[str, ProviderConfig],
    problems: Problems,
) -> None:
    ids = {name: [entry.id for entry in config.models] for name, config in providers.items()}
    owners = [name for name in ids if model in ids[name]]
    if owners and provider not in owners:
        problems.warn(
            f"{key} is {shown(model)}, an id of {owners[0]}, but the step runs with {provider}; "
            f"its ids are {', '.join(ids[provider]) or 'none'}"
        )


def read_pricing(table: Table) -> PricingSettings:
    """``[pricing]`` with ``[pricing.models."NAME"]``."""
    sources = table.choices("sources", PRICE_SOURCES)
    entries = table.table("models")
    models = {name: _read_needed_prices(entries.table(name)) for name in entries}
    table.finish()
    known = {name: prices for name, prices in models.items() if prices}
    if "sources" not in table:
        return PricingSettings(models=known)
    return PricingSettings(sources=cast("tuple[PriceSource, ...]", sources), models=known)


def _read_needed_prices(table: Table) -> PricingConfig | None:
    for key in _NEEDED_PRICES:
        table.require(key, None, _PRICE)
    return _read_prices(table)


def _read_prices(table: Table) -> PricingConfig | None:
    """The prices that ``table`` gives, None without an input or an output price."""
    prices: dict[str, Any] = {key: table.number(key, _PRICE) for key in PRICE_KEYS}
    table.finish()
    return None if None in map(prices.get, _NEEDED_PRICES) else PricingConfig(**prices)


def warn_about_two_prices(
    providers: Mapping[str, ProviderConfig], pricing: PricingSettings, problems: Problems
) -> None:
    """Warn when one model has two different prices in this file, and say which one counts."""
    seen = {
        name: (f"pricing.models.{shown(name)}", prices) for name, prices in pricing.models.items()
    }
    for provider, config in providers.items():
        for entry in config.models:
            if entry.prices is None:
                continue
            key = f"{provider}.models.{entry.id}"
            first, prices = seen.setdefault(entry.model, (key, entry.prices))
            if prices != entry.prices:
                problems.warn(
                    f"{entry.model} has two prices; that of {first} counts, not that of {key}"
                )
