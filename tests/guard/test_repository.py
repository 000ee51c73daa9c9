"""The files of a repository: flags, hiding places, submodules, and around a project."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from support.guards import (
    ASIDE,
    forbidden,
    git,
    make_project,
    put,
    repository,
    shell,
    told,
    watching,
)

from agentd import git as agentd_git
from agentd.guard.ended import Ended
from agentd.guard.rules import GIT, WRITE_ONLY
from agentd.project.layout import Project
from agentd.state_folder import state_folder_of


@pytest.fixture
def repo(tmp_path: Path) -> Project:
    return repository(tmp_path / "repo")


HIDING = {
    "assume-unchanged": "git update-index --assume-unchanged src/b.py",
    "skip-worktree": "git update-index --skip-worktree src/b.py",
    "both": "git update-index --assume-unchanged src/b.py;"
    " git update-index --skip-worktree src/b.py",
    "staged as the agent wrote it": "echo evil > src/b.py; git add src/b.py",
    "staged and committed elsewhere": "git rm -q --cached src/b.py",
    "an exclude": "echo 'src/b.py' > .git/info/exclude; git rm -q --cached src/b.py",
    "stamps that are not looked at": "git config core.checkStat minimal;"
    " git config core.trustctime false",
    "a sparse checkout": "git config core.sparseCheckout true;"
    " echo '/*' > .git/info/sparse-checkout; echo '!src' >> .git/info/sparse-checkout;"
    " git read-tree -mu HEAD; mkdir -p src",
    "no index": "rm .git/index",
    "an index of nothing": "git read-tree --empty",
}


@pytest.mark.parametrize("how", HIDING)
def test_what_git_is_told_not_to_see_is_seen(repo: Project, how: str) -> None:
    path = repo.root / "src/b.py"
    with watching(repo) as guard:
        before = path.stat()
        shell(repo.root, HIDING[how])
        put(path, "b = 2\n")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        changes = guard.after()
    assert "src/b.py" in forbidden(changes, repo)


@pytest.mark.parametrize("flag", ["assume-unchanged", "skip-worktree"])
def test_flags_of_the_index_are_put_back(repo: Project, flag: str) -> None:
    git(repo.root, "update-index", f"--{flag}", "src/a.py")
    before = git(repo.root, "ls-files", "-v", "src")
    with watching(repo, code=True) as guard:
        git(repo.root, "update-index", f"--no-{flag}", "src/a.py")
        git(repo.root, "update-index", f"--{flag}", "src/b.py", "REVIEW.md")
        changes = guard.after()
    assert git(repo.root, "ls-files", "-v", "src") == before
    assert told(changes) == (
        "Put back, flags that hide changes from git: REVIEW.md, src/a.py, src/b.py"
    )
    assert changes.told[0].rule == GIT


@pytest.mark.parametrize("flag", ["assume-unchanged", "skip-worktree"])
def test_what_a_person_hides_from_git_is_watched(repo: Project, flag: str) -> None:
    git(repo.root, "update-index", f"--{flag}", "src/a.py")
    put(repo.root / "src/a.py", "a = 'a person sets this here'\n")
    with watching(repo) as guard:
        assert guard.after().forbidden == ()
        put(repo.root / "src/a.py")
        changes = guard.after()
    assert list(forbidden(changes, repo)) == ["src/a.py"]
    with watching(repo, code=True) as guard:
        git(repo.root, "update-index", f"--no-{flag}", "src/a.py")
        git(repo.root, "checkout", "-q", "src/a.py")
        guard.after()
    assert (repo.root / "src/a.py").read_text() == "evil\n"


def test_files_that_hide_themselves_are_told(repo: Project) -> None:
    with watching(repo) as guard:
        put(repo.root / "src/x/.gitignore", "*\n")
        put(repo.root / "src/x/evil.py")
        put(repo.root / ".pytest_cache/.gitignore", "*\n")
        put(repo.root / "x.egg-info/PKG-INFO")
        put(repo.root / "src/coverage/lcov.info")
        put(repo.root / "some.log")
        changes = guard.after()
    assert changes.forbidden == ()
    assert told(changes) == (
        "New files that a new .gitignore hides from git: src/x/.gitignore, src/x/evil.py"
    )


def test_a_gitignore_of_the_step_hides_nothing_from_a_reader(repo: Project) -> None:
    put(repo.root / "src/mine.py", "mine\n")
    with watching(repo) as guard:
        put(repo.root / ".gitignore", "*\n")
        put(repo.root / "src/mine.py")
        changes = guard.after()
    assert list(forbidden(changes, repo)) == [".gitignore", "src/mine.py"]


def test_what_was_ignored_and_is_no_more_is_no_new_file(repo: Project) -> None:
    put(repo.root / "some.log", "kept\n")
    put(repo.root / ".gitignore", "*.log\nold\n")
    git(repo.root, "commit", "-qam", "x")
    put(repo.root / "old/1.txt", "kept\n")
    with watching(repo) as guard:
        (repo.root / ".gitignore").unlink()
        changes = guard.after()
    assert ".gitignore" in forbidden(changes, repo)
    assert "some.log" not in forbidden(changes, repo)


@pytest.fixture
def with_submodule(repo: Project, tmp_path: Path) -> Project:
    library = tmp_path / "library"
    git(tmp_path, "init", "-q", "library")
    put(library / "lib.py", "1\n")
    git(library, "add", ".")
    git(library, "commit", "-q", "-m", "x")
    git(repo.root, "submodule", "--quiet", "add", "--name", "a/b", str(library), "vendor/lib")
    git(repo.root, "commit", "-q", "-m", "submodule")
    return repo


@pytest.mark.parametrize("code", [False, True])
def test_a_submodule_that_is_set_up_is_silent(
    with_submodule: Project, tmp_path: Path, code: bool
) -> None:
    git(tmp_path, "clone", "-q", str(with_submodule.root), "clone")
    project = Project(tmp_path / "clone")
    with watching(project, code=code) as guard:
        git(project.root, "submodule", "--quiet", "update", "--init")
        assert (project.root / "vendor/lib/lib.py").exists()
        changes = guard.after()
    assert (changes.forbidden, changes.told) == ((), ())


def test_a_submodule_back_at_its_commit_is_silent(with_submodule: Project) -> None:
    inside = with_submodule.root / "vendor/lib"
    git(inside, "commit", "-q", "--allow-empty", "-m", "ahead")
    with watching(with_submodule) as guard:
        git(with_submodule.root, "submodule", "--quiet", "update")
        changes = guard.after()
    assert (changes.forbidden, changes.told) == ((), ())


@pytest.mark.parametrize("code", [False, True])
def test_build_caches_in_a_submodule_are_silent(with_submodule: Project, code: bool) -> None:
    with watching(with_submodule, code=code) as guard:
        put(with_submodule.root / "vendor/lib/__pycache__/lib.pyc")
        put(with_submodule.root / "src/__pycache__/a.pyc")
        changes = guard.after()
    assert (changes.forbidden, changes.told) == ((), ())


def test_a_hook_of_a_submodule_is_put_back(with_submodule: Project) -> None:
    hook = with_submodule.root / ".git/modules/a/b/hooks/pre-commit"
    with watching(with_submodule, code=True) as guard:
        put(hook)
        git(with_submodule.root / "vendor/lib", "config", "core.fsmonitor", "./evil")
        changes = guard.after()
    assert not hook.exists()
    assert "fsmonitor" not in (hook.parents[1] / "config").read_text()
    assert ".git/modules/a/b/hooks/pre-commit (new)" in told(changes)


def test_a_new_submodule_brings_no_program(with_submodule: Project, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(with_submodule.root), "clone")
    project = Project(tmp_path / "clone")
    with watching(project, code=True) as guard:
        git(project.root, "submodule", "--quiet", "update", "--init")
        put(project.root / ".git/modules/a/b/hooks/post-checkout")
        git(project.root / "vendor/lib", "config", "core.fsmonitor", "./evil")
        changes = guard.after()
    assert ".git/modules/a/b/hooks/post-checkout (new)" in told(changes)
    assert ".git/modules/a/b/config (new)" in told(changes)


@pytest.fixture
def monorepo(tmp_path: Path) -> Project:
    root = tmp_path / "mono"
    project = make_project(root / "packages/web")
    put(root / "packages/api/main.py", "x = 1\n")
    put(root / "package.json", "{}\n")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "x")
    put(root / "packages/api/dirty.py", "mine\n")
    put(root / ".gitignore", ".env\n")
    put(root / "packages/api/.env", "SECRET=1\n")
    return project


AROUND = "echo 'x = 2' > ../api/main.py; echo '{\"a\":1}' > ../../package.json; rm ../api/dirty.py"


def test_a_reader_may_not_touch_what_is_around_a_sub_folder(monorepo: Project) -> None:
    root = monorepo.root.parents[1]
    with watching(monorepo) as guard:
        shell(monorepo.root, AROUND)
        changes = guard.after()
    names = [str(entry.path.relative_to(root)) for entry in changes.forbidden]
    assert names == ["package.json", "packages/api/dirty.py", "packages/api/main.py"]
    assert changes.own == []
    assert changes.forbidden[2].diff == "-x = 1\n+x = 2"
    assert changes.forbidden[2].rule == WRITE_ONLY
    assert (root / "packages/api/main.py").read_text() == "x = 2\n"


def test_what_a_code_step_changes_around_a_sub_folder_is_named(monorepo: Project) -> None:
    root = monorepo.root.parents[1]
    with watching(monorepo, code=True) as guard:
        shell(monorepo.root, f"{AROUND}; rm ../api/.env")
        changes = guard.after()
    assert changes.forbidden == ()
    assert f"Changed around the project: {root}/package.json, " in told(changes)
    assert not (root / "packages/api/.env").exists()  # outside of the project it only tells
    before = monorepo.changes_dir / "add-x/runs/1/before"
    assert (before / "packages/api/.env").read_text() == "SECRET=1\n"
    assert (before / "packages/api/dirty.py").read_text() == "mine\n"
    assert "deleted: packages/api/.env, packages/api/dirty.py" in told(changes)


def test_hooks_and_commits_of_the_repository_around_are_judged(monorepo: Project) -> None:
    root = monorepo.root.parents[1]
    head = git(root, "rev-parse", "HEAD")
    with watching(monorepo, code=True) as guard:
        put(root / ".git/hooks/pre-commit")
        git(root, "commit", "-q", "--allow-empty", "-m", "evil")
        changes = guard.after()
    assert "Put back: .git/hooks/pre-commit (new)" in told(changes)
    assert git(root, "rev-parse", "HEAD") == head


def test_a_repository_planted_in_the_project_fails_the_step(monorepo: Project) -> None:
    with watching(monorepo, code=True) as guard:
        git(monorepo.root, "init", "-q")
        put(monorepo.root / "src/a.py")
        changes = guard.after()
    assert forbidden(changes, monorepo) == {".git": "a new repository"}


def test_a_folder_with_tracked_files_that_becomes_a_repository_fails_the_step(
    monorepo: Project,
) -> None:
    """git says nothing of it, and asks its settings for whoever stands in that folder."""
    put(monorepo.root / "docs/a.md")
    git(monorepo.root, "add", "docs/a.md")
    git(monorepo.root / "docs", "init", "-q")
    with watching(monorepo) as guard:
        git(monorepo.root / "docs", "config", "core.pager", "a person's")
        git(monorepo.root / "src", "init", "-q")
        changes = guard.after()
        after_the_run = guard.after(Ended(1, 2))
    assert forbidden(changes, monorepo) == {"src/.git": "a new repository"}
    assert forbidden(after_the_run, monorepo) == {}


def test_another_project_of_agentd_around_is_left_to_its_own_guard(monorepo: Project) -> None:
    other = make_project(monorepo.root.parent / "api").agentd_dir
    git(other, "add", ".")
    git(other, "commit", "-q", "-m", "x")
    with watching(monorepo) as guard:
        put(other / "changes/add-x/STATE.yaml", "phase: challenged\n")
        put(other / "changes/new/proposal.md")
        changes = guard.after()
    assert (changes.forbidden, changes.told) == ((), ())


@pytest.mark.parametrize("code", [False, True])
def test_a_repository_that_is_planted_in_a_folder_that_git_ignores_is_moved_aside(
    repo: Project, code: bool
) -> None:
    put(repo.root / ".git/info/exclude", "local/\n")
    put(repo.root / "local/deep/key.pem", "mine\n")
    put(repo.root / "drafts/x.md", "mine\n")
    with watching(repo, code=code) as guard:
        for folder in ("local/deep", "drafts"):
            git(repo.root / folder, "init", "-q")
        git(repo.root / "local", "init", "-q", "new")  # a folder of its own
        changes = guard.after()
    names = {"drafts/.git": "a new repository", "local/deep/.git": "a new repository"}
    found = forbidden(changes, repo)
    assert names.items() <= found.items()
    assert {*found} - {*names} <= {"drafts", "drafts/x.md"}
    assert not (repo.root / "local/deep/.git").exists()
    aside = repo.changes_dir / "add-x" / ASIDE
    assert (aside / "local/deep/git/HEAD").exists()
    assert "runs/1/forbidden/drafts/git" in told(changes)
    assert (repo.root / "local/deep/key.pem").read_text() == "mine\n"


OWNED = "touch '{0}/ran'; cat"
PLANTED = {
    "a repository in the project": "cd inner; {filter}",
    "the repository of a submodule": "rm vendor/lib/.git; cd vendor/lib; git init -q; {filter}",
    "an included file": "echo '* filter=evil' > src/.gitattributes; {included}; echo 2 > src/a.py",
}


@pytest.mark.parametrize("how", PLANTED)
def test_no_program_runs_that_a_step_plants_in_a_repository_within(
    with_submodule: Project, tmp_path: Path, how: str
) -> None:
    root = with_submodule.root
    git(root, "init", "-q", "inner")
    put(root / "inner/a.py", "1\n")
    git(root / "inner", "add", ".")
    git(root / "inner", "commit", "-qm", "x")
    put(root / "inner/b.py", "uncommitted\n")
    put(root / "team.config", "[user]\n\tname = t\n")
    git(root, "config", "include.path", "../team.config")
    git(root, "add", "team.config")
    git(root, "commit", "-qm", "team")
    program = f"touch '{tmp_path}/ran'; cat"
    planted = (
        "git config filter.evil.clean \"{0}\"; echo '* filter=evil' > .gitattributes; echo 2 > a.py"
    )
    included = 'git config -f team.config filter.evil.clean "{0}"'
    with watching(with_submodule, code=True) as guard:
        shell(
            root,
            PLANTED[how].format(filter=planted.format(program), included=included.format(program)),
        )
        assert not (tmp_path / "ran").exists()
        changes = guard.after()
    assert not (tmp_path / "ran").exists()
    assert "Put back: " in told(changes)
    with watching(with_submodule, code=True) as guard:
        guard.after()
    assert not (tmp_path / "ran").exists()


HIDDEN_BY_PERSON = {
    "ignored": "mkdir -p $XDG_CONFIG_HOME/git; echo new.py > $XDG_CONFIG_HOME/git/ignore; "
    "echo x > new.py",
    "line ends": "git config --global core.autocrlf input; sed -i 's/$/\\r/' src/a.py",
    "a filter": "git config --global core.attributesFile $PWD/../attributes; "
    "echo '*.py filter=evil' > ../attributes; "
    "git config --global filter.evil.clean 'touch '$PWD'/../ran; echo \"a = 1\"'; "
    "echo 2 > src/a.py",
    "a broken config": "echo '[' > $GIT_CONFIG_GLOBAL; echo 2 > src/a.py",
}


@pytest.mark.parametrize("how", HIDDEN_BY_PERSON)
def test_a_person_s_own_settings_hide_nothing_and_are_told(
    repo: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "global"))
    put(
        tmp_path / "global",
        '[user]\n\tname = "a \\"b\\" \\\\ c"\n\temail = t\n[a "b.c"]\n\te\n\td = "x\\ny"\n',
    )
    with watching(repo) as guard:
        shell(repo.root, HIDDEN_BY_PERSON[how])
        changes = guard.after()
    assert list(forbidden(changes, repo)) == ["new.py" if how == "ignored" else "src/a.py"]
    assert "git's settings outside of the project changed during the step: " in told(changes)
    assert not (tmp_path / "ran").exists()
    state = Path(state_folder_of(str(repo.root)) or "/nowhere")
    assert not [*state.glob("*.tmp")]


PLANT = "git config --global filter.evil.clean 'touch '$PWD'/../ran; cat'; echo 2 > src/a.py"
ATTRIBUTES = "echo '*.py filter=evil' > .gitattributes; "


def test_a_planted_filter_runs_in_no_later_git_of_agentd_until_its_person_changes_settings(
    repo: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "global"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "filter.mine.clean")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "cat")
    ran = tmp_path / "ran"
    with watching(repo, code=True) as guard:
        shell(repo.root, ATTRIBUTES + PLANT)
        changes = guard.after()
    assert "its own git runs no filter.evil.clean before you have changed that" in told(changes)
    # What a later step does to that file makes it no person's.
    for deed in ("touch src/a.py", "git config --global a.b c; touch src/a.py", "true"):
        with watching(repo, code=True) as guard:
            shell(repo.root, deed)
            guard.after()
        agentd_git.output(repo.root, "diff", "HEAD")
        assert not ran.exists(), deed
    shell(repo.root, "git config --global user.name me; touch src/a.py")
    assert agentd_git.output(repo.root, "config", "filter.mine.clean") == b"cat\n"
    agentd_git.output(repo.root, "diff", "HEAD")
    assert ran.exists()


def test_touching_the_file_accepts_a_planted_filter(
    repo: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "my settings"))
    with watching(repo, code=True) as guard:
        shell(repo.root, ATTRIBUTES + PLANT)
        changes = guard.after()
    (command,) = re.findall("To accept it as it is: (touch .*)", told(changes))
    shell(repo.root, f"{command}; touch src/a.py")
    agentd_git.output(repo.root, "diff", "HEAD")
    assert (tmp_path / "ran").exists()


LFS = "git config --global filter.lfs.clean 'git-lfs clean -- %f'"
OF_LFS = {
    "what git lfs install writes": (LFS, "beside git", True),
    "git-lfs elsewhere on PATH": (LFS, "elsewhere", False),
    "no git-lfs": (LFS, "nowhere", False),
    "another command": (LFS.replace("clean --", "clean -c --"), "beside git", False),
    "another filter": (LFS.replace("filter.lfs", "filter.own"), "beside git", False),
    "an extension, too": (
        f"{LFS}; git config --global lfs.extension.own.clean 'touch ran'",
        "beside git",
        False,
    ),
}


@pytest.mark.parametrize("how", OF_LFS)
def test_the_filters_of_git_lfs_run_where_git_lfs_lies_beside_git(
    repo: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    command, where, runs = OF_LFS[how]
    use_lfs(tmp_path, monkeypatch, where)
    put(repo.root / ".gitattributes", "*.py filter=lfs\n")
    with watching(repo, code=True) as guard:
        shell(repo.root, f"{command}; touch src/a.py")
        text = told(guard.after())
    assert "git's settings outside of the project changed during the step: " in text
    assert ("its own git runs no " in text) != runs
    (tmp_path / "ran").unlink(missing_ok=True)
    shell(repo.root, "touch src/a.py")
    agentd_git.output(repo.root, "diff", "HEAD")
    assert (tmp_path / "ran").exists() == runs


def test_an_extension_that_a_step_plants_keeps_a_person_s_git_lfs_from_running(
    repo: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_lfs(tmp_path, monkeypatch, "beside git")
    put(repo.root / ".gitattributes", "*.py filter=lfs\n")
    shell(repo.root, LFS)
    with watching(repo, code=True) as guard:
        shell(repo.root, "git config --global lfs.extension.own.clean x; touch src/a.py")
        assert "its own git runs no lfs.extension.own.clean before" in told(guard.after())
    (tmp_path / "ran").unlink(missing_ok=True)
    shell(repo.root, "touch src/a.py")
    agentd_git.output(repo.root, "diff", "HEAD")
    assert not (tmp_path / "ran").exists()


def use_lfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """A git-lfs that tells that it ran, on PATH."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "global"))
    real = shutil.which("git")
    assert real is not None
    put(tmp_path / "beside git/git", f'#!/bin/sh\nexec {real} "$@"\n')
    put(tmp_path / where / "git-lfs", f"#!/bin/sh\ntouch {tmp_path}/ran; cat\n")
    for name in ("beside git/git", f"{where}/git-lfs"):
        (tmp_path / name).chmod(0o755)
    folders = [str(tmp_path / name) for name in ("beside git", "elsewhere")]
    without = [
        folder
        for folder in os.environ["PATH"].split(":")
        if where == "beside git" or not Path(folder, "git-lfs").exists()
    ]
    monkeypatch.setenv("PATH", ":".join([*folders, *without]))


def test_a_filter_of_a_person_s_own_runs_as_before(
    repo: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "global"))
    shell(repo.root, ATTRIBUTES + PLANT)
    with watching(repo, code=True) as guard:
        shell(repo.root, "git config --global a.b c; touch src/a.py")
        guard.after()
    agentd_git.output(repo.root, "diff", "HEAD")
    assert (tmp_path / "ran").exists()


def test_a_person_s_ignore_file_may_be_a_link(
    repo: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    put(tmp_path / "dotfiles/ignore", "*.mine\n")
    (tmp_path / "xdg/git").mkdir(parents=True)
    (tmp_path / "xdg/git/ignore").symlink_to(tmp_path / "dotfiles/ignore")
    put(repo.root / "a.mine", "a person's\n")
    with watching(repo) as guard:
        shell(repo.root, f"echo '*' > {tmp_path}/dotfiles/ignore; echo x > new.py")
        changes = guard.after()
    assert list(forbidden(changes, repo)) == ["new.py"]
    assert "changed during the step: " in told(changes)


def test_settings_of_a_person_that_can_not_be_read_any_more_keep_no_step_from_its_judgement(
    repo: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentd.git.TIMEOUT_S", 0.5)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "global"))
    put(tmp_path / "global", "[user]\n\tname = t\n")
    with watching(repo) as guard:
        shell(repo.root, "rm $GIT_CONFIG_GLOBAL; mkfifo $GIT_CONFIG_GLOBAL; echo 2 > src/a.py")
        changes = guard.after()
    assert list(forbidden(changes, repo)) == ["src/a.py"]
    assert "changed during the step: " in told(changes)
    assert "user.name" in told(changes)


def test_a_person_s_repository_within_that_is_deleted_is_told(repo: Project) -> None:
    git(repo.root, "init", "-q", "inner")
    put(repo.root / "inner/a.py", "mine\n")
    with watching(repo, code=True) as guard:
        shell(repo.root, "rm -rf inner")
        changes = guard.after()
    assert told(changes) == (
        "Uncommitted or ignored files of which agentd kept no copy: inner (deleted)"
    )
    assert not (repo.root / "inner").exists()


def test_a_submodule_that_is_taken_out_stays_so(with_submodule: Project) -> None:
    with watching(with_submodule, code=True) as guard:
        shell(with_submodule.root, "git submodule --quiet deinit -f vendor/lib >/dev/null")
        changes = guard.after()
    assert changes.forbidden == ()
    assert not (with_submodule.root / "vendor/lib/.git").exists()


@pytest.mark.parametrize("how", ["rm .git", "echo 'gitdir: /nowhere' > .git"])
def test_the_way_of_a_working_tree_to_its_repository_is_put_back(
    repo: Project, tmp_path: Path, how: str
) -> None:
    git(repo.root, "worktree", "add", "-q", str(tmp_path / "tree"))
    project = Project(tmp_path / "tree")
    before = (project.root / ".git").read_text()
    with watching(project, code=True) as guard:
        shell(project.root, how)
        changes = guard.after()
    assert changes.forbidden == ()
    assert "Put back: .git (" in told(changes)
    assert (project.root / ".git").read_text() == before
