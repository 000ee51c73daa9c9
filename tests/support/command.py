"""The command agentd, run for real."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from support.warm_start import run_agentd as agentd_bytes


def agentd(
    *arguments: str, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run it in ``cwd``; what it said, whatever its exit code; what is not UTF-8 as U+FFFD."""
    done = agentd_bytes(*arguments, cwd=cwd, env=env)
    out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)
