"""Calls as a FOCUS dataset in CSV: a row for each model of a call."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

from agentd.reports.export import Options, Text
from agentd.reports.export.calls import Exported
from agentd.reports.export.cells import csv_text
from agentd.reports.export.charges import charges_of
from agentd.reports.export.focus.columns import Context, columns_of
from agentd.reports.export.focus.entities import entities_of
from agentd.text import counted


def render(exported: Exported, options: Options) -> Text:
    """A header and a row for each charge.

    FOCUS takes neither an empty cost nor a placeholder for one, and no charge without a time: such
    charges are left out, and told.
    """
    columns = columns_of(options.focus_version)
    account = options.billing_account or exported.project
    left_out = {"no known cost": 0, "no time": 0}

    def rows() -> Iterator[list[object]]:
        yield [*columns]
        for one in exported.calls:
            for charge in charges_of(one):
                began_at = charge.call.started_at
                if charge.cost_usd is None:
                    left_out["no known cost"] += 1
                elif began_at is None:
                    left_out["no time"] += 1
                else:
                    at = began_at.astimezone(UTC)
                    entities = entities_of(charge)
                    of = Context(charge, entities, exported.project, account, at)
                    yield [read(of) for read in columns.values()]

    text = csv_text(rows())
    return Text(
        text=text,
        notes=tuple(
            f"{counted(count, 'charge')} with {what} left out: FOCUS has no place for them"
            for what, count in left_out.items()
            if count
        ),
    )
