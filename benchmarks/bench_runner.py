"""ScriptRunner against a bare loop that copies a CLI's lines to a file.

    python benchmarks/bench_runner.py [MIB]

Both run the same program, which prints MIB (200) of JSON lines of some 200 bytes in the style of
claude's stream-json; 4 % of them are decoded. They take turns in one process each, so that the
peak of resident memory is theirs alone; the ratio is of the best of three rounds each.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentd.metering.usage import UsageMetrics
from agentd.providers.base import Cli, Invocation, Parsed
from agentd.providers.provider import Provider
from agentd.runner.run import RunRequest, ScriptRunner

# The CLI: big writes of a ready-made block, so that it is not what is measured.
CLI = """
import sys
block = open(sys.argv[1], "rb").read()
for _ in range(int(sys.argv[2]) * 1048576 // len(block) + 1):
    sys.stdout.buffer.write(block)
print('{"type": "result"}')
"""
ROUNDS = 3
GOAL_RATIO = 0.5
GOAL_GROWTH_MIB = 50


class CountingParser:
    """Adds up the output tokens it is shown, as a stand-in for a real parser's work."""

    def __init__(self) -> None:
        self._input, self._output, self._complete = 0, 0, False

    def feed(self, event: Mapping[str, Any]) -> None:
        if event["type"] == "result":
            self._complete = True
        usage = event.get("message", event).get("usage", {})
        self._input += usage.get("input_tokens", 0)
        self._output += usage.get("output_tokens", 0)

    def parsed(self) -> Parsed:
        usage = UsageMetrics(input_tokens=self._input, output_tokens=self._output)
        return Parsed(usage=usage, complete=self._complete, session_id="bench")


def block() -> bytes:
    """5,000 lines; every 25th holds a marker."""
    delta = {
        "type": "stream_event",
        "event": {"type": "content_block_delta", "index": 0, "delta": {"text": "word " * 4}},
        "session_id": "5f0c4a9e-0000-4000-8000-000000000000",
        "uuid": "x" * 24,
    }
    message = {
        "type": "assistant",
        "message": {
            "id": "msg_01",
            "model": "claude-sonnet-4-5",
            "usage": {"input_tokens": 3, "cache_read_input_tokens": 12000, "output_tokens": 7},
        },
        "uuid": "x" * 36,
    }
    lines = [json.dumps(delta)] * 24 + [json.dumps(message)]
    return ("\n".join(lines * 200) + "\n").encode()


def bare_loop(argv: list[str], folder: Path) -> float:
    """Seconds that the plain copy takes."""
    began = time.perf_counter()
    with (
        open(folder / "copy", "wb") as out,
        subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            out.write(line)
    return time.perf_counter() - began


def runner(argv: list[str], folder: Path) -> float:
    """Seconds that ScriptRunner takes, from the call to the result."""

    def build(invocation: Invocation) -> list[str]:
        return argv

    cli = Cli(argv=build, new_parser=CountingParser, markers=(b'"usage"', b'"result"', b'"init"'))
    request = RunRequest(
        call_id="bench",
        step="proposal",
        provider=Provider(name="bench", title="bench", cli=lambda: cli),
        command=argv[0],
        prompt="",
        cwd=folder,
        runs_dir=folder,
    )
    began = time.perf_counter()
    result = ScriptRunner().run(request)
    seconds = time.perf_counter() - began
    assert result.status == "ok", result.error
    assert result.usage.output_tokens > 0
    return seconds


def measure(kind: str, mib: int) -> None:
    """One round in this process; prints seconds, MiB printed, and MiB that resident memory grew."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "block").write_bytes(block())
        argv = [sys.executable, "-c", CLI, str(folder / "block"), str(mib)]
        before = resident_mib("VmRSS")
        seconds = bare_loop(argv, folder) if kind == "bare" else runner(argv, folder)
        growth = resident_mib("VmHWM") - before
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(json.dumps({"seconds": seconds, "mib": size / (1 << 20), "growth_mib": growth}))


def resident_mib(field: str) -> float:
    """``VmRSS`` (now) or ``VmHWM`` (the peak) of this process.

    Without /proc the peak for both. On Linux ru_maxrss won't do: it begins with the parent's.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith(field))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)  # macOS: bytes


def main(mib: int) -> None:
    """Print the figures; ends the process with 1 when a goal was missed."""
    rounds: dict[str, list[dict[str, float]]] = {"bare": [], "runner": []}
    for _ in range(ROUNDS):
        for kind, results in rounds.items():
            done = subprocess.run(
                [sys.executable, __file__, kind, str(mib)],
                check=True,
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            )
            results.append(json.loads(done.stdout))
    speed = {
        kind: max(result["mib"] / result["seconds"] for result in results)
        for kind, results in rounds.items()
    }
    growth = max(result["growth_mib"] for result in rounds["runner"])
    ratio = speed["runner"] / speed["bare"]
    print(f"bare loop     {speed['bare']:7.0f} MiB/s")
    print(f"ScriptRunner  {speed['runner']:7.0f} MiB/s   {ratio:.2f} of it (goal >= {GOAL_RATIO})")
    print(f"resident memory grew by {growth:.1f} MiB (goal < {GOAL_GROWTH_MIB})")
    if ratio < GOAL_RATIO or growth >= GOAL_GROWTH_MIB:
        sys.exit("a goal was missed")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments and arguments[0] in ("bare", "runner"):
        measure(arguments[0], int(arguments[1]))
    else:
        main(int(arguments[0]) if arguments else 200)
