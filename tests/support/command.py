"""The command agentd, run for real."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def agentd(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run it in ``cwd``; what it said, whatever its exit code."""
    done = agentd_bytes(*arguments, cwd=cwd)
    out, err = done.stdout.decode(), done.stderr.decode()
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


def agentd_bytes(
    *arguments: str, cwd: Path, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """The same, byte for byte, with something on stdin."""
    return subprocess.run(
        [sys.executable, "-m", "agentd", *arguments],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
    )
