"""A report as CSV (RFC 4180), for spreadsheets and scripts: exact amounts, no total."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

from agentd import text
from agentd.reports.model import Report, Style, Sums, difference, with_gone

_MORE = ("calls", "tokens_in", "tokens_out", "cost_usd")
# Excel takes these, the full-width ones too, for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def render(report: Report, *, style: Style, base: Report | None = None) -> str:
    """A header and a line for each group; one line, the total, for a report by nothing.

    With ``base`` four more columns: what is more than in the base. Lines end in CRLF, the last one
    in nothing. A name that a spreadsheet could take for a formula has a ``'`` in front, and so has
    one that begins with it.
    """
    del style  # CSV is for programs, wherever it goes
    file = io.StringIO()
    writer = csv.writer(file)
    if base is None:
        writer.writerow([*report.by, *Sums._fields])
        writer.writerows([*names, *_cells(sums)] for names, sums in _lines(report))
    else:
        writer.writerow([*report.by, *Sums._fields, *(f"{name}_more" for name in _MORE)])
        more = (sums for _, sums in _lines(difference(report, base)))
        for (names, sums), gained in zip(_lines(with_gone(report, base)), more, strict=True):
            writer.writerow([*names, *_cells(sums), *_cells(gained, _MORE)])
    return file.getvalue().removesuffix("\r\n")


def _lines(report: Report) -> list[tuple[list[str], Sums]]:
    if not report.by:
        return [([], report.total)]
    return [([*map(harmless, group.names)], group.sums) for group in report.groups]


def _cells(sums: Sums, fields: tuple[str, ...] = Sums._fields) -> list[str]:
    values = (getattr(sums, field) for field in fields)
    return [f"{value:f}" if isinstance(value, Decimal) else str(value) for value in values]


def harmless(name: str) -> str:
    line = text.one_line(name)
    return f"'{line}" if line.startswith((*_FORMULA, "'")) else line
