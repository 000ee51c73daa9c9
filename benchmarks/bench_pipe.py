"""``agentd pipe`` against a bare tiktoken loop, two workers against one, and memory.

Goals: one worker on 50,000 lines of about 500 characters takes less time, from start to end, than
tiktoken's loop over the same texts alone (without its start, its ranks and reading); on 500,000
lines two workers are 1.6 times as fast as one; one worker's processes together stay below 200 MB
(PSS), at 500,000 lines as at 50,000. Runs take turns; the best of each counts, since other work on
the machine only ever slows one down. Linux only (/proc), and about two minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parent))

from corpus import pieces, write_jsonl
from support.tiktoken_truth import rank_folder

ROUNDS = 5
LONG_ROUNDS = 2
LINES = 50_000
TIMES = 10
PIPE = [sys.executable, "-m", "agentd", "pipe", "--model", "gpt-4o", "--quiet", "--workers"]
QUOTA = ["--max-cost", "1000000"]  # never reached: every line is priced and held against it
LOOP = """
import json, sys, time
import tiktoken
encode = tiktoken.get_encoding("o200k_base").encode_ordinary
texts = [json.loads(line)["text"] for line in sys.stdin.buffer]
start, start_cpu = time.perf_counter(), time.process_time()
for text in texts:
    len(encode(text))
print(time.perf_counter() - start, time.process_time() - start_cpu)
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, rank_folder("o200k_base") as ranks:
        environment = {**os.environ, "TIKTOKEN_CACHE_DIR": str(ranks)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        short, long = Path(folder, "short.jsonl"), Path(folder, "long.jsonl")
        write_jsonl(short, pieces(LINES))
        with long.open("wb") as file:
            for _ in range(TIMES):
                file.write(short.read_bytes())
        against_tiktoken(short, environment)
        against_one_worker(long, environment)
        for source in (short, long):
            peak = peak_mb(source, environment)
            print(f"one worker's processes, {source.stem}: at most {peak:.0f} MB")


def against_tiktoken(source: Path, environment: dict[str, str]) -> None:
    kinds = ("loop", "whole", "pipe", "quota", "loop cpu", "cpu", "quota cpu")
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(ROUNDS):
        start = time.perf_counter()
        with source.open("rb") as lines:
            out = subprocess.run(
                [sys.executable, "-c", LOOP],
                stdin=lines,
                capture_output=True,
                check=True,
                env=environment,
            ).stdout
        times["whole"].append(time.perf_counter() - start)
        loop, loop_cpu = map(float, out.split())
        times["loop"].append(loop)
        times["loop cpu"].append(loop_cpu)
        wall, cpu = piped(source, 1, environment)
        times["pipe"].append(wall)
        times["cpu"].append(cpu)
        wall, cpu = piped(source, 1, environment, *QUOTA)
        times["quota"].append(wall)
        times["quota cpu"].append(cpu)
    best = {name: min(values) for name, values in times.items()}
    print(f"{LINES:,} lines, in seconds by the clock and of processor time")
    print(f"pipe, start to end                   {best['pipe']:6.2f} {best['cpu']:6.2f}")
    print(f"pipe with a quota                    {best['quota']:6.2f} {best['quota cpu']:6.2f}")
    print(f"tiktoken's loop alone                {best['loop']:6.2f} {best['loop cpu']:6.2f}")
    print(f"tiktoken, start to end               {best['whole']:6.2f}")
    print(f"tiktoken's loop alone / pipe:        {best['loop'] / best['pipe']:6.2f}")
    print(f"tiktoken, start to end / pipe:       {best['whole'] / best['pipe']:6.2f}")
    print(f"pipe with a quota / without:         {best['quota'] / best['pipe']:6.2f}")


def against_one_worker(source: Path, environment: dict[str, str]) -> None:
    walls: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(LONG_ROUNDS):
        for workers, times in walls.items():
            wall, _ = piped(source, workers, environment)
            times.append(wall)
            print(f"{LINES * TIMES:,} lines, workers={workers}: {wall:6.2f} s")
    print(f"one worker / two workers:            {min(walls[1]) / min(walls[2]):6.2f}")


def piped(
    source: Path, workers: int, environment: dict[str, str], *more: str
) -> tuple[float, float]:
    """Seconds by the clock and of processor time, from start to end."""
    before, start = os.times(), time.perf_counter()
    with source.open("rb") as lines:
        subprocess.run(
            [*PIPE, str(workers), *more],
            stdin=lines,
            stdout=subprocess.DEVNULL,
            check=True,
            env=environment,
        )
    wall, after = time.perf_counter() - start, os.times()
    cpu = after.children_user + after.children_system
    return wall, cpu - before.children_user - before.children_system


def peak_mb(source: Path, environment: dict[str, str]) -> float:
    """The largest sum of PSS, in which memory that processes share counts once."""
    peak_kb = 0
    with (
        source.open("rb") as lines,
        subprocess.Popen(
            [*PIPE, "1"], stdin=lines, stdout=subprocess.DEVNULL, env=environment
        ) as process,
    ):
        while process.poll() is None:
            peak_kb = max(peak_kb, sum(map(pss_kb, (process.pid, *children(process.pid)))))
            time.sleep(0.02)
    return peak_kb / 1024


def children(pid: int) -> list[int]:
    try:
        return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        return []


def pss_kb(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        return 0
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


if __name__ == "__main__":
    main()
