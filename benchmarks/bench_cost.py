"""``agentd cost --all --by model`` on 100,000 calls, against ``ccusage`` on as many entries.

Whole processes, run in turn, so that a busy machine slows all alike; medians. ccusage comes from
npm, its native binary is run without Node.js; where npm is missing there is no comparison.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from benchmarks.ledgers import write_claude_logs, write_project

RUNS = 9
CHANGES, CALLS = 1000, 100
CCUSAGE = ("ccusage", "20.0.24")
TOOLS = Path(__file__).resolve().parents[1] / ".cache" / "ccusage"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        total_usd = write_project(folder / "project", CHANGES, CALLS)
        tokens_out = write_claude_logs(folder / "home", CHANGES, CALLS)
        environment = {**os.environ, "HOME": str(folder / "home"), "XDG_CACHE_HOME": name}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        agentd = [sys.executable, "-m", "agentd", "-C", str(folder / "project")]
        cost = [*agentd, "cost", "--all", "--by", "model"]
        ccusage = install_ccusage()

        def run(command: list[str]) -> str:
            return subprocess.run(
                command, check=True, stdout=subprocess.PIPE, env=environment, text=True
            ).stdout

        def forget() -> None:
            time.sleep(2.1)  # younger ledgers are not trusted to stay as they are
            shutil.rmtree(folder / "agentd", ignore_errors=True)

        def change_one() -> None:
            (folder / "project/agentd/changes/change-0500/STATE.yaml").touch()

        runs: dict[str, tuple[Callable[[], None], list[str]]] = {
            "version": (nothing, [*agentd, "--version"]),
            "cold": (forget, cost),
            "again": (nothing, cost),
            "one ledger changed": (change_one, cost),
        }
        total = json.loads(run([*cost, "--json"]), parse_float=Decimal)["total"]
        assert total["cost_usd"] == total_usd
        assert total["calls"] == CHANGES * CALLS
        if ccusage:
            report = [*ccusage, "claude", "monthly", "--breakdown", "--offline"]
            assert json.loads(run([*report, "--json"]))["totals"]["outputTokens"] == tokens_out
            runs["ccusage"] = (nothing, report)
        times: dict[str, list[float]] = {what: [] for what in runs}
        for _ in range(RUNS + 1):
            for what, (prepare, command) in runs.items():
                prepare()
                start = time.perf_counter()
                run(command)
                times[what].append(time.perf_counter() - start)
    medians = {what: statistics.median(values[1:]) for what, values in times.items()}
    for what, seconds in medians.items():
        print(f"{what:<19} {seconds * 1000:7.1f} ms")
    if ccusage:
        print(f"cold / ccusage:     {medians['cold'] / medians['ccusage']:.2f}")
    print(f"again / --version:  {medians['again'] / medians['version']:.2f}")


def nothing() -> None:
    pass


def install_ccusage() -> list[str]:
    """The command that starts ccusage's native binary; empty where it can't be had."""
    name, version = CCUSAGE
    home = TOOLS / version
    if not list(home.glob("node_modules/@ccusage/*/bin/*")):
        if shutil.which("npm") is None:
            print("npm is not on PATH: no comparison with ccusage")
            return []
        home.mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--prefix", str(home), "--no-audit", "--no-fund"]
        done = subprocess.run([*install, f"{name}@{version}"], capture_output=True, check=False)
        if done.returncode:
            print("npm could not install ccusage: no comparison with it")
    found = list(home.glob("node_modules/@ccusage/*/bin/*"))[:1]
    for path in found:
        path.chmod(0o755)  # as its wrapper in Node.js does
    return list(map(str, found))


if __name__ == "__main__":
    main()
