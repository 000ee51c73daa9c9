"""Projects of earlier versions: today's agentd opens each, finishes it, and loses no call."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.loop_box import approving, for_openspec, scripted
from support.old_projects import lay_out, names
from support.workspace import Sandbox, put_standins

CHANGE = "add-login"
DAMAGE = "telemetry: [\n"
OF_THE_ORIGINAL = 2  # calls without an id, in a ledger that no run folder tells of


class Old:
    """A project of version 0.1.0, in a place of its own; ``calls`` are the ids of its calls."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name, self.box = name, Sandbox(folder / "project")
        self.calls = lay_out("0.1.0", name, self.box.root)
        self._path = f"{folder}:{os.environ['PATH']}"
        put_standins(folder)
        scripted(self.box, ("gemini",))
        approving(self.box)
        if name == "openspec":
            for_openspec(self.box, CHANGE)

    def agentd(self, *arguments: str, exit_code: int = 0) -> str:
        done = self.box.run(*arguments, PATH=self._path)
        assert done.returncode == exit_code, done.stdout + done.stderr
        return done.stdout if exit_code == 0 else done.stderr

    def ledger(self) -> Path:
        (path,) = (
            path
            for path in self.box.root.glob("*/**/STATE.yaml")
            if path.parent.name.endswith(CHANGE)
        )
        return path

    def telemetry(self) -> dict[str, Any]:
        block: dict[str, Any] = yaml.safe_load(self.ledger().read_text())["telemetry"]
        return block

    def repair(self) -> None:
        text = self.ledger().read_text()
        assert text.endswith(DAMAGE)
        self.ledger().write_text(text.removesuffix(DAMAGE))

    def expected_calls(self) -> int:
        return OF_THE_ORIGINAL if self.name == "of_the_original" else len(self.calls)

    def assert_nothing_lost(self) -> None:
        telemetry = self.telemetry()
        seen = Counter(call["id"] for call in telemetry["calls"] if "id" in call)
        assert {seen[call_id] for call_id in self.calls} <= {1}
        assert max(seen.values(), default=1) == 1
        for total, each in (("total_tokens_in", "tokens_in"), ("total_tokens_out", "tokens_out")):
            assert telemetry[total] == sum(call[each] for call in telemetry["calls"])


@pytest.fixture
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Old:
    return Old(tmp_path, request.param)


def of_every_state(*but: str) -> pytest.MarkDecorator:
    states = [name for name in names("0.1.0") if name not in but]
    return pytest.mark.parametrize("old", states, indirect=True)


def of_state(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("old", [name], indirect=True)


def test_there_is_a_project_of_every_state() -> None:
    assert len(names("0.1.0")) == 14


@of_every_state("fresh", "broken_state")
def test_it_is_opened(old: Old) -> None:
    listed = json.loads(old.agentd("list", "--json"))
    assert CHANGE in json.dumps(listed)
    status = old.agentd("status", CHANGE)
    assert f"\nCalls: {old.expected_calls()}, " in status
    assert f"{old.expected_calls()} call" in old.agentd("cost", "--all")
    if old.name != "archived":
        assert "no errors" in old.agentd("validate", CHANGE)
    old.assert_nothing_lost()


@of_every_state("fresh", "broken_state", "archived")
def test_it_is_finished(old: Old) -> None:
    before = len(old.calls)
    old.agentd("run", CHANGE)
    assert json.loads(old.agentd("status", CHANGE, "--json"))["phase"] == "archived"
    old.assert_nothing_lost()
    calls = old.telemetry()["calls"]
    if old.name == "publishing":  # all had been paid for
        assert len(calls) == before
    assert [call["status"] for call in calls if call.get("status", "ok") != "ok"] == (
        ["interrupted"] if old.name == "interrupted" else []
    )
    assert old.name != "interrupted" or not (old.box.root / "agentd/.running").exists()


@of_state("fresh")
def test_a_fresh_one_takes_a_change(old: Old) -> None:
    assert "No changes yet" in old.agentd("list")
    old.agentd("run", CHANGE, "Let users log in")
    old.assert_nothing_lost()


@of_state("archived")
def test_an_archive_stands_and_another_change_goes_on(old: Old) -> None:
    before = old.ledger().read_bytes()
    assert "archived already" in old.agentd("run", CHANGE)
    old.agentd("proposal", "add-another", "Let users log in")
    assert old.ledger().read_bytes() == before


@of_state("broken_state")
def test_a_damaged_ledger_is_named_kept_and_goes_on_when_it_is_repaired(old: Old) -> None:
    before = old.ledger().read_bytes()
    for command in (("status",), ("cost", CHANGE), ("run", CHANGE)):
        assert "STATE.yaml: line" in old.agentd(*command, exit_code=1)
    assert old.ledger().read_bytes() == before
    old.repair()
    assert f"\nCalls: {len(old.calls)}, " in old.agentd("status", CHANGE)
    old.agentd("run", CHANGE)
    old.assert_nothing_lost()
