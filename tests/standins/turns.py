"""Stands in for a CLI with several turns: prints turns.json's recording, and waits in between.

``stdout``: the recording. ``pause_after``: texts; behind the first line that holds one of them it
waits half a minute, unless a signal ends it, and then notes in ``went-on`` that nobody stopped it.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

plan = json.loads(Path("../turns.json").read_text())
sys.stdin.read()
waited = False
for line in Path(plan["stdout"]).read_text().splitlines():
    print(line, flush=True)
    if not waited and any(text in line for text in plan["pause_after"]):
        time.sleep(30)
        Path("../went-on").touch()
        waited = True
