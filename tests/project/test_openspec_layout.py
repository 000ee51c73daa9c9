"""agentd in a project of OpenSpec: specs, changes and archive lie where OpenSpec has them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from support.workspace import PROPOSAL, REVIEW, Sandbox, make_sandbox

from agentd.errors import InputError
from agentd.project.changes import open_changes
from agentd.project.layout import Project, find_project

CONFIG = """
project_name = "test"
[workflow]
script_retries = 0
[checks]
test = "echo all tests passed"
lint = ""
audit = ""
[gemini]
command = "{gemini}"
[pricing]
sources = ["catalog"]
"""
STREAM = "gemini/0.61.0/model_stream_json"
MAIN = """# login Specification

## Purpose
Let users in.

## Requirements

### Requirement: Log in by name
The system SHALL let a user in by name.

#### Scenario: known user
- **WHEN** Ada logs in
- **THEN** she is in
"""
MODIFIED = """## MODIFIED Requirements

### Requirement: Log in by name
The system SHALL let a user in by name and password.

#### Scenario: known user
- **WHEN** Ada logs in
- **THEN** she is in
"""
ADDED = """## Purpose
Let users out again.

## ADDED Requirements

### Requirement: Log out
The system SHALL let a user out.

#### Scenario: user is in
- **WHEN** Ada logs out
- **THEN** she is out
"""
COVERAGE = "| Log out | user is in | login.py:9 | test_login.py |\n"
TASK = "- [ ] 1.2 Log out (`login.py`)\n  - Requirement: Log out\n  - Test: `test_login.py`\n"
STEPS = ["proposal", "challenge", "implementation", "review", "archive", "archive-review"]


def answers(home: str) -> dict[str, dict[str, str]]:
    """What the CLI of each step writes, for a change whose folder is ``home``."""
    reviewed = REVIEW.replace("\n## Issues", f"{COVERAGE}\n## Issues", 1).replace(
        "\n\n| Log", "\n| Log"
    )
    return {
        "proposal": {
            f"{home}/proposal.md": PROPOSAL["change/proposal.md"],
            f"{home}/tasks.md": PROPOSAL["change/tasks.md"] + TASK,
            f"{home}/specs/login/spec.md": MODIFIED,
            f"{home}/specs/logout/spec.md": ADDED,
        },
        "challenge": {f"{home}/CHALLENGE.md": "# Challenge: x\n\n## Verdict\n- [x] APPROVED\n"},
        "implementation": {f"{home}/IMPLEMENTATION.md": "# Implementation\n", "login.py": "a\n"},
        "review": {f"{home}/REVIEW.md": reviewed},
        "archive": {
            f"{home}/merged/CHANGELOG.md": "# Changelog\n\n## 2026-11-22 add-x\n\nLog out.\n"
        },
        "archive-review": {f"{home}/ARCHIVE_REVIEW.md": "## Verdict\n- [x] APPROVED\n"},
    }


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    """A project as ``openspec init`` leaves it, with one spec, and agentd's config."""
    made = make_sandbox(tmp_path, CONFIG)
    (made.root / "agentd" / "specs").rmdir()
    (made.root / "openspec/specs/login").mkdir(parents=True)
    (made.root / "openspec/changes/archive").mkdir(parents=True)
    (made.root / "openspec/specs/login/spec.md").write_text(MAIN)
    for step, files in answers("openspec/changes/add-x").items():
        made.answer(step, STREAM, files)
    return made


def files_below(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("how", ["found by itself", "said in the config"])
def test_whole_run(box: Sandbox, how: str) -> None:
    if how == "said in the config":
        (box.root / "agentd/changes").mkdir()  # else it would be taken for agentd's own layout
        config = box.root / "agentd/config.toml"
        config.write_text(config.read_text() + '[paths]\nlayout = "openspec"\n')
    today = datetime.now(UTC)
    out = box.ok("run", "add-x", "Let users log out")
    folder = Project(box.root, "openspec").archived_dir("add-x", today)
    assert folder.name == f"{today:%Y-%m-%d}-add-x"
    assert folder.parent == box.root / "openspec/changes/archive"
    assert f"archived as openspec/changes/archive/{folder.name}/" in out
    assert {name for name in files_below(folder) if not name.startswith("runs/")} == {
        *("STATE.yaml", "BASE.json", "proposal.md", "tasks.md"),
        *("specs/login/spec.md", "specs/logout/spec.md"),
        *("CHALLENGE.md", "IMPLEMENTATION.md", "REVIEW.md", "ARCHIVE_REVIEW.md"),
    }
    specs = box.root / "openspec" / "specs"
    assert files_below(specs) == {"login/spec.md", "logout/spec.md", "CHANGELOG.md"}
    assert (specs / "login/spec.md").read_text() == MAIN.replace(
        "by name.", "by name and password."
    )
    assert "### Requirement: Log out" in (specs / "logout/spec.md").read_text()
    assert "Log out." in (specs / "CHANGELOG.md").read_text()
    assert [path.name for path in (box.root / "openspec/changes").iterdir()] == ["archive"]
    assert files_below(box.root / "agentd") == {"config.toml"}
    state = yaml.safe_load((folder / "STATE.yaml").read_text())
    assert state["phase"] == "archived"
    assert [call["step"] for call in state["telemetry"]["calls"]] == STEPS
    # agentd's commands find it there, and git sees no logs.
    assert f"(archived {today:%Y-%m-%d})" in box.ok("status", "add-x")
    (listed,) = json.loads(box.ok("list", "--json"))["changes"]
    assert listed["phase"] == "archived"
    assert (folder / "runs/.gitignore").read_text() == "*\n"


def test_whole_run_where_the_folder_is_a_link(box: Sandbox) -> None:
    """Such as to a store that several worktrees share."""
    (box.root / "openspec").rename(box.root.parent / "store")
    (box.root / "openspec").symlink_to("../store")
    box.ok("run", "add-x", "Let users log out")
    assert files_below(box.root.parent / "store/specs") == {
        *("login/spec.md", "logout/spec.md", "CHANGELOG.md")
    }


def test_prompts_name_the_places_of_the_layout(box: Sandbox) -> None:
    box.ok("run", "add-x", "Let users log out")
    (runs,) = (box.root / "openspec/changes/archive").glob("*/runs")
    prompts = {
        path.parent.name.split("-", 1)[1]: path.read_text() for path in runs.glob("*/prompt")
    }
    assert len(prompts) == len(STEPS)
    for prompt in prompts.values():
        for own in ("agentd/specs", "agentd/changes", "agentd/archive", "<capability>.md"):
            assert own not in prompt
    (proposal,) = (text for name, text in prompts.items() if name.startswith("proposal-"))
    assert "`openspec/changes/add-x/specs/<capability>/spec.md`" in proposal


def test_what_a_step_may_not_touch_is_guarded_there_too(box: Sandbox) -> None:
    box.ok("proposal", "add-x", "Let users log out")
    files = answers("openspec/changes/add-x")["challenge"]
    other = "openspec/changes/add-y/proposal.md"
    stray = {"openspec/specs/login/spec.md": "# gone\n", other: "# mine\n"}
    box.answer("challenge", STREAM, files | stray)
    done = box.run("challenge", "add-x")
    assert done.returncode == 4, done.stderr
    assert "openspec/specs/login/spec.md" in done.stderr
    assert (box.root / "openspec/specs/login/spec.md").read_text() == MAIN
    assert not (box.root / other).exists()


def test_a_change_made_with_openspec_is_taken_up(box: Sandbox) -> None:
    """Its documents are there, STATE.yaml is not: nothing is proposed anew."""
    home = "openspec/changes/add-x"
    put_change(box, home)
    before = files_below(box.root)
    (listed,) = json.loads(box.ok("list", "--json"))["changes"]
    assert listed["change_id"] == "add-x"
    box.ok("validate", "add-x")
    assert files_below(box.root) == before
    box.ok("plan", "add-x")
    state = yaml.safe_load((box.root / home / "STATE.yaml").read_text())
    assert state["phase"] == "challenged"
    assert [call["step"] for call in state["telemetry"]["calls"]] == ["challenge"]
    assert json.loads((box.root / home / "BASE.json").read_text())["specs"]


ARCHIVED = "openspec/changes/archive/2026-08-13-fix-login"


def put_change(box: Sandbox, home: str) -> None:
    """A change as OpenSpec leaves it: its documents, no STATE.yaml."""
    for name, text in answers(home)["proposal"].items():
        path = box.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_changes_that_agentd_had_no_part_in(box: Sandbox) -> None:
    """Open ones first, archived ones in one line; none of them is broken."""
    put_change(box, ARCHIVED)
    put_change(box, "openspec/changes/archive/2026-08-14-fix-logout")
    put_change(box, "openspec/changes/add-x")
    head, *rows, last = box.ok("list").splitlines()
    assert head.split() == ["CHANGE", "PHASE", "SPECS", "TASKS", "CALLS", "COST", "UPDATED"]
    assert [" ".join(row.split()) for row in rows] == ["add-x not taken up 2 0/2 0 $0.000000 -"]
    assert last == "2 changes archived without agentd: agentd list --all"
    listed = box.ok("list", "--all").splitlines()
    assert [" ".join(row.split()[:4]) for row in listed[1:]] == [
        "add-x not taken up",
        "fix-login archived, without agentd",
        "fix-logout archived, without agentd",
    ]
    documents = json.loads(box.ok("list", "--json"))["changes"]
    assert [one["change_id"] for one in documents] == ["add-x", "fix-login", "fix-logout"]
    assert [one["taken_up"] for one in documents] == [False] * 3


def test_no_change_is_open(box: Sandbox) -> None:
    put_change(box, ARCHIVED)
    nothing, hidden = box.ok("list").splitlines()
    assert nothing.startswith("No changes yet. Start one: agentd run")
    assert hidden == "1 change archived without agentd: agentd list --all"


def test_status_takes_an_open_change(box: Sandbox) -> None:
    put_change(box, ARCHIVED)
    assert "Change: fix-login (archived 2026-08-13)\n" in box.ok("status")
    put_change(box, "openspec/changes/add-x")
    text = box.ok("status")
    assert text.startswith("Change: add-x\nPhase: not taken up\n")
    assert text.endswith("Next: agentd run add-x\n")


@pytest.mark.parametrize("asked", ["fix-login", "2026-08-13-fix-login"])
def test_an_archived_change_has_two_names_and_nothing_to_run(box: Sandbox, asked: str) -> None:
    put_change(box, ARCHIVED)
    text = box.ok("status", asked)
    assert text.startswith(
        "Change: fix-login (archived 2026-08-13)\nPhase: archived, without agentd\n"
    )
    assert "agentd " not in text.split("\n", 2)[2]
    assert json.loads(box.ok("status", asked, "--json"))["next"] is None
    scope = json.loads(box.ok("cost", asked, "--json"))["scope"]
    assert scope == "change fix-login (archived 2026-08-13)"
    box.ok("log", asked)
    assert "archived already as openspec/changes/archive/2026-08-13-fix-login/" in box.ok(
        "run", asked
    )
    for command in (("plan", asked, "Once more"), ("plan", asked), ("proposal", asked, "Again")):
        done = box.run(*command)
        assert done.returncode == 1
        assert f"is archived as {ARCHIVED}/" in done.stderr
        assert "such as fix-login-2" in done.stderr
    for command in (("impl", asked), ("archive", asked), ("challenge", asked)):
        done = box.run(*command)
        assert done.returncode == 1
        assert "is archived since 2026-08-13" in done.stderr
    assert [path.name for path in (box.root / "openspec/changes").iterdir()] == ["archive"]


def test_an_id_with_a_date_keeps_it_in_the_archive(tmp_path: Path) -> None:
    """As OpenSpec archives it; the dates would pile up."""
    today = datetime(2026, 11, 22, tzinfo=UTC)
    project = Project(tmp_path, "openspec")
    for change_id in ("2026-08-13-fix-login", "add-x", "2026-08-13"):
        expected = change_id if change_id.startswith("2026-08-13-") else f"2026-11-22-{change_id}"
        assert project.archived_dir(change_id, today).name == expected
    own = Project(tmp_path).archived_dir("2026-08-13-fix-login", today)
    assert own.name == "20261122-2026-08-13-fix-login"


def test_init_leaves_the_specs_where_they_are(box: Sandbox) -> None:
    (box.root / "agentd/config.toml").unlink()
    specs = {*files_below(box.root / "openspec"), ".gitattributes"}
    box.ok("init")
    assert files_below(box.root / "agentd") == {"config.toml", "project.md", ".gitignore"}
    assert files_below(box.root / "openspec") == specs
    assert find_project(box.root).layout == "openspec"


@pytest.mark.parametrize(
    ("folders", "config", "layout"),
    [
        ((), "", "agentd"),
        (("openspec/specs",), "", "openspec"),
        (("openspec/changes",), "", "openspec"),
        (("openspec",), "", "agentd"),
        (("openspec/specs", "agentd/specs"), "", "openspec"),
        (("openspec/specs", "agentd/changes"), "", "agentd"),
        (("openspec/specs", "agentd/archive"), "", "agentd"),
        (("openspec/specs", "agentd/specs/login.md"), "", "agentd"),
        (("openspec/specs",), '[paths]\nlayout = "agentd"\n', "agentd"),
        (("agentd/changes",), '[paths]\nlayout = "openspec"\n', "openspec"),
        (("openspec/specs",), '# layout = "agentd"\n', "openspec"),
        (("openspec/specs",), "layout = [broken\n", "openspec"),
    ],
)
def test_the_layout_is_found(
    tmp_path: Path, folders: tuple[str, ...], config: str, layout: str
) -> None:
    (tmp_path / "agentd").mkdir()
    (tmp_path / "agentd/config.toml").write_text(config)
    for folder in folders:
        place = tmp_path / folder
        if place.suffix:
            place.parent.mkdir(parents=True)
            place.touch()
        else:
            place.mkdir(parents=True)
    assert find_project(tmp_path).layout == layout


def test_the_archive_is_no_change(tmp_path: Path) -> None:
    project = Project(tmp_path, "openspec")
    project.archive_dir.mkdir(parents=True)
    assert open_changes(project) == []
    with pytest.raises(InputError, match="archive is no id for a change"):
        project.change_dir("archive")
    assert Project(tmp_path).change_dir("archive") == tmp_path / "agentd/changes/archive"
