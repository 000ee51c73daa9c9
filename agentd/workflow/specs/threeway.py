"""Merging two edits of one text against what both started from, with ``git merge-file``."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

_CONFLICTS = range(1, 128)  # git-merge-file(1): the number of conflicts, 255 for an error


def merge_lines(base: str, ours: str, theirs: str) -> str | None:
    """Both edits in one text; None when they clash, and where there is no git to ask.

    Each text is taken as lines and comes back without a line feed at its end.
    """
    with tempfile.TemporaryDirectory(prefix="agentd-merge-") as name:
        folder = Path(name)
        for file, text in (("ours", ours), ("base", base), ("theirs", theirs)):
            (folder / file).write_text(f"{text}\n", encoding="utf-8", newline="")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        environment |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
        try:
            done = subprocess.run(
                ["git", "merge-file", "-p", "-q", "ours", "base", "theirs"],
                cwd=folder,
                env=environment,
                capture_output=True,
                check=False,
            )
        except FileNotFoundError:
            return None
    if done.returncode in _CONFLICTS:
        return None
    done.check_returncode()
    return done.stdout.decode().removesuffix("\n")
