"""Values as cells of CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from agentd.clock import iso
from agentd.metering.money import plain_number
from agentd.reports.formats.csv_text import harmless

_harmless = lru_cache(maxsize=10_000)(harmless)  # most cells of a column are alike


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """The rows as lines that end in CRLF; None is an empty cell."""
    file = io.StringIO()
    csv.writer(file).writerows(map(_cell, row) for row in rows)
    return file.getvalue()


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case Decimal():
            return plain_number(value)
        case datetime():
            return iso(value)
        case str():
            return _harmless(value) if value else ""
        case _:
            return str(value)
