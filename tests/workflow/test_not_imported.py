"""Reports mention what people did by hand that no ledger has."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from support.command import agentd
from support.hand_sessions import claude_line, claude_log, found_in, root, run_of

from agentd.ledger.store import StateStore
from agentd.workflow.sessions import discover, not_imported
from agentd.workflow.sessions.not_imported import NotImported

__all__ = ["root"]  # the fixture
TOLD = "2 sessions, about $0.00, not imported: agentd import"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def project(root: Path) -> Path:
    """A project with a change, and two sessions by hand."""
    store = StateStore(root / "agentd" / "changes" / "add-oauth")
    store.create("add-oauth")
    store.append(run_of("a"))
    for number, session in enumerate(("s1", "s2")):
        line = claude_line(number, root, session=session, at=f"2026-11-2{number}T10:00:00Z")
        claude_log(root, session).write_text(line)
    return root


def test_cost_and_status_say_so_until_it_is_imported(project: Path) -> None:
    assert "not imported" not in agentd("status", cwd=project).stdout  # nobody has looked yet
    told = agentd("cost", "--all", cwd=project)
    assert told.stdout.splitlines()[-1] == TOLD
    assert TOLD in agentd("cost", "--all", "--detail", cwd=project).stdout.splitlines()
    assert TOLD in agentd("status", cwd=project).stdout.splitlines()
    told = agentd("cost", "--all", "--since", "2026-11-21", cwd=project)
    assert told.stdout.splitlines()[-1].startswith("1 session, ")
    one = {"sessions": 2, "calls": 2, "unpriced": 0}
    for command in (("cost", "--all"), ("status",)):
        document = json.loads(agentd(*command, "--json", cwd=project).stdout, parse_float=Decimal)
        cost_usd = document["not_imported"].pop("cost_usd")
        assert (document["not_imported"], 0 < cost_usd < 1) == (one, True)
    assert "import" not in agentd("cost", "--all", "--format", "csv", cwd=project).stdout
    assert agentd("import", "--into", "add-oauth", cwd=project).returncode == 0
    for command in (("status",), ("cost", "--all"), ("status",)):
        assert "not imported" not in agentd(*command, cwd=project).stdout


def test_without_logs_nothing_is_said(root: Path) -> None:
    store = StateStore(root / "agentd" / "changes" / "add-oauth")
    store.create("add-oauth")
    for command in (("cost", "--all"), ("cost", "--all", "--detail"), ("status",)):
        done = agentd(*command, cwd=root)
        assert (done.returncode, "import" in done.stdout + done.stderr) == (0, False)


def test_what_came_since_an_import_is_told_alone(project: Path) -> None:
    agentd("import", "--into", "add-oauth", cwd=project)
    with claude_log(project, "s1").open("a") as log:
        log.write(claude_line(5, project, session="s1", at="2026-11-20T11:00:00Z"))
    calls = found_in(project)
    whole = next(one.call for one in calls if one.call.session_id == "s1")
    told = not_imported.not_imported(calls)
    assert (told.sessions, told.cost_usd * 2) == (1, whole.cost_usd)


def test_what_has_no_price_is_told() -> None:
    assert NotImported().told() is None
    one = NotImported(sessions=1, calls=2, cost_usd=Decimal("4.096"), unpriced=1)
    assert one.told() == "1 session, about $4.10 and more, not imported: agentd import"


def test_status_looks_at_no_log(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agentd("cost", "--all", cwd=project)
    monkeypatch.setattr(discover, "read_logs", None)
    assert not_imported.last_seen(project).sessions == 2
    assert not_imported.last_seen(project.parent).sessions == 0


def test_without_sessions_no_ledger_is_read_for_them(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    StateStore(root / "agentd" / "changes" / "add-oauth").create("add-oauth")
    monkeypatch.setattr(discover, "read_known", None)
    assert found_in(root) == []
