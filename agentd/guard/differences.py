"""What changed in a text, as a few lines like those of ``git diff``."""

from __future__ import annotations

from agentd.text import plain

_LINES = 8
_COLUMNS = 120
_BYTES = 100_000  # a larger text is not compared line by line


def difference(before: bytes | None, now: bytes | None) -> str:
    """The first changed lines, ``-`` before, ``+`` now, and how many there are beside them.

    None stands for no file. "" for what has no lines: binary files and large ones.
    """
    texts = [data or b"" for data in (before, now)]
    if any(b"\0" in data or len(data) > _BYTES for data in texts) or texts[0] == texts[1]:
        return ""
    import difflib

    old, new = (data.decode(errors="replace").splitlines() for data in texts)
    if not old or not new:
        lines = [f"-{line}" for line in old] + [f"+{line}" for line in new]
    else:
        compared = difflib.unified_diff(_within(old, new), _within(new, old), n=0, lineterm="")
        lines = [line for line in compared if line[:3] not in ("---", "+++", "@@ ")]
    return bounded(lines)


def bounded(lines: list[str]) -> str:
    """The first lines, cut where they are long; nothing in them steers a terminal."""
    shown = [plain(line.replace("\t", "  ")).replace("\n", " ") for line in lines[:_LINES]]
    shown = [line if len(line) <= _COLUMNS else f"{line[: _COLUMNS - 1]}…" for line in shown]
    if len(lines) > _LINES:
        shown.append(f"(and {len(lines) - _LINES} more lines)")
    return "\n".join(shown)


def _within(lines: list[str], other: list[str]) -> list[str]:
    """The lines without those that both begin and end with: comparing is quadratic at worst."""
    most = min(len(lines), len(other))
    start = next((at for at in range(most) if lines[at] != other[at]), most)
    rest = most - start
    end = next((at for at in range(rest) if lines[-1 - at] != other[-1 - at]), rest)
    return lines[start : len(lines) - end][:2000]
