"""A report as one JSON document: exact amounts, names as they are."""

from __future__ import annotations

from typing import Any

from agentd.reports.model import Report, Style, difference
from agentd.reports.partial import kinds_of
from agentd.text import json_text
from agentd.version import JSON_VERSION


def render(report: Report, *, style: Style, base: Report | None = None) -> str:
    """``{"version", "scope", "by", "groups", "total", "days"}``, with a base ``base`` and ``more``.

    ``partial_because`` is there when calls are partial, ``problems`` when a ledger can't be read,
    ``not_imported`` where that was asked.
    ``base`` is what was spent there, in the same form; ``more`` is what is more than that now.
    """
    del style  # JSON is for programs, wherever it goes
    document = {
        "version": JSON_VERSION,
        **_document(report),
        "days": [{"day": day.name, "cost_usd": day.cost_usd} for day in report.days],
    }
    if report.whys:
        document["partial_because"] = dict(kinds_of(report.whys))
    if report.not_imported is not None:
        document["not_imported"] = report.not_imported._asdict()
    if report.problems:
        document["problems"] = report.problems
    if base is not None:
        document["base"] = _document(base)
        document["more"] = _document(difference(report, base))
    return json_text(document)


def _document(report: Report) -> dict[str, Any]:
    return {
        "scope": report.scope,
        "by": report.by,
        "groups": [
            {**dict(zip(report.by, group.names, strict=True)), **group.sums._asdict()}
            for group in report.groups
        ],
        "total": report.total._asdict(),
    }
