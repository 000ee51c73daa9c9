"""Appending a call to STATE.yaml: against a ruamel round trip, and at ten times the calls.

Goals: at least 100 times faster than load + dump at 1,000 calls; at 10,000 calls at most 12 times
the time at 1,000. Run it with ``python benchmarks/bench_append.py``; it takes about 15 seconds.
"""

from __future__ import annotations

import io
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from ruamel.yaml import YAML

from agentd.ledger import call_fields, render
from agentd.ledger.store import StateStore
from agentd.metering.call import CallRecord
from agentd.metering.usage import ModelUsage

GOAL_FASTER = 100
GOAL_GROWTH = 12

CALL = CallRecord(
    id="",
    step="proposal",
    provider="gemini",
    model="gemini-3-flash-preview",
    status="ok",
    usage=ModelUsage(
        input_tokens=24939,
        output_tokens=174,
        cache_read_input_tokens=21263,
        reasoning_output_tokens=154,
    ),
    cost_usd=Decimal("0.00352315"),
    cost_source="config",
    accuracy="exact",
    usage_source="stdout",
    duration_ms=18342,
    started_at=datetime(2026, 11, 22, 5, 40, 52, tzinfo=UTC),
    session_id="3bb0f41d-1c2d-4e5f-8a9b-0c1d2e3f4a5b",
)


def call(number: int) -> CallRecord:
    """A call of 16 keys with an id of its own."""
    return replace(CALL, id=f"20261122T054052-proposal-{number:08x}")


def filled(folder: Path, calls: int) -> StateStore:
    """A change whose STATE.yaml has so many calls."""
    store = StateStore(folder / f"calls-{calls}")
    store.create("bench")
    text = store.path.read_text()
    lines = "".join(
        f"{line}\n"
        for number in range(calls)
        for line in render.yaml_lines(call_fields.to_fields(call(number)))
    )
    store.path.write_text(text.replace("  calls: []\n", f"  calls:\n{lines}"))
    return store


def time_s(work: Callable[[], object]) -> float:
    """The time of one run, in seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def append_s(small: StateStore, large: StateStore) -> tuple[float, float]:
    """The median times of an append with fsync to each, in seconds, taken in turn."""
    small_times, large_times = [], []
    numbers = itertools.count(1_000_000)
    for store in (small, large):
        store.append(call(next(numbers)))
    for _ in range(15):
        small_times += [time_s(lambda: small.append(call(next(numbers)))) for _ in range(3)]
        large_times.append(time_s(lambda: large.append(call(next(numbers)))))
    return statistics.median(small_times), statistics.median(large_times)


def round_trip(text: str) -> None:
    """Load and dump the whole document."""
    yaml = YAML()
    yaml.dump(yaml.load(text), io.StringIO())


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        small, large = filled(Path(folder), 1_000), filled(Path(folder), 10_000)
        text = small.path.read_text()
        append_1k, append_10k = append_s(small, large)
        ruamel_1k = statistics.median(time_s(lambda: round_trip(text)) for _ in range(3))
        read_1k = statistics.median(time_s(small.read) for _ in range(11))
    faster, growth = ruamel_1k / append_1k, append_10k / append_1k
    print(f"append at  1,000 calls      {append_1k * 1e3:9.1f} ms")
    print(f"append at 10,000 calls      {append_10k * 1e3:9.1f} ms")
    print(f"ruamel round trip at 1,000  {ruamel_1k * 1e3:9.1f} ms")
    print(f"read at 1,000 calls         {read_1k * 1e3:9.1f} ms")
    print(f"append is {faster:.0f} times faster than the round trip (goal: >= {GOAL_FASTER})")
    print(f"10,000 calls take {growth:.1f} times the time of 1,000 (goal: <= {GOAL_GROWTH})")


if __name__ == "__main__":
    main()
