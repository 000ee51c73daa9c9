"""Which requirements and scenarios a review covers, and which it leaves open."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from agentd.documents.name_key import name_key
from agentd.documents.tables import rows_of
from agentd.frozen import frozen
from agentd.late_pattern import late_pattern
from agentd.markdown.document import scan
from agentd.specs.model import Delta

_MISSING = late_pattern(
    r"(?:missing|untested|todo|tbd|no (?:unit )?(?:tests?|coverage)"
    r"|not (?:yet )?(?:tested|implemented|covered|found|done))\b(?![./:]+\w)"
    r"|(?:none|no|n/?a|nothing|not run|fail(?:s|ed|ing)?|[-–—?]*)(?:\Z|[ \t]*(?:[:;,(]|\.(?!\w)))",
    re.IGNORECASE,
)
_ANYWHERE = late_pattern(r"\bMISSING\b|[❌✗✘]")
_ANY = "*"  # no key of a name: name_key() takes it away
_DITTO = " \"'〃^″“”↑"


@frozen()
class CoverageRow:
    """A row of a review's coverage table, as written; ``line`` counts from 1."""

    requirement: str
    scenario: str
    implemented_in: str
    tested_by: str
    line: int
    status: str = ""

    @property
    def gap(self) -> str:
        """What the row says is missing; "" when nothing is."""
        if _says_missing(self.implemented_in):
            return "the review finds no implementation"
        if _says_missing(self.tested_by):
            return "the review finds no test"
        is_told = self.status.strip(" -–—?") and _says_missing(self.status)
        return "the review finds that it is missing" if is_told else ""


def coverage_of(review: str) -> list[CoverageRow]:
    """The rows of a review's tables that have a column Requirement and a column of tests.

    An empty requirement cell, or a ditto mark, means that of the row above.
    """
    rows: list[CoverageRow] = []
    above = ""
    for row in rows_of(scan(review)):
        requirement, tested = row.cell("requirement"), row.cell("test")
        if requirement is None or tested is None:
            continue
        above = requirement if requirement.strip(_DITTO) else above
        implemented = row.cell("implement", "code", "where") or ""
        status = row.cell("status", "covered") or ""
        scenario = row.cell("scenario") or ""
        rows.append(CoverageRow(above, scenario, implemented, tested, row.line, status))
    return rows


@frozen()
class Gap:
    """What a review leaves open, in a sentence; ``is_said`` by a row of its own."""

    told: str
    is_said: bool


def missing_coverage(review: str, specs: Iterable[Delta]) -> list[Gap]:
    """What a review leaves open of the change's specs, scenario by scenario.

    That is one without a row, or with a row that names no code or no test, of an added or modified
    requirement. A row whose requirement nobody knows counts for a scenario of its name, and one
    whose scenario nobody knows for those that it names among other words.
    """
    blocks = [block for delta in specs for block in (*delta.added, *delta.modified)]
    known = {key for block in blocks for key in _keys(block.name, old_style=block.old_style)}
    scenarios = {name_key(scenario.name) for block in blocks for scenario in block.scenarios}
    rows: dict[tuple[str, str], list[CoverageRow]] = {}
    several: list[tuple[str, str, CoverageRow]] = []
    for row in coverage_of(review):
        requirement, scenario = name_key(row.requirement), name_key(row.scenario)
        if scenario and scenario not in scenarios:
            several.append((requirement if requirement in known else _ANY, scenario, row))
        rows.setdefault((requirement, scenario), []).append(row)
        rows.setdefault((requirement, _ANY), []).append(row)
        if requirement not in known:
            rows.setdefault((_ANY, scenario), []).append(row)
    missing: list[Gap] = []
    for block in blocks:
        names = [name_key(scenario.name) for scenario in block.scenarios]
        for place, name in enumerate(names or [_ANY]):
            keys = [(key, name) for key in _keys(block.name, old_style=block.old_style)]
            if names:
                keys.append((_ANY, name))
            found = next((rows[key] for key in keys if key in rows), None) or [
                row
                for requirement, words, row in several
                if any(requirement == key for key, _ in keys) and _names(words, name)
            ]
            scenario = f" / {block.scenarios[place].name}" if names else ""
            missing += [Gap(f"{block.name}{scenario}: {gap}", bool(found)) for gap in _gaps(found)]
    return missing


def _names(words: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", words) is not None


def _gaps(rows: list[CoverageRow]) -> Iterator[str]:
    if not rows:
        yield "the review has no row for it"
    yield from dict.fromkeys(row.gap for row in rows if row.gap)


def _keys(name: str, *, old_style: bool) -> list[str]:
    """What a row may call a requirement; ``R1: Title`` also ``R1``."""
    return [name_key(name), *([name_key(name.partition(":")[0])] if old_style else [])]


def _says_missing(cell: str) -> bool:
    plain = cell.strip(" \t*_`⚠🔴\ufe0f")
    return bool(_MISSING.match(plain) or _ANYWHERE.search(plain))
