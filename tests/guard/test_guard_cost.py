"""What a guard costs; `make bench` measures it in a repository of twenty times the files."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.bench_guard import a_run, project

pytestmark = pytest.mark.timing
FILES = 5_000


def test_before_and_after_take_less_than_a_second(tmp_path: Path) -> None:
    """A twentieth of the files that take less than a second (docs/figures.md)."""
    change = project(tmp_path / "project", FILES)
    assert min(a_run(change, number)["both"] for number in range(3)) < 1
