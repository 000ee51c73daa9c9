"""The merge driver in .gitattributes and in the repository's config: put there, and taken away."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from agentd.project import merge_driver
from agentd.project.init import initialise
from agentd.project.remove import remove

LINES = [
    "changes/*/STATE.yaml merge=agentd",
    "archive/*/STATE.yaml merge=agentd",
    "specs/CHANGELOG.md merge=union",
]


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


@pytest.fixture
def top(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    return tmp_path


def test_it_is_registered_once_and_taken_away(top: Path) -> None:
    app = top / "app"
    app.mkdir()
    before = (top / ".git/config").read_text()
    done = initialise(app)
    assert done.registered
    assert (app / "agentd/.gitattributes").read_text().splitlines() == LINES
    assert git(top, "config", "merge.agentd.driver") == merge_driver.COMMAND
    ledgers = [f"app/agentd/{place}/STATE.yaml" for place in ("changes/x", "archive/20261122-x")]
    assert git(top, "check-attr", "merge", *ledgers).count("merge: agentd") == 2
    again = initialise(app)
    assert (again.registered, again.created) == (False, ())
    assert remove(app).unregistered
    assert not (app / "agentd").exists()
    assert (top / ".git/config").read_text() == before


def test_other_lines_and_other_projects_keep_what_they_need(top: Path) -> None:
    for name in ("a", "b"):
        (top / name).mkdir()
        initialise(top / name)
    path = top / "a/agentd/.gitattributes"
    path.write_text(f"*.bin binary\n{path.read_text()}")
    assert not remove(top / "a").unregistered  # b needs it
    assert path.read_text() == "*.bin binary\n"
    initialise(top / "a")
    assert path.read_text().splitlines() == ["*.bin binary", *LINES]
    assert not remove(top / "b").unregistered
    assert remove(top / "a").unregistered


def test_a_command_of_the_users_own_stays_and_an_older_one_is_renewed(top: Path) -> None:
    git(top, "config", "merge.agentd.driver", "/opt/venv/bin/agentd merge-driver %O %A %B %P")
    assert not initialise(top).registered
    assert not remove(top).unregistered
    git(top, "config", "merge.agentd.driver", "agentd merge-driver %O %A %B")
    assert initialise(top).registered
    assert merge_driver.registered(top) == merge_driver.COMMAND


def test_outside_of_a_repository_it_is_only_named(tmp_path: Path) -> None:
    assert not initialise(tmp_path).registered
    assert merge_driver.registered(tmp_path) is None
    assert not remove(tmp_path).unregistered


@pytest.mark.parametrize("before", ["", "\n## 2026-11-22 first\n\nIt began.\n"])
def test_entries_of_two_branches_in_the_changelog_are_no_conflict(top: Path, before: str) -> None:
    """Each archive puts its entry at the top; a project's first one makes the file."""
    initialise(top)
    git(top, "config", "user.name", "Ada")
    git(top, "config", "user.email", "ada@example.com")
    changelog = top / "agentd/specs/CHANGELOG.md"
    if before:
        changelog.write_text(f"# Changelog\n{before}")
    git(top, "add", ".")
    git(top, "commit", "-qm", "start")
    start = git(top, "rev-parse", "HEAD")
    for branch in ("one", "two"):
        git(top, "switch", "-qC", branch, start)
        changelog.write_text(f"# Changelog\n\n## 2026-11-30 {branch}\n\nDone: {branch}.\n{before}")
        git(top, "add", ".")
        git(top, "commit", "-qm", branch)
    assert "CONFLICT" not in git(top, "merge", "--no-edit", "one")
    text = changelog.read_text()
    assert text.startswith("# Changelog\n\n## 2026-11-30 two\n\nDone: two.\n")
    assert "## 2026-11-30 one\n\nDone: one.\n" in text
    assert text.endswith(before)
    assert text.count("# Changelog\n") == 1
