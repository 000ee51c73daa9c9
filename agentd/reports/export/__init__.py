"""Calls in the forms that other tools read."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Protocol, cast

from agentd.frozen import frozen
from agentd.reports.export.calls import Exported

FORMATS: Mapping[str, str] = {
    "focus": "focus.rows",
    "prometheus": "prometheus",
    "otlp": "otlp",
    "csv": "csv_calls",
    "jsonl": "json_lines",
}
"""Each one's module here, which is loaded when it is asked for."""

FOCUS_VERSIONS = ("1.2", "1.4")


@frozen(kw_only=True)
class Options:
    """``focus_version`` is one of FOCUS_VERSIONS.

    ``billing_account`` is the id that the account has at who bills it, None for the project's name.
    """

    focus_version: str = FOCUS_VERSIONS[0]
    billing_account: str | None = None


@frozen(kw_only=True)
class Text:
    """What is exported; ``notes`` say what the form could not hold."""

    text: str
    notes: tuple[str, ...] = ()


class Format(Protocol):
    """The calls in a form, with a line end behind the last line."""

    def __call__(self, exported: Exported, options: Options) -> Text:
        """Write them."""


def renderer(name: str) -> Format:
    """The function that writes calls in the format ``name``."""
    return cast("Format", import_module(f"{__name__}.{FORMATS[name]}").render)
