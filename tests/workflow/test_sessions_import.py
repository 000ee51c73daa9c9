"""Work by hand is recorded once, corrected when it has grown, and looks like any other call."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from support.command import agentd
from support.hand_sessions import SESSION, claude_line, claude_log, root

from agentd.errors import AgentdError, InputError
from agentd.ledger import all_rows
from agentd.ledger.store import StateStore
from agentd.metering.call import CallRecord
from agentd.metering.words import MANUAL
from agentd.project.change import Change
from agentd.project.hold import at_work
from agentd.project.layout import Project
from agentd.workflow.sessions.importing import Wanted, find_imports, record

__all__ = ["root"]  # the fixture


def store_of(root: Path, change_id: str, place: str = "changes") -> StateStore:
    store = StateStore(root / "agentd" / place / change_id)
    store.create(change_id.rpartition("2026")[0] or change_id)
    return store


def imported(root: Path, **wanted: object) -> list[CallRecord]:
    into = wanted.pop("into", None)
    found = find_imports(root, Wanted(**wanted), into=str(into) if into else None)  # type: ignore[arg-type]
    problems: list[AgentdError] = []
    written = record(found.placed, problems)
    for problem in problems:
        raise problem
    return written


def test_a_session_is_recorded_once_and_corrected_when_it_has_grown(root: Path) -> None:
    store = store_of(root, "add-oauth")
    path = claude_log(root)
    path.write_text(claude_line(1, root))
    [call] = imported(root, into="add-oauth")
    assert (call.step, call.status, call.requests, call.session_id) == (MANUAL, "ok", 1, SESSION)
    assert call.started_at == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert call.cost_usd > 0
    text = store.path.read_bytes()
    assert imported(root, into="add-oauth") == []
    assert store.path.read_bytes() == text
    with path.open("a") as log:
        log.write(claude_line(2, root, at="2026-11-20T10:00:09.000Z"))
    store_of(root, "other")
    worked_on = Change(Project(root), "add-oauth", store.change_dir)
    with at_work(worked_on), pytest.raises(InputError, match="another agentd is at work"):
        imported(root, into="other")
    assert store.path.read_bytes() == text
    [grown] = imported(root, into="other")
    assert (grown.id, grown.requests, grown.duration_ms) == (call.id, 2, 9000)
    assert grown.amended is not None
    [read] = store.read().calls
    assert (read.id, read.amended, read.requests) == (grown.id, grown.amended, 2)
    assert imported(root, into="other") == []


def test_what_the_log_lost_stays_recorded(root: Path) -> None:
    store = store_of(root, "add-oauth")
    path = claude_log(root)
    path.write_text(claude_line(1, root) + claude_line(2, root))
    imported(root, into="add-oauth")
    path.write_text(claude_line(1, root))
    assert imported(root, into="add-oauth") == []
    path.unlink()
    assert imported(root, into="add-oauth") == []
    assert len(store.read().calls) == 1


def test_a_later_price_changes_nothing_of_what_is_recorded(root: Path) -> None:
    store = store_of(root, "add-oauth")
    claude_log(root).write_text(claude_line(1, root))
    imported(root, into="add-oauth")
    text = store.path.read_bytes()
    config = root / "agentd" / "config.toml"
    price = (
        '[pricing.models."claude-opus-5-5"]\ncost_per_1m_input = 99.0\ncost_per_1m_output = 9.0\n'
    )
    config.write_text(config.read_text() + price)
    assert imported(root, into="add-oauth") == []
    assert store.path.read_bytes() == text


def test_two_people_who_import_agree(root: Path) -> None:
    """The same session, in two clones: the calls are the same, so that a merge has one."""
    claude_log(root).write_text(claude_line(1, root))
    store = store_of(root, "add-oauth")
    [mine] = imported(root, into="add-oauth")
    shutil.rmtree(store.change_dir)
    store_of(root, "add-oauth")
    assert imported(root, into="add-oauth") == [mine]


def test_the_branch_names_the_change_archived_ones_too(root: Path) -> None:
    open_, archived = (
        store_of(root, "add-oauth"),
        store_of(root, "20261101-add-export", "archive"),
    )
    lines = [
        claude_line(1, root, branch="add-oauth"),
        claude_line(2, root, branch="jane/feature/add-export"),
        claude_line(3, root, branch="main"),
        claude_line(4, root, branch="not-add-oauth"),
    ]
    claude_log(root).write_text("".join(lines))
    assert len(imported(root)) == 2
    assert [len(store.read().calls) for store in (open_, archived)] == [1, 1]
    assert sum(one.change is None for one in find_imports(root, Wanted()).placed) == 2


def test_a_change_that_no_step_worked_on_is_taken_up_and_a_broken_one_stops_no_other(
    root: Path,
) -> None:
    (root / "agentd" / "config.toml").rename(root / "config.toml")
    (root / "openspec" / "changes" / "archive").mkdir(parents=True)
    (root / "agentd").rmdir()
    assert agentd("init", cwd=root).returncode == 0
    changes = root / "openspec" / "changes"
    names = ("add-a", "add-broken", "archive/2026-01-02-add-old", "gone", "add-z")
    for name in names:
        (changes / name / "specs" / "login").mkdir(parents=True)
        (changes / name / "proposal.md").write_text("# It\n")
    (changes / "add-broken" / "STATE.yaml").write_text("phase: [\n")
    (changes / "gone" / "runs" / "20261101T000000-proposal-1").mkdir(parents=True)
    branches = ("add-a", "add-broken", "feature/add-old", "gone", "add-z", "main")
    lines = [claude_line(number, root, branch=name) for number, name in enumerate(branches)]
    claude_log(root).write_text("".join(lines))
    done = agentd("import", "--by-branch", cwd=root)
    assert done.returncode == 1
    for name in ("add-broken", "gone"):
        assert f"{name}/STATE.yaml: " in done.stderr
    assert done.stdout.endswith(
        "3 calls of 1 session recorded, $0.001800.\n1 call left: no branch names a change.\n"
    )
    for name, phase in ((names[0], "proposed"), (names[2], "archived"), (names[4], "proposed")):
        state = StateStore(changes / name).read()
        assert (len(state.calls), state.phase) == (1, phase)
    assert "add-old" in agentd("list", cwd=root).stdout
    again = agentd("import", "--by-branch", "--json", cwd=root)
    assert (again.returncode, json.loads(again.stdout)["written"]) == (1, [])


def test_what_a_ledger_had_before_it_broke_is_not_imported_once_more(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(all_rows, "SETTLED_NS", -1)
    stores = [store_of(root, name) for name in ("add-oauth", "other")]
    claude_log(root).write_text(claude_line(1, root))
    [call] = imported(root, into="add-oauth")
    assert find_imports(root, Wanted()).imported == 1
    whole = stores[0].path.read_text()
    stores[0].path.write_text(f"<<<<<<< ours\n{whole}")
    for _ in range(2):
        assert imported(root, into="other") == []
    stores[0].path.write_text(whole)
    assert find_imports(root, Wanted()).imported == 1
    assert (stores[0].read().ids, stores[1].read().ids) == ({call.id}, set())


def test_an_answer_that_was_under_way_is_whole_the_next_time(root: Path) -> None:
    store = store_of(root, "add-oauth")
    path = claude_log(root)
    line = claude_line(1, root)
    path.write_text(
        line.replace('"stop_reason":"end_turn"', '"stop_reason":null') + claude_line(2, root)
    )
    [call] = imported(root, into="add-oauth")
    assert (call.accuracy, call.why) == ("heuristic", "an answer was cut")
    with path.open("a") as log:
        log.write(line)
    [call] = imported(root, into="add-oauth")
    assert (call.accuracy, call.why) == ("exact", None)
    assert len(store.read().calls) == 1


def test_a_worktree_is_the_project_on_another_branch(root: Path) -> None:
    """Its sessions are found, and what is imported there is imported."""
    git = ("git", "-c", "user.name=t", "-c", "user.email=t@example.com")
    tree = root.parent / "tree"
    for args in (
        ("init", "-q", "-b", "main"),
        ("add", "-A"),
        ("commit", "-q", "-m", "first"),
        ("worktree", "add", "-q", "-b", "other", str(tree)),
    ):
        subprocess.run([*git, *args], cwd=root, check=True)
    claude_log(tree).write_text(claude_line(1, tree, branch="other"))
    assert [one.found.cwd for one in find_imports(root, Wanted()).placed] == [str(tree)]
    store = store_of(tree, "other")
    assert len(imported(tree)) == 1
    assert find_imports(root, Wanted()).placed == ()
    assert len(store.read().calls) == 1


def test_what_is_no_plain_file_is_left_alone(root: Path) -> None:
    claude_log(root).write_text(claude_line(1, root))
    os.mkfifo(claude_log(root, "fifo"))
    claude_log(root, "gone").symlink_to("nowhere")
    claude_log(root, "folder").mkdir()
    assert len(find_imports(root, Wanted()).placed) == 1


def test_only_what_is_wanted_is_imported(root: Path) -> None:
    store_of(root, "add-oauth")
    other = "22222222-0000-4000-8000-000000000000"
    claude_log(root).write_text(claude_line(1, root) + claude_line(2, root, branch="b"))
    claude_log(root, other).write_text(
        claude_line(3, root, session=other, at="2026-11-22T10:00:00Z")
    )
    for wanted, count in (
        (Wanted(sessions=["2222"]), 1),
        (Wanted(sessions=["1111"], branches=["b"]), 1),
        (Wanted(days=("2026-11-21", "")), 1),
        (Wanted(days=("", "2026-11-20")), 2),
        (Wanted(), 3),
    ):
        assert len(find_imports(root, wanted).placed) == count, wanted
    with pytest.raises(InputError, match="begins with 3333"):
        find_imports(root, Wanted(sessions=["3333"]))
    with pytest.raises(InputError, match="no change nowhere"):
        find_imports(root, Wanted(), into="nowhere")


def test_the_command_lists_records_and_is_at_peace_with_the_others(root: Path) -> None:
    store = store_of(root, "add-oauth")
    claude_log(root).write_text(claude_line(1, root, branch="feature/add-oauth"))
    listed = agentd("import", cwd=root)
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "2026-11-20  feature/add-oauth  claude" in listed.stdout
    assert "1 session, $0.000600, not imported" in listed.stdout
    text = store.path.read_bytes()
    assert agentd("import", "--by-branch", "--dry-run", cwd=root).returncode == 0
    assert store.path.read_bytes() == text
    told = json.loads(agentd("import", "--json", cwd=root).stdout, parse_float=Decimal)
    [entry] = told["calls"]
    assert (entry["change_id"], entry["branch"], entry["tokens_in"]) == (
        "add-oauth",
        "feature/add-oauth",
        100,
    )
    assert told["total_cost_usd"] == entry["cost_usd"]
    assert told["written"] == []
    assert "1 call of 1 session recorded" in agentd("import", "--by-branch", cwd=root).stdout
    with claude_log(root).open("a") as log:
        log.write(claude_line(2, root, branch="feature/add-oauth"))
    assert "1 session, $0.000600, not imported" in agentd("import", cwd=root).stdout
    assert "1 session, about $0.000600, not imported" in agentd("status", cwd=root).stdout
    done = agentd("reconcile", cwd=root)
    assert (done.returncode, done.stderr) == (0, "")
    assert "in 100 → 200" in done.stdout
    assert "0 corrected, of 0 calls read again." in agentd("reconcile", cwd=root).stdout
    assert "amended 2" in agentd("log", "add-oauth", cwd=root).stdout
    [logged] = json.loads(agentd("log", "add-oauth", "--json", cwd=root).stdout)["calls"]
    assert logged["amended"].endswith("Z")
    assert "no differences, no notes" in agentd("cost", "audit", cwd=root).stdout
    by_step = agentd("cost", "add-oauth", "--by", "step", cwd=root)
    assert "manual" in by_step.stdout
    assert agentd("status", "add-oauth", cwd=root).returncode == 0


def test_nothing_is_imported_where_there_is_nothing(root: Path) -> None:
    assert agentd("import", cwd=root).stdout == "Nothing to import.\n"
    wrong = agentd("import", "--into", "a", "--by-branch", cwd=root)
    assert wrong.returncode == 2
    assert agentd("import", "--since", "monday", cwd=root).returncode == 2
    assert agentd("import", "--dry-run", cwd=root).returncode == 2
