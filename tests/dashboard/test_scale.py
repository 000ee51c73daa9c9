"""Many changes and many open pages, at ten times the times that hold on a machine of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import bench_dashboard
from benchmarks.ledgers import write_project

CHANGES, CALLS = 300, 20
"""`python -m benchmarks.bench_dashboard` has 1,000 and 100."""


@pytest.mark.services
def test_many_changes_are_painted_soon(tmp_path: Path) -> None:
    write_project(tmp_path, CHANGES, CALLS)
    assert bench_dashboard.paint(tmp_path)["paint"] < 10


@pytest.mark.timing
def test_many_changes_are_shown_and_told_soon_and_need_little_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path, CHANGES, CALLS)
    monkeypatch.setattr(bench_dashboard, "CHANGES", CHANGES)
    monkeypatch.setattr(bench_dashboard, "ROUNDS", 3)
    found = bench_dashboard.figures(tmp_path)
    assert found["snapshot"] < 10  # seconds, as all but the last
    assert found["update"] < 1
    assert found["memory"] < 200  # MB
