"""What is wrong with the documents of a change: issues, and whether they forbid to go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from agentd.frozen import frozen

Severity = Literal["error", "warning", "info"]

SHOWN_PER_KIND = 20


@frozen()
class Issue:
    """One thing that is wrong: ``path`` relative to the project, ``line`` from 1 or None.

    ``code`` is a stable name; ``fix`` says what to do, empty where the message does.
    """

    severity: Severity
    code: str
    path: str
    line: int | None
    message: str
    fix: str = ""

    @property
    def place(self) -> str:
        """``PATH:LINE``, or ``PATH`` alone."""
        return self.path if self.line is None else f"{self.path}:{self.line}"

    def __str__(self) -> str:
        return f"{self.place}: {self.severity}: {self.message}"


@frozen()
class Report:
    """All issues of a change, by path and line."""

    issues: tuple[Issue, ...] = ()

    def ok(self, strict: bool = False) -> bool:
        """Whether the change may go on: no errors and, if ``strict``, no warnings either."""
        forbidding = ("error", "warning") if strict else ("error",)
        return not any(issue.severity in forbidding for issue in self.issues)

    @property
    def errors(self) -> tuple[Issue, ...]:
        """The issues of severity ``error``."""
        return tuple(issue for issue in self.issues if issue.severity == "error")


def report_of(issues: Iterable[Issue]) -> Report:
    """The report of these issues, in order; of one kind in one file only the first 20 are kept.

    One more issue then says how many were left out, so that a hostile document has a short report.
    """
    shown: list[Issue] = []
    last: dict[tuple[Severity, str, str], Issue] = {}
    counts: Counter[tuple[Severity, str, str]] = Counter()
    for issue in issues:
        kind = (issue.severity, issue.code, issue.path)
        counts[kind] += 1
        if counts[kind] <= SHOWN_PER_KIND:
            shown.append(issue)
            last[kind] = issue
    shown.sort(key=lambda issue: (issue.path, issue.line or 0))
    for kind, count in counts.items():
        if count > SHOWN_PER_KIND:
            text = f"and {count - SHOWN_PER_KIND} more like line {last[kind].line}"
            shown.append(Issue(*kind, None, text))
    return Report(tuple(shown))
