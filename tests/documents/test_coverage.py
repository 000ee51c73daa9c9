"""Issues, coverage and skeletons of challenges and reviews, in the forms models write."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.documents import FIXTURES

import agentd
from agentd.documents.coverage import Gap, coverage_of, missing_coverage
from agentd.documents.placeholders import is_skeleton
from agentd.documents.review_issues import fingerprint, issues_of
from agentd.specs.deltas import parse_delta

SKELETONS = Path(agentd.__file__).parent / "documents" / "skeletons"


ISSUES = FIXTURES / "issues"


@pytest.mark.parametrize("name", sorted(path.stem for path in ISSUES.glob("*.md")))
def test_issues(name: str) -> None:
    """A line of NAME.expected is ``title | where``."""
    found = issues_of((ISSUES / f"{name}.md").read_bytes().decode())
    lines = [f"{issue.title} | {issue.where}".rstrip() for issue in found]
    assert lines == (ISSUES / f"{name}.expected").read_text().splitlines()


SEVERE = {
    "### Issue 1: It leaks\n- Severity: High\n": True,
    "### Issue 1: It leaks\n- **Severity**: 🔴 Critical\n": True,
    "### Issue 1: It leaks\n- Severity: Low (high effort)\n": False,
    "### Issue 1: It leaks\n- Severity: P0\n": True,
    "### Issue 1: It leaks\n- Severity: P2\n": False,
    "### Issue 1: It leaks\n- Severity: High\n- Status: fixed in round 2\n": False,
    "### Issue 1: It leaks (resolved)\n- Severity: High\n": False,
    "### ~~Issue 1: It leaks~~\n- Severity: High\n": False,
    "### Issue 1: Done is never set\n- Severity: High\n": True,
    "### High\n- It leaks\n\n### Low\n- A name\n": True,
    "### Low\n- High load is not tried\n": False,
    "- **High**: it leaks\n": True,
    "1. [Low] high cost\n": False,
    "- it leaks (severity: high)\n": True,
    "| Issue | Severity | Where |\n|---|---|---|\n| It leaks | High | a.py |\n": True,
    "| Issue | Severity | Status |\n|---|---|---|\n| It leaks | High | Resolved |\n": False,
    "none of High severity\n": False,
}


@pytest.mark.parametrize("text", SEVERE)
def test_an_open_issue_of_high_severity(text: str) -> None:
    found = issues_of(f"## Issues\n\n{text}")
    assert any(issue.is_severe and not issue.is_closed for issue in found) is SEVERE[text]


DELTA = parse_delta((FIXTURES / "valid" / "specs" / "login.md").read_text(), "specs/login.md")
HEAD = "## Coverage\n| Requirement | Scenario | Implemented in | Tested by |\n|---|:-:|---|---|\n"
ROWS = (
    "| A code signs in | right code | login.py:3 | tests/test_login.py::test_right |\n"
    "| A code signs in | late code | login.py:9 | tests/test_login.py::test_late |\n"
    "| Wrong codes are counted | fifth wrong code | login.py:20 | test_five |\n"
)


def test_full_coverage() -> None:
    assert missing_coverage(HEAD + ROWS, [DELTA]) == []
    assert [row.line for row in coverage_of(HEAD + ROWS)] == [4, 5, 6]


def test_an_empty_cell_means_the_requirement_above() -> None:
    review = HEAD + '| A | s | a.py | b.py |\n| | t | | |\n| " | u | | |\n| B | s | | |\n'
    rows = [(row.requirement, row.scenario) for row in coverage_of(review)]
    assert rows == [("A", "s"), ("A", "t"), ("A", "u"), ("B", "s")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("| A code signs in | late", "| | late"),
        ("| A code signs in | late", '| " | late'),
        ("| A code signs in | late", "| **Requirement: a code  signs in** | `Scenario: Late"),
        ("| Wrong codes are counted |", "| lockout (abridged) |"),
        ("|---|:-:|---|---|", "| --- | --- | --- | --- |"),
        ("| test_five |", "| `test_five[a\\|b]` |"),
        ("| test_five |\n", "| test_five\n"),
        ("| test_five |", "| no-op.test.ts |"),
        ("Implemented in | Tested by", "Implementation | Tests"),
        ("\n", "\r\n"),
        ("late code |", "2. Late<br>code: |"),
        ("| login.py:9 | tests/test_login.py::test_late |", "| none.py | todo.py::test_late |"),
        (
            ROWS.splitlines()[0] + "\n| A code signs in | late code |",
            "| A code signs in | right code<br>late code |",
        ),
        ("| Wrong codes are counted | ", "| Wrong codes / fifth | Wrong codes are counted / "),
    ],
)
def test_coverage_in_other_forms(old: str, new: str) -> None:
    review = HEAD + ROWS
    assert old in review
    assert missing_coverage(review.replace(old, new), [DELTA]) == []


def test_a_column_status_may_say_missing() -> None:
    table = (HEAD + ROWS).replace(" |\n", " | {} |\n").replace("{}", "Status", 1)
    table = table.replace("---| {} |", "---|---|")
    assert missing_coverage(table.replace("{}", "✅"), [DELTA]) == []
    assert missing_coverage(table.replace("{}", "-"), [DELTA]) == []
    told = [gap.told for gap in missing_coverage(table.replace("{}", "❌ open"), [DELTA])]
    assert len(told) == 3
    assert told[0] == "A code signs in / right code: the review finds that it is missing"


@pytest.mark.parametrize(
    "cell",
    ["MISSING", "missing", "**MISSING**", "", "-", "—", "none", "n/a", "Not tested", "TODO", "❌",
     "none: by hand", "no test", "`tests/a.py`: MISSING",
     "⚠️ none", "FAIL", "fails (exit 1)", "not run"],
)  # fmt: skip
def test_a_row_that_says_missing(cell: str) -> None:
    what = "Wrong codes are counted / fifth wrong code: "
    no_test = HEAD + ROWS.replace("test_five", cell)
    assert missing_coverage(no_test, [DELTA]) == [Gap(f"{what}the review finds no test", True)]
    no_code = HEAD + ROWS.replace("login.py:20", cell)
    assert missing_coverage(no_code, [DELTA]) == [
        Gap(f"{what}the review finds no implementation", True)
    ]
    twice = HEAD + ROWS + ROWS.replace("test_five", cell)
    assert missing_coverage(twice, [DELTA]) == [Gap(f"{what}the review finds no test", True)]


@pytest.mark.parametrize(
    "review",
    [
        "",
        "Everything is covered.",
        HEAD,
        f"```\n{HEAD}{ROWS}```\n",
        f"````\n```\n{HEAD}{ROWS}```\n````\n",
        f"<!-- as it was\n{HEAD}{ROWS}-->\n",
        f"As it was: <!--\n{HEAD}{ROWS}-->\n",
        HEAD + "".join(f"<!-- {row} -->\n" for row in ROWS.splitlines()),
        (SKELETONS / "review.md").read_text(),
        HEAD + ROWS.replace("code |", "codes |"),
        HEAD + "| all | all | x | y |\n",
    ],
)
def test_a_row_is_missing(review: str) -> None:
    assert missing_coverage(review, [DELTA]) == [
        Gap("A code signs in / right code: the review has no row for it", False),
        Gap("A code signs in / late code: the review has no row for it", False),
        Gap("Wrong codes are counted / fifth wrong code: the review has no row for it", False),
    ]


def test_a_row_of_another_requirement_does_not_count() -> None:
    review = HEAD + ROWS.replace("| A code signs in | late", "| Wrong codes are counted | late")
    assert missing_coverage(review, [DELTA]) == [
        Gap("A code signs in / late code: the review has no row for it", False)
    ]


def test_removed_requirements_need_no_row_and_old_ones_have_numbers() -> None:
    removed = parse_delta("## REMOVED Requirements\n\n### Requirement: A\n**Reason**: x\n", "a.md")
    assert missing_coverage("", [removed]) == []
    old = parse_delta("# A\n\n## Requirements\n\n### R1: Sign in\nIt does.\n", "a.md")
    assert missing_coverage("", [old]) == [Gap("R1: Sign in: the review has no row for it", False)]
    assert missing_coverage(f"{HEAD}| R1 | | a.py | b.py |\n", [old]) == []


@pytest.mark.parametrize("name", ["challenge.md", "review.md", "archive-review.md"])
def test_a_skeleton(name: str) -> None:
    skeleton = (SKELETONS / name).read_text()
    assert is_skeleton(skeleton)
    assert is_skeleton("\ufeff" + skeleton.replace("\n", "\r\n"))
    ticked = skeleton.replace("- [ ] APPROVED", "- [x] APPROVED")
    assert is_skeleton(ticked)


@pytest.mark.parametrize("document", ["", "\ufeff \n\t\r\n"])
def test_an_empty_document_is_a_skeleton(document: str) -> None:
    assert is_skeleton(document)


@pytest.mark.parametrize(
    "document",
    [
        "# Review\n\n## Summary\nThe <title> is `<title>`.\n\n## Verdict\n- [x] APPROVED\n",
        "```\n### Issue 1: <title>\n```\n## Verdict\n",
    ],
)
def test_no_skeleton(document: str) -> None:
    assert not is_skeleton(document)


@pytest.mark.parametrize(
    "hidden",
    [
        "````\n```\n### Issue 1: Shown\n```\n### Issue 2: Shown\n````\n",
        "~~~\n- **High**: shown\n~~~\n",
        "<!--\n### Issue 1: Done\n- **High**: done\n| Issue | Severity |\n|---|---|\n| x | Low |\n"
        "-->\n",
        "none <!-- so far\n### Issue 1: Done\n-->\n",
    ],
)
def test_what_is_no_prose_is_no_issue(hidden: str) -> None:
    assert issues_of(f"## Issues\n\n{hidden}\n## Verdict\n") == []
    (issue,) = issues_of(f"## Issues\n### Issue 3: Real\n- Severity: High\n{hidden}\n## Verdict\n")
    assert issue.title == "Real"


def test_no_progress_shows() -> None:
    first = (
        "## Issues\n### Issue 1: It `breaks`\n- Severity: High\n- Where: a.py:3\n### Issue 2: B\n"
    )
    again = (
        "## Issues\n### Issue 1: B.\n### Issue 2: It breaks\n- Severity: Low\n- Where: `a.py:7-9`\n"
    )
    assert fingerprint(first) == fingerprint(again)
    assert len(fingerprint(first)) == 2
    assert fingerprint(first) != fingerprint(again.replace("a.py", "c.py"))
    assert fingerprint(first) != fingerprint(again.replace("It breaks", "It fails"))
    assert fingerprint("## Issues\nnone\n") == frozenset()
