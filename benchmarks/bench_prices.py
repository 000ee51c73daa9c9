"""The price of a call by a model's name: after the first one, and of names never seen before."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from agentd import ModelRegistry, calculate_cost
from agentd.metering.usage import ModelUsage

CALLS = 20_000
RUNS = 7
USAGE = ModelUsage(input_tokens=250_000, output_tokens=900, cache_read_input_tokens=8_000)
NAMES = ("gpt-4o", "claude-sonnet-4-5-20250929", "sonnet", "models/gemini-2.5-pro", "no-such-model")


def main() -> None:
    began = time.perf_counter()
    calculate_cost(USAGE, "gpt-4o")
    print(f"first call, with the catalogue's import {(time.perf_counter() - began) * 1000:7.0f} ms")
    for name in NAMES:
        calculate_cost(USAGE, name)
        in_us = per_call_us(lambda name=name: calculate_cost(USAGE, name))
        total_us = per_call_us(lambda name=name: calculate_cost(1001, name))
        print(f"{name:<28} {in_us:6.1f} us a call, {total_us:6.1f} us for a bare total")
    known_us = per_call_us(lambda: ModelRegistry.resolve("gpt-4o"))
    print(f"resolve, name known already  {known_us:6.2f} us")
    fresh = iter(range(10**9))
    new_us = per_call_us(lambda: ModelRegistry.resolve(f"gpt-4o-{next(fresh)}"))
    print(f"resolve, a new name each     {new_us:6.2f} us")


def per_call_us(call: Callable[[], object]) -> float:
    """Microseconds of one call: the median of several runs."""
    runs = []
    for _ in range(RUNS):
        began = time.perf_counter()
        for _ in range(CALLS):
            call()
        runs.append((time.perf_counter() - began) / CALLS * 1e6)
    return statistics.median(runs)


if __name__ == "__main__":
    main()
