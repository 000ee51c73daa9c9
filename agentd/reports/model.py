"""A report: groups of calls with their sums, and the sum of all of them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple


class Sums(NamedTuple):
    """What some calls used and cost.

    ``tokens_in`` is all input, ``tokens_cache_read`` the part of it that came from a cache;
    ``failed`` calls did not end ok. ``local`` calls were answered by a model on the user's machine.
    ``unpriced`` calls used tokens that no price was known for: ``cost_usd`` is too low by them.

    A call that several models answered counts, where sums are by model, once under each of them,
    with that model's tokens and cost; in a total it counts once.
    """

    calls: int = 0
    failed: int = 0
    local: int = 0
    unpriced: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cache_read: int = 0
    cost_usd: Decimal = Decimal(0)


class Group(NamedTuple):
    """The calls that share ``names``, one name for each of the report's ``by``."""

    names: tuple[str, ...]
    sums: Sums


class Spent(NamedTuple):
    """What a day, week or month cost, for a line over time; ``name`` such as ``2026-11-24``."""

    name: str
    cost_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The groups, in the order to be shown in, and their ``total``: the sum of every call once.

    ``scope`` says which calls these are, such as ``change add-oauth``. ``by`` names the columns of
    the groups' names (``model``, ``step`` …); empty for a mere total. ``days`` has every day from
    the first call to the last, those without a call too, unless that is more than ten years.
    ``problems`` say which ledgers could not be read, so that their calls are missing.
    """

    scope: str
    by: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    total: Sums = Sums()  # noqa: RUF009 -- it is immutable
    days: tuple[Spent, ...] = ()
    problems: tuple[str, ...] = ()
