"""All of a machine: each call and each session once, whoever knows of it."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from support.command import agentd
from support.hand_sessions import SESSION, claude_line, claude_log, found_in, root, run_of
from support.session_logs import IMPORTED, Log, with_databases

from agentd.ledger.store import StateStore
from agentd.reports.costs import CostRequest, Costs
from agentd.reports.everywhere import open_everywhere
from agentd.state_folder import make_state_folder

__all__ = ["root"]  # the fixture
PROMPT = "# agentd: step `review`"


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def everywhere(*by: str, start: Path = Path("/"), **asked: str) -> Costs:
    return open_everywhere(start, CostRequest(by=by or ("project",), **asked))  # type: ignore[arg-type]


def tokens_out(costs: Costs) -> dict[tuple[str, ...], int]:
    return {group.names: group.sums.tokens_out for group in costs.report.groups}


def tell_of(project: Path) -> None:
    """By its state folder."""
    make_state_folder(str(project))


def record(project: Path, *call_ids: str, step: str = "review") -> StateStore:
    store = StateStore(project / "agentd" / "changes" / "add-oauth")
    if not store.path.exists():
        store.create("add-oauth")
    for call_id in call_ids:
        store.append(replace(run_of(call_id), step=step))
    return store


def test_a_project_without_a_log_or_a_look_is_found_once_a_step_has_run_there(root: Path) -> None:
    record(root, "a")
    assert everywhere().report.total.calls == 0
    shutil.rmtree(make_state_folder(str(root)))
    assert everywhere().report.total.calls == 1


# Of an answer that was cut in its middle gemini and claude log nothing, or what stood at its start.
UNLOGGED = {
    ("claude", "sigkill_in_stream"),
    ("gemini", "sigint_in_stream"),
    ("gemini", "sigkill_in_stream"),
    ("pi", "sigint_in_stream"),
    # Of opencode an answer is logged once its tools have run.
    ("opencode", "sigint_in_stream"),
    ("opencode", "sigint_in_tool"),
    ("opencode", "sigkill_in_subagent"),
    ("opencode", "sigkill_in_tool"),
    ("qwen", "sigint_in_stream"),
    ("copilot", "sigint_in_stream"),
}
# What ccusage 20.0.24 tells where it is wrong (its input and what was cached): docs/reports.md.
CCUSAGE_TELLS: dict[tuple[str, ...], tuple[int, int]] = {
    ("claude", "2.1.330", "subagent"): (25641, 1363),
    ("codex", "0.115.0", "subagent"): (3333, 231),
    ("codex", "0.169.0", "forked_subagent_gpt6"): (12294, 442),
    ("codex", "0.169.0", "sigkill_in_subagent"): (9623, 389),
    ("codex", "0.169.0", "sigkill_in_tool"): (3098, 114),
    ("codex", "0.169.0", "subagent"): (12686, 498),
    ("codex", "0.169.0", "subagent_gpt6"): (12126, 418),
}


def whole_logs() -> list[Log]:
    """Those with one run, of which all was logged."""
    return [
        log
        for log in IMPORTED
        if "resumed" not in log.folder.name and (log.cli, log.folder.name) not in UNLOGGED
    ]


@pytest.mark.parametrize("log", whole_logs(), ids=lambda log: "-".join(log.folder.parts[-3:]))
def test_what_was_served_is_what_is_told(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(with_databases(log.folder / "home")))
    total = everywhere("model").report.total
    served = log.served.values()
    truth = (sum(one.input_tokens for one in served), sum(one.output_tokens for one in served))
    assert (total.tokens_in, total.tokens_out) == truth
    assert CCUSAGE_TELLS.get(log.folder.parts[-3:]) != truth


def test_ledgers_and_sessions_outside_them_are_summed_up(root: Path) -> None:
    outside = root.parent / "scripts"
    tell_of(root)
    record(root, "a", "b")
    # The run's own log is not counted beside its ledger; what a person did a day later is.
    claude_log(root).write_text(
        claude_line(1, root)
        + claude_line(2, root, at="2026-11-21T10:00:00Z", output_tokens=7, branch="x")
    )
    claude_log(outside).write_text(claude_line(3, outside, session="s3", output_tokens=1000))
    assert tokens_out(everywhere()) == {(str(root),): 27, (str(outside),): 1000}
    assert tokens_out(everywhere("source", "session")) == {
        ("step", SESSION): 20,
        ("manual", SESSION): 7,
        ("manual", "s3"): 1000,
    }
    assert tokens_out(everywhere("day")) == {("2026-11-20",): 1020, ("2026-11-21",): 7}
    assert tokens_out(everywhere("month", "provider")) == {("2026-11", "claude"): 1027}
    assert tokens_out(everywhere(since="2026-11-21")) == {(str(root),): 7}
    assert tokens_out(everywhere("branch"))[("x",)] == 7
    priced = {one.names: one.sums.cost_usd for one in everywhere().report.groups}
    assert priced[(str(outside),)] > 0


def test_an_imported_session_counts_as_the_ledger_has_it_and_its_growth_once(root: Path) -> None:
    log = claude_log(root)
    log.write_text(claude_line(1, root))
    [found] = found_in(root)
    record(root).append(found.call)
    assert tokens_out(everywhere()) == {(str(root),): 10}
    log.write_text(claude_line(1, root) + claude_line(2, root, output_tokens=5))
    assert tokens_out(everywhere()) == {(str(root),): 15}
    assert everywhere().report.total.tokens_in == 200


def test_copies_of_a_ledger_count_once_and_the_best_of_them(root: Path) -> None:
    store = record(root, "a", "b")
    clone = root.parent / "clone"
    shutil.copytree(root, clone)
    tell_of(root)
    tell_of(clone)
    record(clone, "c")
    total = everywhere().report.total
    assert (total.calls, total.tokens_out) == (3, 30)
    store.append(replace(run_of("d"), accuracy="heuristic"))
    other = StateStore(clone / "agentd/changes/add-oauth")
    other.append(replace(run_of("d"), duration_ms=1))
    for call_id, sure, unsure in (("e", store, other), ("f", other, store)):
        unsure.append(replace(run_of(call_id), accuracy="heuristic"))
        sure.append(replace(run_of(call_id), accuracy="family"))
    assert (everywhere().report.total.calls, everywhere().report.total.partial) == (6, 0)


def test_alike_calls_without_ids_are_several_in_a_ledger_and_one_in_a_copy(root: Path) -> None:
    folder = root / "agentd" / "changes" / "old"
    folder.mkdir(parents=True)
    call = "  - {step: review, model: m, tokens_in: 1, tokens_out: 1, cost_usd: 0.5}\n"
    (folder / "STATE.yaml").write_text(
        f"change_id: old\nschema_version: '2.0'\nphase: proposed\ntelemetry:\n  calls:\n{call * 2}"
    )
    shutil.copytree(root, root.parent / "clone")
    tell_of(root)
    tell_of(root.parent / "clone")
    assert everywhere().report.total.calls == 2


def test_a_project_that_is_gone_is_named_and_its_runs_are_told_by_their_logs(root: Path) -> None:
    gone = root.parent / "gone"
    tell_of(gone)
    prompt = json.dumps({"type": "user", "uuid": "u0", "message": {"content": PROMPT}})
    claude_log(gone).write_text(prompt.replace('": "', '":"') + "\n" + claude_line(1, gone))
    costs = everywhere()
    assert str(gone) in costs.warnings[0]
    assert tokens_out(costs) == {(str(gone),): 10}
    shutil.copytree(root / "agentd", gone / "agentd")  # a change of it was deleted
    assert everywhere().report.total.calls == 0


def test_a_run_that_is_not_entered_is_told(root: Path) -> None:
    store = record(root, "a")
    (store.runs_dir / "b").mkdir(parents=True, mode=0o700)
    (store.runs_dir / "b" / "run.json").write_text("{}")
    tell_of(root)
    assert "1 run not entered yet" in everywhere().warnings[0]


def test_a_broken_ledger_is_named(root: Path) -> None:
    record(root, "a")
    other = root / "agentd" / "changes" / "other"
    other.mkdir()
    (other / "STATE.yaml").write_text("[")
    tell_of(root)
    costs = everywhere()
    assert costs.report.total.calls == 1
    assert str(other) in costs.report.problems[0]


def test_a_damaged_repository_hides_no_other_project(root: Path) -> None:
    record(root, "a")
    tell_of(root)
    git = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *arguments], capture_output=True, check=True)
    for one in (root / ".git" / "objects").glob("??/*"):
        kind = subprocess.run(
            [*git, "cat-file", "-t", one.parent.name + one.name], capture_output=True, check=True
        )
        if kind.stdout == b"tree\n":
            one.chmod(0o600)
            one.unlink()
    costs = everywhere("author")
    assert costs.report.total.calls == 1
    assert str(root) in costs.warnings[0]


def test_a_project_in_which_somebody_has_looked_is_known_without_logs(root: Path) -> None:
    record(root, "a")
    assert everywhere().report.total.calls == 0
    assert agentd("cost", "--all", cwd=root).returncode == 0
    assert tokens_out(everywhere()) == {(str(root),): 10}


def test_the_command_works_outside_of_any_project(root: Path) -> None:
    outside = root.parent / "elsewhere"
    outside.mkdir()
    claude_log(outside).write_text(claude_line(1, outside))
    told = agentd("cost", "--everywhere", "--json", cwd=outside)
    assert told.returncode == 0
    document = json.loads(told.stdout)
    assert document["by"] == ["project", "model"]
    assert document["groups"][0]["project"] == str(outside)
    for form in ("csv", "markdown", "table"):
        done = agentd("cost", "--everywhere", "--by", "day", "--format", form, cwd=outside)
        assert "2026-11-20" in done.stdout
    assert agentd("cost", "--everywhere", "--all", cwd=outside).returncode == 2


def test_without_any_log_or_ledger_there_are_no_calls(root: Path) -> None:
    shutil.rmtree(root)
    assert everywhere().report.total.calls == 0
    assert not everywhere().warnings
