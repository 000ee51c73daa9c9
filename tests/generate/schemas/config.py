"""config.toml, from the table of its keys (``agentd/config/model.py``).

What a key means is what docs/configuration.md says of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from generate.schemas.parts import Schema, document

from agentd.config import load, model
from agentd.config.model import Config, NamedProvider, ProviderConfig
from agentd.metering.rates import NEEDED_PRICES, PRICE_KEYS
from agentd.metering.variants import TEXT as VARIANTS
from agentd.providers import PROVIDERS

VERSION = "1"
PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"
_PRICES = "prices"
# Where docs/configuration.md tells the keys of a table: how its heading begins, and which table
# below it.
_TOLD = {
    Config: ("Top level", 0),
    model.WorkflowConfig: ("`[workflow]`", 0),
    ProviderConfig: ("`[claude]`", 0),
    NamedProvider: ("`[providers.NAME]`", 0),
    model.HttpConfig: ("`[http.NAME]`", 0),
    model.ModelConfig: ("`[claude]`", 1),
    model.StepConfig: ("`[steps.STEP]`", 0),
    model.GuardConfig: ("`[guard]`", 0),
    model.NotifyConfig: ("`[notify]`", 0),
    model.ChecksConfig: ("`[checks]`", 0),
    model.ValidationPattern: ("`[[validation.patterns]]`", 0),
    model.PathsConfig: ("`[paths]`", 0),
    model.MeterConfig: ("`[meter]`", 0),
    model.PricingSettings: ("`[pricing]`", 0),
    _PRICES: ("`[pricing]`", 1),
    model.BudgetConfig: ("`[budget]`", 0),
    model.Limit: ("`[budget]`", 0),
    model.ProjectBudget: ("`[budget]`", 1),
}
# Tables are told by sentences there.
_TABLES = {
    "workflow": "How often a loop goes round, and how long a run may take",
    "steps": "Which provider and model runs a step, by the step's name",
    "checks": "The project's own checks",
    "validation": "What `agentd validate` looks for beside its own rules",
    "patterns": "A text that matches is an issue",
    "paths": "Where specs and changes lie",
    "meter": "Where it is read what a run used",
    "guard": "What a step may not do",
    "notify": "What a webhook is told",
    "pricing": "Where a price comes from",
    "budget": "What may be spent; an unknown key in it is an error",
    "project": "All changes together, in one period",
    "providers": "Limits of one change's calls, by provider",
    "models": "The models of this provider",
}
_DEFS = {model.StepConfig: "step", model.PartBudget: "limit"}
_MORE = {
    (model.PricingSettings, "models"): "Prices of your own, by model name",
    (model.BudgetConfig, "steps"): "Limits of one change's calls, by step",
    (model.PartBudget, "warn_at_percent"): (
        "warn once at this part of a limit, or at each of a list; that of [budget] if left out"
    ),
}
_OTHERS = (
    "agentd warns of other keys and ignores them. In [budget], and within two letters of a known "
    "key where money is guarded ([pricing], [workflow], [meter], prices), they are errors."
)


def config() -> Schema:
    """The schema of config.toml."""
    told = _meanings(PAGE.read_text(encoding="utf-8"))
    body = _table(Config, told)
    for name in PROVIDERS:
        section = f"How {name} is started, and its models"
        body["properties"][name] = {"$ref": "#/$defs/provider", "description": section}
    body["properties"]["providers"] = {
        "type": "object",
        "description": "Providers by names of your own",
        "propertyNames": {"pattern": _whole(load.OWN_NAME)},
        "additionalProperties": {"$ref": "#/$defs/named_provider"},
    }
    body["properties"]["http"] = {
        "type": "object",
        "description": "HTTP APIs as providers, by names of your own",
        "propertyNames": {"pattern": _whole(load.OWN_NAME)},
        "additionalProperties": {"$ref": "#/$defs/http"},
    }
    body["description"] = f"The settings of agentd for a project. {_OTHERS}"
    return document(
        "config",
        "agentd/config.toml",
        VERSION,
        body,
        provider=_table(ProviderConfig, told),
        named_provider=_table(NamedProvider, told),
        http=_table(model.HttpConfig, told),
        prices=_prices(told),
        step=_table(model.StepConfig, told),
        limit=_closed(_table(model.PartBudget, told)),  # it stands in [budget] alone
    )


def _table(kind: type, told: Mapping[Any, Mapping[str, str]]) -> Schema:
    """A table that is read into ``kind``."""
    properties: dict[str, Schema] = {}
    required = []
    for each in fields(kind):
        if "takes" not in each.metadata:
            continue
        takes = each.metadata["takes"]
        if takes.get("prices") == "beside":
            properties |= {key: _price(key, told) for key in PRICE_KEYS}
            properties["variants"] = _variants(told)
            continue
        properties[each.name] = _described(kind, each, told)
        if each.metadata.get("needed"):
            required.append(each.name)
    needed: Schema = {"required": required} if required else {}
    return {"type": "object", "properties": properties, **needed}


def _described(kind: type, each: Field[Any], told: Mapping[Any, Mapping[str, str]]) -> Schema:
    found = _value(each.metadata["takes"], told)
    meaning = _MORE.get((kind, each.name)) or _meaning(kind, each.name, told)
    default = each.default
    if default is not MISSING and default not in (None, "", ()):
        found["default"] = _plain(default)
    return {**found, "description": meaning}


def _meaning(kind: type, name: str, told: Mapping[Any, Mapping[str, str]]) -> str:
    for each in kind.__mro__:
        if name in told.get(each, {}):
            return told[each][name]
    return _TABLES[name]


def _value(takes: Mapping[str, Any], told: Mapping[Any, Mapping[str, str]]) -> Schema:
    if kind := takes.get("section"):
        return _closed(_table(kind, told)) if takes["strict"] else _table(kind, told)
    if kind := takes.get("entries"):
        return {"type": "array", "items": _table(kind, told)}
    if kind := takes.get("sections"):
        table = {"$ref": f"#/$defs/{_DEFS[kind]}"}
        more = {"additionalProperties": table} if takes["of_providers"] else {}
        names = {name: {**table, "description": f"Those of {name}"} for name in takes["names"]}
        return {"type": "object", "properties": names, **more}
    if takes.get("prices") == "by model":
        return {"type": "object", "additionalProperties": {"$ref": "#/$defs/prices"}}
    if "propertyNames" in takes:
        return {
            "type": "object",
            "propertyNames": {"pattern": _whole(takes["propertyNames"]["pattern"])},
            "additionalProperties": _value(takes["additionalProperties"], told),
        }
    lists = ("enum", "examples")
    found = {key: [*value] if key in lists else value for key, value in takes.items()}
    if (pattern := found.pop("pattern", "")) != "":
        found["pattern"] = _whole(pattern)
    if "items" in found:
        found["items"] = _value(found["items"], told)
    return {"type": "string", **found} if "enum" in found else found


def _closed(table: Schema) -> Schema:
    """The table, where an unknown key is an error, there and below."""
    closed = {
        name: _closed(value) if value.get("type") == "object" else value
        for name, value in table["properties"].items()
    }
    return {"additionalProperties": False, **table, "properties": closed}


def _prices(told: Mapping[Any, Mapping[str, str]]) -> Schema:
    properties = {key: _price(key, told) for key in PRICE_KEYS}
    properties["variants"] = _variants(told)
    return {"type": "object", "properties": properties, "required": [*NEEDED_PRICES]}


def _variants(told: Mapping[Any, Mapping[str, str]]) -> Schema:
    return {
        "type": "object",
        "description": told[_PRICES]["variants"],
        "propertyNames": {"pattern": _whole(VARIANTS)},
        "additionalProperties": {
            "type": "object",
            "properties": {key: _price(key, told) for key in PRICE_KEYS},
        },
    }


def _price(key: str, told: Mapping[Any, Mapping[str, str]]) -> Schema:
    unit = "1,000" if "1k" in key else "1,000,000"
    meaning = f"{told[_PRICES][key]}, in USD per {unit}"
    return {"type": "number", "minimum": 0, "maximum": 10**6, "description": meaning}


def _whole(pattern: str) -> str:
    """A pattern of Python for a whole text, as JSON Schema has it."""
    known = {r".*\S.*": r"\S", r"|.*\S.*": r"^$|\S"}
    return known.get(pattern, f"^(?:{pattern})$")


def _plain(value: object) -> Any:
    """A value of a dataclass as JSON has it."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral() else float(value)
    if isinstance(value, str | int):
        return value
    return [*value]  # type: ignore[call-overload]


def _meanings(page: str) -> dict[Any, dict[str, str]]:
    """What the tables of docs/configuration.md say of each key."""
    sections = dict(re.findall(r"^### (.+)\n((?:(?!##).*\n)*)", page, re.MULTILINE))
    found: dict[Any, dict[str, str]] = {}
    for kind, (heading, number) in _TOLD.items():
        section = next(text for title, text in sections.items() if title.startswith(heading))
        tables = re.findall(r"^\| key .*\n\|-.*\n((?:\|.*\n)+)", section, re.MULTILINE)
        rows = re.findall(r"^\| `(\w+)`[^|]*\| (.*?) \| (.*) \|$", tables[number], re.MULTILINE)
        found[kind] = {key: _as_text(meaning) for key, _, meaning in rows}
    return found


def _as_text(cell: str) -> str:
    """A cell's words without links."""
    words = re.sub(r"\[([^][]+)\]\([^)]+\)", r"\1", cell).replace("\\|", "|").strip()
    return words[0].upper() + words[1:]
