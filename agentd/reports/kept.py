"""Finished reports, kept until one of their ledgers changes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from agentd.ledger import cache
from agentd.ledger.all_rows import home_of, is_settled, read_rows, stamps_of
from agentd.ledger.rows import Ledger
from agentd.reports.groups import Query, build
from agentd.reports.model import Group, Report, Spent, Sums


def report_on(ledgers: Sequence[Ledger], query: Query, scope: str) -> Report:
    """The report on every call of several ledgers. Raises StateError."""
    place = cache.path_of("reports", home_of(ledgers))
    stamps = stamps_of(ledgers)
    seen = [
        (ledger.change_id, str(ledger.path), stamp and tuple(stamp))
        for ledger, stamp in zip(ledgers, stamps, strict=True)
    ]
    kept_seen, kept = cache.load(place) or (None, {})
    reports: dict[tuple[object, ...], tuple[Any, ...]] = kept if kept_seen == seen else {}
    key = tuple(query)
    if key in reports:
        return _report(scope, query, reports[key])
    report = build(read_rows(ledgers), query, scope)
    if all(stamp is None or is_settled(stamp) for stamp in stamps):
        cache.save(place, (seen, {**reports, key: _plain(report)}))
    return report


def _plain(report: Report) -> tuple[Any, ...]:
    groups = [(names, _plain_sums(sums)) for names, sums in report.groups]
    days = [(name, str(cost_usd)) for name, cost_usd in report.days]
    return groups, _plain_sums(report.total), days


def _plain_sums(sums: Sums) -> tuple[Any, ...]:
    return *sums[:-1], str(sums.cost_usd)


def _report(scope: str, query: Query, plain: tuple[Any, ...]) -> Report:
    groups, total, days = plain
    return Report(
        scope=scope,
        by=query.by,
        groups=tuple(Group(tuple(names), _sums(sums)) for names, sums in groups),
        total=_sums(total),
        days=tuple(Spent(name, Decimal(cost)) for name, cost in days),
    )


def _sums(plain: tuple[Any, ...]) -> Sums:
    return Sums._make((*plain[:-1], Decimal(plain[-1])))
