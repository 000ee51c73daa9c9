"""``agentd demo``: a whole change through all steps, with stand-in CLIs that replay recordings."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from agentd import git
from agentd.cli.demo.folder import make_empty
from agentd.config.edit import set_values
from agentd.errors import ProviderError
from agentd.project.init import initialise

CHANGE = "greet-politely"
COMMANDS = (
    ("run", CHANGE, "Greet the user by name, and politely when the name is unknown"),
    ("status", CHANGE),
)
# What can be done in a project that is kept.
NEXT = (
    "git log --stat",
    f"git show -- 'agentd/archive/*-{CHANGE}/STATE.yaml'",
    "agentd cost --by step",
    f"agentd log {CHANGE}",
    f"agentd show {CHANGE}",
    'agentd run say-goodbye "Say goodbye by name" --provider claude',
)
_DOCUMENTS = Path(__file__).parent / "documents"
_CLIS = Path(".demo")  # in the project; git ignores it
_AUTHOR = ("-c", "user.name=agentd demo", "-c", "user.email=demo@localhost")


def play(say: Callable[[str], None], *, keep: Path | None = None) -> None:
    """Make a project in ``keep`` (or a temporary folder), run COMMANDS there, tell all of it.

    Raises InputError when ``keep`` is not empty, ProviderError when a command failed.
    """
    say("This is a replay: stand-ins take the place of gemini, claude and codex. They print what")
    say("the real CLIs printed when they were recorded; nothing leaves this machine, nothing is")
    say("spent. The costs are what those tokens cost at the catalogue's prices. codex's session")
    say("log, where agentd looks for subagents, is not a recording. The model that answered is the")
    say("recording's; the line below it names the one that agentd chose.")
    with tempfile.TemporaryDirectory(prefix="agentd-demo-") as temporary:
        home = Path(temporary)
        root = keep or home / "project"
        has_git = _make_project(root)
        for command in COMMANDS:
            say(f"\n$ agentd {shlex.join(command)}")
            say(_agentd(command, root, home))
        change = next((root / "agentd" / "archive").glob(f"*-{CHANGE}"))
        text = (change / "STATE.yaml").read_text(encoding="utf-8")
        say("\nThe first calls of the telemetry block in STATE.yaml, as git would show them:\n")
        say("\n".join(text[text.index("telemetry:") :].splitlines()[:48]) + "\n  ...")
        if has_git:
            _commit(root, "Greet the user by name, and politely")
        if keep is not None:
            _tell_next(say, root, has_git=has_git)


def _tell_next(say: Callable[[str], None], root: Path, *, has_git: bool) -> None:
    kind = "a git repository" if has_git else "no repository, as git is not installed"
    say(f"\nThe project is {root}, {kind}. The replaying CLIs are in its folder")
    say(f"{_CLIS}/. They know one more change, the last of these:\n")
    if shutil.which("agentd") is None:
        say(f'  export PATH="{Path(sys.executable).parent}:$PATH"')
    say(f"  cd {shlex.quote(str(root))}")
    for command in NEXT:
        if has_git or not command.startswith("git "):
            say(f"  {command}")


def _make_project(root: Path) -> bool:
    """Make it with its stand-ins; whether it is a git repository."""
    make_empty(root)
    shutil.copytree(_DOCUMENTS / "start", root, dirs_exist_ok=True)
    (root / _CLIS).mkdir()
    (root / _CLIS / ".gitignore").write_text("*\n")
    (root / ".gitignore").write_text("__pycache__/\n")
    try:
        git.output(root, "-c", "init.defaultBranch=main", "init", "-q")
        has_git = True
    except git.NoGit:
        has_git = False
    project = initialise(root, project_name="demo").project
    commands = []
    for provider in ("claude", "codex", "gemini"):
        stand_in = _CLIS / provider
        (root / stand_in).write_text(
            f'#!/bin/sh\nexec "{sys.executable}" -m agentd.cli.demo.standin {provider} "$@"\n'
        )
        (root / stand_in).chmod(0o755)
        commands.append((f"{provider}.command", str(stand_in)))
    # A replay asks no API, and fails as often as it is tried; the project has no tests.
    rest = [("meter.wire", "off"), ("workflow.script_retries", "0"), ("checks.test", "")]
    set_values(project.config_path, [*commands, *rest])
    if has_git:
        _commit(root, "A program that says hello, and agentd")
    return has_git


def _commit(root: Path, message: str) -> None:
    git.output(root, "add", "-A")
    git.output(root, *_AUTHOR, "commit", "-q", "--no-gpg-sign", "-m", message)


def _agentd(command: tuple[str, ...], root: Path, home: Path) -> str:
    own = {"HOME": str(home), "CODEX_HOME": str(home / ".codex"), "AGENTD_DEMO_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-m", "agentd", *command],
        cwd=root,
        env={**os.environ, **own},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ProviderError(
            f"agentd {shlex.join(command)} ended with exit code {done.returncode}: {done.stderr}"
        )
    return done.stdout.rstrip()
