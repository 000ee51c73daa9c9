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

from agentd.config.edit import set_values
from agentd.errors import InputError, ProviderError
from agentd.project.init import initialise

CHANGE = "greet-politely"
COMMANDS = (
    ("plan", CHANGE, "Greet the user by name, and politely when the name is unknown"),
    ("impl", CHANGE),
    ("archive", CHANGE),
    ("status", CHANGE),
)
_DOCUMENTS = Path(__file__).parent / "documents"


def play(say: Callable[[str], None], *, keep: Path | None = None) -> None:
    """Make a project in ``keep`` (or a temporary folder), run COMMANDS there, tell all of it.

    Raises InputError when ``keep`` is not empty, ProviderError when a command failed.
    """
    say("This is a replay: stand-ins take the place of gemini, claude and codex. They print what")
    say("the real CLIs printed when they were recorded; nothing leaves this machine, nothing is")
    say("spent. The costs are what those tokens cost at the catalogue's prices. codex's session")
    say("log, where agentd looks for subagents, is not a recording.")
    with tempfile.TemporaryDirectory(prefix="agentd-demo-") as temporary:
        home = Path(temporary)
        root = keep or home / "project"
        _make_project(root, home)
        for command in COMMANDS:
            say(f"\n$ agentd {shlex.join(command)}")
            say(_agentd(command, root, home))
        change = next((root / "agentd" / "archive").glob(f"*-{CHANGE}"))
        text = (change / "STATE.yaml").read_text(encoding="utf-8")
        say("\nThe first calls of the telemetry block in STATE.yaml, as git would show them:\n")
        say("\n".join(text[text.index("telemetry:") :].splitlines()[:48]) + "\n  ...")
        if keep is not None:
            say(f"\nThe project: {root}")


def _make_project(root: Path, home: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    if any(root.iterdir()):
        raise InputError(f"{root} is not empty", fix="Name a new folder with --keep.")
    project = initialise(root, project_name="demo").project
    shutil.copytree(_DOCUMENTS / "start", root, dirs_exist_ok=True)
    for provider in ("claude", "codex", "gemini"):
        stand_in = home / provider
        stand_in.write_text(
            f'#!/bin/sh\nexec "{sys.executable}" -m agentd.cli.demo.standin {provider} "$@"\n'
        )
        stand_in.chmod(0o755)
        set_values(project.config_path, [(f"{provider}.command", str(stand_in))])
    set_values(project.config_path, [("meter.wire", "off")])  # a replay asks no API


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
