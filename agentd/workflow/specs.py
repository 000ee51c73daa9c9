"""Spec documents: a change's deltas, and the main specs they become."""

from __future__ import annotations

import re

_ADDED = re.compile(r"^## ADDED Requirements[ \t]*$", re.MULTILINE)
_PURPOSE = re.compile(r"^## Purpose[ \t]*$", re.MULTILINE)
_TITLE = re.compile(r"^# .+$", re.MULTILINE)


def as_main_spec(delta: str) -> str:
    """The main spec that a delta for a new capability makes: what it ADDS is what there is."""
    spec = _ADDED.sub("## Requirements", delta.removeprefix("\ufeff"))
    title = _TITLE.search(spec)
    if title and not _PURPOSE.search(spec):
        purpose = f"\n\n## Purpose\n{title[0].removeprefix('# ').strip()}."
        spec = spec[: title.end()] + purpose + spec[title.end() :]
    return spec
