"""What a report has more than another one, or less."""

from __future__ import annotations

from dataclasses import replace

from agentd.metering.money import EXACT
from agentd.reports.model import Group, Report, Sums


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
    counts = (mine - theirs for mine, theirs in zip(one[:-1], other[:-1], strict=True))
    return Sums._make((*counts, EXACT.subtract(one.cost_usd, other.cost_usd)))
