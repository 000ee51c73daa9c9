"""A report: groups of calls with their sums, and the sum of all of them; what two differ in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from decimal import Decimal, localcontext
from operator import sub
from typing import NamedTuple

from agentd.frozen import frozen
from agentd.metering.money import EXACT
from agentd.workflow.sessions.not_imported import NotImported


class Sums(NamedTuple):
    """What some calls used and cost.

    ``tokens_in`` is all input, ``tokens_cache_read`` the part of it that came from a cache;
    ``failed`` calls did not end ok. ``local`` calls were answered by a model on the user's machine.
    ``unpriced`` calls used tokens that no price was known for: ``cost_usd`` is too low by them.
    Of ``partial`` calls something is not known; ``estimated`` of these may have used less than is
    summed here, the others used at least that.
    ``web_searches`` is how many were billed; they are part of ``cost_usd``.

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
    partial: int = 0
    web_searches: int = 0
    estimated: int = 0


class Group(NamedTuple):
    """The calls that share ``names``, one name for each of the report's ``by``."""

    names: tuple[str, ...]
    sums: Sums


class Spent(NamedTuple):
    """What a day, week or month cost, for a line over time; ``name`` such as ``2026-11-24``."""

    name: str
    cost_usd: Decimal


@frozen(kw_only=True)
class Report:
    """The groups, in the order to be shown in, and their ``total``: the sum of every call once.

    ``scope`` says which calls these are, such as ``change add-oauth``. ``by`` names the columns of
    the groups' names (``model``, ``step`` …); empty for a mere total. ``days`` has every day from
    the first call to the last, those without a call too, unless that is more than ten years.
    ``whys`` say what is not known of the partial calls, and of how many. ``problems`` say which
    ledgers could not be read, so that their calls are missing. ``not_imported`` is what people did
    by hand in this time that no ledger has, None where that was not asked.
    """

    scope: str
    by: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    total: Sums = Sums()
    days: tuple[Spent, ...] = ()
    whys: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    not_imported: NotImported | None = None


SIGNS = "▁█▏…"
"""What is not ASCII in a drawn report."""


@frozen(kw_only=True)
class Style:
    """``bars``: a person looks at it, so draw. ``ascii``: only ASCII can be shown.

    ``color``: it obeys escape sequences. ``width`` is in columns; 0 means as wide as it gets.
    """

    bars: bool = False
    ascii: bool = False
    color: bool = False
    width: int = 0


def difference(report: Report, base: Report) -> Report:
    """``report`` less ``base``, group by group and in total; what ``base`` had more is negative.

    Both are by the same. The groups are those of :func:`with_gone`. The scope is that of ``base``;
    there are no days.
    """
    then = dict(base.groups)
    return Report(
        scope=base.scope,
        by=report.by,
        groups=tuple(
            Group(group.names, _less(group.sums, then.get(group.names, Sums())))
            for group in with_gone(report, base).groups
        ),
        total=_less(report.total, base.total),
    )


def with_gone(report: Report, base: Report) -> Report:
    """``report`` with the groups that only ``base`` has behind its own, as empty ones."""
    now = dict(report.groups)
    gone = (Group(group.names, Sums()) for group in base.groups if group.names not in now)
    return replace(report, groups=(*report.groups, *gone))


def _less(one: Sums, other: Sums) -> Sums:
    with localcontext(EXACT):
        return Sums._make(map(sub, one, other))
