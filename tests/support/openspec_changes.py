"""Whole changes in projects of OpenSpec, one for each kind that real ones are of.

The kinds are those in which the archived changes of eight public repositories differ; the texts are
made here. ``tests/generate/openspec_changes.py`` runs OpenSpec on each and records what it does in
``fixtures/specs/openspec_changes``.
"""

from __future__ import annotations

from pathlib import Path

from support.openspec_cases import block, delta, main

FOLDER = Path(__file__).parents[2] / "fixtures" / "specs" / "openspec_changes"
KINDS = sorted(path for path in FOLDER.glob("*") if path.is_dir())
CHANGE_ID = "edit-login"

A, B = block("Alpha"), block("Beta", "One", "Two")
ADDED = delta(added=block("Delta"))
LOGIN = "specs/login/spec.md"
MAIN = main(A, B)
PROPOSAL = (
    "# Change: Edit login\n\n## Why\nIt is needed.\n\n## What Changes\n- It\n\n## Impact\n- login\n"
)
TASKS = "## 1. Work\n\n- [x] 1.1 Do it\n- [x] 1.2 Test it\n"
METADATA = "schema: spec-driven\ncreated: 2026-01-02\n"
CHINESE = """## ADDED Requirements

### Requirement: 登录
系统应当允许用户按姓名登录。

#### Scenario: 已知用户
- **当** 用户登录
- **那么** 允许进入
"""
LONG = """## ADDED Requirements

### Requirement: Limits
The system SHALL keep these limits:

| what | limit |
|---|---|
| names | 64 |

1. first the name
2. then the age:
   - in years

```json
{"### Requirement: no": "heading"}
```

#### Scenario: A name of 65
- **GIVEN** a form
- **WHEN** the name has 65 letters
  - also after spaces are cut
- **THEN** it is refused
- **AND** the limit is named

#### Scenario: "No age" — `null`
- **WHEN** there is no age
- **THEN** it is taken
"""

Files = dict[str, str | bytes | None]


def change(
    specs: Files | None = None, *, before: Files | None = None, **documents: str | None
) -> Files:
    """The files of a project below ``openspec/``; None takes a usual one away.

    ``specs`` are the change's, by their path below its ``specs/``; ``before`` those that are there.
    """
    home = f"changes/{CHANGE_ID}"
    files: Files = {LOGIN: MAIN, f"{home}/proposal.md": PROPOSAL, f"{home}/tasks.md": TASKS}
    files |= {f"specs/{name}": text for name, text in (before or {}).items()}
    files |= {f"{home}/specs/{name}": text for name, text in (specs or {}).items()}
    for name, text in documents.items():
        files[f"{home}/{name.replace('_md', '.md').replace('metadata', '.openspec.yaml')}"] = text
    return {name: text for name, text in files.items() if text is not None}


def login(text: str | bytes, **documents: str | None) -> Files:
    """A change with one spec."""
    return change({"login/spec.md": text}, **documents)


CHANGES: dict[str, Files] = {
    "added": login(ADDED),
    "added_there_already": login(delta(added=block("Alpha", text="It SHALL differ."))),
    "added_word_for_word": login(delta(added=A)),
    "added_long": login(LONG),
    "modified": login(delta(modified=block("Beta", "One", "Two", "Three"))),
    "modified_missing": login(delta(modified=block("Gamma"))),
    "modified_drops_a_scenario": login(delta(modified=block("Beta", "One"))),
    "removed": login(
        delta(removed="### Requirement: Alpha\n**Reason**: old\n**Migration**: none\n")
    ),
    "removed_as_bullets": login(delta(removed="- `### Requirement: Alpha`\n")),
    "removed_to_the_last": login(
        delta(removed="### Requirement: Alpha\n\n### Requirement: Beta\n")
    ),
    "removed_missing": login(delta(removed="### Requirement: Gamma\n", added=block("Delta"))),
    "renamed": login(
        delta(renamed="- FROM: `### Requirement: Alpha`\n- TO: `### Requirement: Omega`\n")
    ),
    "all_four": login(
        delta(
            renamed="- FROM: `### Requirement: Alpha`\n- TO: `### Requirement: Omega`\n",
            modified=block("Omega", "Works", "Fails"),
            removed="### Requirement: Beta\n**Reason**: old\n",
            added=block("Delta"),
        )
    ),
    "new_capability": change({"pay/spec.md": ADDED}),
    "new_capability_with_purpose": change({"pay/spec.md": "## Purpose\nTo pay.\n\n" + ADDED}),
    "new_capability_modified": change({"pay/spec.md": delta(modified=A)}),
    "new_capability_as_a_whole_spec": change({"pay/spec.md": main(A)}),
    "several_capabilities": change({"login/spec.md": ADDED, "pay/spec.md": delta(added=A)}),
    "nested_capability": change({"shop/pay/spec.md": ADDED}),
    "first_of_a_project": change({"login/spec.md": ADDED}, before={"login/spec.md": None}),
    "sections_twice": login(ADDED + "\n" + delta(added=block("Epsilon")).replace("ADDED", "Added")),
    "sections_in_lower_case": login(ADDED.replace("ADDED Requirements", "added requirements")),
    "notes_after_the_sections": login(ADDED + "\n## Notes\n\nAs told.\n"),
    "front_matter": login("---\ntitle: login\n---\n\n# Login\n\n" + ADDED),
    "comments": login("<!-- as told -->\n" + ADDED + "\n<!-- the end -->\n"),
    "crlf": login(ADDED.replace("\n", "\r\n")),
    "byte_order_mark": login("\ufeff" + ADDED),
    "no_shall": login(delta(added=block("Delta", text="It works."))),
    "shall_in_lower_case": login(delta(added=block("Delta", text="It shall work."))),
    "shall_in_the_name_only": login(delta(added=block("It SHALL", text="As it says."))),
    "given_then_only": login(ADDED.replace("**WHEN**", "**GIVEN**")),
    "steps_not_bold": login(ADDED.replace("**", "")),
    "steps_as_prose": login(
        "## ADDED Requirements\n\n### Requirement: Delta\nIt SHALL work.\n\n"
        "#### Scenario: Works\nIt is asked, and it answers.\n"
    ),
    "in_chinese": login(
        CHINESE, proposal_md="# 变更\n\n## 为什么\n需要。\n\n## 变更内容\n- 登录\n"
    ),
    "in_chinese_headings_too": login(CHINESE.replace("Requirement:", "需求:")),
    "in_french": login(
        delta(added=block("Se connecter", text="Le système doit répondre.")),
        proposal_md="# Changement\n\n## Pourquoi\nIl le faut.\n\n## Quoi\n- tout\n",
    ),
    "names_with_dashes_and_quotes": login(
        delta(added=block("“Log in” – fast", "It’s `<id>` → ok", "Größe ≥ 1 ✅"))
    ),
    "no_scenario": login("## ADDED Requirements\n\n### Requirement: Delta\nIt SHALL work.\n"),
    "empty_scenario": login(
        "## ADDED Requirements\n\n### Requirement: Delta\nIt SHALL work.\n\n#### Scenario: Bare\n"
    ),
    "scenarios_as_bullets": login(
        "## ADDED Requirements\n\n### Requirement: Delta\nIt SHALL work.\n\n- **Scenario: Works**\n"
        "  - **WHEN** x\n  - **THEN** y\n"
    ),
    "scenarios_one_level_up": login(ADDED.replace("#### Scenario", "### Scenario")),
    "scenarios_without_the_word": login(ADDED.replace("#### Scenario: ", "#### ")),
    "metadata_before_the_statement": login(
        ADDED.replace("The system", "**ID**: D-1\n**Priority**: high\n\nThe system")
    ),
    "requirement_outside_the_sections": login(f"# Login\n\n{block('Lost')}\n{ADDED}"),
    "other_headings_in_a_section": login(ADDED + "\n### Documentation\n\nTo be written.\n"),
    "no_sections": login("# Login\n\nAs before.\n"),
    "section_without_entries": login("## ADDED Requirements\n\nNone.\n"),
    "empty_spec": login(""),
    "note_in_specs": change({"login/spec.md": ADDED, "README.md": "# Notes\n\nRead login.\n"}),
    "note_in_a_capability": change({"login/spec.md": ADDED, "login/notes.md": "Some notes.\n"}),
    "note_alone": change({"README.md": "# Notes\n\nNo spec changes.\n"}),
    "other_files_in_specs": change(
        {"login/spec.md": ADDED, "login/api.json": "{}\n", "login/flow.mmd": "a --> b\n"}
    ),
    "hidden_files_in_specs": change({"login/spec.md": ADDED, "login/.draft.md": ADDED}),
    "flat_spec": change({"login.md": ADDED}),
    "spec_without_a_capability": change({"spec.md": ADDED}),
    "second_file_in_a_capability": change({"login/spec.md": ADDED, "login/more.md": ADDED}),
    "other_name_of_the_file": change({"login/login.md": ADDED}),
    "no_specs": change(),
    "no_specs_skipped": change(metadata=METADATA + "skip_specs: true\n"),
    "no_specs_skipped_by_text": change(metadata=METADATA + 'skip_specs: "true"\n'),
    "specs_skipped_but_there": login(ADDED, metadata=METADATA + "skip_specs: true\n"),
    "specs_not_skipped": login(ADDED, metadata=METADATA + "skip_specs: false\n"),
    "with_a_design": login(ADDED, metadata=METADATA, design_md="# Design\n\n## Context\nSuch.\n"),
    "with_other_documents": login(
        ADDED, README_md="# edit-login\n\nWhy not\n", checklist_md="- [ ] later\n"
    ),
    "no_proposal": login(ADDED, proposal_md=None),
    "proposal_without_sections": login(ADDED, proposal_md="Edit the login.\n"),
    "proposal_with_an_empty_section": login(ADDED, proposal_md="## Why\n\n## What Changes\n- x\n"),
    "proposal_as_openspec_has_it": login(
        ADDED,
        proposal_md="# Proposal\n\n## Why\n\n<!-- Why? -->\nSo.\n\n## What Changes\n\n- It\n\n"
        "## Capabilities\n\n### New Capabilities\n\n### Modified Capabilities\n- `login`: more\n\n"
        "## Impact\n\nNone.\n",
    ),
    "no_tasks": login(ADDED, tasks_md=None),
    "tasks_without_boxes": login(ADDED, tasks_md="# Tasks\n\n- Do it\n- Test it\n"),
    "tasks_not_ticked": login(ADDED, tasks_md=TASKS.replace("[x] 1.2", "[ ] 1.2")),
    "tasks_in_other_forms": login(
        ADDED, tasks_md="* [X] Do it\n1. [x] Test it\n- [x] **1.3** Tell\n"
    ),
    "tasks_that_depend_in_prose": login(
        ADDED, tasks_md="- [x] 1.1 Do it, depends on 2 services\n- [x] 1.2 Test it after 3.4\n"
    ),
    "main_without_requirements": change(
        {"login/spec.md": ADDED}, before={"login/spec.md": "# Login\n\n## Purpose\nTo log in.\n"}
    ),
    "main_without_purpose": change(
        {"login/spec.md": ADDED}, before={"login/spec.md": f"# Login\n\n## Requirements\n\n{A}"}
    ),
    "main_to_be_written": change(
        {"login/spec.md": ADDED},
        before={"login/spec.md": main(A, purpose="TBD - created by archiving change x.")},
    ),
    "main_with_a_scenario_gone": change(
        {"login/spec.md": ADDED},
        before={"login/spec.md": main("### Requirement: Alpha\nIt SHALL.\n")},
    ),
    "main_with_crlf": change(
        {"login/spec.md": ADDED}, before={"login/spec.md": MAIN.replace("\n", "\r\n")}
    ),
    "builds_on_an_open_change": {
        **login(delta(modified=block("Delta"))),
        "changes/add-delta/proposal.md": PROPOSAL,
        "changes/add-delta/tasks.md": TASKS,
        "changes/add-delta/specs/login/spec.md": ADDED,
    },
    "beside_an_open_change": {
        **login(delta(modified=block("Alpha", "Works", "More"))),
        "changes/edit-alpha/proposal.md": PROPOSAL,
        "changes/edit-alpha/specs/login/spec.md": delta(modified=block("Alpha", "Works", "Less")),
    },
    "after_archived_ones": {
        **login(ADDED),
        "changes/archive/2026-01-01-edit-login-1/proposal.md": PROPOSAL,
        "changes/archive/2026-01-01-edit-login-1/specs/login/spec.md": delta(added=A),
    },
}
