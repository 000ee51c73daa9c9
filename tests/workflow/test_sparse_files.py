"""Files of a terabyte that lie about, all holes: nothing of them is read or copied whole."""

from __future__ import annotations

import os
import time
from pathlib import Path

from support.guards import git
from support.workflow_box import STREAM, box_with
from support.workspace import PROPOSAL

TB = 10**12


def test_a_step_among_files_of_a_terabyte(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    git(box.root, "init", "-q")
    (box.root / ".gitignore").write_text(".env\n")
    git(box.root, "add", "-A")
    git(box.root, "commit", "-qm", "all")
    for name in ("untracked.bin", ".env", "agentd/x.bin", "agentd/specs/big.md"):
        with (box.root / name).open("wb") as file:
            os.truncate(file.fileno(), TB)
    box.answer("proposal", STREAM, PROPOSAL)
    began = time.monotonic()
    done = box.run("proposal", "add-login", "words")
    assert time.monotonic() - began < 30
    assert done.returncode == 0, done.stderr
    assert "agentd keeps no copy of agentd/specs/big.md" in done.stderr
    assert len(box.telemetry("add-login")["calls"]) == 1
    written = sum(path.stat().st_blocks for path in tmp_path.rglob("*") if path.is_file())
    assert written * 512 < 10_000_000
