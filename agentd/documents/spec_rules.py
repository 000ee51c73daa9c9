"""What a change's spec must hold: deltas whose requirements can be tested."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentd.documents.report import Issue, Severity
from agentd.late_pattern import late_pattern
from agentd.markdown.document import split_lines
from agentd.specs.check import delta_problems
from agentd.specs.model import Delta, Requirement, Scenario, fold

# ASCII borders: `系统MUST提供` has one, which \b would not see.
_NORMATIVE = late_pattern(r"(?<![A-Za-z0-9_])(?:SHALL|MUST)(?![A-Za-z0-9_])")
_CLAUSE = late_pattern(
    r"^[ \t]*(?:[-*+][ \t]+|\d{1,9}[.)][ \t]+)?([*_`]{0,3})(GIVEN|WHEN|THEN|AND|BUT)"
    r"(?![A-Za-z0-9_])[:,]?[*_`]{0,3}[:,]?[ \t]*(.*)$",
    re.IGNORECASE,
)

_REQUIREMENT = late_pattern(r"###\s*(?:Requirement:|R\d+:)", re.IGNORECASE)


def spec_issues(delta: Delta, path: str) -> Iterator[Issue]:
    """The requirements of a change's spec: deltas, names, statements, scenarios."""
    if delta.whole:
        text = 'it is a whole spec: all it has under "## Requirements" counts as ADDED'
        yield Issue("info", "whole-spec", path, None, text)
    for problem in delta_problems(delta):
        yield Issue("error", "delta", path, problem.line, problem.message)
    lines = split_lines(delta.text) if delta.stray else []
    for problem in delta.stray:
        lost = bool(problem.line and _REQUIREMENT.match(lines[problem.line - 1]))
        severity: Severity = "error" if lost else "warning"
        yield Issue(severity, "stray", path, problem.line, problem.message)
    for removed in delta.removed:
        if not removed.reason:
            text = f'the removal of "{_short(removed.name)}" gives no **Reason**'
            yield Issue("warning", "no-reason", path, removed.line, text)
    for requirement in (*delta.added, *delta.modified):
        yield from _requirement_issues(requirement, path)


def _requirement_issues(requirement: Requirement, path: str) -> Iterator[Issue]:
    name, line = _short(requirement.name), requirement.line
    if not _NORMATIVE.search(requirement.body):
        severity: Severity = "warning" if requirement.old_style else "error"
        text = f'the requirement "{name}" has no SHALL or MUST'
        fix = "Say under its heading what the system SHALL do, in capitals."
        yield Issue(severity, "no-shall", path, line, text, fix)
    seen: dict[str, int] = {}
    testable = False
    for scenario in requirement.scenarios:
        first = seen.setdefault(fold(scenario.name), scenario.line)
        if first != scenario.line:
            text = f'the scenario "{_short(scenario.name)}" is there already on line {first}'
            yield Issue("warning", "scenario-twice", path, scenario.line, text)
        issues = list(_scenario_issues(scenario, path))
        testable = testable or not any(issue.code == "clause" for issue in issues)
        yield from issues
    if requirement.scenarios and not testable:
        text = f'no scenario of the requirement "{name}" has both WHEN and THEN'
        yield Issue("error", "no-when-then", path, line, text)


def _scenario_issues(scenario: Scenario, path: str) -> Iterator[Issue]:
    """Its WHEN and THEN, each with words, and in the bold form that other tools read."""
    clauses: dict[str, str] = {}
    keyword, bold = "", True
    for line in scenario.body.split("\n"):
        match = _CLAUSE.match(line)
        if match:
            keyword, text = match[2].upper(), match[3]
            if keyword in ("WHEN", "THEN"):
                bold = bold and match[1] == "**"
        else:
            text = line
        clauses[keyword] = clauses.get(keyword, "") + text.strip()
    name = _short(scenario.name)
    if not name:
        yield Issue("warning", "nameless", path, scenario.line, "the scenario has no name")
    for word in ("WHEN", "THEN"):
        if word not in clauses:
            text = f'the scenario "{name}" has no {word}'
            yield Issue("warning", "clause", path, scenario.line, text)
        elif not clauses[word]:
            text = f'{word} of the scenario "{name}" says nothing'
            yield Issue("warning", "clause", path, scenario.line, text)
    if not bold:
        text = f'the scenario "{name}" has WHEN or THEN that are not bold'
        fix = "agentd validate --fix"
        yield Issue("info", "clause-form", path, scenario.line, text, fix)


def _short(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:97]}..."
