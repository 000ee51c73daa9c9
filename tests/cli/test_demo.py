"""The demo plays a whole change, says that it replays, and works from a wheel too."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from agentd.cli.demo import NEXT
from agentd.cli.demo.standin import RECORDINGS
from agentd.workflow.steps import STEPS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The user's, whose session logs the stand-ins must not touch."""
    home = tmp_path_factory.mktemp("home")
    yield home
    assert not (home / ".codex").exists()


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, own_home: Path) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("demo") / "project"
    done = typed(f"agentd demo --keep {folder}", own_home, own_home)
    assert done.returncode == 0, done.stderr
    return done.stdout, folder


def typed(command: str, folder: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """What a person types, in a shell of their own."""
    environ = {name: text for name, text in os.environ.items() if name != "CODEX_HOME"}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**environ, "HOME": str(home), "PATH": path, "GIT_PAGER": "cat"},
    )


def test_demo_says_that_it_replays_and_shows_the_ledger(played: tuple[str, Path]) -> None:
    text, _ = played
    assert text.startswith("This is a replay")
    assert "\nTotal Cost: $0.0140\nTokens: In: 43378, Out: 1182\n" in text
    assert "telemetry:\n  calls:\n  - id: " in text


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


def test_all_that_it_names_works_in_the_project_that_it_leaves(
    played: tuple[str, Path], own_home: Path
) -> None:
    text, root = played
    assert f"The project is {root}, a git repository." in text
    told = [line.strip() for line in text[text.index(f"  cd {root}") :].splitlines()]
    assert told == [f"cd {root}", *NEXT]
    printed = {}
    for command in NEXT:
        done = typed(command, root, own_home)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        printed[command] = done.stdout
    log, shown, cost, *_, run = printed.values()
    assert log.count("\nAuthor: agentd demo") == 2
    assert "+    cost_usd: 0.002217875\n" in shown
    assert "$0.014014" in cost
    assert "archived as agentd/archive/" in run
    assert "at least" not in run
    assert (root / "greet.py").read_text().count("def ") == 2
    assert typed("git status --short", root, own_home).stdout.count("say-goodbye") == 1
    assert typed("agentd doctor", root, own_home).returncode == 0


def test_what_was_not_prepared_says_what_was(played: tuple[str, Path], own_home: Path) -> None:
    _, root = played
    done = typed("agentd run shout 'Shout' --provider claude", root, own_home)
    assert done.returncode == 4
    assert "the changes are: greet-politely, say-goodbye" in done.stderr
    typed("agentd delete shout --yes", root, own_home)


def test_without_git_there_is_no_repository(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agentd", "demo", "--keep", str(tmp_path / "kept")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PATH": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert "no repository, as git is not installed" in done.stdout
    assert "  git " not in done.stdout
    # Nor is agentd on this PATH.
    told = done.stdout[done.stdout.index("one more change") :].splitlines()
    assert told[2:4] == [
        f'  export PATH="{Path(sys.executable).parent}:$PATH"',
        f"  cd {tmp_path / 'kept'}",
    ]


def test_wheel_carries_the_recordings_that_the_stand_ins_replay() -> None:
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    included = tables["targets"]["wheel"]["force-include"]
    for path in set(RECORDINGS.values()):
        assert included[f"fixtures/recordings/{path}"].endswith(f"demo/recordings/{path}")
    packed = [name for name in included if name.startswith("fixtures/")]
    assert len(packed) == len(set(RECORDINGS.values()))


@pytest.mark.parametrize(
    ("name", "told"),
    [("", "is not empty"), ("file", "a file is in the way"), ("file/x", "a file is in the way")],
)
def test_demo_folder_must_be_empty(name: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = subprocess.run(
        [sys.executable, "-m", "agentd", "demo", "--keep", str(tmp_path / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert told in done.stderr
