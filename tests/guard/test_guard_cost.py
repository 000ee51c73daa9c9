"""What a guard costs; `make bench` measures it in a repository of twenty times the files."""

from __future__ import annotations

from pathlib import Path

from benchmarks.bench_guard import a_run, project

FILES = 5_000


def test_before_and_after_take_less_than_a_second(tmp_path: Path) -> None:
    """A twentieth of the files that take less than a second (docs/figures.md), git's part too."""
    change = project(tmp_path / "project", FILES)
    assert any(a_run(change, number)["both, processor"] < 1 for number in range(3))
