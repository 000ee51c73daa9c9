"""The folders of a change's runs, and whether their call stands in STATE.yaml."""

from __future__ import annotations

import os
from pathlib import Path

PENDING = "call.pending.json"
ENTERED = "call.json"


def unentered(runs_dir: Path) -> list[Path]:
    """The folders of runs, oldest first, whose call was never marked as entered.

    Their call is kept, or the run still goes on, or agentd did not live to record it.
    """
    return [run_dir for run_dir in run_dirs(runs_dir) if not (run_dir / ENTERED).exists()]


def run_dirs(runs_dir: Path) -> list[Path]:
    """The folders of a change's runs, oldest first; none when there is no ``runs/``."""
    try:
        with os.scandir(runs_dir) as entries:
            names = [found.name for found in entries if found.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [runs_dir / name for name in sorted(names)]
