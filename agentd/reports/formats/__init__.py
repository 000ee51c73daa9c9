"""The forms that a report can be shown in."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Protocol, cast

from agentd.reports.model import Report, Style

FORMATS: Mapping[str, str] = {
    "table": "table",
    "json": "json_document",
    "csv": "csv_text",
    "markdown": "markdown",
}
"""Each one's module here, which is loaded when it is asked for."""


class Format(Protocol):
    """The report as text without a line end behind it; ``base`` is what it is compared with."""

    def __call__(self, report: Report, *, style: Style, base: Report | None = None) -> str:
        """Show ``report``; both reports are by the same."""


def renderer(name: str) -> Format:
    """The function that shows a report in the format ``name``."""
    return cast("Format", import_module(f"{__name__}.{FORMATS[name]}").render)
