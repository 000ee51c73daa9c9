"""Calls as CSV (RFC 4180), a row for each: exact amounts, nothing that a spreadsheet would run."""

from __future__ import annotations

from collections.abc import Iterator

from agentd.ledger.call_fields import to_fields
from agentd.ledger.call_keys import KEYS
from agentd.metering.cost_status import MISSING, status_of
from agentd.reports.export import Options, Text
from agentd.reports.export.calls import Exported, ExportedCall
from agentd.reports.export.cells import csv_text

COLUMNS = ("change_id", *(key for key in KEYS if key != "models"), "models", "cost_status")


def render(exported: Exported, options: Options) -> Text:
    """A header, then a line for each call, in the order of the ledger."""
    del options
    return Text(text=csv_text([COLUMNS, *map(_row, exported.calls)]))


def _row(one: ExportedCall) -> tuple[object, ...]:
    return tuple(_cells(one))


def _cells(one: ExportedCall) -> Iterator[object]:
    status, fields = status_of(one.call), to_fields(one.call)
    yield one.change_id
    for key in COLUMNS[1:-2]:
        is_amount = key == "cost_usd" or key.startswith("tokens_")
        if (status in MISSING and key == "cost_usd") or (status == "unknown" and is_amount):
            yield None
        else:
            yield fields.get(key)
    yield "; ".join(model.model for model in one.call.models) or None
    yield status
