"""The command agentd, run for real."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def agentd(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run it in ``cwd``; what it said, whatever its exit code."""
    return subprocess.run(
        [sys.executable, "-m", "agentd", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
