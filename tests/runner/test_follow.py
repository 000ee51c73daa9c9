"""Following a CLI: agentd sees its end at once."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from agentd.runner.family import Family
from agentd.runner.follow import StartedCli


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="no pidfd here")
def test_a_pause_ends_with_the_cli(tmp_path: Path) -> None:
    unread: Any = None
    with subprocess.Popen(["sleep", "0.05"]) as process:
        cli = StartedCli(process, Family(tmp_path), unread, tmp_path / "stdout")
        began = time.monotonic()
        cli.pause(30)
        assert time.monotonic() - began < 20
        assert not cli.works()
        assert cli.exit_code == 0
        fds = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        cli.pause(0.001)  # of what it has left
        assert len(os.listdir("/proc/self/fd")) == fds  # noqa: PTH208
