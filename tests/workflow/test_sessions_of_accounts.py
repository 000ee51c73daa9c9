"""People's own sessions in a folder that only ``set_env`` of the config names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from support.hand_sessions import CONFIG, SESSION, claude_line, claude_log, found_in, root, run_of

from agentd.ledger.store import StateStore
from agentd.project.layout import Project
from agentd.workflow.sessions.look import not_imported_now

__all__ = ["root"]  # the fixture
WORK = 'base = "claude"\nset_env = { CLAUDE_CONFIG_DIR = "~/.claude-work" }\n'


def second_account(root: Path) -> Path:
    """One session in the usual folder, and one in the second account's, which is told."""
    claude_log(root).write_text(claude_line(1, root))
    other = claude_log(root, "other")
    moved = Path.home() / ".claude-work" / other.relative_to(Path.home() / ".claude")
    moved.parent.mkdir(parents=True)
    moved.write_text(claude_line(2, root, session="other", output_tokens=7))
    other.unlink(missing_ok=True)
    return moved


def test_the_folder_of_a_second_account_is_looked_into(root: Path) -> None:
    second_account(root)
    project = Project(root)
    assert [one.call.session_id for one in found_in(root)] == [SESSION]
    assert not_imported_now(project).sessions == 1
    (root / "agentd/config.toml").write_text(f"{CONFIG}[providers.work]\n{WORK}")
    assert not_imported_now(project).sessions == 2  # the config is another, so it is looked again
    told = [(one.call.provider, one.call.session_id) for one in found_in(root)]
    assert sorted(told) == [("claude", SESSION), ("claude", "other")]


def test_agentds_own_run_with_that_account_is_left_out(root: Path) -> None:
    second_account(root)
    (root / "agentd/config.toml").write_text(f"{CONFIG}[providers.work]\n{WORK}")
    folder = root / "agentd" / "changes" / "x"
    folder.mkdir(parents=True)
    state = "change_id: x\nschema_version: '2.0'\nphase: proposed\n"
    (folder / "STATE.yaml").write_text(state)
    StateStore(folder).append(replace(run_of("c1"), provider="work", session_id="other"))
    assert [one.call.session_id for one in found_in(root)] == [SESSION]


def test_a_log_in_two_places_is_read_once(root: Path) -> None:
    claude_log(root).write_text(claude_line(1, root))
    same = WORK.replace("~/.claude-work", "~/.claude")
    (root / "agentd/config.toml").write_text(f"{CONFIG}[providers.work]\n{same}")
    [one] = found_in(root)
    assert one.call.requests == 1
