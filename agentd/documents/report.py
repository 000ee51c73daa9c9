"""What is wrong with the documents of a change: issues, and whether they forbid to go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]

SHOWN_PER_KIND = 20


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Report:
    """All issues of a change, by path and line."""

    issues: tuple[Issue, ...] = ()

    def ok(self, strict: bool = False) -> bool:
        """Whether the change may go on: no errors and, if ``strict``, no warnings either."""
        return not self.errors and not (strict and self.warnings)

    @property
    def errors(self) -> tuple[Issue, ...]:
        """The issues of severity ``error``."""
        return self._of("error")

    @property
    def warnings(self) -> tuple[Issue, ...]:
        """The issues of severity ``warning``."""
        return self._of("warning")

    @property
    def infos(self) -> tuple[Issue, ...]:
        """The issues of severity ``info``."""
        return self._of("info")

    def _of(self, severity: Severity) -> tuple[Issue, ...]:
        return tuple(issue for issue in self.issues if issue.severity == severity)


def report_of(issues: Iterable[Issue]) -> Report:
    """The report of these issues, in order; of one kind in one file only the first 20 are kept.

    One more issue then says how many were left out, so that a hostile document has a short report.
    """
    kept: list[Issue] = []
    last: dict[tuple[str, str, Severity], Issue] = {}
    counts: Counter[tuple[str, str, Severity]] = Counter()
    for issue in issues:
        kind = (issue.path, issue.code, issue.severity)
        counts[kind] += 1
        if counts[kind] <= SHOWN_PER_KIND:
            kept.append(issue)
            last[kind] = issue
    kept.sort(key=lambda issue: (issue.path, issue.line or 0))
    for kind, count in counts.items():
        if count > SHOWN_PER_KIND:
            path, code, severity = kind
            kept.append(
                Issue(
                    severity=severity,
                    code=code,
                    path=path,
                    line=None,
                    message=f"and {count - SHOWN_PER_KIND} more like line {last[kind].line}",
                )
            )
    return Report(tuple(kept))
