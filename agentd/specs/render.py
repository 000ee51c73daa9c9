"""Writing a spec from its slices, byte for byte as OpenSpec's archive does."""

from __future__ import annotations

from collections.abc import Iterable

from agentd.markdown.openspec import SPACES, code_lines
from agentd.specs.model import MainSpec


def new_spec(capability: str, purpose: str) -> str:
    """The spec of a new capability, still without requirements."""
    return f"# {capability} Specification\n\n## Purpose\n{purpose}\n\n## Requirements\n"


def placeholder(change_id: str) -> str:
    """The Purpose of a new capability whose change says none."""
    return f"TBD - created by archiving change {change_id}. Update Purpose after archive."


def spec_text(spec: MainSpec, blocks: Iterable[str]) -> str:
    """``spec`` with these requirement blocks: one blank line between parts, the file's newline."""
    preamble = [spec.preamble] if spec.preamble.strip(SPACES) else []
    body = "\n\n".join([*preamble, *blocks]).rstrip(SPACES)
    parts = (
        spec.before.rstrip(SPACES),
        spec.header or "## Requirements",
        body,
        spec.after.strip(SPACES),
    )
    text = _single_blanks("\n\n".join(part for part in parts if part)).rstrip(SPACES) + "\n"
    return _with_newlines_of(spec.text, text)


def _single_blanks(text: str) -> str:
    """Runs of empty lines as one, but not in fences, whose blank lines mean something."""
    lines = text.split("\n")
    fenced = code_lines(lines)
    return "\n".join(
        line for i, line in enumerate(lines) if line or i == 0 or lines[i - 1] or fenced[i - 1]
    )


def _with_newlines_of(original: str, text: str) -> str:
    crlf = original.count("\r\n")
    lf = original.count("\n") - crlf
    if not crlf and not lf:
        return text
    text = text.replace("\r\n", "\n")
    return text.replace("\n", "\r\n") if crlf >= lf else text
