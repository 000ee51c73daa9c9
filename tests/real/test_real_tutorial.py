"""The tutorials with a real CLI: all that is typed works, and the change is archived."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from loopback.scenario import Step
from loopback.server import LoopbackApi
from support.tutorial import PAGES, STORIES, play, put_agentd, put_home

from real.ledger import Served
from real.models import REAL_CLIS, RealCli
from real.sandbox import environ

pytestmark = pytest.mark.real


def answers(cli: RealCli, changes: tuple[str, ...], home: str) -> Iterator[Step]:
    """For each step of a story: its documents by the CLI's shell, then a word."""
    served = Served()
    for change in changes:
        for folder in sorted((STORIES / change).iterdir(), key=lambda path: path.name[-1]):
            step = folder.name.rpartition("-")[0]
            fits = f"step `{step}` of change `{change}`"
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            tools = tuple(
                cli.cat(_place(path.relative_to(folder), change, home), path.read_text())
                for path in files
            )
            yield served.step(cli.name, tools=tools, body=re.escape(fits))
            yield served.step(cli.name, text="Done.", body=re.escape(fits))


def _place(path: Path, change: str, home: str) -> str:
    inside = path.parts[0] == "change"
    return f"{home}/{change}/{'/'.join(path.parts[1:])}" if inside else str(path)


@pytest.mark.parametrize(
    ("page", "name", "changes"),
    [
        ("1-first-change", "claude", ("greet-by-name", "say-goodbye")),
        ("1-first-change", "codex", ("greet-by-name", "say-goodbye")),
        ("1-first-change", "gemini", ("greet-by-name", "say-goodbye")),
        ("2-openspec-project", "claude", ("add-tags",)),
        ("3-budgets-for-a-team", "claude", ("add-discount", "add-receipt")),
    ],
)
def test_a_tutorial_works_with_a_real_cli(
    page: str, name: str, changes: tuple[str, ...], tmp_path: Path, clis: Path
) -> None:
    text = (PAGES / f"{page}.md").read_text().replace("--provider claude", f"--provider {name}")
    home = "openspec/changes" if "openspec" in page else "agentd/changes"
    with LoopbackApi() as api:
        api.add(*answers(REAL_CLIS[name], changes, home))
        own = environ(put_home(tmp_path), api.url, clis)
        path = f"{put_agentd(tmp_path)}:{own['PATH']}"
        for one in play(text, tmp_path, {**own, "PATH": path}):
            assert one.exit_code == one.block.exit_code, one.printed
    ledgers = [*tmp_path.glob("you/*/*/archive/*/STATE.yaml")]
    ledgers += tmp_path.glob("you/*/openspec/changes/archive/*/STATE.yaml")
    calls = {
        (state["change_id"], call["id"]): call
        for state in (yaml.safe_load(ledger.read_text()) for ledger in ledgers)
        for call in state["telemetry"]["calls"]
    }
    assert {change for change, _ in calls} == set(changes)
    assert {call["status"] for call in calls.values()} == {"ok"}
    assert {call["accuracy"] for call in calls.values()} == {"exact"}
    assert {call["provider"] for call in calls.values()} == {name}
    assert min(call["cost_usd"] for call in calls.values()) > 0
