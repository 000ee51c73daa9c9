"""The forms that a report can be shown in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from agentd.reports.formats import csv_text, json_document, markdown, table
from agentd.reports.model import Report, Style


class Format(Protocol):
    """The report as text without a line end behind it; ``base`` is what it is compared with."""

    def __call__(self, report: Report, *, style: Style, base: Report | None = None) -> str:
        """Show ``report``; both reports are by the same."""


FORMATS: Mapping[str, Format] = {
    "table": table.render,
    "json": json_document.render,
    "csv": csv_text.render,
    "markdown": markdown.render,
}
