"""The first token of a step with an HTTP provider, against when its server sent it.

    python benchmarks/bench_http.py [ROUNDS]

A server in this process streams an answer and notes when its first token leaves. The provider's
process runs as in a step, behind the relay of a run; its first line of text ends the clock.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import BinaryIO

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.chat_api import USAGE, chunk
from support.raw_api import Asked, head, raw_api

from agentd.meter.process import RelayProcess
from agentd.providers.http.options import AT, Options, arguments

GOAL_MS = 150.0
sent_at: list[float] = []


def answer(_: Asked, out: BinaryIO) -> None:
    """A token now, the rest a moment later."""
    out.write(head("connection: close"))
    out.flush()
    time.sleep(0.05)
    sent_at.append(time.monotonic())
    for piece in (chunk("OK"), chunk(finish="stop", usage=USAGE)):
        out.write(f"data: {json.dumps(piece)}\n\n".encode())
        out.flush()
        time.sleep(0.1)


def first_token_ms(url: str, folder: Path) -> float:
    """From the server's first token to the provider's first line of text."""
    relay = RelayProcess(
        (sys.executable, "-m", "agentd.budget.gate"),
        {"provider": "http", "upstream": f"{url}/v1"},
        run_dir=folder,
    )
    options = Options(base_url=f"{url}/v1", model="m-1")
    argv = [sys.executable, "-P", "-m", "agentd.providers.http", "--model", "m-1"]
    with subprocess.Popen(
        [*argv, *arguments(options), AT, relay.url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=relay.held_by_run,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"Say OK.")
        process.stdin.close()
        heard_at = None
        for line in process.stdout:
            if b'"type": "text"' in line and heard_at is None:
                heard_at = time.monotonic()
    relay.leave()
    assert heard_at is not None
    return (heard_at - sent_at[-1]) * 1000


def main() -> None:
    """Measure some runs, and print the median and the longest."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    found = []
    with raw_api(answer) as api:
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                found.append(first_token_ms(api.url, Path(folder)))
    median, longest = statistics.median(found), max(found)
    mark = "ok" if longest < GOAL_MS else "MISSED"
    print(
        f"first token after the server's, median of {rounds}: {median:.1f} ms, longest "
        f"{longest:.1f} ms (goal {GOAL_MS:.0f} ms) {mark}"
    )


if __name__ == "__main__":
    main()
