"""Branches that both spend, joined by git: every call once, the totals exact."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.branches import Branches, History, checked, everything
from support.slices import KIND, part_of, seed

HOW = ("merge", "rebase", "cherry-pick", "squash")


def play(top: Path, number: int, *, driver: bool) -> tuple[Branches, set[str], int]:
    """A history of two or three branches, joined into main; the calls there must be."""
    styles = ("merge", "diff3", "zdiff3")
    repo = Branches(top, driver=driver, style=styles[number % 3])
    history = History(repo, number)
    repo.record(1, 2, *((3, 4) if number % 2 else ()))
    names = [f"b{each}" for each in range(history.random.randint(1, 2))]
    for name in names:
        repo.git("branch", name)
    want: set[str] = set()
    for name in ("main", *names):
        repo.git("switch", "-q", name)
        history.work(history.random.randint(1, 3))
    want = everything(repo, ["main", *names])
    repo.git("switch", "-q", "main")
    conflicts = 0
    for name in names:
        how = history.random.choice(HOW)
        if not repo.join(how, name):
            conflicts += 1
            explained(repo) if not driver else None
            repo.resolved(how, name, "main")
    return repo, want, conflicts


def explained(repo: Branches) -> None:
    marked = [path for path in repo.ledgers() if "<<<<<<< " in path.read_text()]
    if marked:
        for command in ("validate", "list"):
            done = repo.agentd(command)
            told = done.stdout + done.stderr
            assert (done.returncode, "agentd validate --fix" in told) == (1, True), told


def check(repo: Branches, want: set[str]) -> dict[str, object]:
    (path,) = repo.ledgers()
    calls = checked(path)
    assert set(calls) == want
    told = json.loads(repo.agentd("cost", "--all", "--json").stdout)
    assert told["total"]["calls"] == len(want)
    assert repo.agentd("validate").returncode == 0
    return dict(calls)


@pytest.mark.reliability
def test_random_histories_lose_and_double_nothing(tmp_path: Path) -> None:
    for number in range(1 if KIND == "test" else part_of(200)):
        kept = []
        for driver in (True, False):
            top = tmp_path / f"{number}-{driver}"
            repo, want, _ = play(top, seed(number), driver=driver)
            kept.append(check(repo, want))
        assert kept[0] == kept[1]
