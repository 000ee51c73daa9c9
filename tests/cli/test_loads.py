"""Start-up is part of the interface: a command loads only what it needs."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.command import agentd
from support.state_samples import CALL
from support.workflow_box import STREAM, box_with, put_change

from agentd.ledger.store import StateStore
from agentd.project.init import initialise

HEAVY = {"ruamel", "genai_prices", "toktok", "tiktoken", "aiohttp", "tomllib", "asyncio"}
RECORDS = {"json", "agentd.metering.call", "agentd.ledger.store", "agentd.markdown.document"}

SESSIONS = {"agentd.workflow.sessions.discover", "agentd.providers.claude.session_log"}


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--version"], {*HEAVY, *RECORDS, "dataclasses", "decimal"}),
        (["status", "add-oauth"], {*HEAVY, *RECORDS, "pickle"}),
        (["statusline"], {*HEAVY, "agentd.ledger.store", "pickle", "agentd.workflow.unentered"}),
        (["cost", "--all"], {*HEAVY - {"tomllib"}, "agentd.git", *SESSIONS}),
        (["cost", "--everywhere"], {"agentd.reports.origins", "agentd.reports.git_base"}),
    ],
)
def test_what_a_command_does_without(
    tmp_path: Path, arguments: list[str], unwanted: set[str]
) -> None:
    initialise(tmp_path)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    store = StateStore(tmp_path / "agentd" / "changes" / "add-oauth")
    store.create("add-oauth")
    store.append(CALL)
    agentd("status", cwd=tmp_path)  # the first looks for sessions by hand
    script = (
        "import sys; from agentd.cli import run; assert run(sys.argv[1:]) == 0;"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not unwanted & set(done.stderr.split())


@pytest.mark.parametrize("arguments", [["--version"], ["status", "a"], ["list"], ["cost", "--all"]])
def test_a_collector_of_the_environment_is_nothing_to_what_only_reads(
    tmp_path: Path, arguments: list[str]
) -> None:
    assert find_spec("opentelemetry.sdk") is not None
    box = box_with(tmp_path)
    put_change(box, "a", "proposed")
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    done = box.run(*arguments, PYTHONPROFILEIMPORTTIME="1", **endpoint)
    assert done.returncode == 0, done.stderr
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "agentd.cli" in loaded
    foreign = ("opentelemetry", "google", "requests", "agentd.workflow.otel")
    assert not [name for name in loaded if name.startswith(foreign)]


def test_a_step_loads_nothing_for_what_did_not_happen(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    put_change(box, "a", "proposed")
    box.answer("challenge", STREAM, {"change/CHALLENGE.md": "## Verdict\n- [x] APPROVED\n"})
    done = box.run("challenge", "a", PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0, done.stderr
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "agentd.budget.allowance" in loaded
    unwanted = {"agentd.budget.project_account", "agentd.budget.reservations"}
    unwanted |= {"agentd.workflow.retry", "agentd.workflow.earlier_runs", "genai_prices", "socket"}
    unwanted |= {"hashlib"}
    assert not unwanted & loaded


def test_status_of_a_judged_change_loads_nothing_that_runs_a_step(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    put_change(box, "a", "proposed")
    box.answer("challenge", STREAM, {"change/CHALLENGE.md": "## Verdict\n- [x] NEEDS_REVISION\n"})
    done = box.run("challenge", "a")
    assert done.returncode == 0, done.stderr
    done = box.run("status", "a", PYTHONPROFILEIMPORTTIME="1")
    assert "Next: agentd run a" in done.stdout
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "agentd.workflow.observed" in loaded
    assert not {"agentd.workflow.step", "agentd.guard.guard", "agentd.runner.run"} & loaded
