"""Publishing the merged specs: all or none, also when the process is killed."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from support.merging import killed_at, published
from support.openspec_cases import CHANGE_ID, MAIN, block, delta, tree
from support.spec_project import lay_out, spec_project

from agentd.errors import StateError
from agentd.ledger.store import StateStore
from agentd.project.layout import Project
from agentd.specs.journal import Journal
from agentd.specs.plan import plan_merge
from agentd.specs.staging import journal_of, merged_dir, publish, stage, take_back


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return spec_project(tmp_path)


@pytest.fixture
def change(project: Project) -> Path:
    """The change, its specs merged and waiting with an entry of the changelog."""
    change = project.changes_dir / CHANGE_ID
    StateStore(change).create(CHANGE_ID, phase="complete")
    stage(project, change, plan_merge(project, change).texts())
    (merged_dir(change) / "CHANGELOG.md").write_text("# Changelog\n\n## new\n\nBetter.\n")
    return change


def folders(project: Project) -> set[Path]:
    return {path for path in project.specs_dir.rglob("*") if path.is_dir()}


def test_what_is_published_stands_once_it_is_forgotten(project: Project, change: Path) -> None:
    publish(project, change)
    text = (project.specs_dir / "area/new/spec.md").read_text()
    assert text.startswith("# area/new Specification\n")
    assert "# login Specification" in (project.specs_dir / "login.md").read_text()
    assert "Better." in (project.specs_dir / "CHANGELOG.md").read_text()
    journal_of(project, change).forget()
    take_back(project, change)
    assert (project.specs_dir / "area/new/spec.md").read_text() == text
    assert not (change / "runs" / "merge").exists()


def test_a_folder_that_cant_be_removed_is_told_and_removed_by_the_next(
    project: Project, change: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(project, change)

    def fail(path: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rmdir", fail)
        with pytest.raises(OSError, match="merge"):
            journal_of(project, change).forget()
    journal_of(project, change).forget()
    assert not (change / "runs/merge").exists()


def test_what_others_wrote_meanwhile_is_kept_aside(project: Project, change: Path) -> None:
    before, before_folders = tree(project.specs_dir), folders(project)
    publish(project, change)
    (project.specs_dir / "CHANGELOG.md").write_text("# Changelog\n\n- new\n")
    (project.specs_dir / "login.md").write_text("edited by hand\n")
    take_back(project, change)
    assert tree(project.specs_dir) == before
    assert folders(project) == before_folders
    kept = sorted(path.name.split(".", 1)[1] for path in (change / "runs" / "merge").iterdir())
    assert kept == ["CHANGELOG.md.lost", "login.md.lost"]
    assert not journal_of(project, change).open


def test_killed_at_any_moment_all_specs_are_as_before(project: Project, change: Path) -> None:
    before, before_folders = tree(project.specs_dir), folders(project)
    number, half_done = 1, 0
    while killed_at(number, lambda: publish(project, change)):
        half_done += tree(project.specs_dir) != before
        take_back(project, change)
        assert tree(project.specs_dir) == before
        assert folders(project) == before_folders
        number += 1
    assert number > 24
    assert half_done > 8, "no kill fell between the first and the last write"
    assert tree(project.specs_dir) != before


def test_killed_while_taking_back_it_is_taken_back_again(project: Project, change: Path) -> None:
    before = tree(project.specs_dir)
    number, killed = 0, True
    while killed:
        number += 1
        publish(project, change)
        killed = killed_at(number, lambda: take_back(project, change))
        take_back(project, change)
        assert tree(project.specs_dir) == before
    assert number > 8


def test_an_error_leaves_everything_as_it_was(project: Project, change: Path) -> None:
    (project.specs_dir / "zz").write_text("a file where a folder is needed\n")
    lay_out(change / "specs", {"zz/spec.md": delta(added=block("Delta"))})
    before = tree(project.specs_dir)
    with pytest.raises(OSError, match="zz"):
        published(project, change)
    assert tree(project.specs_dir) == before
    assert not journal_of(project, change).open


def test_an_unfinished_journal_is_not_written_over(project: Project, change: Path) -> None:
    journal = publish(project, change)
    with pytest.raises(StateError, match="not finished"):
        journal.write({project.specs_dir / "login.md": MAIN})


def test_specs_that_are_shared_by_a_link_are_published(project: Project, change: Path) -> None:
    home = project.specs_dir.parent
    home.rename(home.with_name("shared"))
    home.symlink_to("shared")
    publish(project, change)
    assert MAIN not in (project.specs_dir / "login.md").read_text()


@pytest.mark.parametrize("lacks", ["path", "existed", "new_sha256", "made"])
def test_a_journal_that_lacks_something_is_damaged(
    project: Project, change: Path, lacks: str
) -> None:
    entry = {"path": "login.md", "existed": True, "new_sha256": "0", "made": []}
    del entry[lacks]
    folder = change / "runs" / "merge"
    lay_out(folder, {"0.old": "old", "journal.json": json.dumps({"files": [entry]})})
    with pytest.raises(StateError, match="damaged"):
        Journal(folder, project.specs_dir).undo()


def test_a_named_pipe_is_no_journal(project: Project, change: Path) -> None:
    """An agent may plant one, and whoever reads it waits without end."""
    folder = change / "runs" / "merge"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "journal.json")
    assert not journal_of(project, change).open


@pytest.mark.parametrize("place", ["../escaped.md", "/tmp/escaped.md", "link/escaped.md"])
def test_a_planted_journal_writes_nowhere_else(
    project: Project, change: Path, place: str, tmp_path: Path
) -> None:
    (project.specs_dir / "link").symlink_to(tmp_path)
    entry = {"path": place, "existed": True, "new_sha256": None, "made": []}
    folder = change / "runs" / "merge"
    lay_out(folder, {"0.old": "planted", "journal.json": json.dumps({"files": [entry]})})
    with pytest.raises(StateError, match="damaged"):
        take_back(project, change)
    with pytest.raises(StateError, match="damaged"):
        Journal(folder, project.specs_dir).undo()
    assert not list(tmp_path.rglob("escaped.md"))
