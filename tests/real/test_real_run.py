"""A whole ``agentd run`` with the real CLIs: documents, phases, rounds, and the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentd.metering.usage import add
from real.bench import CHANGE, Bench, early_in_a_minute
from real.ledger import check_call, cost_usd
from real.models import REAL_CLIS
from real.story import ANSWERS, CODE, DELTA, REQUIREMENT, REVISED, WHOLE, Turn, story

pytestmark = pytest.mark.real

CHECKS = '[checks]\ntest = "sh check.sh"\nlint = ""\naudit = ""\n'
DOCUMENTS = {
    *("STATE.yaml", "proposal.md", "tasks.md", "specs/export.md", "BASE.json"),
    *("CHALLENGE.md", "IMPLEMENTATION.md", "REVIEW.md", "ARCHIVE_REVIEW.md"),
    *("rounds/01-CHALLENGE.md", "rounds/01-REVIEW.md", "rounds/02-REVIEW.md"),
}


def begin(bench: Bench, provider: str | None, more: str = "") -> list[Turn]:
    bench.init(provider, more=CHECKS + more, wire="auto")
    bench.commit()
    providers = (provider,) if provider else tuple(REAL_CLIS)
    turns = story(providers, str(bench.project))
    bench.api.add(*(answer for turn in turns for answer in turn.answers))
    return turns


def archived(bench: Bench) -> Path:
    (folder,) = (bench.project / "agentd" / "archive").iterdir()
    assert folder.name.endswith(f"-{CHANGE}")
    assert not bench.change.exists()
    return folder


def check_files(bench: Bench, folder: Path) -> None:
    found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert {name for name in found if not name.startswith("runs/")} == DOCUMENTS
    assert (folder / "proposal.md").read_text().endswith(ANSWERS)
    assert (folder / "specs/export.md").read_text() == DELTA.format(delimiter=REVISED)
    assert "- [x] 1.1" in (folder / "tasks.md").read_text()
    assert "## Resolved" in (folder / "IMPLEMENTATION.md").read_text()
    assert (bench.project / "export.py").read_text() == CODE.format(delimiter=",")
    specs = bench.project / "agentd" / "specs"
    assert {path.name for path in specs.glob("*.md")} == {"export.md", "CHANGELOG.md"}
    spec = (specs / "export.md").read_text()
    assert REQUIREMENT.format(delimiter=REVISED) in spec
    assert "ADDED" not in spec
    assert "Data is exported as CSV." in (specs / "CHANGELOG.md").read_text()


def check_ledger(bench: Bench, turns: list[Turn]) -> None:
    """One call a turn, each with what was served in it; no request but those of the story."""
    asked = [request.step for request in bench.api.requests]
    assert asked == [answer for turn in turns for answer in turn.answers]
    calls = bench.calls()
    assert tuple(call["step"] for call in calls) == WHOLE
    for call, turn in zip(calls, turns, strict=True):
        usage = {turn.model: add(answer.usage for answer in turn.answers)}
        check_call(call, usage, status="ok", provider=turn.cli.name, model=turn.model)
    told = bench.api.told()
    telemetry = bench.state()["telemetry"]
    assert telemetry["total_tokens_in"] == add(told.values()).input_tokens
    assert telemetry["total_tokens_out"] == add(told.values()).output_tokens
    cost = sum(cost_usd(model, usage) for model, usage in told.items())
    assert f"total_cost_usd: {cost:f}\n" in (bench.change / "STATE.yaml").read_text()


def check_sessions(bench: Bench) -> None:
    """Each resolve and reproposal went on with a session; every other call began one."""
    sessions = [call["session_id"] for call in bench.calls()]
    first = {step: sessions[WHOLE.index(step)] for step in WHOLE}
    assert first["reproposal"] == first["proposal"]
    assert first["resolve"] == first["implementation"]
    assert len(set(sessions)) == len(WHOLE) - 3


@pytest.mark.parametrize("provider", REAL_CLIS)
def test_run_with_one_cli(bench: Bench, provider: str) -> None:
    turns = begin(bench, provider)
    if provider == "gemini":
        planned = bench.agentd("plan", CHANGE, "Add an export.", timeout_s=120)
        assert planned.exit_code == 0, planned
        early_in_a_minute()
    ran = bench.agentd("run", CHANGE, "Add an export.", timeout_s=120)
    assert ran.exit_code == 0, (ran, [r.body[-2000:] for r in bench.api.unscripted()])
    bench.change = archived(bench)
    check_files(bench, bench.change)
    check_ledger(bench, turns)
    check_sessions(bench)
    assert bench.state()["phase"] == "archived"
    again = bench.agentd("run", CHANGE)
    assert "archived already" in again.stdout
    assert len(bench.api.requests) == sum(len(turn.answers) for turn in turns)


def test_run_with_all_three_and_gates(bench: Bench) -> None:
    turns = begin(bench, None)
    config = bench.project / "agentd" / "config.toml"
    config.write_text(config.read_text().replace("gates = []", 'gates = ["plan", "impl"]'))
    bench.commit()
    stages = (
        ((CHANGE, "Add an export."), 6, ("challenged", 2, "challenge"), 4),
        ((CHANGE, "--approve", "plan"), 6, ("complete", 3, "review"), 9),
    )
    for args, exit_code, stands, calls in stages:
        ran = bench.agentd("run", *args, timeout_s=120)
        assert ran.exit_code == exit_code, (ran, [r.body[-2000:] for r in bench.api.unscripted()])
        state = bench.state()
        assert (state["phase"], state["iteration"], state["last_action"]) == stands
        assert len(bench.calls()) == calls
    ran = bench.agentd("run", CHANGE, "--approve", "impl", timeout_s=120)
    assert ran.exit_code == 0, ran
    bench.change = archived(bench)
    check_files(bench, bench.change)
    check_ledger(bench, turns)
    check_sessions(bench)
    assert {turn.cli.name for turn in turns} == set(REAL_CLIS)
