"""Stands in for a coding CLI in tests: does what plan.json says for the step in its prompt.

A plan entry, or a list of them for one round after another: ``stdout`` (file to replay), ``files``
({path: text}; ``change/`` is the change's folder), ``exit`` (code), ``sleep_s`` (before it
answers), ``shell`` (what else it does). ``../began.log`` and ``../finished.log`` count its runs.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

prompt = sys.stdin.read()
heading = re.search(r"^# agentd: step `([a-z-]+)` of change `([a-z0-9-]+)`$", prompt, re.MULTILINE)
assert heading, prompt[:200]
step, change_id = heading.groups()
with Path("../began.log").open("a") as log:
    log.write(f"{change_id} {step}\n")
plan = json.loads(Path("../plan.json").read_text())[step]
if isinstance(plan, list):  # one answer a round; the last one for all that follow
    rounds = Path(f"../{change_id}.{step}.rounds")
    number = len(rounds.read_text()) if rounds.exists() else 0
    plan = plan[min(number, len(plan) - 1)]
else:
    rounds = None
Path("../argv.txt").write_text("\n".join(sys.argv[1:]))
time.sleep(plan.get("sleep_s", 0))
if rounds is not None and not plan.get("exit"):
    rounds.write_text("." * (number + 1))
for name, text in plan["files"].items():
    target = Path(name)
    if target.parts[0] == "change":
        target = Path("agentd/changes", change_id, *target.parts[1:])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
if plan.get("shell"):
    subprocess.run(plan["shell"], shell=True, check=True, stdout=subprocess.DEVNULL)
if plan["stdout"]:
    sys.stdout.write(Path(plan["stdout"]).read_text())
sys.stdout.flush()
if rounds is not None and not plan.get("exit"):
    with Path("../finished.log").open("a") as log:
        log.write(f"{change_id} {step} {number}\n")
sys.exit(plan.get("exit", 0))
