"""Reports mention what people did by hand that no ledger has."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from support.command import agentd
from support.guards import git
from support.hand_sessions import claude_line, claude_log, found_in, root, run_of

from agentd.ledger.store import StateStore
from agentd.project.layout import Project
from agentd.workflow.sessions import discover, log_cache, look, not_imported
from agentd.workflow.sessions.look import not_imported_now
from agentd.workflow.sessions.not_imported import NotImported

__all__ = ["root"]  # the fixture
TOLD = "2 sessions, about $0.001200, not imported: agentd import"


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
    assert agentd("status", cwd=project).stdout.endswith(f"\n\n{TOLD}\n")
    told = agentd("cost", "--all", cwd=project)
    assert told.stdout.splitlines()[-1] == TOLD
    assert TOLD in agentd("cost", "--all", "--detail", cwd=project).stdout.splitlines()
    assert TOLD in agentd("status", cwd=project).stdout.splitlines()
    told = agentd("cost", "--all", "--since", "2026-11-21", cwd=project)
    assert told.stdout.splitlines()[-1].startswith("1 session, ")
    one = {"sessions": 2, "calls": 2, "unpriced": 0, "all_read": True, "problem": None}
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
    assert one.told() == "1 session, about $4.096000 and more, not imported: agentd import"


def test_status_reads_no_log_until_a_log_or_a_ledger_is_new(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(not_imported, "SETTLED_NS", 0)  # what is younger is looked at each time
    here = Project(project)

    def without_a_look() -> int | None:
        known = not_imported.remembered(project)
        return known.sessions if known else None

    assert without_a_look() is None
    assert not_imported_now(here).sessions == without_a_look() == 2
    assert not_imported.remembered(project.parent) is None
    with claude_log(project, "s1").open("a") as log:  # it grows
        log.write(claude_line(5, project, session="s1", at="2026-11-21T11:00:00Z"))
    assert without_a_look() is None
    assert (not_imported_now(here).calls, without_a_look()) == (3, 2)
    claude_log(project, "s3").write_text(claude_line(6, project, session="s3"))  # a new one
    assert without_a_look() is None
    assert not_imported_now(here).sessions == without_a_look() == 3
    below = project / "src"
    claude_log(below, "s4", project.parent).write_text(claude_line(7, below, session="s4"))
    assert without_a_look() is None
    assert not_imported_now(here).sessions == without_a_look() == 4
    ledger = project / "agentd" / "changes" / "add-oauth" / "STATE.yaml"
    before = ledger.read_bytes()
    agentd("import", "--into", "add-oauth", cwd=project)
    assert not_imported_now(here).sessions == without_a_look() == 0
    ledger.write_bytes(before)  # as git does when a branch without it is checked out
    assert without_a_look() is None
    assert not_imported_now(here).sessions == without_a_look() == 4
    for name in (".codex/sessions/2026", ".gemini/tmp/x/chats"):  # a CLI is used the first time
        assert without_a_look() == 4
        (Path.home() / name).mkdir(parents=True)
        assert without_a_look() is None
        assert not_imported_now(here).sessions == 4


def test_status_looks_again_where_a_cli_keeps_its_logs_in_another_folder(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(not_imported, "SETTLED_NS", 0)
    here = Project(project)
    assert not_imported_now(here).sessions == 2
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(project.parent / "other"))
    assert not_imported.remembered(project) is None
    assert not_imported_now(here).sessions == 0
    monkeypatch.delenv("CLAUDE_CONFIG_DIR")
    assert not_imported_now(here).sessions == 2


def test_status_looks_again_where_a_worktree_or_a_project_inside_came_or_went(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(not_imported, "SETTLED_NS", 0)
    git(project, "init", "-q")
    git(project, "commit", "-q", "--allow-empty", "-m", "first")
    here, tree, below = Project(project), project.parent / "tree", project / "src" / "deep"
    for number, folder in enumerate((below, tree), 5):
        log = claude_log(folder, f"t{number}", project.parent)
        log.write_text(claude_line(number, folder, session=f"t{number}"))

    def seen_anew(sessions: int) -> None:
        assert not_imported.remembered(project) is None
        assert not_imported_now(here).sessions == sessions
        known = not_imported.remembered(project)
        assert known is not None
        assert known.sessions == sessions

    seen_anew(3)
    git(project, "worktree", "add", "-q", "--detach", str(tree))
    seen_anew(4)
    (project / "src" / "agentd").mkdir(parents=True)
    (project / "src" / "agentd" / "config.toml").write_text("")
    seen_anew(3)
    (project / "src" / "agentd" / "config.toml").unlink()
    seen_anew(4)
    git(project, "worktree", "move", str(tree), str(project.parent / "elsewhere"))
    seen_anew(3)
    other = Project(project.parent / "elsewhere")
    (other.root / "agentd").mkdir(exist_ok=True)
    (other.root / "agentd" / "config.toml").write_text(here.config_path.read_text())
    assert not_imported_now(other).sessions == 3
    git(project, "worktree", "add", "-q", "--detach", str(tree))
    assert not_imported.remembered(other.root) is None


def test_what_may_change_once_more_at_the_same_time_is_looked_at_again(project: Path) -> None:
    assert not_imported_now(Project(project)).sessions == 2
    assert not_imported.remembered(project) is None


def test_a_look_of_status_ends_and_the_next_one_goes_on(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter(range(10_000))
    monkeypatch.setattr(log_cache.time, "monotonic", lambda: float(next(ticks)))
    monkeypatch.setattr(look, "_LONGEST_LOOK_S", 3.5)
    sessions = [claude_log(project, f"t{number}") for number in range(4)]
    for number, log in enumerate(sessions):
        lines = [
            claude_line(100 + 10 * number + line, project, session=log.stem) for line in range(5)
        ]
        log.write_text("".join(lines))
    looks = []
    while not (found := not_imported_now(Project(project))).all_read:
        assert found.told() == "session logs are not all read yet: agentd import"
        looks.append(found)
    assert (found.sessions, found.calls) == (6, 6)
    assert 5 < len(looks) < 30
    tokens = sum(one.call.usage.input_tokens for one in found_in(project))
    assert tokens == 22 * 100  # each line once


def test_a_config_that_cannot_be_read_leaves_status(project: Path) -> None:
    (project / "agentd" / "config.toml").write_text("[claude\n")
    told = agentd("status", cwd=project)
    assert told.returncode == 0
    told_why = "agentd/config.toml can't be read: whether sessions are not imported is not known"
    assert told.stdout.endswith(f"\n{told_why}\n")


def test_without_sessions_no_ledger_is_read_for_them(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    StateStore(root / "agentd" / "changes" / "add-oauth").create("add-oauth")
    monkeypatch.setattr(discover, "read_known", None)
    assert found_in(root) == []
