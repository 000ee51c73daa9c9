"""What --fix mends, what it leaves alone, and that a second time changes nothing."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.documents import CONFIG, FIXTURES, Documents, make_documents
from support.slices import part_of

from agentd.documents.fix import fix_change, fix_document, fix_spec
from agentd.documents.tasks import progress, read_tasks

VALID = {
    name: (FIXTURES / "valid" / name).read_text()
    for name in ("proposal.md", "tasks.md", "specs/login.md")
}


@pytest.fixture
def documents(tmp_path: Path) -> Documents:
    return make_documents(tmp_path)


def test_a_valid_change_stays_byte_for_byte(documents: Documents) -> None:
    assert fix_change(documents.project, documents.change) == []
    assert {name: documents.read(name) for name in VALID} == VALID


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("proposal.md", "# Proposal", "\ufeff# Proposal"),
        ("proposal.md", "a week.\n", "a week.  \t\n"),
        ("proposal.md", "## Why\n", "## Why\r\n"),
        ("proposal.md", "message\n", "message"),
        ("tasks.md", "- [ ] 1.1", "-[ ]1.1"),
        ("tasks.md", "- [ ] 1.1", "* [ ] 1.1"),
        ("tasks.md", "- [ ] 1.1", "- [] 1.1"),
        ("tasks.md", "- [ ] 1.1", "[ ] 1.1"),
        ("tasks.md", "- [x] 2.1", "-  [X]  2.1"),
        ("tasks.md", "- [x] 2.1", "- [ x ] 2.1"),
        ("specs/login.md", "### Requirement: A", "## Requirement: A"),
        ("specs/login.md", "### Requirement: A", "#### requirement:A"),
        ("specs/login.md", "### Requirement: A", " ###Requirement：A"),
        ("specs/login.md", "#### Scenario: late", "### Scenario: late"),
        ("specs/login.md", "#### Scenario: late", "##### Scenario: late"),
        ("specs/login.md", "#### Scenario: late code", "**Scenario: late code**"),
        ("specs/login.md", "#### Scenario: late code", "- **Scenario:** late code"),
        ("specs/login.md", "## ADDED Requirements", "### Added requirements"),
        ("specs/login.md", "## ADDED Requirements", "## Requirements"),
        ("specs/login.md", "- **WHEN** a", "- WHEN a"),
        ("specs/login.md", "- **WHEN** a", "WHEN: a"),
        ("specs/login.md", "- **WHEN** a", "* When a"),
        ("specs/login.md", "- **WHEN** a", "**When:** a"),
        ("specs/login.md", "- **WHEN** a", "- __WHEN__: a"),
        ("specs/login.md", "- **AND** nobody", "AND nobody"),
    ],
)
def test_a_fault_is_mended_to_what_it_was(
    documents: Documents, name: str, old: str, new: str
) -> None:
    assert VALID[name].count(old) == 1
    documents.write(name, VALID[name].replace(old, new))
    (mended,) = fix_change(documents.project, documents.change)
    assert mended.path.endswith(name)
    assert mended.notes
    assert documents.read(name) == VALID[name]
    assert documents.found() == []
    assert fix_change(documents.project, documents.change) == []


def test_the_missing_section_is_written_for_a_new_spec_only(documents: Documents) -> None:
    bare = VALID["specs/login.md"].replace("## ADDED Requirements\n\n", "")
    assert fix_spec(bare, is_new=True)[0] == VALID["specs/login.md"]
    assert fix_spec(bare, is_new=False) == (bare, ())
    later = bare + "\n## Notes\n\n### Requirement: Another\n"
    assert fix_spec(later, is_new=True) == (later, ())
    (documents.root / "agentd" / "specs" / "login.md").write_text("# Login\n")
    documents.write("specs/login.md", bare)
    assert fix_change(documents.project, documents.change) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# A\r\n\r\n- [x] 1.1 lines end in CRLF alone\r\n",
        "a line break  \nof two spaces\n",
        "```\n-[x] code   \n```\n",
        "- [~] 1.1 an unknown mark\n",
        "- [x](link.md)\n",
        "[x] no number\n",
    ],
)
def test_what_is_left_alone(text: str) -> None:
    assert fix_document(text, tasks=True) == (text, ())


@pytest.mark.parametrize(
    "line",
    [
        "- Whenever it rains",
        "- When-clauses are text",
        "- And so on",
        "When it rains, as a line that goes on",
        "- **When it rains** it pours",
        "- **WHEN** it rains",
        "```\n- WHEN code\n```",
    ],
)
def test_text_in_a_scenario_is_left_alone(line: str) -> None:
    spec = f"## ADDED Requirements\n\n### Requirement: A\nSHALL\n\n#### Scenario: s\n{line}\n"
    assert fix_spec(spec, is_new=True) == (spec, ())


def test_what_cannot_be_read_is_not_touched(documents: Documents) -> None:
    broken = b"\xef\xbb\xbf# A \xff \r\n"
    documents.write("proposal.md", broken)
    outside = documents.root / "outside.md"
    outside.write_text("\ufeffx")
    (documents.change / "tasks.md").unlink()
    (documents.change / "tasks.md").symlink_to(outside)
    assert fix_change(documents.project, documents.change) == []
    assert (documents.change / "proposal.md").read_bytes() == broken
    assert outside.read_text() == "\ufeffx"


PIECES = st.sampled_from(
    [
        *(
            "\n",
            "\n",
            "\r\n",
            "\r",
            "\ufeff",
            "  ",
            "\t",
            "x",
            "é",
            "验",
            "`",
            "```",
            "~~~",
            "<!--",
        ),
        *("-->", "- ", "* ", "[x]", "[ ]", "[X]", "[", "]", "1.1", "#", "##", "### ", "####", "**"),
        *("Requirement:", "Scenario:", "WHEN", "When", "THEN", "AND", ":", "- **WHEN**", "__", "|"),
        *("## ADDED Requirements", "Requirements", "Added", "\n### Requirement: A\n", "R1: a"),
        *("\n#### Scenario: s\n", "\n- WHEN x\n", "\n-[x] 1.1 y\n", "\u2028", "\x0c", "\x85", "\0"),
    ]
)


@pytest.mark.reliability
@settings(max_examples=part_of(600), suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PIECES, max_size=25).map("".join), st.booleans())
def test_twice_is_once_and_nothing_is_lost(text: str, flag: bool) -> None:
    fixes = (partial(fix_document, tasks=flag), partial(fix_spec, is_new=flag))
    for fix in fixes:
        fixed, notes = fix(text)
        assert fix(fixed) == (fixed, ())
        assert bool(notes) == (fixed != text)
        assert _is_kept(text, fixed)
    assert progress(read_tasks(fix_document(text, tasks=True)[0])) == progress(read_tasks(text))


def _is_kept(text: str, fixed: str) -> bool:
    """Whether all letters and digits are there, in order; some may have come between."""
    rest = iter(re.sub(r"\W", "", fixed.casefold()))
    return all(letter in rest for letter in re.sub(r"\W", "", text.casefold()))


FAULTS = st.lists(
    st.sampled_from(
        [
            ("\n", "\r\n"),
            ("- [ ] ", "-[ ]"),
            ("- [x] ", "* [X]  "),
            ("### Requirement:", "#### Requirement:"),
            ("#### Scenario:", "### Scenario:"),
            ("- **WHEN** ", "- WHEN "),
            ("- **THEN** ", "**Then:** "),
            ("## ADDED", "# Added"),
            (".\n", ". \n"),
        ]
    ),
    unique=True,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FAULTS, st.booleans(), st.integers(0, 20))
def test_what_had_only_such_faults_validates(
    tmp_path: Path, faults: list[tuple[str, str]], bom: bool, places: int
) -> None:
    documents = Documents(tmp_path)
    if not documents.change.exists():
        make_documents(tmp_path, CONFIG)
    for name, text in VALID.items():
        spoilt = text
        for good, bad in faults:
            spoilt = spoilt.replace(good, bad, places)
        documents.write(name, ("\ufeff" if bom else "") + spoilt)
    fix_change(documents.project, documents.change)
    assert documents.found() == []
