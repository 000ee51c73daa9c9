"""The merges that are compared with OpenSpec's: main specs before, and a change's specs.

Made by hand, by rule, and (``generated``) by a seeded generator. ``tests/generate`` runs
OpenSpec on each of them and records what it does in ``fixtures/specs/openspec``.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "fixtures" / "specs" / "openspec"
CASES = sorted(path for path in FOLDER.iterdir() if path.is_dir())
GENERATED = 60
CHANGE_ID = "the-change"
LOGIN = "login/spec.md"


@dataclass(frozen=True)
class Case:
    before: dict[str, str | bytes]
    change: dict[str, str | bytes]


def block(name: str, *scenarios: str, text: str = "The system SHALL do it.") -> str:
    parts = [f"### Requirement: {name}\n{text}\n"]
    parts += [
        f"#### Scenario: {scenario}\n- **WHEN** {scenario} happens\n- **THEN** it is done\n"
        for scenario in scenarios or ("Works",)
    ]
    return "\n".join(parts)


def main(*blocks: str, purpose: str = "What logging in is about, and why.") -> str:
    head = f"# login Specification\n\n## Purpose\n{purpose}\n\n## Requirements\n\n"
    return head + "\n".join(blocks)


def delta(**sections: str) -> str:
    return "\n".join(
        f"## {kind.upper()} Requirements\n\n{text}\n" for kind, text in sections.items()
    )


A, B, C = block("Alpha"), block("Beta", "One", "Two"), block("Gamma")
MAIN = main(A, B, C)
RENAME = "- FROM: `### Requirement: {}`\n- TO: `### Requirement: {}`\n"
FENCE = "```markdown\n### Requirement: Shown\n\n\n## ADDED Requirements\n```\n"


def one(change: str | bytes, before: str | bytes | None = MAIN) -> Case:
    return Case({LOGIN: before} if before is not None else {}, {LOGIN: change})


BETTER_B = block("Beta", "One", "Two", "Three", text="The system MUST do it better.")

BY_HAND: dict[str, Case] = {
    "added": one(delta(added=block("Delta"))),
    "added_two": one(delta(added=block("Delta") + "\n" + block("Epsilon"))),
    "added_there_already": one(delta(added=block("Alpha", text="It SHALL be otherwise."))),
    "added_there_word_for_word": one(delta(added=A)),
    "added_there_and_another": one(delta(added=A + "\n" + block("Delta"))),
    "added_differs_in_case": one(delta(added=block("ALPHA"))),
    "added_differs_in_spacing": one(delta(added=block("Delta  x")), main(block("Delta x"))),
    "added_twice": one(delta(added=block("Delta") + "\n" + block("Delta"))),
    "added_without_scenario": one(delta(added="### Requirement: Delta\nIt SHALL.\n")),
    "added_empty_scenario": one(
        delta(added="### Requirement: Delta\nIt SHALL.\n\n#### Scenario: Bare\n")
    ),
    "added_without_text": one(
        delta(added="### Requirement: Delta\n\n#### Scenario: S\n- **WHEN** x\n- **THEN** y\n")
    ),
    "added_without_shall": one(delta(added=block("Delta", text="It does it."))),
    "added_metadata_only": one(delta(added=block("Delta", text="**Constraint**: it MUST."))),
    "added_scenario_in_fence_only": one(
        delta(added="### Requirement: D\nIt SHALL.\n\n```\n#### Scenario: S\n- x\n```\n")
    ),
    "added_with_fence": one(delta(added=block("Delta") + "\n" + FENCE)),
    "added_other_headings": one(
        delta(added=block("Delta") + "\n### Notes\nSome notes.\n\n" + block("Epsilon"))
    ),
    "added_closed_heading": one(delta(added=block("Delta ###"))),
    "added_c_sharp": one(delta(added=block("Speaks C#"))),
    "added_two_sections": one(
        delta(added=block("Delta")) + "\n" + delta(added=block("Epsilon")).replace("ADDED", "Added")
    ),
    "added_lower_case_heading": one(delta(added=block("Delta")).replace("ADDED R", "added r")),
    "added_heading_without_space": one(delta(added=block("Delta").replace("### Req", "###Req"))),
    "added_scenario_without_label": one(
        delta(added="### Requirement: D\nIt SHALL.\n\n#### Edge case\n- **WHEN** x\n")
    ),
    "added_to_empty_requirements": one(delta(added=block("Delta")), main()),
    "added_no_requirements_section": one(
        delta(added=block("Delta")), "# login\n\n## Purpose\nWhat it is about.\n"
    ),
    "added_no_purpose": one(delta(added=block("Delta")), "# login\n\n## Requirements\n\n" + A),
    "new": one(delta(added=block("Delta")), None),
    "new_with_purpose": one(
        "# Login\n\n## Purpose\nWhy there is a login, in a sentence of some length.\n\n"
        + delta(added=block("Delta")),
        None,
    ),
    "new_purpose_in_comment": one(
        "<!--\n## Purpose\nHidden.\n-->\n\n" + delta(added=block("Delta")), None
    ),
    "new_purpose_with_comment": one(
        "## Purpose\nSeen. <!-- not seen -->\n\n" + delta(added=block("Delta")), None
    ),
    "new_purpose_with_heading": one(
        "## Purpose\nSeen.\n\n# Another\n\n" + delta(added=block("Delta")), None
    ),
    "new_purpose_fence_only": one(
        "## Purpose\n```\ncode\n```\n\n" + delta(added=block("Delta")), None
    ),
    "new_modified": one(delta(modified=A), None),
    "new_renamed": one(delta(renamed=RENAME.format("A", "B")), None),
    "new_removed_only": one(delta(removed="### Requirement: A\n"), None),
    "new_removed_and_added": one(delta(removed="### Requirement: A\n", added=block("Delta")), None),
    "new_nested": Case({}, {"area/login/spec.md": delta(added=block("Delta"))}),
    "modified": one(delta(modified=BETTER_B)),
    "modified_from_an_old_text": one(  # Beta was edited since the change was written
        delta(modified=block("Beta", "One", "Two", text="The system SHALL do it quickly.")),
        main(A, B.replace("- **WHEN** Two happens", "- **WHEN** Two happens twice"), C),
    ),
    "modified_missing": one(delta(modified=block("Delta"))),
    "modified_wrong_case": one(delta(modified=block("ALPHA"))),
    "modified_drops_scenario": one(delta(modified=block("Beta", "One"))),
    "modified_renames_scenario": one(delta(modified=block("Beta", "One", "Zwei"))),
    "modified_same": one(delta(modified=B)),
    "modified_twice": one(delta(modified=A + "\n" + A)),
    "modified_last": one(delta(modified=block("Gamma", "Works", "More"))),
    "modified_with_note": one(
        delta(modified=block("Beta", "One", "Two")),
        main(A, B + "\n### Notes\nKept by nobody.\n", C),
    ),
    "modified_scenario_label_case": one(
        delta(modified=B.replace("#### Scenario:", "#### scenario:"))
    ),
    "modified_closed_scenario": one(delta(modified=B.replace("Scenario: One", "Scenario: One ##"))),
    "modified_same_scenario_twice": one(
        delta(modified=block("Beta", "One")), main(block("Beta", "One", "One"))
    ),
    "removed": one(delta(removed="### Requirement: Beta\n**Reason**: gone\n**Migration**: none\n")),
    "removed_bullet": one(delta(removed="- `### Requirement: Beta`\n* ### Requirement: Alpha\n")),
    "removed_missing": one(delta(removed="### Requirement: Delta\n", added=block("Epsilon"))),
    "removed_missing_only": one(delta(removed="### Requirement: Delta\n")),
    "removed_wrong_case": one(delta(removed="### Requirement: ALPHA\n")),
    "removed_twice": one(delta(removed="### Requirement: Alpha\n\n### Requirement: Alpha\n")),
    "removed_last_one": one(delta(removed="### Requirement: Alpha\n"), main(A)),
    "removed_all_but_one": one(delta(removed="### Requirement: Alpha\n\n### Requirement: Gamma\n")),
    "removed_in_fence": one(delta(removed="```\n### Requirement: Alpha\n```\n")),
    "renamed": one(delta(renamed=RENAME.format("Alpha", "Omega"))),
    "renamed_plain": one(
        delta(renamed="FROM: ### Requirement: Alpha\nTO: ### Requirement: Omega\n")
    ),
    "renamed_star_bullets": one(delta(renamed=RENAME.format("Alpha", "Omega").replace("- ", "* "))),
    "renamed_missing": one(delta(renamed=RENAME.format("Delta", "Omega"))),
    "renamed_to_existing": one(delta(renamed=RENAME.format("Alpha", "Beta"))),
    "renamed_case_only": one(delta(renamed=RENAME.format("Alpha", "ALPHA"))),
    "renamed_alike": one(delta(renamed=RENAME.format("Alpha", "BETA"))),
    "renamed_already": one(delta(renamed=RENAME.format("Old", "Alpha"))),
    "renamed_already_but_alike": one(delta(renamed=RENAME.format("BETA", "Alpha"))),
    "renamed_chain": one(
        delta(renamed=RENAME.format("Alpha", "Omega") + RENAME.format("Omega", "Psi"))
    ),
    "renamed_swap": one(
        delta(renamed=RENAME.format("Alpha", "Tmp") + RENAME.format("Beta", "Alpha"))
    ),
    "renamed_twice": one(
        delta(renamed=RENAME.format("Alpha", "Omega") + RENAME.format("Alpha", "Psi"))
    ),
    "renamed_two_to_one": one(
        delta(renamed=RENAME.format("Alpha", "Omega") + RENAME.format("Beta", "Omega"))
    ),
    "renamed_unpaired_from": one(delta(renamed="- FROM: `### Requirement: Alpha`\n")),
    "renamed_unpaired_to": one(delta(renamed="- TO: `### Requirement: Alpha`\n")),
    "renamed_interleaved": one(
        delta(
            renamed="- FROM: `### Requirement: Alpha`\n- FROM: `### Requirement: Beta`\n"
            "- TO: `### Requirement: X`\n- TO: `### Requirement: Y`\n"
        )
    ),
    "renamed_and_modified_new": one(
        delta(renamed=RENAME.format("Beta", "Omega"), modified=block("Omega", "One", "Two", "3"))
    ),
    "renamed_and_modified_old": one(
        delta(renamed=RENAME.format("Beta", "Omega"), modified=BETTER_B)
    ),
    "renamed_and_removed": one(
        delta(renamed=RENAME.format("Beta", "Omega"), removed="### Requirement: beta\n")
    ),
    "renamed_and_added_new": one(
        delta(renamed=RENAME.format("Beta", "Omega"), added=block("Omega"))
    ),
    "renamed_and_added_old": one(
        delta(renamed=RENAME.format("Beta", "Omega"), added=block("Beta"))
    ),
    "all_four": one(
        delta(
            added=block("Delta"),
            modified=block("Beta", "One", "Two", "Three"),
            removed="### Requirement: Gamma\n**Reason**: x\n**Migration**: y\n",
            renamed=RENAME.format("Alpha", "Omega"),
        )
    ),
    "modified_and_removed": one(delta(modified=A, removed="### Requirement: Alpha\n")),
    "modified_and_added": one(delta(modified=A, added=A)),
    "added_and_removed": one(delta(added=A, removed="### Requirement: Alpha\n")),
    "no_sections": one("# Notes\n\nNothing here.\n"),
    "no_entries": one("## ADDED Requirements\n\nSoon.\n"),
    "empty_file": one(""),
    "sections_in_fence": one("```\n" + delta(added=block("Delta")) + "```\n"),
    "requirement_outside": one("## Notes\n" + block("Lost") + "\n" + delta(added=block("Delta"))),
    "crlf_main": one(delta(added=block("Delta")), MAIN.replace("\n", "\r\n")),
    "crlf_delta": one(delta(modified=BETTER_B).replace("\n", "\r\n")),
    "crlf_both": one(delta(modified=BETTER_B).replace("\n", "\r\n"), MAIN.replace("\n", "\r\n")),
    "mixed_newlines": one(delta(added=block("Delta")), MAIN.replace("\n", "\r\n", 6)),
    "bom_delta": one("\ufeff" + delta(added=block("Delta"))),
    "bom_main": one(delta(added=block("Delta")), "\ufeff" + MAIN),
    "no_final_newline": one(delta(added=block("Delta")).rstrip(), MAIN.rstrip()),
    "many_blank_lines": one(
        delta(added=block("Delta")), MAIN.replace("\n\n", "\n\n\n\n") + "\n\n\n"
    ),
    "blank_lines_in_fence": one(delta(added=block("Delta")), main(A + "\n" + FENCE, B)),
    "trailing_spaces": one(delta(added=block("Delta")), MAIN.replace("\n\n", "  \n \n")),
    "section_after": one(
        delta(added=block("Delta"), removed="### Requirement: Gamma\n"),
        MAIN + "\n## Notes\n\nLast words.\n\n\n## More\nEnd.\n",
    ),
    "preamble": one(
        delta(added=block("Delta")), MAIN.replace("## Requirements\n", "## Requirements\n\nRead.\n")
    ),
    "tilde_fence": one(
        delta(added=block("Delta")), main(A + "\n~~~\n```\n### Requirement: X\n~~~~\n", B)
    ),
    "requirement_in_fence": one(delta(removed="### Requirement: Beta\n"), main(A, FENCE + B, C)),
    "main_has_delta_heading": one(delta(added=block("Delta")), MAIN + "\n## ADDED Requirements\n"),
    "main_has_double": one(delta(added=block("Delta")), main(A, A)),
    "main_requirement_outside": one(
        delta(added=block("Delta")), MAIN + "\n## Other\n\n" + block("Lost")
    ),
    "main_without_scenario": one(
        delta(added=block("Delta")), main("### Requirement: Alpha\nIt SHALL.\n")
    ),
    "main_without_text": one(
        delta(added=block("Delta")), main("### Requirement: A\n\n#### Scenario: S\n- x\n")
    ),
    "main_empty_purpose": one(delta(added=block("Delta")), main(A, purpose="")),
    "other_scripts": one(
        delta(
            modified=block("要求 Ä", "場合", "Fälle"),
            added=block("Требование", "Случай", text="Система SHALL работать."),
        ),
        main(block("要求 Ä", "場合"), block("متطلب", "حالة")),
    ),
    "exotic_spaces": one(
        delta(added=block("Delta\u00a0x\u3000"), removed="### Requirement: Alpha\u2003\n")
    ),
    "double_without_space": one(
        delta(added=block("Delta")), main(A, A.replace("### Requirement", "###Requirement"))
    ),
    "two_files": Case(
        {LOGIN: MAIN, "pay/spec.md": main(A)},
        {LOGIN: delta(modified=BETTER_B), "pay/spec.md": delta(added=block("Delta"))},
    ),
    "two_files_one_refused": Case(
        {LOGIN: MAIN, "pay/spec.md": main(A)},
        {LOGIN: delta(modified=BETTER_B), "pay/spec.md": delta(modified=block("Delta"))},
    ),
    "notes_beside": Case(
        {LOGIN: MAIN}, {LOGIN: delta(added=block("Delta")), "login/notes.md": "# Notes\n"}
    ),
    "no_specs": Case({LOGIN: MAIN}, {}),
    # From here on agentd differs; the reasons stand in tests/specs/test_openspec.py.
    "flat_file": Case({}, {"login.md": delta(added=block("Delta"))}),
    "whole_spec": one(main(A, B), None),
    "old_style_delta": one("## ADDED Requirements\n\n### R1: Title\nIt SHALL.\n", None),
    "old_style_whole": one(
        "# Specification: Login\n\n## Overview\nWhat.\n\n## Requirements\n\n### R1: Title\n"
        "It SHALL.\n\n## Acceptance Criteria\n\n### Scenario: Works\n- **WHEN** x\n- **THEN** y\n",
        None,
    ),
    "not_utf8": one(delta(added=block("Delta")), MAIN.encode() + b"\n\xff\xfe\n"),
    "nul_byte": one(delta(added=block("Delta", text="It SHALL\0."))),
    "open_fence": one(delta(modified=block("Beta", "One", "Two") + "\n```\nnever closed\n")),
}


def generated(count: int, seed: int = 20261122) -> dict[str, Case]:
    """Random specs and deltas: mostly sound, each fault now and then."""
    rng = random.Random(seed)
    return {f"generated_{number:02}": _random_case(rng) for number in range(count)}


_NAMES = ("Login", "Log out", "Reset password", "Größe", "二要素", "Rate limit", "Audit", "C#")
_SCENARIOS = ("Works", "Fails", "Empty input", "Zweimal", "Timeout")


def _random_case(rng: random.Random) -> Case:
    names = rng.sample(_NAMES, rng.randint(1, 6))
    there = {name: _random_scenarios(rng) for name in names}
    spec = main(*(_random_block(rng, name, there[name]) for name in names))
    if rng.random() < 0.2:
        spec += "\n## Notes\n\nSome.\n"
    if rng.random() < 0.15:
        spec = spec.replace("\n", "\r\n")
    sections: dict[str, str] = {}
    left = list(names)
    rng.shuffle(left)
    if left and rng.random() < 0.4:
        old = left.pop()
        sections["renamed"] = RENAME.format(_slip(rng, old), f"{old} anew")
        if rng.random() < 0.4:
            sections["modified"] = _random_block(rng, f"{old} anew", there[old])
    if left and rng.random() < 0.4:
        sections["removed"] = f"### Requirement: {_slip(rng, left.pop())}\n**Reason**: old.\n"
    if left and rng.random() < 0.6:
        name = left.pop()
        keep = there[name] if rng.random() < 0.85 else there[name][1:] or ["New"]
        text = _random_block(rng, _slip(rng, name), [*keep, "Extra"])
        sections["modified"] = sections.get("modified", "") + text
    if not sections or rng.random() < 0.5:
        sections["added"] = _random_block(rng, _slip(rng, "Brand new"), _random_scenarios(rng))
    return one(delta(**dict(rng.sample(list(sections.items()), len(sections)))), spec)


def _random_scenarios(rng: random.Random) -> list[str]:
    return rng.sample(_SCENARIOS, rng.randint(1, 3))


def _random_block(rng: random.Random, name: str, scenarios: list[str]) -> str:
    text = rng.choice(("It SHALL work.", "It MUST\nwork\n\nalways.", "**Key**: it SHALL.", "Does."))
    parts = block(name, *scenarios, text=text)
    if rng.random() < 0.25:
        parts += "\n" + FENCE
    return parts + "\n" * rng.randint(0, 3)


def _slip(rng: random.Random, name: str) -> str:
    """Now and then a name as people get it wrong."""
    if rng.random() < 0.85:
        return name
    return rng.choice((name.upper(), name.replace(" ", "  "), f"{name} ", f"{name} x"))


def tree(folder: Path) -> dict[str, bytes]:
    """What lies in a folder, by its path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
