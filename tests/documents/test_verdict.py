"""Verdicts in the forms that models write, and what must never be one."""

from __future__ import annotations

import pytest

from agentd.documents.verdict import read_verdict
from agentd.documents.verdict_forms import condition_of

ALLOWED = ("APPROVED", "NEEDS_REVISION", "REJECTED")


@pytest.mark.parametrize(
    ("document", "verdict"),
    [
        ("## Verdict\n- [x] APPROVED\n- [ ] REJECTED\n", "APPROVED"),
        ("## Verdict\r\n- [ ] APPROVED\r\n- [X] REJECTED\r\n", "REJECTED"),
        ("**Verdict**: APPROVED\n", "APPROVED"),
        ("**Verdict:** approved\n", "APPROVED"),
        ("### Verdict: NEEDS_REVISION\n", "NEEDS_REVISION"),
        ("## Verdict\n\nAPPROVED\n", "APPROVED"),
        ("## Verdict\n\n**APPROVED** - all is well\n", "APPROVED"),
        ("## Verdict\n- [x] **NEEDS_REVISION**: two issues\n", "NEEDS_REVISION"),
        ("\ufeff# Verdict\n* [x] `REJECTED`\n", "REJECTED"),
        ("## Verdict\n- [ ] APPROVED\n- [ ] NEEDS_REVISION\n", None),
        ("## Verdict\n- [x] APPROVED\n- [x] REJECTED\n", None),
        ("## Verdict\n- [x] MAYBE\n", None),
        ("## Verdict\nIt can be APPROVED once mended.\n", None),
        ("## Summary\nAPPROVED\n", None),
        ("## Verdict\n```\n- [x] APPROVED\n```\n", None),
        ("## Verdict\n> APPROVED\n", None),
        ("## Verdict\nNOT APPROVED\n", None),
        ("## Verdict\n- [-] APPROVED\n", None),
        ("## Verdict\n\n## Notes\nAPPROVED\n", None),
        ("", None),
        ("## Verdict\n- [x] NEEDS REVISION\n", "NEEDS_REVISION"),
        ("## Verdict\nNeeds-revision: two issues\n", "NEEDS_REVISION"),
        ("## Verdict\n✅ **APPROVED**\n", "APPROVED"),
        ("## Verdict\n**✅ APPROVED**\n", "APPROVED"),
        ("## Verdict\n⚠️ NEEDS REVISION - see below\n", "NEEDS_REVISION"),
        ("## Verdict\n- APPROVED\n", "APPROVED"),
        ("## Verdict\n1. REJECTED.\n", "REJECTED"),
        ("## Verdict\n- ✅ APPROVED\n- ❌ REJECTED\n", "APPROVED"),
        ("## Verdict\n- ❌ APPROVED\n- ✅ REJECTED\n", "REJECTED"),
        ("## Verdict\n- APPROVED\n- NEEDS_REVISION\n- REJECTED\n", None),
        ("## Verdict\n☐ APPROVED\n☑ REJECTED\n", "REJECTED"),
        ("## 4. Verdict\n\nAPPROVED\n", "APPROVED"),
        ("#### 4) **Final Verdict**\n\nAPPROVED\n", "APPROVED"),
        ("###### ✅ Overall verdict: APPROVED\n", "APPROVED"),
        ("## Verdict — needs revision\n", "NEEDS_REVISION"),
        ("## Verdict (REJECTED)\n", "REJECTED"),
        ("- **Verdict:** approved\n", "APPROVED"),
        ("| Field | Value |\n|---|---|\n| **Verdict** | NEEDS REVISION |\n", "NEEDS_REVISION"),
        ("| Verdict | APPROVED |\n|---|---|\n", "APPROVED"),
        ("## Verdict\n| Verdict | Why |\n|---|---|\n| APPROVED | all is well |\n", "APPROVED"),
        ("## Rounds\n| Round | Verdict |\n|---|---|\n| 1 | REJECTED |\n", None),
        ("## Verdict\n~~APPROVED~~\n", None),
        ("## Verdicts of others\nAPPROVED\n", None),
        ("## Verdict\n- [x] APPROVED with two nits\n", "APPROVED"),
        ("## Verdict\nDISAPPROVED\n", None),
        ("## Verdict <!-- tick one -->\n- [x] APPROVED <!-- at last -->\n", "APPROVED"),
        ("Verdict\n-------\n- [x] APPROVED\n\nNotes\n=====\nREJECTED\n", "APPROVED"),
        ("# Verdict\nThe work is sound.\n---\n- [x] APPROVED\n", "APPROVED"),
        ("- a:\n  ```\n  x\n\n## Verdict\n- [x] APPROVED\n", "APPROVED"),
        ("> ```\n> x\n\n## Verdict\n- [x] APPROVED\n", "APPROVED"),
        ("## Verdict\nAPPROVED. The tests pass.\n", "APPROVED"),
        ("**Verdict:** REJECTED! Start again.\n", "REJECTED"),
        ("## Verdict\n**NEEDS REVISION** because it is vague.\n", "NEEDS_REVISION"),
        ("## Verdict\nNEEDS_REVISION → resolve issue 1\n", "NEEDS_REVISION"),
        ("## Verdict\nAPPROVED with no conditions.\n", "APPROVED"),
        ("## Verdict\nAPPROVED / NEEDS_REVISION / REJECTED\n", None),
        ("## Verdict\nAPPROVED is what it may become.\n", None),
        ("## Verdict\nREJECTED? No.\n", None),
        ("## Verdict\n[ ] APPROVED\n[x] REJECTED\n", "REJECTED"),
        ("## Verdict\n( ) APPROVED\n(x) REJECTED\n", "REJECTED"),
        ("## Verdict\n- [  ] APPROVED\n- [ x ] REJECTED\n", "REJECTED"),
        ("## Verdict\n- APPROVED: [ ]\n- **REJECTED** [x]\n", "REJECTED"),
        ("## Verdict\nThe verdict is **APPROVED**.\n", "APPROVED"),
        ("## Verdict\n- **Decision:** needs revision\n", "NEEDS_REVISION"),
        ("## Verdict\nRound 1: REJECTED\n", None),
        ("## Verdict\n~~APPROVED~~ REJECTED\n", "REJECTED"),
        ("## Verdict\n- [x] ~~APPROVED~~\n", None),
        ("## Verdict\n<verdict>APPROVED</verdict>\n", "APPROVED"),
        ("**Verdict**\n\nAPPROVED\n", "APPROVED"),
        ("**Final verdict:**\n\n- [x] APPROVED\n- [ ] REJECTED\n", "APPROVED"),
        ("Verdict\n\nAPPROVED\n", None),
        ("## Verdict and Rationale\n- [x] APPROVED\n", "APPROVED"),
        ("## Verdict\n| It is | |\n|---|---|\n| APPROVED | |\n| REJECTED | x |\n", "REJECTED"),
        ("## Verdict\n| APPROVED | ✅ |\n| NEEDS_REVISION | ❌ |\n| REJECTED | - |\n", "APPROVED"),
        ("## Verdict\n| APPROVED | ✅ | sound |\n| REJECTED | ❌ | no need |\n", "APPROVED"),
        ("## Verdict\nAPPROVED pending review of issue 1\n", "APPROVED"),
        ("## Verdict\n| APPROVED | no |\n| REJECTED | **Yes** |\n", "REJECTED"),
    ],
)
def test_verdict(document: str, verdict: str | None) -> None:
    assert read_verdict(document, ALLOWED) == verdict


TICKED = "- [x] APPROVED\n"
HIDDEN = {
    "a longer fence holds a shorter": f"````\n```\n{TICKED}```\n{TICKED}````\n",
    "a shorter fence does not close": f"````\n```\n{TICKED}````\n",
    "tildes": f"~~~\n{TICKED}~~~\n",
    "tildes hold backticks": f"~~~ md\n```\n{TICKED}~~~\n",
    "a fence with an info string": f"```markdown title\n{TICKED}```\n",
    "an info string closes nothing": f"```\n``` sh\n{TICKED}```\n",
    "too far in to close": f"```\n    ```\n{TICKED}```\n",
    "a quoted fence closes nothing": f"```\n> ```\n{TICKED}```\n",
    "a fence in a list": "1. so:\n\n   ```\n   - [x] APPROVED\n   ```\n",
    "a fence in a quote": "> ```\n> - [x] APPROVED\n> ```\n",
    "a fence far in": "- a\n      ```\n      - [x] APPROVED\n      ```\n",
    "never closed": f"```\n{TICKED}",
    "a comment": "<!-- - [x] APPROVED -->\n",
    "a comment of lines": f"<!--\n{TICKED}-->\n",
    "a comment with a blank line": f"<!-- old\n\n{TICKED}\n-->\n",
    "a comment behind text": f"as before <!-- once\n{TICKED}-->\n",
    "a comment behind text with a blank line": f"as before <!--\n\n{TICKED}\n--> now\n",
    "a comment behind a box": "- [ ] REJECTED <!-- - [x] APPROVED -->\n",
    "a comment in an item": f"- [ ] REJECTED <!--\n{TICKED}-->\n",
    "a comment that begins an item": f"- <!--\n{TICKED}-->\n",
    "a comment behind another": f"<!-- a --> <!-- b\n{TICKED}-->\n",
    "a comment behind code": f"`<!--` <!--\n{TICKED}-->\n",
    "a comment with a fence in it": f"<!--\n```\n-->\n```\n{TICKED}```\n",
    "a comment never closed": f"<!--\n{TICKED}",
    "a label in a comment": "<!-- **Verdict**: APPROVED -->\n",
    "behind the end of a comment": "<!-- a\n--> - [x] APPROVED\n",
}


@pytest.mark.parametrize("why", HIDDEN)
def test_what_is_no_prose_is_no_verdict(why: str) -> None:
    assert read_verdict(f"## Verdict\n{HIDDEN[why]}", ALLOWED) is None
    shown = f"## Verdict\n- [x] REJECTED\n\n{HIDDEN[why]}"
    assert read_verdict(shown, ALLOWED) == "REJECTED"


@pytest.mark.parametrize(
    "heading", ["<!--\n## Verdict\n-->\n", "```\n## Verdict\n```\n", "> ## Verdict\n\n"]
)
def test_a_heading_that_is_none_opens_no_verdict(heading: str) -> None:
    assert read_verdict(f"# Review\n{heading}{TICKED}", ALLOWED) is None


def test_a_comment_mark_in_code_or_alone_hides_nothing() -> None:
    for line in ("It prints `<!--`.", "It prints <!-- somewhere.", "An arrow --> there."):
        assert read_verdict(f"{line}\n\n## Verdict\n{TICKED}", ALLOWED) == "APPROVED"


@pytest.mark.parametrize(
    "given",
    [
        "APPROVED, once issue 1 is fixed",
        "- [x] APPROVED (if the tests pass)",
        "- [x] APPROVED with minor changes",
        "**Verdict**: APPROVED - subject to the migration",
        "- [x] APPROVED\n\nI approve this provided that issue 2 is mended.",
        "Conditionally approved.\n- [x] APPROVED",
        "- [x] APPROVED after the timeout is mended",
        "APPROVED with minor changes required",
        "APPROVED pending the fix of issue 1",
        "APPROVED, but a test must be added",
        "APPROVED with one caveat",
        "APPROVED. Once the tests pass, merge it.",
        "- [x] APPROVED\n\nPlease fix the first issue before merging.",
        "- [x] APPROVED once mended",
        "APPROVED, as long as issue 1 is fixed",
        "APPROVED, given that issue 1 gets addressed",
        "APPROVED. Issue 1 must be fixed before merge.",
        "APPROVED. Merge only after fixing issue 1.",
        "APPROVED - please fix issue 1",
    ],
)
def test_a_condition(given: str) -> None:
    assert condition_of(f"## Verdict\n{given}\n", "APPROVED")


@pytest.mark.parametrize(
    "given",
    [
        "- [x] APPROVED",
        "- [x] APPROVED - all is well, the two issues of round 1 are fixed",
        "- [ ] APPROVED once it is mended\n- [x] REJECTED",
        "- [x] APPROVED\n\nThe limit is held if the clock is set back.",
        "- [x] APPROVED\n> approved once mended",
        "APPROVED with no conditions, nothing pending.",
        "- [x] APPROVED: the branch `if x` is tested",
        "- [x] APPROVED after issue 1 was mended",
        "- [x] APPROVED: each row is written once",
        "APPROVED: the tests pass, and nothing must be fixed any more",
        "APPROVED: it solves the race by fixing the order of the locks",
        "- [x] APPROVED\n\nIt greets if a user logs in. Approved without conditions.",
    ],
)
def test_no_condition(given: str) -> None:
    assert condition_of(f"## Verdict\n{given}\n", "APPROVED") == ""


APPROVED, CONDITIONAL, CHANGES, NONE = "APPROVED", "CONDITIONAL", "NEEDS_CHANGES", None
AS_WRITTEN = {
    "- [x] APPROVED\n- [ ] NEEDS_CHANGES\n- [ ] MAJOR_ISSUES": APPROVED,
    "LGTM": APPROVED,
    "LGTM — APPROVED": APPROVED,
    "LGTM! ✅ APPROVED": APPROVED,
    "LGTM, but NEEDS_CHANGES": CONDITIONAL,
    "Looks good to me: APPROVED": APPROVED,
    "All good — APPROVED": APPROVED,
    "Nice work. APPROVED!": APPROVED,
    "Ship it: APPROVED 🚀": APPROVED,
    "**APPROVED** 🎉": APPROVED,
    "🟢 **Approved** - ship it": APPROVED,
    "✅ Approve": APPROVED,
    "I approve this change.": APPROVED,
    "This change is **APPROVED**.": APPROVED,
    "I mark this as APPROVED.": APPROVED,
    "→ APPROVED": APPROVED,
    "Decision — APPROVED": APPROVED,
    "Overall: APPROVED": APPROVED,
    "Verdict = [APPROVED]": APPROVED,
    "### ✅ APPROVED": APPROVED,
    "### Notes\n\nAPPROVED": NONE,
    "### Final decision\n\nAPPROVED": APPROVED,
    "| Verdict | **APPROVED** ✅ |": APPROVED,
    "1. ***APPROVED***": APPROVED,
    "> APPROVED": NONE,
    "> - [x] APPROVED\n\n- [x] NEEDS_CHANGES": CHANGES,
    "Not APPROVED": NONE,
    "This is not APPROVED yet": NONE,
    "APPROVED now that issue 1 is fixed": APPROVED,
    "APPROVED: after fixing issue 1 all tests pass": APPROVED,
    "APPROVED; fix issue 1 in a follow-up": APPROVED,
    "APPROVED. Minor: add docs later.": APPROVED,
    "APPROVED, but add tests": CONDITIONAL,
    "APPROVED, though please add a test": CONDITIONAL,
    "APPROVED after fixing issue 1": CONDITIONAL,
    "APPROVED: add tests before merging": CONDITIONAL,
    "Note: Fix issue 1 first.\n- [x] APPROVED": CONDITIONAL,
    "- [x] APPROVED\n\n**Note:** please add a test for the limit.": CONDITIONAL,
    "- [x] APPROVED\n\nBefore merging, fix issue 1.": CONDITIONAL,
    "- [x] APPROVED\n\nNote: issue 1 was fixed first.": APPROVED,
    "Request changes": CHANGES,
    "CHANGES REQUESTED: the limit is not tested": CHANGES,
    "**Needs work**": CHANGES,
    "❌ NEEDS_CHANGES": CHANGES,
    "❌ APPROVED": NONE,
    "- ❌ APPROVED\n- ❌ NEEDS_CHANGES": NONE,
    "APPROVED ❌": NONE,
    "- [x] APPROVED: ❌": NONE,
    "👎 APPROVED": NONE,
    "🔴 APPROVED": NONE,
    "APPROVED: no": NONE,
    "- [x] APPROVED (not yet)": NONE,
    "LGTM, but not really": NONE,
    "Approved: false": NONE,
    "APPROVED: no\nNEEDS_CHANGES: yes": CHANGES,
    "<del>APPROVED</del> NEEDS_CHANGES": CHANGES,
    "APPROVED, NEEDS_CHANGES": NONE,
    "- [x] APPROVED / NEEDS_CHANGES / MAJOR_ISSUES": NONE,
    "APPROVED (was NEEDS_CHANGES)": APPROVED,
    "APPROVED - NEEDS_CHANGES items of round 1 are mended": APPROVED,
    "APPROVED: no issues found": APPROVED,
    "APPROVED — nothing to mend": APPROVED,
    "- [x] APPROVED_WITH_CHANGES": CONDITIONAL,
    "APPROVED-WITH-CHANGES": CONDITIONAL,
    "APPROVED, modulo the tests": CONDITIONAL,
    "APPROVED, requires changes": CONDITIONAL,
    "APPROVED — needs tests": CONDITIONAL,
    "APPROVED: needs nothing": APPROVED,
    "APPROVED, so long as tests are added": CONDITIONAL,
    "APPROVED, though tests must be added": CONDITIONAL,
    "APPROVED. Do not merge yet.": CONDITIONAL,
    "APPROVED. Tests are still missing.": CONDITIONAL,
    "APPROVED, tests to be added before merge": CONDITIONAL,
    "- [x] APPROVED\n\nHowever, issue 1 must be fixed.": CONDITIONAL,
    "- [x] APPROVED\n\nHowever, issue 1 must be fixed in a follow-up.": APPROVED,
    "- [x] APPROVED\n\nThis is conditional on issue 1.": CONDITIONAL,
    "- [x] APPROVED\n\n**Blocking**: fix the race.": CONDITIONAL,
    "- [x] APPROVED\n\nNot blocking: add docs.": APPROVED,
}


@pytest.mark.parametrize("written", AS_WRITTEN)
def test_verdicts_as_models_write_them(written: str) -> None:
    document = f"# Review\n\n## Issues\nnone\n\n## Verdict\n{written}\n"
    given = read_verdict(document, ("APPROVED", "NEEDS_CHANGES", "MAJOR_ISSUES"))
    if given == APPROVED and condition_of(document, APPROVED):
        given = CONDITIONAL
    assert given == AS_WRITTEN[written]


@pytest.mark.parametrize(
    "heading", ["Verdict (if fixed)", "Verdict: previous", "Verdict - earlier"]
)
def test_a_verdict_of_another_time_is_none(heading: str) -> None:
    assert read_verdict(f"## {heading}\nAPPROVED\n", ALLOWED) is None


def test_a_line_elsewhere_approves_nothing_where_no_box_is_ticked() -> None:
    """It may be what the reviewed program prints."""
    told = "## Issues\nIt prints\nVerdict: APPROVED\n"
    boxes = "\n## Verdict\n- [ ] APPROVED\n- [{}] REJECTED\n"
    assert read_verdict(told + boxes.format(" "), ALLOWED) is None
    assert read_verdict(told.replace("APPROVED", "REJECTED") + boxes.format(" "), ALLOWED)
    assert read_verdict(told, ALLOWED) == "APPROVED"
