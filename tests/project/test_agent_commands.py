"""`agentd init --commands`: slash commands and skills for the CLIs, and what becomes of edits."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import yaml
from support.command import agentd

from agentd.errors import BudgetExceeded, InputError, LoopEnded, Paused
from agentd.project import agent_commands
from agentd.project.agent_commands import write_commands
from agentd.project.init import initialise

PLAN = ".claude/commands/agentd/plan.md"
FILES = {
    *(f".claude/commands/agentd/{name}.md" for name in ("plan", "impl", "status", "cost")),
    *(f".gemini/commands/agentd/{name}.toml" for name in ("plan", "impl", "status", "cost")),
    *(f".agents/skills/agentd-{name}/SKILL.md" for name in ("plan", "impl", "status", "cost")),
    *(f"{folder}/skills/agentd/SKILL.md" for folder in (".claude", ".agents")),
}


def files(root: Path) -> set[str]:
    found = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    return {name for name in found if not name.startswith("agentd/")}


def head(path: Path) -> dict[str, str]:
    found: dict[str, str] = yaml.safe_load(path.read_text().split("---\n")[1])
    return found


def test_each_cli_of_the_config_gets_its_own(tmp_path: Path) -> None:
    initialise(tmp_path)
    done = agentd("init", "--commands", cwd=tmp_path)
    assert files(tmp_path) == FILES
    assert f"wrote {PLAN}" in done.stdout
    assert "plan $ARGUMENTS`" in (tmp_path / PLAN).read_text()
    assert head(tmp_path / PLAN)["argument-hint"] == 'ID "DESCRIPTION"'
    gemini = tomllib.loads((tmp_path / ".gemini/commands/agentd/cost.toml").read_text())
    assert "`agentd cost {{args}}`" in gemini["prompt"]
    assert head(tmp_path / ".agents/skills/agentd-impl/SKILL.md")["name"] == "agentd-impl"
    assert head(tmp_path / ".claude/skills/agentd/SKILL.md")["name"] == "agentd"


def test_a_provider_without_a_section_gets_none(tmp_path: Path) -> None:
    initialise(tmp_path, provider="claude", commands=True)
    assert files(tmp_path) == {name for name in FILES if name.startswith(".claude")}


def test_an_upgrade_keeps_what_a_person_edited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    initialise(tmp_path, commands=True)
    mine = tmp_path / PLAN
    mine.write_text(mine.read_text().replace("give it an hour", "give it a day"))
    own = tmp_path / ".claude/commands/agentd/cost.md"
    own.write_text("my own\n")
    newer = agent_commands._TEXTS["status"]._replace(body="Run `agentd {name}`, of a newer agentd.")
    monkeypatch.setitem(agent_commands._TEXTS, "status", newer)
    done = initialise(tmp_path, commands=True)
    assert set(done.edited) == {mine, own}
    assert {path.name for path in done.created} == {"status.md", "status.toml", "SKILL.md"}
    assert "of a newer agentd" in (tmp_path / ".claude/commands/agentd/status.md").read_text()
    assert ("give it a day" in mine.read_text(), own.read_text()) == (True, "my own\n")
    assert "it was edited" in agentd("init", "--commands", cwd=tmp_path).stdout


def test_remove_takes_away_what_nobody_edited(tmp_path: Path) -> None:
    initialise(tmp_path, commands=True)
    (tmp_path / PLAN).write_text("mine")
    (tmp_path / ".gemini/settings.json").write_text("{}")
    shown = agentd("init", "--remove", "--dry-run", cwd=tmp_path).stdout
    assert files(tmp_path) == {*FILES, ".gemini/settings.json"}
    assert "would remove .agents/skills/agentd-plan/SKILL.md\n" in shown
    told = agentd("init", "--remove", cwd=tmp_path).stdout
    assert f"left {PLAN}: changed since `agentd init` wrote it" in told
    assert "removed .agents/\n" in told
    assert files(tmp_path) == {PLAN, ".gemini/settings.json"}
    assert not (tmp_path / ".agents").exists()
    assert not (tmp_path / "agentd").exists()


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    root = tmp_path / "project"
    root.mkdir()
    (root / ".claude").symlink_to(elsewhere)
    with pytest.raises(InputError, match="symbolic link"):
        write_commands(root, ["claude"])
    assert not list(elsewhere.iterdir())
    assert agentd("init", "--remove", "--commands", cwd=root).returncode == 2


def test_what_they_say_of_exit_codes_is_so() -> None:
    told = agent_commands._AFTER
    assert f"Exit code {BudgetExceeded.exit_code}: a budget stopped it." in told
    assert f"{LoopEnded.exit_code}: it ended without approval." in told
    assert f"{Paused.exit_code}: a person must decide." in told
