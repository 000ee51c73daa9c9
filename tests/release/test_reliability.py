"""`make reliability` keeps what has passed, and proves it again when the sources change."""

from __future__ import annotations

from pathlib import Path

from reliability import name, passed_before, run, sources

PROOF = "tests/ledger/test_concurrency.py::test_sixteen_processes_lose_nothing"
NO_PROOF = "tests/ledger/test_concurrency.py::test_nothing"


def test_what_passed_is_kept_and_what_failed_is_not(tmp_path: Path) -> None:
    state = tmp_path / ".cache/state.json"
    assert passed_before(state, sources()) == set()
    assert run([(PROOF, 3), (NO_PROOF, 0)], set(), 2, state) == 1
    assert passed_before(state, sources()) == {name(PROOF, 3)}
    assert passed_before(state, "other sources") == set()
    state.write_text("cut")
    assert passed_before(state, sources()) == set()
