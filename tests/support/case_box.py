"""A project whose CLIs print, and log, what a case's folder holds (see case_cli.py)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.workspace import Sandbox

STANDIN = Path(__file__).parents[1] / "standins" / "case_cli.py"
CONFIG = """
project_name = "p"
[workflow]
script_retries = 0
[claude]
[codex]
[gemini]
[meter]
wire = "off"
[pricing]
sources = ["config", "reported", "catalog"]
"""


def case_box(folder: Path) -> Sandbox:
    """The project, in ``folder``, where its CLIs lie too."""
    root = folder / "project"
    (root / "agentd").mkdir(parents=True)
    (root / "agentd" / "config.toml").write_text(CONFIG)
    for name in ("claude", "codex", "gemini"):
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STANDIN}"\n')
        script.chmod(0o755)
    return Sandbox(root)


def run_case(
    box: Sandbox, case: Path, *arguments: str, code: int = 0
) -> subprocess.CompletedProcess[str]:
    """The proposal of change c1, whose CLI is found on the PATH and plays ``case``."""
    return box.run(
        *("proposal", "c1", "x", *arguments),
        CASE=str(case),
        CASE_EXIT=str(code),
        PATH=f"{box.root.parent}:/usr/bin:/bin",
    )
