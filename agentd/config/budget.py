"""``[budget]`` of config.toml: the limits of a change, of its parts and of the whole project."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast

from agentd.config.model import (
    ON_UNPRICED,
    PERIODS,
    STEP_NAMES,
    BudgetConfig,
    Limit,
    OnUnpriced,
    Period,
    ProjectBudget,
)
from agentd.config.table import Table
from agentd.providers import PROVIDERS

_USD = "an amount in USD, 0 or more"


def read_budget(table: Table) -> BudgetConfig:
    """``[budget]`` with ``project``, ``steps`` and ``providers``."""
    usual = BudgetConfig()
    limit = _read_limit(table)
    percent = _read_percent(table, usual.warn_at_percent)
    warn_at_dollars = table.number("warn_at_dollars", _USD)
    warn_at_tokens = table.integer("warn_at_tokens", 0)
    on_unpriced = table.choice("on_unpriced", ON_UNPRICED)
    project = _read_project(table.table("project"), percent)
    steps = _read_limits(table.table("steps"), STEP_NAMES)
    providers = _read_limits(table.table("providers"), tuple(PROVIDERS))
    table.finish(strict=True)
    return BudgetConfig(
        **limit,
        warn_at_percent=percent,
        warn_at_dollars=warn_at_dollars,
        warn_at_tokens=warn_at_tokens,
        on_unpriced=cast("OnUnpriced", on_unpriced or usual.on_unpriced),
        project=project,
        steps=steps,
        providers=providers,
    )


def _read_limit(table: Table) -> dict[str, Any]:
    limit_usd = table.number("limit_usd", _USD)
    return {"limit_usd": limit_usd, "limit_tokens": table.integer("limit_tokens", 0)}


def _read_percent(table: Table, usual: Decimal) -> Decimal:
    percent = table.number("warn_at_percent", "a number from 0 to 100", maximum=100)
    return usual if percent is None else percent


def _read_limits(table: Table, names: Sequence[str]) -> dict[str, Limit]:
    """A limit for each of ``names`` that the file has."""
    limits = {}
    for name in names:
        entry = table.table(name)
        limit = Limit(**_read_limit(entry))
        entry.finish(strict=True)
        if name in table:
            limits[name] = limit
    table.finish(strict=True)
    return limits


def _read_project(table: Table, percent: Decimal) -> ProjectBudget:
    usual = ProjectBudget()
    limit = _read_limit(table)
    period = table.choice("period", PERIODS)
    timezone = _read_timezone(table, usual.timezone)
    percent = _read_percent(table, percent)
    table.finish(strict=True)
    return ProjectBudget(
        **limit,
        period=cast("Period", period or usual.period),
        timezone=timezone,
        warn_at_percent=percent,
    )


def _read_timezone(table: Table, usual: str) -> str:
    expected = 'a time zone\'s name that this machine knows, such as "Europe/Berlin"'
    name = table.text("timezone", expected)
    if name is None or name == usual:  # UTC needs no time zone data
        return usual
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # only files that name a zone pay for it

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: "Europe" is a folder
        table.wrong("timezone", expected)
        return usual
    return name
