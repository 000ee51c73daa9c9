"""Prompts: the package's markdown files with ``{{name}}`` filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_PROMPTS = Path(__file__).parent / "prompts"
_FIELD = re.compile(r"\{\{(\w+)\}\}")


def render(step: str, values: Mapping[str, str]) -> str:
    """The whole prompt of a step: its own text within the frame that all steps share.

    ``values`` fills the fields; what stands in a value is never filled again. A field without a
    value is a KeyError.
    """
    body = _fill(_read(step), {**values, "spec_form": _read("_spec_form").rstrip()})
    return _fill(_read("_frame"), {**values, "step": step, "body": body.rstrip()})


def _fill(template: str, values: Mapping[str, str]) -> str:
    return _FIELD.sub(lambda match: values[match[1]], template)


def _read(name: str) -> str:
    return (_PROMPTS / f"{name}.md").read_text(encoding="utf-8")
