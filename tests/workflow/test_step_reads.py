"""How often one step reads STATE.yaml: each time costs as much as the change has calls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.workflow_box import STREAM, box_with, calls_of, put_change
from support.workspace import REVIEW

COUNTING = Path(__file__).parents[1] / "standins" / "counting_agentd.py"
BUDGET = "[budget]\nlimit_tokens = 5000000\n"


@pytest.mark.parametrize("budget", ["", BUDGET])
def test_a_review_reads_its_ledger_three_times_at_most(tmp_path: Path, budget: str) -> None:
    box = box_with(tmp_path)
    config = box.root / "agentd/config.toml"
    config.write_text(config.read_text() + budget)
    put_change(box, "add-x", "implementing", {"IMPLEMENTATION.md": "# I\n", "REVIEW.md": "old"})
    box.answer("review", STREAM, {"change/REVIEW.md": REVIEW})
    for number in (1, 2):
        done = subprocess.run(
            [sys.executable, str(COUNTING), "review", "add-x"],
            cwd=box.root,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert "verdict: APPROVED" in done.stdout
        parses = int(done.stderr.rpartition("parses: ")[2])
        assert 1 <= parses <= 3, done.stderr
        assert calls_of(box, "add-x") == [("review", "ok")] * number
