"""What a person had not committed, or git ignores: deleted, reverted, stashed or edited."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from support.changes import change_at
from support.guards import forbidden, git, put, repository, shell, told, watching

from agentd.guard import Guard
from agentd.guard.rules import LOSSES
from agentd.project.hold import at_work
from agentd.project.layout import Project

EDITED = {"src/a.py": "a = 'mine'\n", "src/b.py": "b = 'staged'\n", "notes/x.md": "mine\n"}
IGNORED = {".env": "SECRET=1\n", "secret/deep/key.pem": "k\n", "x.local": "y\n"}


@pytest.fixture
def repo(tmp_path: Path) -> Project:
    """With edits of a person: in the working tree, staged, in a new file, in ignored ones."""
    project = repository(tmp_path / "repo")
    put(project.root / ".gitignore", ".env\n*.local\n/secret/\nnode_modules\n*.o\n")
    git(project.root, "commit", "-qam", "x")
    for name, text in {**EDITED, **IGNORED}.items():
        put(project.root / name, text)
    git(project.root, "add", "src/b.py")
    return project


def text_of(root: Path) -> dict[str, str]:
    there = {name: root / name for name in (*EDITED, *IGNORED)}
    return {name: path.read_text() for name, path in there.items() if path.is_file()}


LOST = {
    "checkout": ("git checkout -q HEAD -- .", ["src/a.py", "src/b.py"]),
    "restore": ("git restore src/a.py", ["src/a.py"]),
    "reset --hard": ("git reset -q --hard", ["src/a.py", "src/b.py"]),
    "clean": ("git clean -qfd -- notes", ["notes/x.md"]),
    "clean of all": ("git clean -qfdx -e agentd", ["notes/x.md", *IGNORED]),
    "rm": ("rm -r .env secret notes src/a.py", [*EDITED, *IGNORED]),
    "stash": ("git stash -q", ["src/a.py", "src/b.py"]),
    "stash of all": ("git stash -q -a -- src notes .env x.local secret", [*EDITED, *IGNORED]),
    "a folder in its place": ("rm .env; mkdir -p .env", []),
    "another branch": ("git checkout -q -f -B evil HEAD~1", ["src/a.py", "src/b.py"]),
}


@pytest.mark.parametrize("how", LOST)
def test_what_a_step_takes_from_a_person_comes_back(repo: Project, how: str) -> None:
    command, lost = LOST[how]
    before = text_of(repo.root)
    with watching(repo, code=True) as guard:
        shell(repo.root, f"export GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t; {command}")
        changes = guard.after()
    assert changes.forbidden == ()
    assert LOSSES in {each.rule for each in changes.told}
    if how == "a folder in its place":
        assert (repo.changes_dir / "add-x/runs/1/before/.env").read_text() == IGNORED[".env"]
        return
    assert text_of(repo.root) == before
    assert "Brought back" in told(changes)
    assert any(name in told(changes) for name in lost)


def test_a_person_s_files_come_back_without_a_repository(repo: Project) -> None:
    before = text_of(repo.root)
    with watching(repo, code=True) as guard:
        shell(repo.root, "rm -rf .git .env secret notes src/a.py")
        changes = guard.after()
    assert list(forbidden(changes, repo)) == [".git"]
    assert text_of(repo.root) == before


def test_permissions_and_links_come_back(repo: Project) -> None:
    (repo.root / ".env").chmod(0o600)
    (repo.root / "my.local").symlink_to(".env")
    with watching(repo, code=True) as guard:
        shell(repo.root, "rm .env my.local")
        guard.after()
    assert (repo.root / ".env").stat().st_mode & 0o777 == 0o600
    assert (repo.root / "my.local").readlink() == Path(".env")


def test_what_a_killed_bringing_back_half_wrote_is_nobody_s_work(repo: Project) -> None:
    """And an empty file that git knows is not taken for one."""
    put(repo.root / ".src.1234abcd.tmp", "")
    put(repo.root / "src/.a.py.1234abcd.tmp", "a = 'mine'\n")
    git(repo.root, "add", "src/.a.py.1234abcd.tmp")
    git(repo.root, "commit", "-qm", "x", "src/.a.py.1234abcd.tmp")
    with watching(repo) as guard:
        put(repo.root / "notes/.x.md.1234abcd.tmp", "mi")
        put(repo.root / "notes/.y.md.1234abcd.tmp", "mi")
        put(repo.root / "notes/.x.md.abcd1234.tmp", "new")
        put(repo.root / "src/.a.py.1234abcd.tmp", "")
        changes = guard.after()
    assert sorted(forbidden(changes, repo)) == [
        "notes/.x.md.abcd1234.tmp",
        "notes/.y.md.1234abcd.tmp",
        "src/.a.py.1234abcd.tmp",
    ]
    assert not (repo.root / "notes/.x.md.1234abcd.tmp").exists()
    assert (repo.root / "src/.a.py.1234abcd.tmp").exists()


def test_a_reader_fails_and_what_it_took_comes_back(repo: Project) -> None:
    before = text_of(repo.root)
    with watching(repo) as guard:
        shell(repo.root, "git stash -q; rm -r notes .env")
        changes = guard.after()
    assert list(forbidden(changes, repo)) == ["notes/x.md", "src/a.py", "src/b.py"]
    assert text_of(repo.root) == before


@pytest.mark.parametrize("stash", ["", "git stash -q; "])
def test_new_content_is_never_written_over(repo: Project, stash: str) -> None:
    with watching(repo, code=True) as guard:
        shell(repo.root, f"{stash}echo better > src/a.py; echo A=2 > .env")
        changes = guard.after()
    assert (repo.root / "src/a.py").read_text() == "better\n"
    assert (repo.root / ".env").read_text() == "A=2\n"
    before = repo.changes_dir / "add-x/runs/1/before"
    assert (before / "src/a.py").read_text() == EDITED["src/a.py"]
    assert (before / ".env").read_text() == IGNORED[".env"]
    assert ".env, src/a.py. As they were: agentd/changes/add-x/runs/1/before/" in told(changes)


def test_nothing_is_brought_back_through_a_link(repo: Project, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    with watching(repo, code=True) as guard:
        shell(repo.root, "rm -r secret; ln -s ../elsewhere secret")
        guard.after()
    assert list((tmp_path / "elsewhere").iterdir()) == []
    before = repo.changes_dir / "add-x/runs/1/before"
    assert (before / "secret/deep/key.pem").read_text() == "k\n"


def test_what_was_moved_is_not_lost(repo: Project) -> None:
    with watching(repo, code=True) as guard:
        shell(repo.root, "mkdir docs; mv notes/x.md docs/y.md; git mv src/b.py src/c.py")
        changes = guard.after()
    assert (changes.forbidden, changes.told) == ((), ())
    assert not (repo.root / "notes/x.md").exists()


def test_what_a_step_made_the_next_step_may_take_away(repo: Project) -> None:
    with watching(repo, code=True) as guard:
        shell(repo.root, "echo 1 > src/new.py; echo 2 >> src/a.py; echo 'c = 1' > src/c.py")
        guard.after()
    put(repo.root / "src/c.py", "c = 'a person went on'\n")
    with watching(repo, code=True) as guard:
        shell(repo.root, "rm src/new.py src/c.py; git checkout -q src/a.py")
        changes = guard.after()
    assert not (repo.root / "src/new.py").exists()
    assert (repo.root / "src/c.py").read_text() == "c = 'a person went on'\n"
    assert (repo.root / "src/a.py").read_text() == "a = 'mine'\n2\n"
    assert "new.py" not in told(changes)


def test_what_is_installed_or_built_is_named_not_copied(repo: Project) -> None:
    put(repo.root / "node_modules/big/index.js")
    put(repo.root / "src/a.o")
    with watching(repo, code=True) as guard:
        shell(repo.root, "rm -r node_modules src/a.o")
        changes = guard.after()
    assert told(changes) == "Ignored files that are gone: node_modules/"


def test_beyond_the_bounds_files_are_named(repo: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentd.guard.copies._KEPT_FILES", 4)
    put(repo.root / "big.local", "x" * 1_100_000)
    put(repo.root / "big.md", "x" * 1_100_000)
    with watching(repo, code=True) as guard:
        shell(repo.root, "rm -r big.local big.md secret .env")
        changes = guard.after()
    assert (repo.root / ".env").exists()
    assert "of which agentd kept no copy: big.md (deleted)" in told(changes)
    assert "Ignored files that are gone: big.local, secret/" in told(changes)


def test_while_another_change_is_worked_on_both_are_kept(repo: Project) -> None:
    """The other change's step may have made the files, and take them away again."""
    with at_work(change_at(repo.changes_dir / "other")), watching(repo, code=True) as guard:
        shell(repo.root, "rm notes/x.md; git checkout -q src/a.py")
        changes = guard.after()
    assert not (repo.root / "notes/x.md").exists()
    before = repo.changes_dir / "add-x/runs/1/before"
    assert (before / "notes/x.md").read_text() == "mine\n"
    assert (before / "src/a.py").read_text() == EDITED["src/a.py"]
    assert "Brought back" not in told(changes)


def test_what_can_not_be_written_is_told_and_tried_again(
    repo: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    guard = watching(repo, code=True)
    with guard:
        shell(repo.root, "rm .env")
        with monkeypatch.context() as patched:
            patched.setattr("agentd.guard.losses.write_atomic", full)
            changes = guard.after()
    assert (
        "Not brought back, the next agentd command tries again: .env (deleted): No space"
        in told(changes)
    )
    [left] = Guard.left(repo.root)
    with left:
        left.after()
    assert (repo.root / ".env").read_text() == IGNORED[".env"]


STAGED = "a = 'staged only'\n"
AS_TESTER = "; ".join(
    f"export GIT_{who}_NAME=t GIT_{who}_EMAIL=t@t" for who in ("AUTHOR", "COMMITTER")
)


@pytest.fixture
def staged(repo: Project) -> Project:
    """A person has staged one content of src/a.py and edited it further; so a new file."""
    for name in ("src/a.py", "src/new.py"):
        put(repo.root / name, STAGED)
        git(repo.root, "add", name)
        put(repo.root / name, "a = 'mine'\n")
    return repo


@pytest.mark.parametrize(
    "how",
    ["git reset -q --hard", "git stash -q", "git reset -q; git checkout -q .", "git reset -q"],
)
def test_what_is_staged_alone_is_staged_again(staged: Project, how: str) -> None:
    with watching(staged, code=True) as guard:
        prune = "git reflog expire --expire=now --all; git gc -q --prune=now"
        shell(staged.root, f"{AS_TESTER}; {how}; {prune}")
        changes = guard.after()
    for name in ("src/a.py", "src/new.py"):
        assert git(staged.root, "show", f":{name}") == STAGED
        assert (staged.root / name).read_text() == "a = 'mine'\n"
    text = "Staged again, taken out of the index by the step: src/a.py, src/new.py"
    assert text in told(changes)
    assert changes.forbidden == ()


@pytest.mark.parametrize(
    "how",
    ["git add -A", "git commit -qam all", "rm -rf .git", "rm -rf .git/objects; mkdir .git/objects"],
)
def test_of_what_was_staged_alone_and_is_replaced_there_is_a_copy(
    staged: Project, how: str
) -> None:
    with watching(staged, code=True) as guard:
        shell(
            staged.root,
            f"{'git config user.name t; git config user.email t; ' * ('commit' in how)}{how}",
        )
        changes = guard.after()
    before = staged.changes_dir / "add-x/runs/1/before"
    assert (before / "src/a.py.staged").read_text() == STAGED
    assert "Staged content that is not staged any more: " in told(changes)
    assert "src/a.py.staged" in told(changes)


@pytest.mark.parametrize("deleted_by", ["us", "them"])
def test_a_conflict_with_a_deletion_that_a_step_resets_is_there_again(
    repo: Project, deleted_by: str
) -> None:
    git(repo.root, "stash", "-q")
    sides = {"us": "main", "them": "other"}
    git(repo.root, "branch", "other")
    for side, branch in sides.items():
        git(repo.root, "checkout", "-q", branch)
        put(repo.root / "src/a.py", f"a = '{side}'\n")
        if side == deleted_by:
            (repo.root / "src/a.py").unlink()
        git(repo.root, "commit", "-qam", side)
    git(repo.root, "checkout", "-q", "main")
    shell(repo.root, f"{AS_TESTER}; git merge -q other >/dev/null || true")
    before = git(repo.root, "ls-files", "-u")
    assert before
    with watching(repo, code=True) as guard:
        shell(repo.root, "git reset -q -- src/a.py")
        changes = guard.after()
    assert git(repo.root, "ls-files", "-u") == before
    assert "Staged again" in told(changes)


def test_a_conflict_that_a_step_aborts_is_there_again(repo: Project) -> None:
    git(repo.root, "stash", "-q")
    git(repo.root, "checkout", "-qb", "other")
    put(repo.root / "src/a.py", "a = 'other'\n")
    git(repo.root, "commit", "-qam", "other")
    git(repo.root, "checkout", "-q", "main")
    put(repo.root / "src/a.py", "a = 'main'\n")
    git(repo.root, "commit", "-qam", "main")
    shell(repo.root, f"{AS_TESTER}; git merge -q other >/dev/null || true")
    before = git(repo.root, "ls-files", "-u")
    assert before
    with watching(repo, code=True) as guard:
        shell(repo.root, "git merge --abort")
        changes = guard.after()
    assert git(repo.root, "ls-files", "-u") == before
    assert "<<<<<<<" in (repo.root / "src/a.py").read_text()
    assert "Staged again" in told(changes)


def test_staging_of_other_files_is_silent(staged: Project) -> None:
    with watching(staged, code=True) as guard:
        shell(staged.root, "echo new > x.py; git add x.py; git mv src/b.py src/c.py")
        changes = guard.after()
    assert (changes.forbidden, changes.told) == ((), ())
