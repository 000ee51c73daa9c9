"""What a meter is told of a run whose stdout is silent: the CLI's session log, as it grows."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from support.recordings import FIXTURES, recording

from agentd.metering.usage import UsageMetrics
from agentd.providers import PROVIDERS
from agentd.providers.activity import Snapshot, Watch
from agentd.runner.result import RunResult
from agentd.runner.run import RunRequest, ScriptRunner

pytestmark = pytest.mark.timing

SESSIONS = FIXTURES / "session_logs/codex/0.169.0/tool/home/.codex/sessions"
# Its log grows by a line every 20 ms, then it waits for half a minute, unless it is stopped.
CLI = """
import json, re, sys, time
from datetime import datetime, timezone
from pathlib import Path
plan = json.loads(Path("plan.json").read_text())
now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
print(plan["said"], flush=True)
log = Path(plan["log"])
log.parent.mkdir(parents=True)
with log.open("w") as out:
    for line in plan["lines"]:
        out.write(re.sub('"timestamp":"[^"]*"', f'"timestamp":"{now}"', line) + "\\n")
        out.flush()
        time.sleep(0.02)
time.sleep(30)
Path("went-on").touch()
"""


def run(
    root: Path,
    provider: str,
    meter_at: int | None,
    *,
    runner: ScriptRunner | None = None,
    watch: Watch | None = None,
) -> tuple[RunResult, list[int]]:
    """A run that is stopped at so many tokens; and the totals that the meter was told."""
    told: list[int] = []

    def meter(usage: UsageMetrics) -> bool:
        told.append(usage.input_tokens + usage.output_tokens)
        return told[-1] >= (meter_at or 0)

    (root / provider).write_text(f"#!/bin/sh\nexec {sys.executable} cli.py\n")
    (root / provider).chmod(0o755)
    result = (runner or ScriptRunner(stop_grace_s=2.0)).run(
        RunRequest(
            call_id="20261125T100000-review-0a1b2c3d",
            step="review",
            provider=PROVIDERS[provider],
            command=str(root / provider),
            prompt="x",
            cwd=root,
            runs_dir=root / "runs",
            environ={"PATH": "/usr/bin:/bin", "CODEX_HOME": str(root)},
            meter=None if meter_at is None else meter,
            watch=watch,
        )
    )
    return result, told


def test_codex_is_stopped_by_what_its_log_tells(tmp_path: Path) -> None:
    (log,) = SESSIONS.rglob("*.jsonl")
    lines = log.read_text().splitlines()
    thread_id = json.loads(lines[0])["payload"]["id"]
    usages = [
        json.loads(line)["payload"]["usage"] for line in lines if '"token_usage_record"' in line
    ]
    totals = [usage["input_tokens"] + usage["output_tokens"] for usage in usages]
    plan = {
        "said": json.dumps({"type": "thread.started", "thread_id": thread_id}),
        "log": str(tmp_path / "sessions" / log.relative_to(SESSIONS)),
        "lines": [line for line in lines if "task_complete" not in line],
    }
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    (tmp_path / "cli.py").write_text(CLI)
    result, told = run(tmp_path, "codex", sum(totals))
    assert result.status == "budget_stopped"
    assert told == [totals[0], sum(totals)]
    assert result.usage.input_tokens + result.usage.output_tokens == sum(totals)
    assert not (tmp_path / "went-on").exists()


def test_who_watches_codex_sees_what_its_log_tells(tmp_path: Path) -> None:
    (log,) = SESSIONS.rglob("*.jsonl")
    lines = log.read_text().splitlines()
    plan = {
        "said": json.dumps(
            {"type": "thread.started", "thread_id": json.loads(lines[0])["payload"]["id"]}
        ),
        "log": str(tmp_path / "sessions" / log.relative_to(SESSIONS)),
        "lines": [line for line in lines if "task_complete" not in line],
    }
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    (tmp_path / "cli.py").write_text(CLI)
    runner, seen = ScriptRunner(stop_grace_s=2.0), [0]

    def watch(snapshot: Snapshot) -> None:
        seen.append(snapshot.usage.total_tokens if snapshot.usage else 0)
        if seen[-1] and seen[-1] == seen[-2]:
            runner.cancel()

    result, _ = run(tmp_path, "codex", None, runner=runner, watch=watch)
    assert result.status == "cancelled"
    assert max(seen) == result.usage.total_tokens > 0


def test_a_run_at_its_end_is_not_stopped(tmp_path: Path) -> None:
    """gemini tells its usage with its last line, and takes a moment to go."""
    stdout = recording("gemini/0.61.0/model_stream_json").folder / "stdout"
    (tmp_path / "cli.py").write_text(
        "import sys, time\n"
        f"sys.stdout.write(open({str(stdout)!r}).read())\n"
        "sys.stdout.flush()\n"
        "time.sleep(0.5)\n"
    )
    result, told = run(tmp_path, "gemini", 1)
    assert (result.status, told) == ("ok", [])


def test_a_run_that_does_not_end_after_its_end_is_stopped(tmp_path: Path) -> None:
    stdout = recording("gemini/0.61.0/model_stream_json").folder / "stdout"
    (tmp_path / "cli.py").write_text(
        "import sys, time\n"
        f"sys.stdout.write(open({str(stdout)!r}).read())\n"
        "sys.stdout.flush()\n"
        "time.sleep(30)\n"
    )
    result, told = run(tmp_path, "gemini", 1)
    assert (result.status, len(told)) == ("budget_stopped", 1)


def test_a_run_that_goes_on_after_a_result_is_stopped(tmp_path: Path) -> None:
    """claude may report a result, and work on: for a background task, another prompt."""
    path = "claude/2.1.330/stream_input_two_prompts"
    stdout = recording(path).folder / "stdout"
    (tmp_path / "cli.py").write_text(
        "import sys, time\n"
        f"lines = open({str(stdout)!r}).read().splitlines()\n"
        'first = next(n for n, line in enumerate(lines) if \'"type":"result"\' in line)\n'
        "print('\\n'.join(lines[: first + 1]), flush=True)\n"
        "time.sleep(0.3)\n"
        "print('\\n'.join(lines[first + 1 :]), flush=True)\n"
        "time.sleep(1)\n"
        'print(\'{"type":"system","subtype":"status"}\', flush=True)\n'
        "time.sleep(30)\n"
    )
    result, told = run(tmp_path, "claude", recording(path).total("input_tokens"))
    assert result.status == "budget_stopped"
    assert told
