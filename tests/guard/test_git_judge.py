"""git's own state after a run: what is silent, what is put back and told, what fails the step."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from support.guards import ASIDE, forbidden, git, put, repository, shell, told, watching

from agentd.guard.ended import Ended
from agentd.guard.rules import COMMITS, GIT
from agentd.project.layout import Project


@pytest.fixture
def repo(tmp_path: Path) -> Project:
    """With a hook, a second commit, a branch and a tag of a person."""
    project = repository(tmp_path / "repo")
    shell(project.root, "rm -rf .git/hooks; mkdir -p .git/hooks .git/info; git tag v1")
    put(project.root / ".git/hooks/pre-push", "#!/bin/sh\n")
    git(project.root, "commit", "-q", "-m", "second", "--allow-empty")
    git(project.root, "branch", "mine")
    return project


def state_of(root: Path) -> dict[str, str]:
    """Settings, hooks and refs of a repository; HEAD too."""
    folder = root / ".git"
    names = [folder / "HEAD", *folder.rglob("info/*"), *folder.rglob("hooks/*")]
    state = {str(p): p.read_text() for p in names if p.is_file()}
    refs = git(root, "for-each-ref").splitlines()
    settings = git(root, "config", "--local", "--list").splitlines()
    state |= {line: "" for line in settings if not line.startswith("branch.")}
    return state | dict(line.partition("\t")[::2] for line in refs)


SILENT = [
    "echo new > src/new.py; git add src/new.py",
    "git mv src/a.py src/moved.py",
    "git rm -q src/a.py",
    "git rm -q --cached src/a.py",
    "git add -N src/dirty.py",
    "git add -A; git reset -q",
    "git status; git diff; git log; git fetch . ",
    "git config branch.main.remote origin",
    "git config branch.main.vscode-merge-base origin/main",
    "git config submodule.lib.url ../lib; git config submodule.lib.active true",
    "cp /dev/null .git/hooks/pre-commit.sample",
]


@pytest.mark.parametrize("command", SILENT)
def test_staging_and_what_editors_note_is_silent(repo: Project, command: str) -> None:
    put(repo.root / "src/dirty.py", "mine\n")
    with watching(repo, code=True) as guard:
        shell(repo.root, command)
        before = (repo.root / ".git/config").read_text(), git(repo.root, "status", "--porcelain")
        changes = guard.after()
        assert changes.forbidden == ()
        assert changes.told == ()
        after = (repo.root / ".git/config").read_text(), git(repo.root, "status", "--porcelain")
    assert after == before


PUT_BACK = {
    "husky": ("git config core.hooksPath .husky/_", ".git/config (changed)"),
    "lfs": ("git config lfs.repositoryformatversion 0", ".git/config (changed)"),
    "a user": ("git config user.name evil", ".git/config (changed)"),
    "fsmonitor": ("git config core.fsmonitor ./evil", ".git/config (changed)"),
    "a remote": ("git remote add evil https://example.org/evil", ".git/config (changed)"),
    "a section behind a branch's": (
        "printf '[branch \"main\"] [core] fsmonitor = ./evil\\n' >> .git/config",
        ".git/config (changed)",
    ),
    "one in a branch's": (
        "printf '[branch \"main\"]\\n\\t[core] fsmonitor = ./evil\\n' >> .git/config",
        ".git/config (changed)",
    ),
    "one behind a value": (
        "printf '[branch \"main\"]\\n\\tremote = x [core]\\n[core]\\n\\tfsmonitor = e\\n'"
        " >> .git/config",
        ".git/config (changed)",
    ),
    "no config at all": ("rm .git/config", ".git/config (deleted)"),
    "a config that git can't read": ("echo '[' > .git/config", ".git/config (changed)"),
    "a config elsewhere": (
        "mv .git/config .git/real; ln -s real .git/config",
        ".git/config (changed)",
    ),
    "pre-commit": ("echo x > .git/hooks/pre-commit", ".git/hooks/pre-commit (new)"),
    "a hook that is a link": ("ln -s /bin/sh .git/hooks/pre-commit", "pre-commit (new)"),
    "a changed hook": ("echo evil >> .git/hooks/pre-push", ".git/hooks/pre-push (changed)"),
    "a hook that runs": ("chmod +x .git/hooks/pre-push", ".git/hooks/pre-push (changed)"),
    "no hooks": ("rm -r .git/hooks", ".git/hooks/pre-push (deleted)"),
    "the exclude": ("echo '*' > .git/info/exclude", ".git/info/exclude"),
    "attributes": ("echo '* filter=x' > .git/info/attributes", ".git/info/attributes (new)"),
    "alternates": (
        'mkdir -p ../o; echo "$PWD/../o" > .git/objects/info/alternates',
        ".git/objects/info/alternates (new)",
    ),
    "grafts": ("git rev-parse HEAD > .git/info/grafts", ".git/info/grafts (new)"),
    "a merge": ("git rev-parse mine > .git/MERGE_HEAD", ".git/MERGE_HEAD (new)"),
    "a rebase": ("mkdir .git/rebase-merge; echo > .git/rebase-merge/done", "rebase-merge/done"),
    "a branch": ("git branch evil", "branch evil (new"),
    "a branch with slashes": ("git branch evil/b", "branch evil/b (new"),
    "a tag": ("git tag evil", "tag evil (new"),
    "no branch": ("git branch -D mine", "branch mine (deleted)"),
    "no tag": ("git tag -d v1", "tag v1 (deleted)"),
    "a moved branch": ("git branch -f mine HEAD~1", "branch mine (moved"),
    "a moved tag": ("git tag -f v1 HEAD~1", "tag v1"),
    "replaced objects": ("git replace HEAD HEAD~1", "refs/replace/"),
    "notes": (
        "git -c user.name=t -c user.email=t@t notes add -m x",
        "refs/notes/commits (new",
    ),
}


@pytest.mark.parametrize("name", PUT_BACK)
@pytest.mark.parametrize("code", [False, True])
def test_settings_hooks_and_refs_are_put_back_and_told(
    repo: Project, name: str, code: bool
) -> None:
    command, expected = PUT_BACK[name]
    git(repo.root, "tag", "-f", "v1", "HEAD") if name == "a moved tag" else None
    before = state_of(repo.root)
    with watching(repo, code=code) as guard:
        shell(repo.root, command)
        changes = guard.after()
        assert changes.forbidden == ()
        assert f"Put back: {expected}" in told(changes) or expected in told(changes)
        assert {each.rule for each in changes.told} == {GIT}
        assert state_of(repo.root) == before
        again = guard.after()
    assert (again.forbidden, again.told) == ((), ())


def test_what_a_step_wrote_into_a_setting_is_shown_and_kept(repo: Project) -> None:
    with watching(repo, code=True) as guard:
        git(repo.root, "config", "core.hooksPath", ".husky/_")
        put(repo.root / ".git/hooks/pre-commit", "#!/bin/sh\nevil\n")
        changes = guard.after()
    aside = repo.changes_dir / "add-x" / ASIDE
    assert "hooksPath = .husky/_" in (aside / ".git/config").read_text()
    assert (aside / ".git/hooks/pre-commit").read_text() == "#!/bin/sh\nevil\n"
    assert f"{aside.relative_to(repo.root)}/" in told(changes)
    assert [each.diff for each in changes.told] == [
        "+  hooksPath = .husky/_",
        "+#!/bin/sh\n+evil",
    ]


IN_THE_WAY = {
    "files": "touch $RUN/forbidden $RUN/before",
    "links": "ln -s /nowhere $RUN/forbidden; ln -s /nowhere $RUN/before",
    "a link to a folder": "mkdir src/mine; ln -s $PWD/src/mine $RUN/forbidden",
    "files in them": "cd $RUN; mkdir forbidden before; touch forbidden/.git before/src",
    "a file for the run's folder": "rm -r $RUN; touch $RUN",
    "a link above": "mv agentd/changes c; ln -s ../c agentd/changes; touch $RUN/forbidden",
}


@pytest.mark.parametrize("deed", IN_THE_WAY)
def test_nothing_in_the_way_of_what_goes_aside_keeps_a_hook_in_force(
    repo: Project, deed: str
) -> None:
    change = repo.changes_dir / "add-x"
    put(repo.root / "src/dirty.py", "mine\n")
    with watching(repo) as guard:
        put(repo.root / ".git/hooks/pre-commit", "#!/bin/sh\nevil\n")
        put(repo.root / "src/dirty.py", "edited\n")
        shell(repo.root, f"RUN=agentd/changes/add-x/runs/1; {IN_THE_WAY[deed]}")
        findings = guard.after()
        guard.restore(findings)
        assert not guard.is_to_be_finished
    assert not (repo.root / ".git/hooks/pre-commit").exists()
    assert "not put back" not in told(findings)
    [hook] = (change / ASIDE).glob(".git*/hooks/pre-commit")
    assert hook.read_text() == "#!/bin/sh\nevil\n"
    [lost] = (change / "runs/1/before").glob("src*/dirty.py")
    assert lost.read_text() == "mine\n"
    assert not any(folder.is_symlink() for folder in (lost, *lost.parents, *hook.parents))


def test_what_an_editor_notes_stays_when_a_setting_is_put_back(repo: Project) -> None:
    with watching(repo, code=True) as guard:
        git(repo.root, "config", "branch.main.remote", "origin")
        git(repo.root, "config", "core.hooksPath", ".husky/_")
        guard.after()
    settings = git(repo.root, "config", "--local", "--list")
    assert "branch.main.remote=origin" in settings
    assert "hookspath" not in settings


def test_no_hook_and_no_setting_of_the_step_runs_while_it_is_judged(repo: Project) -> None:
    evil = f"#!/bin/sh\ntouch '{repo.root}/.git/ran'\n"
    with watching(repo, code=True) as guard:
        for hook in ("reference-transaction", "post-index-change", "post-commit"):
            put(repo.root / ".git/hooks" / hook, evil)
            (repo.root / ".git/hooks" / hook).chmod(0o755)
        put(repo.root / "evil.sh", evil)
        (repo.root / "evil.sh").chmod(0o755)
        subprocess.run(
            ["git", "-c", "core.hooksPath=/dev/null", "branch", "evil"], cwd=repo.root, check=True
        )
        git(repo.root, "-c", "core.hooksPath=/dev/null", "config", "core.fsmonitor", "./evil.sh")
        put(repo.root / "src/a.py", "2\n")
        guard.after()
    assert not (repo.root / ".git/ran").exists()
    assert "evil" not in git(repo.root, "branch")


COMMITTED = {
    "a commit": "echo new > src/new.py; git add .; git commit -qm evil",
    "two commits": "git commit -qm a --allow-empty; git commit -qm b -a --allow-empty",
    "an amended one": "git commit -q --amend -m evil --allow-empty",
    "one less": "git reset -q --soft HEAD~1",
    "one less, hard": "git reset -q --hard HEAD~1",
    "another branch": "git checkout -q -b evil; echo x > src/a.py; git commit -qam evil",
    "a person's branch": "git checkout -q mine",
    "a commit on it": "git checkout -q mine; git commit -q --allow-empty -m evil",
    "no branch": "git checkout -q --detach",
    "a branch of no commit": "git checkout -q --orphan evil",
    "a renamed branch": "git branch -m evil",
}
AS_TESTER = "export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t"
AS_TESTER += " GIT_COMMITTER_EMAIL=t@t; "


def files_of(root: Path) -> dict[str, bytes]:
    places = [root / "src", root / "REVIEW.md"]
    files = [p for place in places for p in (place.rglob("*") if place.is_dir() else [place])]
    return {str(p): p.read_bytes() for p in files}


@pytest.mark.parametrize("how", COMMITTED)
def test_a_commit_is_undone_and_its_work_stays(repo: Project, how: str) -> None:
    before = state_of(repo.root)
    with watching(repo, code=True) as guard:
        shell(repo.root, AS_TESTER + COMMITTED[how])
        work = files_of(repo.root)
        changes = guard.after()
        assert changes.forbidden == ()
        assert "Undone, its work is in the working tree: " in told(changes)
        assert COMMITS["undo"] in {each.rule for each in changes.told}
        assert state_of(repo.root) == before
        assert files_of(repo.root) == work
        again = guard.after()
    assert (again.forbidden, again.told) == ((), ())


def test_an_undone_commit_is_shown_and_can_be_had(repo: Project) -> None:
    with watching(repo, code=True) as guard:
        shell(repo.root, AS_TESTER + COMMITTED["a commit"])
        made = git(repo.root, "rev-parse", "HEAD").strip()
        changes = guard.after()
    assert changes.told[0].diff.endswith(" evil")
    assert f"`git merge {made[:12]}`" in told(changes)
    assert "A  src/new.py" in git(repo.root, "status", "--porcelain")


@pytest.mark.parametrize("how", COMMITTED)
def test_a_commit_that_is_kept_is_told(repo: Project, how: str) -> None:
    with watching(repo, code=True, commits="keep") as guard:
        shell(repo.root, AS_TESTER + COMMITTED[how])
        before = state_of(repo.root)
        changes = guard.after()
        assert state_of(repo.root) == before
    assert changes.forbidden == ()
    assert "Kept, by [guard] commits: " in told(changes)


@pytest.mark.parametrize("how", COMMITTED)
def test_a_commit_that_is_forbidden_fails_the_step_and_its_work_stays(
    repo: Project, how: str
) -> None:
    before = state_of(repo.root)
    with watching(repo, code=True, commits="forbid") as guard:
        shell(repo.root, AS_TESTER + COMMITTED[how])
        work = files_of(repo.root)
        changes = guard.after()
    assert list(forbidden(changes, repo)) == [".git/HEAD"]
    assert changes.forbidden[0].rule == COMMITS["forbid"]
    assert state_of(repo.root) == before
    assert files_of(repo.root) == work


def test_the_first_commit_is_undone_too(tmp_path: Path) -> None:
    project = repository(tmp_path / "repo")
    shell(project.root, "rm -rf .git; git init -q -b main")
    with watching(project, code=True) as guard:
        shell(project.root, AS_TESTER + "git add .; git commit -qm evil")
        changes = guard.after()
    assert "Undone" in told(changes)
    assert git(project.root, "for-each-ref") == ""
    assert (project.root / ".git/HEAD").read_text() == "ref: refs/heads/main\n"


def test_what_a_reader_committed_is_judged_like_what_it_wrote(repo: Project) -> None:
    with watching(repo) as guard:
        shell(repo.root, AS_TESTER + "echo evil > src/a.py; git commit -qam evil")
        changes = guard.after()
    assert list(forbidden(changes, repo)) == ["src/a.py"]
    assert "Undone" in told(changes)
    assert changes.forbidden[0].diff == "-a = 1\n+evil"


def test_a_commit_of_what_was_dirty_is_no_change_of_files(repo: Project) -> None:
    put(repo.root / "src/dirty.py", "mine\n")
    with watching(repo) as guard:
        shell(repo.root, AS_TESTER + "git add .; git commit -qm 'by the CLI'")
        changes = guard.after()
    assert changes.forbidden == ()
    assert (repo.root / "src/dirty.py").read_text() == "mine\n"


def test_a_rebase_that_was_begun_is_ended_where_the_branch_was(repo: Project) -> None:
    before = state_of(repo.root)
    with watching(repo, code=True) as guard:
        shell(
            repo.root,
            f"{AS_TESTER} echo 1 > src/a.py; git commit -qam one; git checkout -q mine;"
            " echo 2 > src/a.py; git commit -qam two; git rebase -q main || true",
        )
        assert (repo.root / ".git/rebase-merge").exists()
        changes = guard.after()
    assert changes.forbidden == ()
    assert state_of(repo.root) == before
    assert "rebase" not in git(repo.root, "status")


def test_a_merge_that_a_person_is_in_the_middle_of_comes_back(repo: Project) -> None:
    shell(
        repo.root,
        f"{AS_TESTER} git checkout -q mine; echo 1 > src/a.py; git commit -qam one;"
        " git checkout -q main; git merge -q --no-ff --no-commit mine",
    )
    with watching(repo, code=True) as guard:
        shell(repo.root, AS_TESTER + "git commit -qm merged")
        changes = guard.after()
    assert changes.forbidden == ()
    assert (repo.root / ".git/MERGE_HEAD").exists()
    assert "All conflicts fixed but you are still merging" in git(repo.root, "status")


def test_a_fetch_is_only_told_with_the_tags_that_it_brings(repo: Project, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(repo.root), "clone")
    project = Project(tmp_path / "clone")
    git(repo.root, "commit", "-q", "--allow-empty", "-m", "third")
    git(repo.root, "tag", "v2")
    with watching(project, code=True) as guard:
        git(project.root, "fetch", "-q")
        changes = guard.after()
    assert changes.forbidden == ()
    assert {each.rule for each in changes.told} == {""}
    assert "Branches of remotes were fetched or pushed" in told(changes)
    assert "tag v2" in told(changes)
    assert "v2" in git(project.root, "tag")


def test_a_worktree_has_its_own_head_and_the_common_hooks(repo: Project, tmp_path: Path) -> None:
    git(repo.root, "worktree", "add", "-q", str(tmp_path / "tree"))
    project = Project(tmp_path / "tree")
    (project.changes_dir / "add-x").mkdir(parents=True, exist_ok=True)
    with watching(project, code=True) as guard:
        git(repo.root, "checkout", "-q", "-b", "elsewhere")  # a person's, in the other worktree
        git(repo.root, "commit", "-q", "--allow-empty", "-m", "x")
        changes = guard.after()
        assert changes.forbidden == ()
        assert "Left as they are" in told(changes)
        assert git(repo.root, "branch", "--show-current") == "elsewhere\n"
        put(repo.root / ".git/hooks/pre-commit")
        git(project.root, "checkout", "-q", "-b", "evil")
        changes = guard.after()
    assert "Put back: .git/hooks/pre-commit (new)" in told(changes)
    assert git(project.root, "branch", "--show-current") == "tree\n"
    assert "evil" not in git(project.root, "branch")


def test_a_branch_of_a_worktree_of_the_agents_own_stays(repo: Project, tmp_path: Path) -> None:
    with watching(repo, code=True) as guard:
        git(repo.root, "worktree", "add", "-q", str(tmp_path / "own"))
        changes = guard.after()
    assert changes.forbidden == ()
    assert "Left as they are, fetched or of other working trees: branch own" in told(changes)
    assert git(tmp_path / "own", "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("folder", "is_its_own"),
    [
        (".claude/worktrees/agent-1", True),
        (".worktrees/a", True),
        ("plugin", False),
        ("src/worktrees/tree-1", False),
    ],
)
def test_a_judge_may_have_a_worktree_where_agents_make_theirs(
    repo: Project, folder: str, is_its_own: bool
) -> None:
    with watching(repo) as guard:
        git(repo.root, "worktree", "add", "-q", folder)
        put(repo.root / folder / "new.py")
        changes = guard.after()
    assert [entry.path for entry in changes.forbidden] == (
        [] if is_its_own else [repo.root / folder]
    )
    assert "Working trees were made: " in told(changes)
    with watching(repo) as guard:
        put(repo.root / folder / "more.py")
        put(repo.root / ".claude/worktrees/mine/more.py")
        changes = guard.after()
    names = [entry.path.name for entry in changes.forbidden]
    assert names == ["more.py"] if is_its_own else ["more.py", folder[-6:]]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("rm .git/index", "Put back: .git/index"),
        ("echo broken > .git/index", "Put back: .git/index"),
        ("echo broken > .git/HEAD", "Put back: .git/HEAD"),
        (": > .git/HEAD", "Put back: .git/HEAD"),
    ],
)
def test_what_git_can_not_do_without_is_put_back(
    repo: Project, command: str, expected: str
) -> None:
    put(repo.root / "src/staged.py")
    git(repo.root, "add", ".")
    before = git(repo.root, "status", "--porcelain")
    with watching(repo, code=True) as guard:
        shell(repo.root, command)
        changes = guard.after()
    assert changes.forbidden == ()
    assert expected in told(changes)
    assert git(repo.root, "status", "--porcelain") == before


def test_a_lock_that_is_left_is_told(repo: Project) -> None:
    with watching(repo, code=True) as guard:
        put(repo.root / ".git/index.lock", "")
        changes = guard.after()
    assert ".git/index.lock was left. If no git is at work, remove it" in told(changes)


@pytest.mark.parametrize(
    "command",
    ["rm -rf .git", "rm -rf .git; git init -q", "mv .git ../elsewhere; ln -s ../elsewhere .git"],
)
def test_a_repository_that_is_gone_fails_the_step(repo: Project, command: str) -> None:
    with watching(repo, code=True) as guard:
        shell(repo.root, command)
        changes = guard.after()
    assert list(forbidden(changes, repo)) == [".git"]


def test_what_went_with_a_repository_is_told_and_its_settings_are_kept(repo: Project) -> None:
    git(repo.root, "branch", "went")
    put(repo.root / "src/a.py", "a = 2\n")
    git(repo.root, "stash", "-q")
    put(repo.root / ".git/hooks/pre-commit", "#!/bin/sh\n")
    oid = git(repo.root, "rev-parse", "went")[:12]
    with watching(repo, code=True) as guard:
        shell(repo.root, "rm -rf .git")
        changes = guard.after()
    assert forbidden(changes, repo) == {".git": "deleted"}
    assert f"branch went {oid}" in told(changes)
    assert "stash " in told(changes)
    before = repo.changes_dir / "add-x/runs/1/before"
    assert (before / "git/hooks/pre-commit").read_text() == "#!/bin/sh\n"
    assert "[core]" in (before / "git/config").read_text()


@pytest.mark.parametrize("then", ["true", "git init -q", "echo 'gitdir: away' > .git"])
def test_a_repository_that_was_moved_comes_back(repo: Project, then: str) -> None:
    before = state_of(repo.root)
    with watching(repo, code=True) as guard:
        shell(repo.root, f"mv .git away; {then}")
        changes = guard.after()
    assert changes.forbidden == ()
    assert "Put back: .git (moved to away)" in told(changes)
    assert state_of(repo.root) == before


def test_of_a_repository_that_was_moved_out_of_the_project_the_place_is_told(
    repo: Project,
) -> None:
    with watching(repo, code=True) as guard:
        shell(repo.root, "mv .git ../away")
        changes = guard.after()
    assert forbidden(changes, repo) == {".git": "deleted"}
    assert f"git's folder is {repo.root.parent}/away now" in told(changes)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_a_repository_that_git_refuses_is_said(repo: Project) -> None:
    os.chown(repo.root, 12345, -1)
    with watching(repo) as guard:
        put(repo.root / "src/a.py")
        changes = guard.after()
    assert list(forbidden(changes, repo)) == ["src/a.py"]
    assert "detected dubious ownership" in told(changes)


def test_git_that_is_not_installed_is_said(repo: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with watching(repo) as guard:
        changes = guard.after()
    assert "git is not installed" in told(changes)


def test_stashes(repo: Project) -> None:
    put(repo.root / "src/a.py", "stashed\n")
    git(repo.root, "stash", "push", "-q", "-m", "a person's")
    put(repo.root / "src/a.py", "again\n")
    git(repo.root, "stash", "push", "-q", "-m", "the second")
    before = git(repo.root, "stash", "list")
    with watching(repo, code=True) as guard:
        git(repo.root, "stash", "drop", "-q", "stash@{1}")
        changes = guard.after()
        assert told(changes) == "Put back a stash: On main: a person's"
        git(repo.root, "stash", "clear")
        changes = guard.after()
    assert changes.forbidden == ()
    assert git(repo.root, "stash", "list") == before
    assert git(repo.root, "stash", "show", "-p", "stash@{1}").endswith("+stashed\n")


AFTER = (
    "git commit -qm mine --allow-empty; git tag v2; git branch -D mine; git config user.name me;"
    " echo x > .git/hooks/post-commit; git update-index --assume-unchanged src/b.py"
)


def test_what_a_person_did_after_the_run_stays(repo: Project) -> None:
    """As after a crash: the next command judges, and a person has worked on since."""
    with watching(repo) as guard:
        ended = Ended.now()
        time.sleep(0.05)  # beyond the clock tick of the file system
        shell(repo.root, AS_TESTER + AFTER)
        put(repo.root / "src/a.py", "a = 'mine'\n")
        before = state_of(repo.root)
        changes = guard.after(ended)
    assert changes.forbidden == ()
    assert state_of(repo.root) == before
    assert "Put back" not in told(changes)
    assert "Undone" not in told(changes)


def test_in_doubt_whose_it_is_it_stays_and_is_told(repo: Project) -> None:
    with watching(repo, code=True) as guard:
        lived = Ended.now().lived_ns
        time.sleep(0.05)
        shell(repo.root, AS_TESTER + AFTER)
        before = state_of(repo.root)
        changes = guard.after(Ended(lived, Ended.now().ended_ns))
    assert state_of(repo.root) == before
    for name in ("a commit was made", ".git/hooks/post-commit", "branch mine", "tag v2"):
        assert f"Left as it is, by the step or by somebody after it: {name}" in told(changes)
