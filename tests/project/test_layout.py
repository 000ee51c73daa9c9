"""Finding a project and its changes."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

from agentd.errors import InputError
from agentd.project.changes import archived_changes, find_change, latest_change, open_changes
from agentd.project.layout import Project, check_change_id, find_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "agentd").mkdir()
    (tmp_path / "agentd" / "config.toml").write_text("[claude]\n")
    return Project(tmp_path)


def make(folder: Path, state_time_s: int | None = None) -> Path:
    folder.mkdir(parents=True)
    if state_time_s is not None:
        state = folder / "STATE.yaml"
        state.write_text("phase: proposed\n")
        os.utime(state, (state_time_s, state_time_s))
    return folder


def test_the_nearest_project_upwards_is_found(project: Project) -> None:
    inner = project.root / "vendor" / "lib"
    deep = make(inner / "src" / "deep")
    assert find_project(deep) == project
    assert find_project(project.root) == project
    make(inner / "agentd")
    assert find_project(deep) == project  # a folder agentd/ without a config is none
    (inner / "agentd" / "config.toml").touch()
    assert find_project(deep).root == inner


def test_a_relative_start_gives_an_absolute_root(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(make(project.root / "src"))
    assert find_project(Path()).root == project.root.resolve()


def test_no_project_and_no_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no agentd project here") as caught:
        find_project(tmp_path)
    assert "agentd init" in caught.value.fix
    with pytest.raises(InputError, match="nowhere: no such folder"):
        find_project(tmp_path / "nowhere")


def test_the_places(project: Project) -> None:
    places = {
        "agentd": project.agentd_dir,
        "agentd/config.toml": project.config_path,
        "agentd/specs": project.specs_dir,
        "agentd/changes": project.changes_dir,
        "agentd/archive": project.archive_dir,
        "agentd/changes/add-oauth": project.change_dir("add-oauth"),
    }
    assert {name: project.root / name for name in places} == places


@pytest.mark.parametrize("text", ["a", "0", "add-oauth", "a-", "9" * 64])
def test_a_good_id_is_taken(text: str) -> None:
    assert check_change_id(text) == text


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("../x", "x"),
        ("a/b", "a-b"),
        ("/etc/passwd", "etc-passwd"),
        ("", "add-oauth"),
        (".", "add-oauth"),
        ("..", "add-oauth"),
        ("-a", "a"),
        ("Add OAuth", "add-oauth"),
        ("add_oauth", "add-oauth"),
        ("Größe", "groe"),
        ("a\n", "a"),
        ("a\0b", "a-b"),
        ("ａ", "a"),
        ("x" * 65, "x" * 64),
        ("\udcff", "add-oauth"),
    ],
)
def test_a_bad_id_is_refused_with_a_suggestion(
    project: Project, text: str, suggestion: str
) -> None:
    for use in (check_change_id, project.change_dir, partial(find_change, project)):
        with pytest.raises(InputError) as caught:
            use(text)
        assert caught.value.fix == f"Use an id such as {suggestion}."
        assert "expected 1 to 64" in caught.value.message
    assert check_change_id(suggestion)


@pytest.mark.parametrize("link", ["agentd/changes/a", "agentd/changes"])
def test_a_symbolic_link_for_a_change_is_refused(
    project: Project, tmp_path_factory: pytest.TempPathFactory, link: str
) -> None:
    target = tmp_path_factory.mktemp("elsewhere")
    make(target / "a")
    (project.root / link).parent.mkdir(parents=True, exist_ok=True)
    (project.root / link).symlink_to(target)
    for use in (project.change_dir, partial(find_change, project)):
        with pytest.raises(InputError, match=f"{link} is a symbolic link"):
            use("a")
    assert open_changes(project) == []


def test_changes_are_listed_by_id_and_other_things_left_out(project: Project) -> None:
    assert open_changes(project) == archived_changes(project) == []
    for name in ("b", "a", "Bad", ".hidden"):
        make(project.changes_dir / name)
    (project.changes_dir / "file").touch()
    for name in ("20260102-a", "20251231-b", "20260101-a", "2026-a", "20260101-"):
        make(project.archive_dir / name)
    assert [change.id for change in open_changes(project)] == ["a", "b"]
    assert [(change.archived_on, change.id) for change in archived_changes(project)] == [
        ("20251231", "b"),
        ("20260101", "a"),
        ("20260102", "a"),
    ]


def test_a_change_is_found_where_it_is_worked_on_else_archived_last(project: Project) -> None:
    for name in ("20260101-a", "20260102-a"):
        make(project.archive_dir / name)
    newest = project.archive_dir / "20260102-a"
    found = find_change(project, "a")
    assert (found.id, found.folder, found.archived_on) == ("a", newest, "20260102")
    folder = make(project.changes_dir / "a")
    found = find_change(project, "a")
    assert (found.id, found.folder, found.archived_on) == ("a", folder, None)


@pytest.mark.parametrize(
    ("asked", "fix"),
    [
        ("add-oaut", "Did you mean add-oauth?"),
        ("zzz", 'agentd run zzz "DESCRIPTION"`; open is add-oauth;'),
    ],
)
def test_an_unknown_change_is_an_error(project: Project, asked: str, fix: str) -> None:
    make(project.changes_dir / "add-oauth")
    with pytest.raises(InputError, match=f"there is no change {asked} in agentd/changes") as caught:
        find_change(project, asked)
    assert fix in caught.value.fix


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"changes/a": 30, "changes/b": 10, "changes/c": 20}, "a"),
        ({"changes/a": 10, "changes/b": 10}, "b"),
        ({"changes/a": 10, "archive/20260101-z": 20}, "a"),
        ({"changes/a": None, "archive/20260101-z": 20}, "a"),
        ({"archive/20260101-y": 20, "archive/20260101-z": 10}, "y"),
        ({"changes/a": 10, "changes/b": None}, "a"),
        ({"changes/b": None}, "b"),
        ({"changes/b": None, "archive/20260101-z": None}, "b"),
    ],
)
def test_the_change_worked_on_last_is_open_and_has_the_newest_state(
    project: Project, changes: dict[str, int | None], expected: str | None
) -> None:
    for name, time_s in changes.items():
        make(project.agentd_dir / name, time_s)
    latest = latest_change(project)
    assert (latest and latest.id) == expected
