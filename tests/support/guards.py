"""A project that a guard watches, in a real repository, and what it finds."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agentd.config.model import Commits
from agentd.guard import Allowed, Findings, Guard
from agentd.project.layout import Project
from support.changes import change_at
from support.workflow_box import put_plan
from support.workspace import Sandbox

ASIDE = "runs/1/forbidden"  # below the change's folder


def guarding(folder: Path, allowed: Allowed, commits: Commits = "undo") -> Guard:
    """What a step of the change in ``folder`` may touch, watched from now on."""
    return Guard(change_at(folder), allowed, folder / ASIDE, commits)


def watching(project: Project, *, code: bool = False, commits: Commits = "undo") -> Guard:
    """A guard of the change add-x, for a step that owes REVIEW.md."""
    change = project.changes_dir / "add-x"
    return guarding(change, Allowed(documents=(change / "REVIEW.md",), code=code), commits)


AS_TESTER = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "protocol.file.allow=always"]


def git(cwd: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *AS_TESTER, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def make_project(root: Path) -> Project:
    project = Project(root)
    for name, text in {
        "src/a.py": "a = 1\n",
        "src/b.py": "b = 1\n",
        "REVIEW.md": "the project's own\n",
        ".gitignore": "*.log\n",
        "agentd/config.toml": "[codex]\n",
        "agentd/project.md": "# P\n",
        "agentd/templates/review.md": "extra\n",
        "agentd/specs/login.md": "# Login\n",
        "agentd/archive/20250101-old/proposal.md": "# Proposal: old\n",
        "agentd/changes/other/STATE.yaml": "phase: proposed\n",
        "agentd/changes/other/proposal.md": "# Proposal: other\n",
        "agentd/changes/add-x/STATE.yaml": "phase: proposed\n",
        "agentd/changes/add-x/proposal.md": "# Proposal: x\n",
        "agentd/changes/add-x/tasks.md": "# Tasks\n",
        "agentd/changes/add-x/specs/login.md": "# Login\n",
        "agentd/changes/add-x/runs/1/prompt": "hello\n",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    project.config_path.chmod(0o600)
    return project


def repository(root: Path) -> Project:
    """The project, all of it committed on branch main."""
    project = make_project(root)
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "x")
    return project


def shell(folder: Path, command: str) -> None:
    """What an agent does, as a shell command in ``folder``."""
    done = subprocess.run(
        ["sh", "-ec", command], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def told(changes: Findings) -> str:
    """All that is told and fails no step, one a line."""
    return "\n".join(each.text for each in changes.told)


def forbidden(changes: Findings, project: Project) -> dict[str, str]:
    return {str(e.path.relative_to(project.root)): e.what for e in changes.forbidden}


def put(path: Path, text: str = "evil\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@contextmanager
def step_running(box: Sandbox, change_id: str, *, exit_code: int = 0) -> Iterator[list[str]]:
    """`agentd challenge` while its CLI is at work; it ends after the block, with this exit code.

    What it prints to stderr is in the list then.
    """
    begun, go_on = box.root.parent / "begun", box.root.parent / "go-on"
    wait = f"touch {begun}; while [ ! -e {go_on} ]; do sleep 0.01; done"
    before = box.plan["challenge"].get("shell") or "true"
    after = box.plan["challenge"].get("after") or "true"
    put_plan(box, "challenge", shell=f"{before}; {wait}; {after}")
    process = subprocess.Popen(
        [sys.executable, "-m", "agentd", "challenge", change_id],
        cwd=box.root,
        env={**os.environ, "HOME": str(box.root.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said: list[str] = []
    try:
        while not begun.exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        yield said
    finally:
        go_on.touch()
        said += process.communicate(timeout=60)
    assert process.returncode == exit_code, "\n".join(said)


def python(box: Sandbox, code: str) -> str:
    """A line of shell for the stand-in CLI that runs this Python."""
    path = box.root.parent / f"{abs(hash(code))}.py"
    path.write_text(code)
    return f"PYTHONPATH={Path(__file__).parents[2]} {sys.executable} {shlex.quote(str(path))}"


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file but logs: its permissions and bytes; a link is its target."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mode, _content(path))
        for path in folder.rglob("*")
        if (path.is_symlink() or not path.is_dir()) and not {"runs", ".running"} & set(path.parts)
    }


def _content(path: Path) -> bytes:
    return os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
