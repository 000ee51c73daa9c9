"""Every setting with the value in force, by its dotted key."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from agentd.config.edit import dotted, entries_of, split_key
from agentd.config.load import read_text
from agentd.config.model import STEP_NAMES, Config, PartBudget, ProviderConfig, StepConfig
from agentd.config.table import join, nearest
from agentd.errors import ConfigError
from agentd.metering.rates import PRICE_KEYS
from agentd.providers import PROVIDERS


def in_force(config: Config) -> dict[str, object]:
    """The value of each key, defaults included, None for one that is not set and has none.

    Providers and steps without a section are there as well, all of their keys not set.
    """
    data = asdict(config)
    for name in ("path", "warnings"):
        del data[name]
    no_prices = dict.fromkeys(PRICE_KEYS)
    for settings in data["providers"].values():
        for entry in settings["models"]:  # their prices stand beside their other keys
            entry.update(entry.pop("prices") or no_prices)
    named = {name: data["providers"].pop(name) for name in config.named()}
    data |= _sections(PROVIDERS, ProviderConfig) | data.pop("providers")
    data["providers"] = {name: one for name, one in named.items() if name not in config.http}
    data["steps"] = _sections(STEP_NAMES, StepConfig) | data["steps"]
    budget = data["budget"]
    budget["steps"] = _sections(STEP_NAMES, PartBudget) | budget["steps"]
    budget["providers"] = _sections((*PROVIDERS, *named), PartBudget) | budget["providers"]
    return _flat(data)


def given_in(path: Path) -> dict[str, object]:
    """The values that stand in a sound config.toml, by the same keys."""
    return _flat(tomllib.loads(read_text(path), parse_float=Decimal))


def below(values: Mapping[str, object], key: str) -> dict[str, object]:
    """The value of a key, or those of all keys in a section.

    Raises ConfigError, with the nearest key that there is, for an unknown one.
    """
    name = dotted(split_key(key))
    found = {one: value for one, value in values.items() if f"{one}.".startswith(f"{name}.")}
    if not found:
        near = nearest(name, values)
        raise ConfigError(
            f"there is no setting {name}",
            fix=f"Did you mean {near}?" if near else "`agentd config list` shows all in force.",
        )
    return found


def toml_text(value: object) -> str:
    """A value as TOML writes it, a number with exactly its digits."""
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:f}"
        case list() | tuple():
            return f"[{', '.join(map(toml_text, value))}]"
        case str():
            # JSON's strings are TOML's, but for DEL, which TOML wants escaped.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case _:
            return str(value)


def _sections(names: Iterable[str], kind: Any) -> dict[str, dict[str, None]]:
    return {name: dict.fromkeys(field.name for field in fields(kind)) for name in names}


def _flat(data: Mapping[str, Any], table: str = "") -> dict[str, object]:
    values: dict[str, object] = {}
    for name, value in data.items():
        key = join(table, name)
        if isinstance(value, list | tuple) and (entries := entries_of(value)):
            values |= _flat(entries, key)
        elif isinstance(value, dict):
            values |= _flat(value, key)
        else:
            values[key] = value
    return values
