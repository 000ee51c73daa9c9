"""What the guard sees of a run, and what it puts back: in real repositories, and without git."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.changes import change_at
from support.guards import (
    ASIDE,
    forbidden,
    git,
    guarding,
    make_project,
    put,
    repository,
    told,
    tree,
    watching,
)

from agentd.guard import Allowed, Findings, Guard
from agentd.project.hold import at_work
from agentd.project.layout import Project
from agentd.state_folder import state_folder_of

ROOT = Path(__file__).parents[2]
ODD_NAMES = [
    "a b",
    "-x",
    "Käse 🧀",
    'quote"d',
    "new\nline",
    "tab\t",
    "\udcff",
    "* ?",
    "back\\slash",
]


@pytest.fixture(params=["git", "folder in git", "ignored by git", "no git"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Project:
    """The same project in each of the places where one may be."""
    root = tmp_path / "repo" if request.param == "git" else tmp_path / "repo" / "sub [x]" / "shop"
    project = make_project(root)
    if request.param == "ignored by git":
        (tmp_path / "repo/.gitignore").write_text("*\n")
    if request.param != "no git":
        git(tmp_path, "init", "-q", "-b", "main", "repo")
        git(tmp_path / "repo", "add", ".")
        git(tmp_path / "repo", "commit", "-q", "--allow-empty", "-m", "x")
    return project


@pytest.fixture
def repo(tmp_path: Path) -> Project:
    return repository(tmp_path / "repo")


def test_a_run_that_writes_what_it_owes_is_fine(project: Project) -> None:
    guard = watching(project)
    document = project.changes_dir / "add-x/REVIEW.md"
    put(document)
    put(project.changes_dir / "add-x/runs/1/stdout")
    put(project.changes_dir / "add-x/.STATE.yaml.0123abcd.tmp")
    assert guard.after() == Findings(written=(document,), forbidden=(), misplaced=())


@pytest.mark.parametrize("part", ["Baseline.new", "EndWatch"])
def test_a_guard_that_can_not_be_made_leaves_nothing(
    repo: Project, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(f"agentd.guard.guard.{part}", full)
    with pytest.raises(OSError, match="full"):
        watching(repo)
    assert state_folder_of(str(repo.root)) is None


def test_a_run_that_does_nothing_has_written_nothing(project: Project) -> None:
    put(project.changes_dir / "add-x/REVIEW.md", "of the round before\n")
    put(project.root / "dirty.py")
    guard = watching(project)
    (project.changes_dir / "add-x/REVIEW.md").chmod(0o755)
    assert guard.after() == Findings(written=(), forbidden=(), misplaced=())


@pytest.mark.parametrize("code", [False, True])
def test_a_project_without_git_that_becomes_a_repository_is_told(
    tmp_path: Path, code: bool
) -> None:
    project = make_project(tmp_path)
    with watching(project, code=code) as guard:
        git(project.root, "init", "-q")
        changes = guard.after()
        assert forbidden(changes, project) == ({} if code else {".git": "a new repository"})
        assert ("The project is a repository now" in told(changes)) == code
    with watching(project) as guard:
        assert forbidden(guard.after(), project) == {}


def test_what_is_owed_in_a_folder_counts_file_by_file(project: Project) -> None:
    change = project.changes_dir / "add-x"
    documents = (change / "proposal.md", change / "specs")
    guard = guarding(change, Allowed(documents=documents))
    put(change / "specs/login.md", "# Login 2\n")
    put(change / "specs/deep/new.md")
    assert guard.after().written == (change / "specs/deep/new.md", change / "specs/login.md")
    assert guard.after().forbidden == ()
    (change / "specs/login.md").unlink()
    assert guard.after().forbidden == ()


@pytest.mark.parametrize("code", [False, True])
def test_code_may_change_only_where_the_step_allows_it(project: Project, code: bool) -> None:
    put(project.root / "src/dirty.py", "mine, not committed\n")
    put(project.root / "src/other.py", "mine, not committed\n")
    guard = watching(project, code=code)
    put(project.root / "src/a.py")
    put(project.root / "src/new.py")
    put(project.root / "src/dirty.py", "mine, not comitted\n")
    (project.root / "src/b.py").unlink()
    changes = guard.after()
    names = ["src/a.py", "src/b.py", "src/dirty.py", "src/new.py"]
    assert list(forbidden(changes, project)) == ([] if code else names)
    assert guard.restore(changes) == []
    assert (project.root / "src/new.py").exists()


def test_odd_names_are_seen_as_they_are(project: Project) -> None:
    dirty = {project.root / "src" / name for name in ODD_NAMES}
    new = {project.root / "other" / name for name in ODD_NAMES}
    own = {project.changes_dir / "add-x/specs" / name for name in ODD_NAMES}
    for path in dirty:
        put(path, "mine\n")
    guard = watching(project)
    assert guard.after().forbidden == ()
    for path in (*dirty, *new, *own):
        put(path)
    changes = guard.after()
    assert {entry.path for entry in changes.forbidden} == dirty | new | own


OWN_FILES = [
    "config.toml",
    "project.md",
    "templates/review.md",
    "specs/login.md",
    "archive/20250101-old/proposal.md",
    "changes/other/STATE.yaml",
    "changes/other/proposal.md",
    "changes/add-x/STATE.yaml",
    "changes/add-x/proposal.md",
    "changes/add-x/specs/login.md",
]


def vandalise(how: str, path: Path, elsewhere: Path) -> None:
    match how:
        case "changed":
            path.write_text("evil\n")
        case "same size and time":
            before = path.stat()
            path.write_text("x" * before.st_size)
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        case "deleted":
            path.unlink()
        case "a link":
            elsewhere.write_text(path.read_text())
            path.unlink()
            path.symlink_to(elsewhere)
        case "a folder":
            path.unlink()
            put(path / "inside")
        case "the folder is a link":
            path.parent.rename(elsewhere)
            path.parent.symlink_to(elsewhere)
        case "the folder is gone":
            subprocess.run(["rm", "-rf", str(path.parent)], check=True)
        case "the folder is a file":
            subprocess.run(["rm", "-rf", str(path.parent)], check=True)
            path.parent.write_text("evil\n")
        case "executable":
            path.chmod(0o755)


WAYS = [
    *("changed", "same size and time", "deleted", "a link", "a folder", "executable"),
    *("the folder is a link", "the folder is gone", "the folder is a file"),
]


@pytest.mark.parametrize("name", OWN_FILES)
@pytest.mark.parametrize("how", WAYS)
def test_agentds_own_files_are_put_back(tmp_path: Path, name: str, how: str) -> None:
    project = make_project(tmp_path / "project")
    before = tree(project.agentd_dir)
    guard = watching(project, code=True)
    elsewhere = tmp_path / "elsewhere"
    vandalise(how, project.agentd_dir / name, elsewhere)
    outside = tree(elsewhere)
    changes = guard.after()
    assert changes.forbidden
    assert all(entry.own for entry in changes.forbidden)
    restored = guard.restore(changes)
    assert restored == [entry.path for entry in changes.forbidden]
    assert tree(project.agentd_dir) == before
    assert tree(elsewhere) == outside
    assert guard.after() == Findings(written=(), forbidden=(), misplaced=())


def test_what_is_put_back_is_not_lost(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    guard = watching(project)
    put(project.config_path, "a person's edit\n")
    put(project.changes_dir / "other/notes.md", "new\n")
    changes = guard.after()
    guard.restore(changes)
    assert not (project.changes_dir / "other/notes.md").exists()
    aside = project.changes_dir / "add-x" / ASIDE
    assert (aside / "agentd/config.toml").read_text() == "a person's edit\n"
    assert (aside / "agentd/changes/other/notes.md").read_text() == "new\n"
    put(project.config_path, "again\n")
    guard.restore(guard.after())
    assert (aside / "agentd/config.toml.1").read_text() == "again\n"


def test_what_agentd_wrote_since_is_not_undone(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    guard = watching(project)
    state = project.changes_dir / "add-x/STATE.yaml"
    put(state)
    changes = guard.after()
    put(state, "the call is recorded\n")
    assert guard.restore(changes) == []
    assert state.read_text() == "the call is recorded\n"


@pytest.mark.parametrize("kind", ["link", "folder's link", "fifo"])
def test_a_document_must_be_a_file_of_its_own(tmp_path: Path, kind: str) -> None:
    project = make_project(tmp_path)
    change = project.changes_dir / "add-x"
    guard = guarding(change, Allowed(documents=(change / "REVIEW.md", change / "new")))
    secret = tmp_path / "src/a.py"
    if kind == "link":
        (change / "REVIEW.md").symlink_to(secret)
    elif kind == "folder's link":
        (change / "new").symlink_to(secret.parent)
    else:
        os.mkfifo(change / "REVIEW.md")
    changes = guard.after()
    assert changes.written == ()
    assert len(changes.forbidden) == 1
    guard.restore(changes)
    assert guard.after().forbidden == ()
    assert secret.read_text() == "a = 1\n"


@pytest.mark.parametrize(
    ("place", "seen"),
    [
        ("REVIEW.md", True),
        ("agentd/REVIEW.md", True),
        ("agentd/changes/other/REVIEW.md", True),
        ("agentd/changes/add-x/review.md", True),
        ("docs/Review.md", True),
        ("docs/REVIEWS.md", False),
    ],
)
def test_a_document_written_elsewhere_is_told(project: Project, place: str, seen: bool) -> None:
    guard = watching(project)
    put(project.root / place)
    changes = guard.after()
    assert changes.misplaced == ((project.root / place,) if seen else ())
    assert changes.written == ()
    put(project.changes_dir / "add-x/REVIEW.md")
    if not (project.root / place).samefile(project.changes_dir / "add-x/REVIEW.md"):
        assert guard.after().misplaced == ()


def test_a_spec_in_a_folder_of_that_name_elsewhere_is_told(project: Project) -> None:
    change = project.changes_dir / "add-x"
    guard = guarding(change, Allowed(documents=(change / "specs",)))
    put(project.root / "specs/new.md")
    put(project.specs_dir / "new.md")
    assert guard.after().misplaced == (project.specs_dir / "new.md", project.root / "specs/new.md")


def test_a_misplaced_file_that_was_there_before_is_not_told(project: Project) -> None:
    guard = watching(project)
    assert guard.after().misplaced == ()  # REVIEW.md of make_project


def test_the_guard_leaves_the_index_alone_and_runs_no_program_of_the_cli(repo: Project) -> None:
    guard = watching(repo)
    index = (repo.root / ".git/index").read_bytes()
    os.utime(repo.root / "src/a.py", (1, 1))  # a plain `git status` would write that down
    evil = repo.root / ".git/evil"
    put(evil, f"#!/bin/sh\ntouch '{repo.root}/.git/ran'\n")
    evil.chmod(0o755)
    guard.after()
    assert (repo.root / ".git/index").read_bytes() == index
    git(repo.root, "config", "core.fsmonitor", str(evil))
    guard.after()
    git(repo.root, "config", "filter.evil.clean", str(evil))
    put(repo.root / ".gitattributes", "* filter=evil\n")
    put(repo.root / "src/a.py", "b = 2\n")
    guard.after()
    assert not (repo.root / ".git/ran").exists()


def test_environment_of_another_repository_misleads_nobody(
    repo: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "-q", "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    guard = watching(repo)
    put(repo.root / ".git/hooks/pre-commit")
    assert [told.text[:33] for told in guard.after().told] == ["Put back: .git/hooks/pre-commit ("]


def test_a_file_that_was_only_touched_has_not_changed(repo: Project) -> None:
    put(repo.root / "src/a.py", "a = 2\n")
    guard = watching(repo)
    os.utime(repo.root / "src/a.py", (1, 1))
    os.utime(repo.root / "src/b.py", (1, 1))
    assert guard.after().forbidden == ()


def test_a_repository_within_that_git_does_not_know_is_seen(repo: Project) -> None:
    git(repo.root, "init", "-q", "inner")
    put(repo.root / "inner/a.py", "mine\n")
    guard = watching(repo)
    assert guard.after().forbidden == ()
    put(repo.root / "inner/a.py")
    assert list(forbidden(guard.after(), repo)) == ["inner"]


def test_without_git_on_path_the_tree_is_compared(
    repo: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    guard = watching(repo)
    put(repo.root / "src/a.py")
    put(repo.root / "node_modules/x.js")
    put(repo.root / "src/__pycache__/a.pyc")
    assert list(forbidden(guard.after(), repo)) == ["src/a.py"]


@pytest.mark.parametrize("dirty", [False, True])
@pytest.mark.parametrize("committed", [False, True])
def test_a_change_in_a_submodule_is_seen(
    repo: Project, tmp_path: Path, dirty: bool, committed: bool
) -> None:
    library = tmp_path / "library"
    git(tmp_path, "init", "-q", "library")
    put(library / "lib.py", "1\n")
    put(library / "other.py", "1\n")
    git(library, "add", ".")
    git(library, "commit", "-q", "-m", "x")
    git(repo.root, "submodule", "--quiet", "add", str(library), "vendor/library")
    git(repo.root, "commit", "-q", "-m", "submodule")
    inside = repo.root / "vendor/library"
    if dirty:
        put(inside / "other.py", "2\n")
    guard = watching(repo)
    assert guard.after().forbidden == ()
    put(inside / "lib.py")
    if committed:
        git(inside, "commit", "-q", "-m", "evil", "lib.py")
    assert list(forbidden(guard.after(), repo)) == ["vendor/library"]


def test_links_out_of_the_project_are_not_followed(project: Project, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    put(outside / "big/file.py")
    (project.root / "src/out").symlink_to(outside)
    (project.specs_dir / "out").symlink_to(outside)
    guard = watching(project)
    put(outside / "big/file.py", "another\n")
    put(outside / "new.md")
    assert guard.after().forbidden == ()
    (project.root / "src/out").unlink()
    (project.root / "src/out").symlink_to(tmp_path)
    assert list(forbidden(guard.after(), project)) == ["src/out"]


def test_ignored_files_are_not_judged_but_agentds_own(repo: Project) -> None:
    put(repo.root / ".gitignore", "*.log\nagentd/\n")
    guard = watching(repo)
    put(repo.root / "src/a.log")
    put(repo.specs_dir / "new.md")
    assert list(forbidden(guard.after(), repo)) == ["agentd/specs/new.md"]


def test_what_tests_leave_behind_is_not_judged_unless_git_knows_it(repo: Project) -> None:
    put(repo.root / "build" / "kept.txt", "kept\n")
    git(repo.root, "add", "-f", "build/kept.txt")
    git(repo.root, "commit", "-q", "-m", "kept")
    guard = watching(repo)
    put(repo.root / "pkg" / "__pycache__" / "x.pyc")
    put(repo.root / ".coverage")
    assert forbidden(guard.after(), repo) == {}
    put(repo.root / "build" / "kept.txt")
    assert list(forbidden(guard.after(), repo)) == ["build/kept.txt"]


def test_a_project_that_is_agentd_itself_may_change_its_package(repo: Project) -> None:
    put(repo.agentd_dir / "cli.py")
    guard = watching(repo, code=True)
    put(repo.agentd_dir / "cli.py", "better\n")
    changes = guard.after()
    assert changes.forbidden == ()


@contextmanager
def somebody_at_work(change: Path) -> Iterator[None]:
    """Another agentd that is at work on a change."""
    code = (
        "import sys; from pathlib import Path; from agentd.project.hold import at_work\n"
        "from agentd.project.change import Change\n"
        "from agentd.project.layout import Project\n"
        "folder = Path(sys.argv[1])\n"
        "with at_work(Change(Project(folder.parents[2]), folder.name, folder)):\n"
        " print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(change)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    try:
        yield
    finally:
        process.communicate()


def write_what_others_may(project: Project) -> None:
    put(project.changes_dir / "other/proposal.md", "of the other\n")
    put(project.specs_dir / "login.md", "merged by the other\n")
    put(project.root / "src/a.py", "of the other\n")


@pytest.mark.parametrize("when", ["all the time", "before", "in between", "at the end"])
def test_what_may_be_of_another_change_at_work_is_not_laid_at_this_door(
    project: Project, when: str
) -> None:
    other = project.changes_dir / "other"
    if when == "in between":
        guard = watching(project)
        with somebody_at_work(other):
            write_what_others_may(project)
    elif when == "at the end":
        guard = watching(project)
        write_what_others_may(project)
        with somebody_at_work(other):
            check_shared(guard, project)
    elif when == "before":
        with somebody_at_work(other):
            guard = watching(project)
            write_what_others_may(project)
    else:
        with somebody_at_work(other):
            guard = watching(project)
            write_what_others_may(project)
            check_shared(guard, project)
    check_shared(guard, project)


def check_shared(guard: Guard, project: Project) -> None:
    put(project.config_path)
    put(project.changes_dir / "add-x/proposal.md")
    changes = guard.after()
    assert list(forbidden(changes, project)) == [
        "agentd/changes/add-x/proposal.md",
        "agentd/config.toml",
    ]


def test_a_change_that_is_archived_meanwhile_stays_archived(repo: Project, tmp_path: Path) -> None:
    other = repo.changes_dir / "other"
    guard = watching(repo)
    with somebody_at_work(other):
        put(repo.specs_dir / "login.md", "merged\n")
        other.rename(repo.archive_dir / "20260101-other")
    changes = guard.after()
    assert changes.forbidden == ()


def test_a_hold_that_was_let_go_before_is_no_excuse(project: Project) -> None:
    other, own = (change_at(project.changes_dir / name) for name in ("other", "add-x"))
    with at_work(other), at_work(own):
        pass  # this process lives on: its id in the file must not count as a hold
    guard = watching(project)
    with at_work(own):
        write_what_others_may(project)
        changes = guard.after()
    assert list(forbidden(changes, project)) == [
        "agentd/changes/other/proposal.md",
        "agentd/specs/login.md",
        "src/a.py",
    ]


def test_many_uncommitted_files_are_judged_by_size_and_time(repo: Project) -> None:
    for number in range(2100):
        put(repo.root / f"data/{number}", "1\n")
    guard = watching(repo)
    assert guard.after().forbidden == ()
    time.sleep(0.01)  # beyond the clock tick of the file system
    put(repo.root / "data/7", "2\n")
    assert list(forbidden(guard.after(), repo)) == ["data/7"]
