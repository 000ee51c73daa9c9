"""The command for the status line of Claude Code: statusline."""

from __future__ import annotations

import os
import select
import sys
import time
from pathlib import Path

from agentd.cli.terminal import show

_MAX_BYTES = 1_000_000
_PATIENCE_S = 0.5
"""How long to wait for what Claude Code writes; it has written it before it starts a command."""


def statusline() -> None:
    """Print one line for the status line of Claude Code: change, phase, dollars of the limit.

    Reads from stdin what Claude Code tells it, and looks for the project in the folder it names.
    Prints nothing where there is no project or no open change. Exit code 0 whatever happens.
    """
    from agentd.reports.status_line import status_line
    from agentd.text import one_line

    try:
        if line := status_line(_folder(_told())):
            show(one_line(line))
            sys.stdout.flush()
    except Exception:  # noqa: BLE001 - an editor's line is no place for an error
        sys.stdout = None


def _told() -> bytes:
    """What stands on stdin, as far as it comes in time."""
    if sys.stdin is None or sys.stdin.isatty():
        return b""
    found, until = bytearray(), time.monotonic() + _PATIENCE_S
    fd = sys.stdin.fileno()
    while len(found) < _MAX_BYTES:
        ready, _, _ = select.select([fd], [], [], max(0.0, until - time.monotonic()))
        if not ready or not (data := os.read(fd, 1 << 16)):
            break
        found += data
    return bytes(found)


def _folder(told: bytes) -> Path:
    """The folder that Claude Code works in; the current one where it tells none."""
    from agentd.json_value import json_value

    try:
        value = json_value(told)
    except ValueError:
        return Path.cwd()
    workspace = value.get("workspace") if isinstance(value, dict) else None
    if isinstance(workspace, dict):
        for key in ("current_dir", "project_dir"):
            folder = workspace.get(key)
            if isinstance(folder, str) and Path(folder).is_dir():
                return Path(folder)
    return Path.cwd()
