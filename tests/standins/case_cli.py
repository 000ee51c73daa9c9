"""Stands in for a coding CLI in tests: leaves the session logs of a case, and prints its stdout.

``CASE`` is the case's folder, ``CASE_EXIT`` the exit code. In the logs {TS} stands for the time
now, and the folder DAY for the day.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

sys.stdin.read()
case, now = Path(os.environ["CASE"]), datetime.now(UTC)
for log in (case / "home").rglob("*.jsonl"):
    name = log.relative_to(case / "home").as_posix().replace("DAY", now.strftime("%Y/%m/%d"))
    target = Path(os.environ["HOME"]) / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(log.read_text().replace("{TS}", now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")))
sys.stdout.write((case / "stdout").read_text())
sys.stdout.flush()
sys.exit(int(os.environ["CASE_EXIT"]))
