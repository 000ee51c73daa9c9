"""What stands within a line: code in backticks, and HTML comments."""

from __future__ import annotations

from collections.abc import Iterator

from agentd.late_pattern import late_pattern

_BACKTICKS = late_pattern(r"`+")


def spans(line: str, start: int = 0) -> Iterator[tuple[str, int, int]]:
    """The code spans (``"`"``) and comments (``"<"``) of a line: kind, start and end.

    What begins first counts. A comment that does not end in this line has the end -1; what comes
    behind it is told as if it were none. Linear in the line.
    """
    runs = [match.span() for match in _BACKTICKS.finditer(line, start)]
    partner = _partners(runs)
    place = 0
    at = line.find("<!--", start)
    last_end = line.rfind("-->")
    while place < len(runs) or at >= 0:
        if at >= 0 and (place == len(runs) or at < runs[place][0]):
            # `<!-->` is a whole comment, too
            end = line.find("-->", at + 2) + 3 if last_end >= at + 2 else -1
            yield "<", at, end
            start = max(end, at + 4)
            while place < len(runs) and runs[place][0] < start:
                place += 1
        elif close := partner[place]:
            yield "`", runs[place][0], runs[close][1]
            start, place = runs[close][1], close + 1
        else:
            start, place = runs[place][1], place + 1
        if 0 <= at < start:
            at = line.find("<!--", start)


def _partners(runs: list[tuple[int, int]]) -> list[int]:
    """For each run of backticks the next one that is as long, 0 without one."""
    following: dict[int, int] = {}
    partner = [0] * len(runs)
    for place in reversed(range(len(runs))):
        length = runs[place][1] - runs[place][0]
        partner[place] = following.get(length, 0)
        following[length] = place
    return partner


def without_code(line: str) -> str:
    """A line with its code spans blanked, each as long as it was."""
    if "`" not in line:
        return line
    parts: list[str] = []
    done = 0
    for kind, start, end in spans(line):
        if kind == "`":
            parts += [line[done:start], " " * (end - start)]
            done = end
    return "".join(parts) + line[done:]
