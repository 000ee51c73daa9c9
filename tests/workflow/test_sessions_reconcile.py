"""Calls that are not exact are read once more, and corrected when their log has more."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.command import agentd
from support.hand_sessions import PARTIAL, root, run_of, run_with_folder, write_log

from agentd.ledger.store import StateStore
from agentd.project.change import Change
from agentd.project.hold import at_work
from agentd.project.layout import Project

__all__ = ["root"]  # the fixture


@pytest.fixture
def store(root: Path) -> StateStore:
    store = StateStore(root / "agentd" / "changes" / "add-oauth")
    store.create("add-oauth")
    return store


def test_a_partial_call_is_corrected_when_its_log_has_more(root: Path, store: StateStore) -> None:
    exact = run_of("c2")
    run_with_folder(store, PARTIAL)
    run_with_folder(store, exact)
    said = agentd("reconcile", cwd=root)
    assert "0 corrected, of 1 call read again." in said.stdout, said.stderr
    write_log(root)
    before = store.path.read_bytes()
    assert "1 would be corrected" in agentd("reconcile", "--dry-run", cwd=root).stdout
    assert store.path.read_bytes() == before
    done = agentd("reconcile", "add-oauth", cwd=root)
    assert "add-oauth: c1: in 100 → 200, out 10 → 20" in done.stdout
    first, second = store.read().calls
    assert (first.usage.input_tokens, first.usage_source) == (200, "session_log")
    assert first.amended is not None
    assert second == exact
    assert "0 corrected" in agentd("reconcile", cwd=root).stdout
    assert "changed since" not in agentd("cost", "audit", cwd=root).stdout


def test_a_run_whose_cli_still_works_is_left_alone(root: Path, store: StateStore) -> None:
    with subprocess.Popen(["sleep", "30"]) as cli:
        run_with_folder(store, PARTIAL, cli.pid)
        write_log(root)
        assert "0 corrected, of 0 calls read again." in agentd("reconcile", cwd=root).stdout
        cli.kill()
    assert "1 corrected, of 1 call read again." in agentd("reconcile", cwd=root).stdout


def test_nothing_is_corrected_while_an_agentd_is_at_work(root: Path, store: StateStore) -> None:
    run_with_folder(store, PARTIAL)
    write_log(root)
    before = store.path.read_bytes()
    with at_work(Change(Project(root), "add-oauth", store.change_dir)):
        done = agentd("reconcile", cwd=root)
    assert "another agentd is at work on add-oauth" in done.stderr
    assert store.path.read_bytes() == before


def test_what_was_not_entered_yet_is_entered(root: Path, store: StateStore) -> None:
    store.keep(run_of("c1"))
    assert agentd("reconcile", cwd=root).returncode == 0
    assert [call.id for call in store.read().calls] == ["c1"]
