"""Counting tokens: the engines side by side, single counts, long runs, and ``agentd tokens``.

Goals: 10 KB in less than 1 ms (median) and 5 ms (99 of 100), ``"a" * 4096`` in less than 2 ms; ten
times as much of one character in at most 15 times the time; ``agentd tokens`` of a short text in at
most 6 times the time of ``agentd --version``. bpe_openai is measured too where it is installed.
Speeds and growth are in processor time, which a busy machine changes least, the rest is by the
clock, where a p99 may show that another process was at work.
Run it with ``python benchmarks/bench_tokens.py``; it takes about a minute.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.tiktoken_truth import rank_folder, truth
from support.tokens_corpus import long_texts

from agentd import count_tokens
from agentd.metering.tokens import get_encoding
from agentd.metering.tokens.bpe import PythonEngine
from agentd.metering.tokens.encoding import ONCE_CHARS

ENCODINGS = {"cl100k_base": "gpt-4", "o200k_base": "gpt-4o"}
ROUNDS = 3
STARTS = 9
LINE_CHARS = 500
LINES = 10_000
GOAL_P50_MS, GOAL_P99_MS, GOAL_A4096_MS = 1, 5, 2
GOAL_GROWTH = 15
GOAL_START = 6
RUNS = {"a": 100_000, " ": 100_000, "\U0001f600": 100_000}

# What a process pays for its first count, by engine; argv: the encoding, the number of characters.
COLD = {
    "fast": "from agentd.metering.tokens.fast import ToktokEngine as Engine",
    "Python": "from agentd.metering.tokens.bpe import PythonEngine as Engine",
    "tiktoken": "import tiktoken\ndef Engine(name):\n    engine = tiktoken.get_encoding(name)\n"
    "    engine.count = lambda text: len(engine.encode_ordinary(text))\n    return engine",
}
FIRST_COUNT = """
import random, sys, time
from pathlib import Path
text = (Path(random.__file__).read_text() * 20)[: int(sys.argv[2])]
start = time.process_time()
{}
Engine(sys.argv[1]).count(text)
print(time.process_time() - start)
"""


def main() -> None:
    """Measure and print."""
    lines = sample_lines()
    for name in ENCODINGS:
        print(f"{name}:")
        show_speeds(name, lines)
        show_first_counts(name)
        show_single_counts(name)
        show_growth(name)
    show_start()


def sample_lines() -> list[str]:
    """Texts of LINE_CHARS characters from the standard library."""
    every = (
        text[start : start + LINE_CHARS]
        for text in long_texts()
        for start in range(0, len(text), LINE_CHARS)
    )
    return [line for _, line in zip(range(LINES), every, strict=False)]


def show_speeds(name: str, lines: Sequence[str]) -> None:
    encoding, python, tiktoken = get_encoding(name), PythonEngine(name), truth(name)
    engines: dict[str, Callable[[], list[int]]] = {
        "agentd": lambda: encoding.count_batch(lines),
        "agentd without toktok-rs": lambda: [python.count(line) for line in lines],
        "tiktoken": lambda: [len(tiktoken.encode_ordinary(line)) for line in lines],
    }
    if find_spec("bpe_openai"):
        import bpe_openai

        other = bpe_openai.get_encoding(name)
        engines["bpe-openai"] = lambda: [len(other.encode_ordinary(line)) for line in lines]
    fastest = dict.fromkeys(engines, float("inf"))
    for _ in range(ROUNDS):
        for engine, work in engines.items():
            fastest[engine] = min(fastest[engine], seconds(work, time.process_time))
    for engine, taken in fastest.items():
        rate, ratio = len(lines) / taken, fastest["tiktoken"] / taken
        print(f"  {engine:<26}{rate:10,.0f} texts/s {ratio:6.1f} times tiktoken")


def show_first_counts(name: str) -> None:
    """The first count in a process: of a short text, and the longest that count_once takes."""
    with rank_folder(name) as folder:
        environment = {**os.environ, "TIKTOKEN_CACHE_DIR": str(folder)}
        for engine, how in COLD.items():
            program = FIRST_COUNT.format(how)
            taken = [
                statistics.median(
                    float(
                        subprocess.check_output(
                            [sys.executable, "-c", program, name, str(chars)], env=environment
                        )
                    )
                    for _ in range(ROUNDS)
                )
                for chars in (100, ONCE_CHARS)
            ]
            print(
                f"  first count, {engine:<9} {taken[0] * 1e3:5.0f} ms of 100 characters, "
                f"{taken[1] * 1e3:5.0f} ms of {ONCE_CHARS:,}"
            )


def show_single_counts(name: str) -> None:
    model = ENCODINGS[name]
    texts = [text[start : start + 10_240] for text in long_texts() for start in (0, 10_240)]
    texts = [text for text in texts if len(text) == 10_240] * 5
    for told, clock in (("by the clock", time.perf_counter), ("of processor", time.process_time)):
        taken = sorted(
            seconds(lambda text=text: count_tokens(text, model), clock) * 1e3 for text in texts
        )
        print(
            f"  10 KB, {len(texts)} counts, {told}: {statistics.median(taken):.3f} ms (goal < "
            f"{GOAL_P50_MS}), p99 {taken[len(taken) * 99 // 100]:.3f} ms (goal < {GOAL_P99_MS})"
        )
    run = statistics.median(seconds(lambda: count_tokens("a" * 4096, model)) for _ in range(99))
    print(f"  'a' * 4096 {run * 1e3:.3f} ms (goal < {GOAL_A4096_MS})")


def show_growth(name: str) -> None:
    engines = {"agentd": get_encoding(name), "without toktok-rs": PythonEngine(name)}
    for engine, counter in engines.items():
        for unit, length in RUNS.items():
            once = best(counter.count, unit * length)
            ten = best(counter.count, unit * (10 * length))
            print(
                f"  {engine}: {unit!r} * {length:,} {once * 1e3:.1f} ms, ten times as many "
                f"{ten * 1e3:.1f} ms: {ten / once:.1f} times (goal <= {GOAL_GROWTH})"
            )


def show_start() -> None:
    agentd = [sys.executable, "-m", "agentd"]
    commands = {
        "--version": [*agentd, "--version"],
        **{
            model: [*agentd, "tokens", "hello world", "--model", model]
            for model in (*ENCODINGS.values(), "claude-sonnet-4-5")
        },
    }
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    taken: dict[str, list[float]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as folder:
        for name, command in chain(*([commands.items()] * (STARTS + 1))):
            taken[name].append(
                seconds(
                    lambda command=command: subprocess.run(
                        command, check=True, stdout=subprocess.DEVNULL, env=environment, cwd=folder
                    )
                )
            )
    medians = {name: statistics.median(times[1:]) for name, times in taken.items()}
    version = medians.pop("--version")
    for model, median in medians.items():
        print(
            f"agentd tokens 'hello world' --model {model:<18} {median * 1e3:4.0f} ms: "
            f"{median / version:.1f} times agentd --version (goal <= {GOAL_START})"
        )


def best(count: Callable[[str], int], text: str) -> float:
    """The processor time of the fastest of some runs, in seconds."""
    return min(seconds(lambda: count(text), time.process_time) for _ in range(ROUNDS))


def seconds(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """The time of one run."""
    start = clock()
    work()
    return clock() - start


if __name__ == "__main__":
    main()
