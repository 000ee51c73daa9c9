"""What an agent does with git in a step, over the command line: counted, put back, or refused."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.workflow_box import STREAM, box_with, calls_of, put_change, put_plan, state_of
from support.workspace import REVIEW, Sandbox

IMPLEMENTATION = "# Implementation\n"


def git(box: Sandbox, *arguments: str) -> str:
    argv = ["git", *arguments]
    return subprocess.run(argv, cwd=box.root, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    """A change that is to be implemented, in a repository with a file that git ignores."""
    box = box_with(tmp_path)
    (box.root / "src").mkdir()
    (box.root / "src/util.py").write_text("def f():\n    return 1\n")
    (box.root / ".gitignore").write_text(".env\n")
    (box.root / ".env").write_text("SECRET=1\n")
    put_change(box, "add-x", "challenged")
    put_change(box, "add-y", "implementing", {"IMPLEMENTATION.md": IMPLEMENTATION})
    git(box, "init", "-q", "-b", "main")
    git(box, "config", "user.email", "a@b.c")
    git(box, "config", "user.name", "a")
    git(box, "add", "-A")
    git(box, "commit", "-qm", "all")
    box.answer("implementation", STREAM, {"change/IMPLEMENTATION.md": IMPLEMENTATION})
    box.answer("review", STREAM, {"change/REVIEW.md": REVIEW})
    return box


def implement(box: Sandbox, shell: str) -> str:
    """What agentd says of an implementation that counts."""
    put_plan(box, "implementation", shell=shell)
    done = box.run("implement", "add-x")
    assert done.returncode == 0, done.stderr
    assert calls_of(box, "add-x") == [("implementation", "ok")]
    return done.stderr


@pytest.mark.parametrize(
    "shell",
    ["git mv src/util.py src/helpers.py", "git rm -q src/util.py", "echo 1 > x.py; git add x.py"],
)
def test_an_implementation_that_stages_is_done_without_a_word(box: Sandbox, shell: str) -> None:
    assert "git" not in implement(box, shell)


TOOLS = {
    "husky": ("git config core.hooksPath .husky/_", "hooksPath = .husky/_"),
    "pre-commit": ("printf 'exit 0\\n' > .git/hooks/pre-commit", "exit 0"),
    "lfs": ("git config lfs.repositoryformatversion 0", "repositoryformatversion = 0"),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_settings_that_a_tool_writes_are_put_back_and_the_step_counts(
    box: Sandbox, tool: str
) -> None:
    before = (box.root / ".git/config").read_bytes()
    (box.root / ".git/hooks/pre-commit").unlink(missing_ok=True)
    shell, line = TOOLS[tool]
    told = implement(box, f"mkdir -p .git/hooks; {shell}")
    assert f"  +{line}" in told.replace("+  ", "+").replace("+[lfs]\n  ", "")
    assert "implementation: Put back: .git/" in told
    assert "The prompt says: Leave git's settings, hooks" in told
    assert (box.root / ".git/config").read_bytes() == before
    assert not (box.root / ".git/hooks/pre-commit").exists()
    assert "/forbidden/" in told


COMMIT = "echo 1 > src/new.py; git add src; git commit -qm mine"


def test_a_commit_is_undone_softly(box: Sandbox) -> None:
    head = git(box, "rev-parse", "HEAD")
    told = implement(box, COMMIT)
    assert "implementation: Undone, its work is in the working tree: a commit was made" in told
    assert " mine\n" in told
    assert git(box, "rev-parse", "HEAD") == head
    assert (box.root / "src/new.py").read_text() == "1\n"


@pytest.mark.parametrize("commits", ["keep", "forbid"])
def test_the_config_says_what_becomes_of_commits(box: Sandbox, commits: str) -> None:
    config = box.root / "agentd/config.toml"
    config.write_text(f'{config.read_text()}\n[guard]\ncommits = "{commits}"\n')
    head = git(box, "rev-parse", "HEAD")
    put_plan(box, "implementation", shell=COMMIT)
    done = box.run("implement", "add-x")
    prompt = next(box.change("add-x").glob("runs/*/prompt*")).read_text()
    if commits == "keep":
        assert done.returncode == 0
        assert "Kept, by [guard] commits: a commit was made" in done.stderr
        assert git(box, "rev-parse", "HEAD^") == head
        assert "- Do not push, or switch branches.\n" in prompt
    else:
        assert done.returncode == 4
        assert "may not touch: .git/HEAD" in done.stderr
        assert git(box, "rev-parse", "HEAD") == head
        assert state_of(box, "add-x")["phase"] == "challenged"
        assert (box.root / "src/new.py").exists()
        assert "- Do not commit, push, or switch branches.\n" in prompt


def test_what_a_person_had_comes_back_and_is_told(box: Sandbox) -> None:
    (box.root / "src/util.py").write_text("def f():\n    return 'mine'\n")
    told = implement(box, "git checkout -q src/util.py; rm .env")
    assert (box.root / "src/util.py").read_text() == "def f():\n    return 'mine'\n"
    assert (box.root / ".env").read_text() == "SECRET=1\n"
    assert "Brought back, deleted by the step: .env" in told
    assert "Brought back, reverted by the step: src/util.py" in told


def test_a_review_that_changes_code_is_shown_what_and_which_rule(box: Sandbox) -> None:
    put_plan(box, "review", shell="echo 'def f(): return 2' > src/util.py")
    done = box.run("review", "add-y")
    assert done.returncode == 4
    assert "may not touch: src/util.py" in done.stderr
    assert "  -    return 1\n  +def f(): return 2\n" in done.stderr
    assert 'The prompt says: Write only what "Write" names' in done.stderr
    assert state_of(box, "add-y")["phase"] == "implementing"


def test_a_review_that_stages_and_commits_what_is_there_counts(box: Sandbox) -> None:
    (box.root / "src/new.py").write_text("1\n")
    put_plan(box, "review", shell="git add -A; git commit -qm all")
    done = box.run("review", "add-y")
    assert done.returncode == 0, done.stderr
    assert "review: Undone" in done.stderr
    assert state_of(box, "add-y")["phase"] == "complete"


def test_the_schema_that_opencode_adds_to_its_config_fails_no_review(box: Sandbox) -> None:
    """It does that whenever it starts, and finds a config of its own without one."""
    config = box.root / "opencode.json"
    config.write_text('{\n  "model": "anthropic/x", // mine\n}\n')
    git(box, "add", "opencode.json")
    git(box, "commit", "-qm", "a config")
    box.ok("implement", "add-x")
    added = """sed -i '1s|.*|{\\n  "$schema": "https://opencode.ai/config.json",|' opencode.json"""
    put_plan(box, "review", shell=added)
    done = box.run("review", "add-x")
    assert done.returncode == 0, done.stderr
    assert 'review: Changed, and left: opencode.json, "$schema" was added' in done.stderr
    assert '"$schema"' in config.read_text()
    git(box, "checkout", "-q", "opencode.json")
    put_plan(box, "review", shell=f"{added}; sed -i s/mine/theirs/ opencode.json")
    assert box.run("review", "add-x").returncode == 4


@pytest.mark.parametrize("name", ["opencode.json", "opencode.jsonc", ".opencode/opencode.json"])
def test_nor_does_it_without_git(tmp_path: Path, name: str) -> None:
    box = box_with(tmp_path)
    config = box.root / name
    config.parent.mkdir(exist_ok=True)
    before = '{\n  "model": "anthropic/x", // mine\n}\n'
    config.write_text(before)
    put_change(box, "add-x", "implementing", {"IMPLEMENTATION.md": IMPLEMENTATION})
    box.answer("review", STREAM, {"change/REVIEW.md": REVIEW})
    added = f"""sed -i '1s|.*|{{\\n  "$schema": "https://opencode.ai/config.json",|' {name}"""
    put_plan(box, "review", shell=added)
    done = box.run("review", "add-x")
    assert done.returncode == 0, done.stderr
    assert f'review: Changed, and left: {name}, "$schema" was added' in done.stderr
    assert '"$schema"' in config.read_text()
    for shell in (f"sed -i s/mine/theirs/ {name}", f"{added}; sed -i s/mine/theirs/ {name}"):
        config.write_text(before)
        put_plan(box, "review", shell=shell)
        done = box.run("review", "add-x")
        assert done.returncode == 4, done.stderr
        assert name in done.stderr


def test_a_lock_file_that_a_package_manager_wrote_fails_no_review(box: Sandbox) -> None:
    """A reviewer that runs the tests may have to install first."""
    (box.root / "package.json").write_text("{}\n")
    git(box, "add", "package.json")
    git(box, "commit", "-qm", "a package")
    box.ok("implement", "add-x")
    put_plan(box, "review", shell="echo {} > package-lock.json; mkdir node_modules")
    done = box.run("review", "add-x")
    assert done.returncode == 0, done.stderr
    assert "review: New, and left: package-lock.json, a lock file" in done.stderr
    put_plan(box, "review", shell="echo {} >> package-lock.json")
    assert box.run("review", "add-x").returncode == 4
