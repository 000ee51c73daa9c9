"""Start-up: ``agentd --version`` against a two-command typer app, ``agentd status`` against both.

Whole processes, run in turn, so that a busy machine slows all alike; medians.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from agentd.ledger.store import StateStore
from agentd.metering.rates import PricingConfig
from agentd.metering.usage import UsageMetrics
from agentd.project.init import initialise

RUNS = 15
TYPER_APP = """
import typer
app = typer.Typer()
@app.command()
def one(name: str = "x"): print(name)
@app.command()
def two(name: str = "x"): print(name)
app()
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        small = root / "small.py"
        small.write_text(TYPER_APP)
        initialise(root)
        fill(root / "agentd" / "changes" / "big", 1000)
        agentd = [sys.executable, "-m", "agentd"]
        times = in_turn(
            {
                "typer": [sys.executable, str(small), "one"],
                "version": [*agentd, "--version"],
                "status": [*agentd, "-C", folder, "status", "big"],
            }
        )
    for name, seconds in times.items():
        print(f"{name:<8} {seconds * 1000:6.1f} ms")
    print(f"agentd --version / two-command typer app: {times['version'] / times['typer']:.2f}")
    print(f"agentd status, 1,000 calls / the same:    {times['status'] / times['typer']:.2f}")


def fill(change: Path, calls: int) -> None:
    change.mkdir(parents=True)
    store = StateStore(change)
    store.create("big")
    usage = UsageMetrics(input_tokens=24939, output_tokens=174, cache_read_input_tokens=21263)
    prices = PricingConfig(
        cost_per_1m_input=Decimal("0.5"), cost_per_1m_output=3, cost_per_1m_cache_read="0.05"
    )
    for _ in range(calls):
        store.record_llm_call("review", "gemini-3-flash-preview", usage, 18342, prices)


def in_turn(commands: dict[str, list[str]]) -> dict[str, float]:
    """Medians in seconds; the first run of each, which may compile modules, does not count."""
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(RUNS + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values[1:]) for name, values in times.items()}


if __name__ == "__main__":
    main()
