"""From the event that crosses a limit to the signal that stops the CLI: milliseconds.

A stand-in prints claude's first message, or lets codex's session log grow by a response, as the
recordings have them, and notes when; its handler of SIGINT notes when the signal came. Between lie
reading, parsing, pricing and the comparison with the limits of the change and the project, which
takes the project's lock: as in a step of the workflow.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from agentd.budget.allowance import Allowance
from agentd.ledger.store import StateStore
from agentd.project.change import Change
from agentd.project.layout import Project
from agentd.providers import PROVIDERS
from agentd.runner.run import RunRequest, ScriptRunner

ROUNDS = 20
GOAL_MS = 50
FIXTURES = Path(__file__).parent.parent / "fixtures"
CLAUDE = FIXTURES / "recordings/claude/2.1.330/tool_stream_json_partial/stdout"
CODEX = FIXTURES / "session_logs/codex/0.169.0/tool/home/.codex/sessions"
CONFIG = """
[pricing.models]
m = { cost_per_1m_input = 1, cost_per_1m_output = 2 }
gpt-5 = { cost_per_1m_input = 1, cost_per_1m_output = 2 }
claude-opus-5-5 = { cost_per_1m_input = 1, cost_per_1m_output = 2 }
[budget]
limit_usd = 1
[budget.project]
limit_usd = 0.0001
"""
CLI = """
import json, re, signal, sys, time
from datetime import datetime, timezone
from pathlib import Path
plan = json.loads(Path("plan.json").read_text())
def stop(number, frame):
    Path("times").write_text(json.dumps([wrote, time.monotonic()]))
    sys.exit(0)
signal.signal(signal.SIGINT, stop)
now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
for line in plan["said"]:
    print(line, flush=True)
log = Path(plan["log"]) if plan["log"] else None
if log:
    log.parent.mkdir(parents=True, exist_ok=True)
time.sleep(0.5)
lines = [re.sub('"timestamp":"[^"]*"', f'"timestamp":"{now}"', line) for line in plan["lines"]]
with (log.open("a") if log else sys.stdout) as out:
    out.write("\\n".join(lines[:-1]) + "\\n")
    out.flush()
    time.sleep(0.3)
    wrote = time.monotonic()
    out.write(lines[-1] + "\\n")
    out.flush()
    time.sleep(20)
"""


def main() -> None:
    for name in ("claude", "codex"):
        times_ms = sorted(one_stop(name) for _ in range(ROUNDS))
        where = "stdout" if name == "claude" else "session log"
        print(
            f"{name} ({where}): median {statistics.median(times_ms):.0f} ms, "
            f"longest {times_ms[-1]:.0f} ms of {ROUNDS} (goal: below {GOAL_MS})"
        )


def one_stop(name: str) -> float:
    """Milliseconds from the write of the event to the signal's arrival."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "plan.json").write_text(json.dumps(plan(name, root)))
        (root / "cli.py").write_text(CLI)
        (root / name).write_text(f"#!/bin/sh\nexec {sys.executable} cli.py\n")
        (root / name).chmod(0o755)
        change = root / "agentd/changes/x"
        (root / "agentd").mkdir()
        (root / "agentd/config.toml").write_text(CONFIG)
        StateStore(change).create("x")
        request = RunRequest(
            call_id="20261125T100000-review-0a1b2c3d",
            step="review",
            provider=PROVIDERS[name],
            command=str(root / name),
            model="m",
            prompt="x",
            cwd=root,
            runs_dir=change / "runs",
            environ={"PATH": "/usr/bin:/bin", "CODEX_HOME": str(root)},
        )
        found = Change(Project(root), change.name, change)
        allowance = Allowance(found, request, override=False)
        allowance.admit()
        result = ScriptRunner().run(replace(request, meter=allowance.meter))
        assert result.status == "budget_stopped", result
        wrote, signalled = json.loads((root / "times").read_text())
        return (signalled - wrote) * 1000


def plan(name: str, root: Path) -> dict[str, object]:
    if name == "claude":
        lines = CLAUDE.read_text().splitlines()
        at = next(n for n, line in enumerate(lines) if '"type":"message_start"' in line)
        return {"said": [], "log": None, "lines": lines[: at + 1]}
    (log,) = CODEX.rglob("*.jsonl")
    lines = log.read_text().splitlines()
    thread_id = json.loads(lines[0])["payload"]["id"]
    at = next(n for n, line in enumerate(lines) if '"token_usage_record"' in line)
    return {
        "said": [json.dumps({"type": "thread.started", "thread_id": thread_id})],
        "log": str(root / "sessions" / log.relative_to(CODEX)),
        "lines": lines[: at + 1],
    }


if __name__ == "__main__":
    main()
