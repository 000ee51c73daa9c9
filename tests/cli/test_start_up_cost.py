"""What is quick stays quick: ten times the figures of docs/figures.md at most."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from support.state_samples import call

from agentd.ledger.store import StateStore
from agentd.project.init import initialise

TYPER_APP = """
import typer
app = typer.Typer()
@app.command()
def one(name: str = "x"): print(name)
@app.command()
def two(name: str = "x"): print(name)
app()
"""
CHANGES, CALLS = 5, 20


def median_s(command: list[str], cache: Path) -> float:
    """Of the processor time, which other tests at work change little."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    times = []
    for _ in range(4):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        times.append(used.ru_utime + used.ru_stime)
    return statistics.median(times[1:])


@pytest.mark.parametrize(
    ("arguments", "times"),
    [(["--version"], 12.5), (["status", "c0"], 15.5), (["cost", "--all", "--by", "model"], 30)],
)
def test_start_up(tmp_path: Path, arguments: list[str], times: float) -> None:
    initialise(tmp_path)
    for number in range(CHANGES):
        store = StateStore(tmp_path / "agentd" / "changes" / f"c{number}")
        store.create(f"c{number}")
        for place in range(CALLS):
            store.append(call(number * CALLS + place))
    (tmp_path / "small.py").write_text(TYPER_APP)
    small = median_s([sys.executable, str(tmp_path / "small.py"), "one"], tmp_path)
    agentd = [sys.executable, "-m", "agentd", "-C", str(tmp_path)]
    if arguments == ["--version"]:
        agentd = agentd[:3]
    assert median_s([*agentd, *arguments], tmp_path) <= times * small
