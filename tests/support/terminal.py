"""A command on a terminal of its own."""

from __future__ import annotations

import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from fcntl import ioctl
from pathlib import Path


def on_a_terminal(
    command: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    *,
    columns: int = 120,
    stdout: bool = False,
    timeout_s: float = 30,
) -> tuple[int, str]:
    """Its exit code, and what it prints as stderr (and stdout if asked), byte for byte."""
    leader, follower = pty.openpty()
    ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=follower if stdout else subprocess.DEVNULL,
        stderr=follower,
    ) as process:
        os.close(follower)
        shown = b""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if select.select([leader], [], [], 0.1)[0]:
                try:
                    chunk = os.read(leader, 65536)
                except OSError:  # Linux: the other side is closed
                    break
                if not chunk:
                    break
                shown += chunk
        process.wait(10)
    os.close(leader)
    return process.returncode, shown.decode()


def left_on_screen(shown: str) -> str:
    """What stays to be seen: lines as they were written last, with their colours."""
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in shown.split("\n"))
    return "\n".join(lines).replace("\x1b[K", "")


def without_colours(shown: str) -> str:
    """The text alone."""
    return re.sub(r"\x1b\[[\d;]*m", "", shown)


def drawn_lines(shown: str) -> list[str]:
    """The lines that were rewritten in place."""
    return [part.partition("\x1b[K")[0] for part in shown.split("\r") if "\x1b[K" in part]
