"""Markdown tables as rows of cells."""

from __future__ import annotations

from collections.abc import Iterator

from agentd.frozen import frozen
from agentd.markdown.document import Document


@frozen()
class Row:
    """A row below a table's header: the cells by the header's words in small letters."""

    line: int
    cells: dict[str, str]

    def cell(self, *words: str) -> str | None:
        """The cell of the first column whose heading has one of these words; None without one."""
        return next(
            (self.cells[name] for word in words for name in self.cells if word in name), None
        )


def rows_of(document: Document, start: int = 1, end: int | None = None) -> Iterator[Row]:
    """The rows of all tables in these lines; a missing cell is "", one too many is left out."""
    header: list[str] = []
    previous: list[str] = []
    for number, line in document.numbered(start, end):
        if "|" not in line:
            header = previous = []
        elif header:
            cells = _cells(line)
            cells += [""] * (len(header) - len(cells))
            yield Row(number, dict(zip(header, cells, strict=False)))
        elif previous and _is_delimiter(line):
            header = [cell.strip(" *_`").lower() for cell in previous]
        else:
            previous = _cells(line)


def _cells(line: str) -> list[str]:
    text = line.strip().replace("\\|", "\0")
    text = text.removeprefix("|").removesuffix("|")
    return [cell.replace("\0", "|").strip() for cell in text.split("|")]


def _is_delimiter(line: str) -> bool:
    return "-" in line and not line.strip(" \t|:-")
