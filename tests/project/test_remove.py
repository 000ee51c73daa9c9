"""``agentd init --remove``: only what init wrote goes."""

from __future__ import annotations

from pathlib import Path

import pytest
from standins.running import pid_in, toy_agentd, until
from support.command import agentd

from agentd.config.edit import set_values
from agentd.errors import InputError
from agentd.ledger.store import StateStore
from agentd.project.change import Change
from agentd.project.hold import at_work
from agentd.project.init import initialise
from agentd.project.layout import Project
from agentd.project.remove import Removed, remove
from agentd.runner.process import has_proc
from agentd.runner.recovery import living
from agentd.runner.run_folder import RunFolder


def tree(root: Path) -> dict[str, bytes | None]:
    paths = {str(path.relative_to(root)): path for path in root.rglob("*")}
    return {name: path.read_bytes() if path.is_file() else None for name, path in paths.items()}


def left(done: Removed) -> dict[str, str]:
    return {str(one.path.relative_to(done.root)): one.why for one in done.left}


@pytest.mark.parametrize("provider", [None, "claude", "gemini"])
def test_nothing_stays_of_a_project_that_was_only_made(
    tmp_path: Path, provider: str | None
) -> None:
    (tmp_path / "main.py").write_text("print()\n")
    before = tree(tmp_path)
    initialise(tmp_path, provider=provider, project_name='a "shop"')
    made = tree(tmp_path)
    shown = remove(tmp_path, dry_run=True)
    assert tree(tmp_path) == made
    assert remove(tmp_path) == shown
    assert tree(tmp_path) == before
    assert not shown.left


def test_nothing_stays_in_a_project_of_openspec(tmp_path: Path) -> None:
    (tmp_path / "openspec" / "specs").mkdir(parents=True)
    before = tree(tmp_path)
    initialise(tmp_path)
    assert tmp_path / "openspec" / "specs" / ".gitkeep" in tmp_path.rglob("*")
    assert not remove(tmp_path).left
    assert tree(tmp_path) == before


def test_a_provider_that_was_added_later_goes_too(tmp_path: Path) -> None:
    initialise(tmp_path, provider="codex")
    initialise(tmp_path, provider="claude")
    remove(tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_was_changed_stays_and_it_is_said_why(tmp_path: Path) -> None:
    initialise(tmp_path)
    set_values(tmp_path / "agentd" / "config.toml", [("budget.limit_usd", "5")])
    (tmp_path / "agentd" / "templates").mkdir()
    (tmp_path / "agentd" / "specs" / "login.md").write_text("# Login\n")
    changed = "changed since `agentd init` wrote it"
    assert left(remove(tmp_path)) == {
        "agentd/config.toml": changed,
        "agentd/specs": "specs stay",
        "agentd/templates": "`agentd init` did not write it",
    }
    assert set(tree(tmp_path)) == {
        "agentd",
        "agentd/config.toml",
        "agentd/specs",
        "agentd/specs/login.md",
        "agentd/templates",
    }


def test_changes_and_the_archive_stay_with_what_keeps_their_logs_out_of_git(tmp_path: Path) -> None:
    initialise(tmp_path)
    home = tmp_path / "agentd"
    StateStore(home / "changes" / "add-x").create("add-x")
    StateStore(home / "archive" / "20261122-add-y").create("add-y")
    before = tree(tmp_path)
    done = remove(tmp_path)
    assert left(done) == {
        "agentd/.gitignore": "it keeps the logs of the changes out of git",
        "agentd/archive": "archived changes and what they cost stay",
        "agentd/changes": "changes and what they cost stay",
    }
    after = tree(tmp_path)
    gone = ["agentd/config.toml", "agentd/project.md", "agentd/specs", "agentd/specs/.gitkeep"]
    gone.append("agentd/.gitattributes")
    assert {*before} - {*after} == {*gone}
    assert all(before[name] == after[name] for name in after)
    assert not initialise(tmp_path).kept[1:]  # it can be taken up again


def test_of_a_gitignore_with_other_lines_only_agentds_go(tmp_path: Path) -> None:
    initialise(tmp_path)
    path = tmp_path / "agentd" / ".gitignore"
    path.write_text(f"mine/\n{path.read_text()}# yours\n")
    assert list(left(remove(tmp_path))) == ["agentd/.gitignore"]
    assert path.read_text() == "mine/\n# yours\n"


def test_links_are_not_followed(tmp_path: Path) -> None:
    initialise(tmp_path)
    outside = tmp_path / "outside"
    outside.mkdir()
    specs = tmp_path / "agentd" / "specs"
    (specs / ".gitkeep").rename(outside / ".gitkeep")
    specs.rmdir()
    specs.symlink_to(outside)
    assert "agentd/specs" in left(remove(tmp_path))
    assert {path.name for path in outside.iterdir()} == {".gitkeep"}


def test_a_linked_home_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "agentd").symlink_to("elsewhere")
    initialise(tmp_path)
    before = tree(tmp_path)
    with pytest.raises(InputError, match="agentd: is a symbolic link"):
        remove(tmp_path)
    assert tree(tmp_path) == before


def test_without_a_project_and_while_an_agentd_is_at_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to remove"):
        remove(tmp_path)
    initialise(tmp_path)
    change = tmp_path / "agentd" / "changes" / "add-x"
    StateStore(change).create("add-x")
    before = tree(tmp_path)
    held = Change(Project(tmp_path), "add-x", change)
    with at_work(held), pytest.raises(InputError, match="at work on add-x"):
        remove(tmp_path)
    assert set(tree(tmp_path)) >= set(before)


@pytest.mark.skipif(not has_proc(), reason="no /proc here")
def test_while_a_cli_works_whose_agentd_is_gone(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    initialise(project)
    change = project / "agentd" / "changes" / "add-x"
    StateStore(change).create("add-x")
    with toy_agentd(change, "waits_for", tmp_path / "go", tmp_path / "pid") as killed:
        pid = pid_in(tmp_path / "pid")
        killed.kill()
    told = rf"toy still works in agentd/changes/add-x/runs/call \(process {pid}\)"
    try:
        with pytest.raises(InputError, match=told):
            remove(project)
    finally:
        (tmp_path / "go").touch()
    until(lambda: not living(RunFolder(change / "runs" / "call")))
    assert remove(project).removed


def test_the_command(tmp_path: Path) -> None:
    initialise(tmp_path)
    (tmp_path / "agentd" / "project.md").write_text("# Mine\n")
    shown = agentd("init", "--remove", "--dry-run", cwd=tmp_path)
    assert shown.stdout == (
        "would remove agentd/config.toml\n"
        "would remove agentd/.gitignore\n"
        "would remove agentd/specs/.gitkeep\n"
        "would remove agentd/.gitattributes\n"
        "would remove agentd/specs/\n"
        "would leave agentd/project.md: changed since `agentd init` wrote it\n"
    )
    assert (tmp_path / "agentd" / "config.toml").exists()
    done = agentd("init", "--remove", cwd=tmp_path)
    assert done.stdout == shown.stdout.replace("would remove", "removed").replace(
        "would leave", "left"
    )
    assert [path.name for path in (tmp_path / "agentd").iterdir()] == ["project.md"]
    assert agentd("init", "--remove", cwd=tmp_path).returncode == 1
    assert agentd("init", "--dry-run", cwd=tmp_path).returncode == 2
    assert agentd("init", "--remove", "--name", "x", cwd=tmp_path).returncode == 2
