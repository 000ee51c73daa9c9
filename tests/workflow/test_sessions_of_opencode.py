"""What is found of people's own sessions in opencode's database."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from support.hand_sessions import found_in, root, run_of
from support.session_logs import named, with_databases

from agentd.ledger.store import StateStore

__all__ = ["root"]  # the fixture
LOG = named("opencode", "subagent")
TITLE = "the call for the title of its session is told nowhere"


@pytest.fixture
def database(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One session with a subagent, as if a person had had it in the project."""
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    shutil.copytree(with_databases(LOG.folder / "home"), Path.home(), dirs_exist_ok=True)
    path = Path.home() / ".local/share/opencode/opencode.db"
    change(path, "UPDATE session SET directory = ?", str(root))
    return path


def change(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(statement, values)


def test_a_session_and_its_subagent_are_one_call(root: Path, database: Path) -> None:
    [one] = found_in(root)
    call, [served] = one.call, LOG.served.values()
    assert (call.provider, call.session_id, one.cwd) == (
        "opencode",
        LOG.expected["session_id"],
        str(root),
    )
    assert call.usage.counts()[:2] == (served.input_tokens, served.output_tokens)
    assert (call.requests, call.why, one.branch) == (3, TITLE, None)
    assert call.threads is not None
    assert call.threads.startswith("subagent=")


def test_what_others_had_and_what_agentd_ran_is_left_out(root: Path, database: Path) -> None:
    session = LOG.expected["session_id"]
    change(database, "UPDATE session SET directory = '/elsewhere'")
    assert found_in(root) == []
    change(database, "UPDATE session SET directory = ?", f"{root}/below")
    assert len(found_in(root)) == 1
    run = replace(run_of("c1"), provider="opencode", session_id=session, duration_ms=60_000)
    folder = root / "agentd" / "changes" / "x"
    folder.mkdir(parents=True)
    state = "change_id: x\nschema_version: '2.0'\nphase: proposed\n"
    (folder / "STATE.yaml").write_text(state)
    store = StateStore(folder)
    store.append(replace(run, started_at=LOG.started_at))
    assert found_in(root) == []


def test_a_session_that_goes_on_is_read_on(root: Path, database: Path) -> None:
    before = found_in(root)[0].call
    change(
        database,
        "INSERT INTO message SELECT id || 'b', session_id, time_created + 9000, time_updated, "
        "json_set(data, '$.time.created', time_created + 9000, '$.time.completed', "
        "time_created + 9900) FROM message WHERE session_id = ? AND data LIKE '%\"stop\"%'",
        LOG.expected["session_id"],
    )
    now = found_in(root)[0].call
    assert (now.id, now.requests, before.requests) == (before.id, 4, 3)


def test_a_fork_has_copies(root: Path, database: Path) -> None:
    """Their ids are new, the times of the answers are not."""
    before = found_in(root)
    change(
        database,
        "INSERT INTO session SELECT 'ses_fork', project_id, workspace_id, NULL, slug, directory, "
        "path, title, version, share_url, summary_additions, summary_deletions, summary_files, "
        "summary_diffs, metadata, cost, tokens_input, tokens_output, tokens_reasoning, "
        "tokens_cache_read, tokens_cache_write, revert, permission, agent, model, "
        "time_created + 60000, time_updated, NULL, NULL FROM session WHERE id = ?",
        LOG.expected["session_id"],
    )
    change(
        database,
        "INSERT INTO message SELECT id || 'f', 'ses_fork', time_created, time_updated, data "
        "FROM message WHERE session_id = ?",
        LOG.expected["session_id"],
    )
    assert [one.call for one in found_in(root)] == [one.call for one in before]


def test_what_is_not_understood_is_told(root: Path, database: Path) -> None:
    change(database, "UPDATE message SET data = replace(data, '\"modelID\"', '\"modelName\"')")
    assert found_in(root) == []
    change(
        database,
        "UPDATE message SET data = replace(data, 'modelName', 'modelID') WHERE session_id = ?",
        LOG.expected["session_id"],
    )
    [one] = found_in(root)
    assert (one.call.requests, one.call.accuracy) == (2, "heuristic")


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_what_is_no_database_is_left_out(root: Path, database: Path, content: bytes) -> None:
    database.write_bytes(content)
    assert found_in(root) == []
