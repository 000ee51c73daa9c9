"""A whole change as a model would write it: what it does in each step, and with which tools."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from loopback.scenario import Step, ToolCall

from real.bench import CHANGE
from real.ledger import Served
from real.models import AGENTS, REAL_CLIS, RealCli

USUAL = {
    "proposal": "gemini",
    "challenge": "codex",
    "reproposal": "gemini",
    "implementation": "claude",
    "review": "codex",
    "resolve": "claude",
    "archive": "gemini",
    "archive-review": "codex",
}
WHOLE = (
    *("proposal", "challenge", "reproposal", "challenge"),
    # The tests are red after the implementation: no review is paid for.
    *("implementation", "resolve", "review", "resolve", "review"),
    *("archive", "archive-review"),
)
# The steps that go on with another's session, and what was said there.
CONTINUED = {"reproposal": "I propose the export.", "resolve": "I have built the export."}

FOLDER = f"agentd/changes/{CHANGE}"
PROPOSAL = """# Proposal: export as CSV

## Why
Nobody can take the data elsewhere.

## What changes
- The data is exported as CSV.

## Impact
- Specs: export
- Code: `export.py`
- Risks: none that we know

## Out of scope
- Other formats
"""
ANSWERS = "\n## Answers\n- Issue 1: the delimiter is a comma; the spec says so now.\n"
TASKS = """# Tasks

- [ ] 1.1 Export as CSV (`export.py`)
  - Requirement: Export as CSV
  - Test: `check.sh`
"""
REQUIREMENT = """### Requirement: Export as CSV
The system SHALL export all rows as CSV{delimiter}.

#### Scenario: one row
- **WHEN** a table of one row is exported
- **THEN** its line is printed
"""
PURPOSE = "# Export\n\n## Purpose\nData for other programs.\n\n"
DELTA = PURPOSE + "## ADDED Requirements\n\n" + REQUIREMENT
REVISED = " with a comma between the fields"
CODE = "import csv\n\nDELIMITER = {delimiter!r}\n"
CHECK = 'grep -q "DELIMITER = \',\'" export.py && echo "1 passed"\n'
ISSUE = """
### Issue 1: no delimiter
- Severity: High
- Where: {where}
- Problem: which delimiter is it?
- Suggestion: say so
"""
RESOLVED = "# Implementation\n\n## Resolved\nIssue T1.\n"
COVERAGE = """
## Coverage
| Requirement | Scenario | Implemented in | Tested by |
|---|---|---|---|
| Export as CSV | one row | export.py:3 | check.sh |
"""
ENTRY = f"# Changelog\n\n## 2026-11-22 {CHANGE}\n\nData is exported as CSV.\n\n- Added: CSV\n"


def judgement(title: str, verdict: str, *, issue: str = "none\n", more: str = "") -> str:
    """A document with one box ticked."""
    text = f"# {title}: {CHANGE}\n\n## Summary\nSeen.\n{more}\n## Issues\n{issue}"
    return f"{text}\n## Verdict\n- [x] {verdict}\n- [ ] REJECTED\n"


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A step of the workflow: the CLI that runs it, its model, and what its API answers."""

    step: str
    cli: RealCli
    model: str
    answers: tuple[Step, ...]


def story(providers: tuple[str, ...], project: str) -> list[Turn]:
    """All turns of the change in their order, for a config that has these providers."""
    served = Served()
    told = {name: iter(turns) for name, turns in _rounds().items()}
    return [_turn(step, providers, project, served, next(told[step])) for step in WHOLE]


@dataclass(frozen=True)
class _Round:
    """``new`` files are written by the CLI's own tool, ``again`` by the shell.

    ``says`` goes with the first tool; ``needs`` must stand in the prompt.
    """

    new: tuple[tuple[str, str], ...]
    again: tuple[tuple[str, str], ...] = ()
    says: str = ""
    needs: str = ""


def _rounds() -> dict[str, list[_Round]]:
    bad_spec, bad_code = f"{FOLDER}/specs/export.md", "export.py:3"
    documents = ("proposal.md", PROPOSAL), ("tasks.md", TASKS)
    planned = tuple((f"{FOLDER}/{name}", text) for name, text in documents)
    challenge, review = f"{FOLDER}/CHALLENGE.md", f"{FOLDER}/REVIEW.md"
    return {
        "proposal": [
            _Round(
                planned,
                ((f"{FOLDER}/specs/export.md", DELTA.format(delimiter="")),),
                says=CONTINUED["reproposal"],
                needs="> Add an export",
            )
        ],
        "challenge": [
            _Round(((challenge, judgement("Challenge", verdict, issue=issue)),))
            for verdict, issue in (
                ("NEEDS_REVISION", ISSUE.format(where=bad_spec)),
                ("APPROVED", "none\n"),
            )
        ],
        "reproposal": [
            _Round(
                (),
                (
                    (f"{FOLDER}/specs/export.md", DELTA.format(delimiter=REVISED)),
                    (f"{FOLDER}/proposal.md", PROPOSAL + ANSWERS),
                ),
            )
        ],
        "implementation": [
            _Round(
                (
                    ("export.py", CODE.format(delimiter=";")),
                    ("check.sh", CHECK),
                    (f"{FOLDER}/IMPLEMENTATION.md", "# Implementation\n\n## Done\nAll.\n"),
                ),
                ((f"{FOLDER}/tasks.md", TASKS.replace("[ ]", "[x]")),),
                says=CONTINUED["resolve"],
            )
        ],
        "review": [
            _Round(
                ((review, judgement("Review", verdict, issue=issue, more=COVERAGE)),), needs=tests
            )
            for verdict, issue, tests in (
                ("NEEDS_CHANGES", ISSUE.format(where=bad_code), "test: passed"),
                ("APPROVED", "none\n", "test: passed"),
            )
        ],
        "resolve": [
            _Round(
                (),
                (
                    ("export.py", CODE.format(delimiter=",")),
                    (f"{FOLDER}/IMPLEMENTATION.md", RESOLVED),
                ),
                needs="test: FAILED (exit 1)",
            ),
            _Round((), ((f"{FOLDER}/IMPLEMENTATION.md", f"{RESOLVED}Issue 1.\n"),)),
        ],
        "archive": [_Round(((f"{FOLDER}/merged/CHANGELOG.md", ENTRY),))],
        "archive-review": [
            _Round(((f"{FOLDER}/ARCHIVE_REVIEW.md", judgement("Archive review", "APPROVED")),))
        ],
    }


def _turn(
    step: str, providers: tuple[str, ...], project: str, served: Served, round_: _Round
) -> Turn:
    name = USUAL[step] if USUAL[step] in providers else providers[0]
    cli = (REAL_CLIS | AGENTS)[name]
    model = cli.default if step == "proposal" else cli.small
    before = CONTINUED.get(step, "")
    needs = round_.needs
    prompt = f"step `{step}` of change `{CHANGE}`"
    fits = {
        "model": f"^{re.escape(model)}$",
        "body": r"(?s)\A" + "".join(f"(?=.*{re.escape(t)})" for t in (prompt, before, needs)),
    }
    # A step that continues no session knows nothing of what was said in one.
    others = [said for said in CONTINUED.values() if said not in (before, round_.says)]
    first = {"without": "|".join(map(re.escape, others))} if others else {}
    answers = [
        served.step(name, text=said, tools=tools, **fits, **first)
        for said, tools in _calls(cli, project, round_)
    ]
    last = served.step(name, text=f"The {step} is written.", **fits)
    return Turn(step=step, cli=cli, model=model, answers=(*answers, last))


def _calls(
    cli: RealCli, project: str, round_: _Round
) -> Iterator[tuple[str, tuple[ToolCall, ...]]]:
    said = round_.says
    for calls in (
        tuple(cli.write(f"{project}/{path}", text) for path, text in round_.new),
        tuple(cli.cat(path, text) for path, text in round_.again),
    ):
        if calls:
            yield said, calls
            said = ""
