"""Merging a change on disk: all specs or none, also when the process is killed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from support.openspec_cases import BETTER_B, CHANGE_ID, MAIN, RENAME, A, block, delta, main, tree

from agentd.errors import StateError
from agentd.project.layout import Project
from agentd.specs.model import SpecError
from agentd.specs.overlap import Overlap, overlaps
from agentd.specs.plan import plan_merge, recover, settle

SPECS = {"login.md": MAIN, "pay/spec.md": main(A), "CHANGELOG.md": "# Changelog\n"}
DELTAS = {
    "login.md": delta(modified=BETTER_B),
    "pay/spec.md": delta(added=block("Delta")),
    "area/new/spec.md": delta(added=block("Delta")),
    "CHANGELOG.md": "not a spec",
}


def lay_out(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    lay_out(project.specs_dir, SPECS)
    lay_out(project.changes_dir / CHANGE_ID / "specs", DELTAS)
    return project


@pytest.fixture
def change(project: Project) -> Path:
    return project.changes_dir / CHANGE_ID


def folders(project: Project) -> set[Path]:
    return {path for path in project.specs_dir.rglob("*") if path.is_dir()}


def test_a_plan_writes_nothing(project: Project, change: Path) -> None:
    plan = plan_merge(project, change)
    assert plan.ok
    assert [t.target.relative_to(project.specs_dir).as_posix() for t in plan.targets] == [
        "area/new/spec.md",
        "login.md",
        "pay/spec.md",
    ]
    assert tree(project.specs_dir) == {k: v.encode() for k, v in SPECS.items()}


def test_apply_and_settle(project: Project, change: Path) -> None:
    written = plan_merge(project, change).apply()
    assert len(written) == 3
    text = (project.specs_dir / "area/new/spec.md").read_text()
    assert text.startswith("# area/new Specification\n")
    assert "# login Specification" in (project.specs_dir / "login.md").read_text()
    settle(project, change)
    assert not recover(project, change)
    assert (project.specs_dir / "area/new/spec.md").read_text() == text
    assert not (change / "runs" / "merge").exists()


def test_a_merge_is_taken_back(project: Project, change: Path) -> None:
    """Rejected by the archive review: also what later steps wrote goes."""
    before, before_folders = tree(project.specs_dir), folders(project)
    changelog = project.specs_dir / "CHANGELOG.md"
    plan_merge(project, change).apply(also=(changelog,))
    changelog.write_text("# Changelog\n\n- new\n")
    (project.specs_dir / "login.md").write_text("edited by the archive-fix step\n")
    assert recover(project, change)
    assert tree(project.specs_dir) == before
    assert folders(project) == before_folders
    kept = sorted(path.name for path in (change / "runs" / "merge").iterdir())
    assert [name.split(".", 1)[1] for name in kept] == ["login.md.lost", "CHANGELOG.md.lost"]
    assert not recover(project, change)


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Whether ``work`` in a child was killed at its ``number``-th fsync; False: it finished."""
    child = os.fork()
    if child == 0:
        real, count = os.fsync, 0

        def fsync(fd: int) -> None:
            nonlocal count
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)
            real(fd)

        os.fsync = fsync
        work()
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert status == 0 or os.WTERMSIG(status) == signal.SIGKILL
    return os.WIFSIGNALED(status)


def test_killed_at_any_moment_all_specs_are_as_before(project: Project, change: Path) -> None:
    before, before_folders = tree(project.specs_dir), folders(project)
    number, half_done = 1, 0
    while killed_at(number, lambda: plan_merge(project, change).apply()):
        half_done += tree(project.specs_dir) != before
        recover(project, change)
        assert tree(project.specs_dir) == before
        assert folders(project) == before_folders
        number += 1
    assert number > 12
    assert half_done > 4, "no kill fell between the first and the last write"
    assert tree(project.specs_dir) != before


def test_killed_while_taking_back_it_is_taken_back_again(project: Project, change: Path) -> None:
    before = tree(project.specs_dir)
    number = 1
    while True:
        plan_merge(project, change).apply()
        killed = killed_at(number, lambda: recover(project, change))
        recover(project, change)
        assert tree(project.specs_dir) == before
        if not killed:
            break
        number += 1
    assert number > 4


def test_an_error_leaves_everything_as_it_was(project: Project, change: Path) -> None:
    (project.specs_dir / "zz").write_text("a file where a folder is needed\n")
    lay_out(change / "specs", {"zz/spec.md": delta(added=block("Delta"))})
    before = tree(project.specs_dir)
    with pytest.raises(OSError, match="zz"):
        plan_merge(project, change).apply()
    assert tree(project.specs_dir) == before
    assert not recover(project, change)


def test_one_refused_file_refuses_the_change(project: Project, change: Path) -> None:
    lay_out(change / "specs", {"pay/spec.md": delta(modified=block("Nothing"), removed="x")})
    before = tree(project.specs_dir)
    plan = plan_merge(project, change)
    assert [(path, p.line) for path, p in plan.problems] == [
        (f"agentd/changes/{CHANGE_ID}/specs/pay/spec.md", 3)
    ]
    with pytest.raises(SpecError, match='there is no "Nothing" to modify'):
        plan.apply()
    assert tree(project.specs_dir) == before


def test_a_spec_that_changed_since_the_plan_stops_it(project: Project, change: Path) -> None:
    plan = plan_merge(project, change)
    (project.specs_dir / "login.md").write_text(MAIN + "\n")
    before = tree(project.specs_dir)
    with pytest.raises(SpecError, match=r"login\.md: this spec changed"):
        plan.apply()
    assert tree(project.specs_dir) == before


def test_an_unfinished_merge_stops_the_next(project: Project, change: Path) -> None:
    plan_merge(project, change).apply()
    lay_out(change / "specs", {"pay/spec.md": delta(added=block("Epsilon"))})
    with pytest.raises(StateError, match="not finished"):
        plan_merge(project, change).apply()


@pytest.mark.parametrize("place", ["../escaped.md", "/tmp/escaped.md", "link/escaped.md"])
def test_a_planted_journal_writes_nowhere_else(
    project: Project, change: Path, place: str, tmp_path: Path
) -> None:
    (project.specs_dir / "link").symlink_to(tmp_path)
    entry = {"path": place, "existed": True, "new_sha256": None, "made": []}
    lay_out(
        change / "runs" / "merge",
        {
            "0.old": "planted",
            "journal.json": json.dumps({"files": [entry]}),
        },
    )
    with pytest.raises(StateError, match="damaged"):
        recover(project, change)
    assert not list(tmp_path.rglob("escaped.md"))


@pytest.mark.parametrize("where", ["specs/link.md", "specs/pay", "specs/area/new/spec.md"])
def test_links_in_a_change_are_refused(project: Project, change: Path, where: str) -> None:
    path = change / where
    if path.is_dir():
        path.rename(change / "elsewhere")
    path.unlink(missing_ok=True)
    path.symlink_to(change / "elsewhere")
    with pytest.raises(SpecError, match=f"{where}: this is a symbolic link"):
        plan_merge(project, change)


@pytest.mark.parametrize("where", ["login.md", "pay", "area"])
def test_links_in_the_specs_are_refused(
    project: Project, change: Path, where: str, tmp_path: Path
) -> None:
    path = project.specs_dir / where
    if path.exists():
        path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SpecError, match=f"{where}: this is a symbolic link"):
        plan_merge(project, change)


def test_a_capability_has_one_spec(project: Project, change: Path) -> None:
    lay_out(change / "specs", {"login/spec.md": delta(added=block("Delta"))})
    with pytest.raises(SpecError, match=r"the main spec of login is agentd/specs/login\.md"):
        plan_merge(project, change)


def test_overlaps(project: Project) -> None:
    lay_out(
        project.changes_dir / "b" / "specs", {"login.md": delta(removed="### Requirement: Beta")}
    )
    lay_out(
        project.changes_dir / "c" / "specs",
        {
            "login.md": delta(renamed=RENAME.format("Gamma", "Omega")),
            "pay/spec.md": delta(added=block("Delta")),
            "broken.md": "\0",
        },
    )
    assert overlaps(project) == [
        Overlap(capability="login", requirement="Beta", changes=("b", CHANGE_ID))
    ]
    (project.changes_dir / "c" / "specs" / "broken.md").unlink()
    assert [(o.capability, o.requirement, o.changes) for o in overlaps(project)] == [
        ("login", "Beta", ("b", CHANGE_ID)),
        ("pay", "Delta", ("c", CHANGE_ID)),
    ]
