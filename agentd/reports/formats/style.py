"""What the place that a report is printed to can show."""

from __future__ import annotations

from dataclasses import dataclass

SIGNS = "▁█▏…"
"""What is not ASCII in a drawn report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """``bars``: a person looks at it, so draw. ``ascii``: only ASCII can be shown.

    ``color``: it obeys escape sequences. ``width`` is in columns; 0 means as wide as it gets.
    """

    bars: bool = False
    ascii: bool = False
    color: bool = False
    width: int = 0
