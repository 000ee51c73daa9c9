"""The folders of a change's runs, and whether their call stands in STATE.yaml."""

from __future__ import annotations

import os
from pathlib import Path

PENDING = "call.pending.json"
UNJUDGED = "call.unjudged.json"
"""A call that is known, but not yet what its run did to the change."""
FINDINGS = "findings.json"
"""What a run did that it may not, whose agentd was killed: until its call is entered."""
ENTERED = "call.json"
LEDGER_LOCK = ".lock"
"""In ``runs/``: who writes the ledger holds it."""


def unentered(runs_dir: Path) -> list[Path]:
    """The folders of runs, oldest first, whose call was never marked as entered.

    Their call is kept, or the run still goes on, or agentd did not live to record it.
    """
    return [run_dir for run_dir in run_dirs(runs_dir) if not (run_dir / ENTERED).exists()]


def run_dirs(runs_dir: Path) -> list[Path]:
    """The folders of a change's runs, oldest first; none when there is no ``runs/``.

    None, too, when it is another user's, and so closed to this one.
    """
    try:
        with os.scandir(runs_dir) as entries:
            names = [found.name for found in entries if found.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except PermissionError:
        if is_closed(runs_dir):
            return []
        raise
    return [runs_dir / name for name in sorted(names)]


def is_closed(runs_dir: Path) -> bool:
    """Whether it is another user's, which this one may not look into."""
    return not os.access(runs_dir, os.R_OK | os.X_OK) and runs_dir.stat().st_uid != os.geteuid()
