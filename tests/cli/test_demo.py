"""The demo plays a whole change, says that it replays, and works from a wheel too."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import yaml

from agentd.cli.demo.standin import RECORDINGS
from agentd.workflow.steps import STEPS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("demo") / "project"
    own = folder.parent / "codex"  # the user's, whose logs the stand-ins must not touch
    done = subprocess.run(
        [sys.executable, "-m", "agentd", "demo", "--keep", str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "CODEX_HOME": str(own)},
    )
    assert done.returncode == 0, done.stderr
    assert not own.exists()
    return done.stdout, folder


def test_demo_says_that_it_replays_and_shows_the_ledger(played: tuple[str, Path]) -> None:
    text, _ = played
    assert text.startswith("This is a replay")
    assert "\nTotal Cost: $0.0140\nTokens: In: 43378, Out: 1182\n" in text
    assert "telemetry:\n  calls:\n  - id: " in text


def test_the_readme_shows_what_the_demo_tells(played: tuple[str, Path]) -> None:
    """Its figures are those of the demo's plan, which `agentd status` would show there."""
    text, _ = played
    readme = (ROOT / "README.md").read_text()
    shown = readme[readme.index("$ agentd status") :]
    shown = shown[: shown.index("```")]
    plan = text[text.index("$ agentd plan") : text.index("$ agentd impl")]
    total = next(line.split() for line in plan.splitlines() if line.startswith("total "))
    tokens_in, tokens_out, cost = total[1:4]
    cost, tokens_in = cost[: len("$0.0000")], tokens_in.replace(",", "")
    assert f"\nTotal Cost: {cost}\nTokens: In: {tokens_in}, Out: {tokens_out}\n" in shown
    steps = shown[shown.index("\nSTEP ") :]
    rows = [line.split() for line in plan[plan.index("\nSTEP ") :].splitlines()[2:6]]
    assert {row[0] for row in rows} == {"proposal", "challenge", "reproposal"}
    for name, calls in Counter(row[0] for row in rows).items():
        own = [row for row in rows if row[0] == name]
        line = next(line for line in steps.splitlines() if line.startswith(name)).split()
        assert line[1:3] == [str(calls), "0"]
        sums = [sum(int(row[place].replace(",", "")) for row in own) for place in (3, 4)]
        assert line[3:5] == [f"{one:,}" for one in sums]
    for model in {row[2] for row in rows}:
        assert f"\n{model} " in steps


def test_demo_runs_every_step_and_archives(played: tuple[str, Path]) -> None:
    _, root = played
    (change,) = (root / "agentd" / "archive").iterdir()
    calls = yaml.safe_load((change / "STATE.yaml").read_text())["telemetry"]["calls"]
    assert {call["step"] for call in calls} == set(STEPS) - {"fillback", "merge", "archive-fix"}
    assert {call["status"] for call in calls} == {"ok"}
    assert {call["accuracy"] for call in calls} == {"exact"}


def test_its_ledger_stands_up_to_an_audit(played: tuple[str, Path]) -> None:
    _, root = played
    done = subprocess.run(
        [sys.executable, "-m", "agentd", "-C", str(root), "cost", "audit"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_wheel_carries_the_recordings_that_the_stand_ins_replay() -> None:
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    included = tables["targets"]["wheel"]["force-include"]
    for path in set(RECORDINGS.values()):
        assert included[f"fixtures/recordings/{path}"].endswith(f"demo/recordings/{path}")
    packed = [name for name in included if name.startswith("fixtures/")]
    assert len(packed) == len(set(RECORDINGS.values()))


def test_demo_folder_must_be_empty(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = subprocess.run(
        [sys.executable, "-m", "agentd", "demo", "--keep", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "is not empty" in done.stderr
