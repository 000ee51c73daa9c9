"""Reading spec documents."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.openspec_cases import CASES, MAIN, RENAME, block, delta

from agentd.specs.check import delta_problems
from agentd.specs.deltas import parse_delta
from agentd.specs.files import read_spec
from agentd.specs.mains import parse_main, spec_text
from agentd.specs.model import Removed, Renamed

OLD = """# Specification: Login

## Overview
What.

## Requirements

### R1: First
It SHALL.

### R2: Second
It MUST.

## Acceptance Criteria

### Scenario: Works
- x
"""


def test_a_main_spec() -> None:
    spec = parse_main(MAIN, "specs/login/spec.md")
    assert [r.name for r in spec.requirements] == ["Alpha", "Beta", "Gamma"]
    beta = spec.requirements[1]
    assert (beta.body, [s.name for s in beta.scenarios]) == (
        "The system SHALL do it.",
        ["One", "Two"],
    )
    lines = MAIN.splitlines()
    assert lines[beta.line - 1] == "### Requirement: Beta"
    assert lines[beta.scenarios[1].line - 1] == "#### Scenario: Two"
    assert beta.scenarios[0].body == "- **WHEN** One happens\n- **THEN** it is done"
    assert not spec.problems


def test_a_delta() -> None:
    text = "# T\n\n## Purpose\nWhy.\n\n" + delta(
        added=block("Delta"),
        modified=block("Alpha"),
        removed="### Requirement: Beta\n**Reason**: old\n- **Migration:** none\n",
        renamed=RENAME.format("Gamma", "Omega"),
    )
    read = parse_delta(text, "x")
    assert read.purpose == "Why."
    assert [r.name for r in (*read.added, *read.modified)] == ["Delta", "Alpha"]
    lines = text.splitlines()
    assert read.removed == (Removed("Beta", "old", lines.index("### Requirement: Beta") + 1),)
    assert read.renamed == (
        Renamed("Gamma", "Omega", lines.index("- FROM: `### Requirement: Gamma`") + 1),
    )
    assert not read.problems
    assert not read.stray


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_a_byte_order_mark_change_nothing(ends: str, mark: str) -> None:
    plain = parse_main(MAIN, "x")
    other = parse_main(mark + MAIN.replace("\n", ends), "x")
    assert other.requirements == plain.requirements
    assert other.text == mark + MAIN.replace("\n", ends)


@pytest.mark.parametrize(
    ("fence", "count"),
    [("```\n{}\n```", 1), ("~~~~ md\n{}\n~~~\n{}\n~~~~", 1), ("  ```\n{}\n  ```", 1), ("{}", 2)],
)
def test_headings_in_fences_are_text(fence: str, count: int) -> None:
    inner = fence.replace("{}", "### Requirement: Shown\n#### Scenario: Shown")
    spec = parse_main("## Requirements\n\n" + block("Real") + "\n" + inner + "\n", "x")
    assert len(spec.requirements) == count
    assert sum(len(r.scenarios) for r in spec.requirements) == count


def test_the_original_agentds_specs_are_read() -> None:
    spec = parse_main(OLD, "x")
    assert [(r.name, r.body) for r in spec.requirements] == [
        ("R1: First", "It SHALL."),
        ("R2: Second", "It MUST."),
    ]
    assert all(r.old_style for r in spec.requirements)
    whole = parse_delta(OLD, "x")
    assert whole.whole
    assert whole.added == spec.requirements


def test_an_r_heading_in_an_openspec_file_is_no_requirement() -> None:
    text = MAIN + "\n### R1: A note\nText.\n"
    assert [r.name for r in parse_main(text, "x").requirements] == ["Alpha", "Beta", "Gamma"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_slices_are_the_whole_file(case: Path) -> None:
    for path in (case / "before").rglob("*.md"):
        text = path.read_bytes().decode("utf-8", "replace")
        spec = parse_main(text, "x")
        again = spec_text(spec, (r.text for r in spec.requirements))
        if spec.header:
            assert again.split() == text.removeprefix("\ufeff").split()


def test_an_r_heading_counts_section_by_section() -> None:
    text = delta(added=block("New"), modified="### R1: First\nIt SHALL.\n", removed="### R2: x\n")
    read = parse_delta(text, "x")
    assert [r.name for r in (*read.added, *read.modified)] == ["New", "R1: First"]
    assert [r.name for r in read.removed] == ["R2: x"]


def test_problems_name_their_lines() -> None:
    text = delta(
        added="### Requirement: A\n\n#### Scenario: S\n- x\n",
        modified="### Requirement: B\nIt SHALL.\n",
        renamed="- TO: `### Requirement: C`\n",
    )
    lines = text.splitlines()
    assert [(p.line, p.message.split(";")[0]) for p in delta_problems(parse_delta(text, "x"))] == [
        (lines.index("- TO: `### Requirement: C`") + 1, 'RENAMED: TO "C" has no FROM'),
        (lines.index("### Requirement: A") + 1, 'ADDED "A" has no text under its heading'),
        (
            lines.index("### Requirement: B") + 1,
            'MODIFIED "B" has no "#### Scenario:" with steps under it',
        ),
    ]


def test_a_spec_is_text_of_a_sane_size(tmp_path: Path) -> None:
    from agentd.project.layout import Project
    from agentd.specs.model import SpecError

    path = tmp_path / "x.md"
    for data, message in (
        (b"a\n\xff\n", "x.md:2: this is no UTF-8 text"),
        (b"a\n\nb\0", "x.md:3: this is a binary file"),
        (b"#" * 10_000_000, "x.md: this is larger than 1,000,000 bytes"),
        (b"# a\n" * 20_000, "x.md: this has more than 10,000 headings"),
    ):
        path.write_bytes(data)
        with pytest.raises(SpecError) as error:
            read_spec(Project(tmp_path), path)
        assert error.value.message == message
    path.unlink()
    path.symlink_to("/etc/passwd")
    with pytest.raises(SpecError, match="symbolic link"):
        read_spec(Project(tmp_path), path)


HOSTILE = (
    *(
        "\n",
        "#\n",
        "## ADDED Requirements\n",
        "### Requirement: A\n",
        "#### S\nx\n",
        "```\n",
        "<!--",
    ),
    *(" ", "### Requirement: a" + " " * 50_000, "- FROM: `### Requirement: A`\n", "**a", " #"),
)
SECTIONS = ("", "## Requirements\n", "## RENAMED Requirements\n", "## REMOVED Requirements\n")


@pytest.mark.parametrize("line", HOSTILE, ids=lambda line: ascii(line[:20]))
def test_hostile_text_is_read_in_linear_time(line: str) -> None:
    """These would take hours if one of the rules backtracked or rescanned."""
    text = (line * (150_000 // len(line) if "#" not in line else 4_000))[:300_000]
    for section in SECTIONS:
        parse_main(section + text, "x")
        parse_delta(section + text, "x")
