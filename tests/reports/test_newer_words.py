"""Words that only a newer agentd knows: kept, told once, and no reason to fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command import agentd

from agentd import StateStore, UsageMetrics
from agentd.version import __version__

NEWER = """\
change_id: add-x
schema_version: '2.1'
created_at: 2026-11-22T05:40:00Z
updated_at: 2026-11-22T05:41:12Z
phase: verified
iteration: 1
last_action: verify
session_id: null
checksums: {}
validations: []
approvals:  # who let it pass
- gate: plan
  by: 'ann'
telemetry:
  calls:
  - id: 20261122T054052-verify-6f1c2a9b
    step: verify
    provider: local
    model: gpt-6-luna
    status: quota-stopped
    tokens_in: 24939
    tokens_out: 174
    tokens_cache_read: 21263
    tokens_audio: 12
    cost_usd: 0.00342315
    cost_source: contract2
    accuracy: bounded
    because: answer cut after 348 tokens  # by a proxy
    usage_source: proxy
    requests: 7
    price_variant: speed=fast,geo=us
    duration_ms: 18342
    timestamp: 2026-11-22T05:40:52Z
    approved: { by: 'ann', at: 2026-11-22T05:50:52Z }
    models:
    - model: gpt-6-luna
      tokens_in: 24000
      tokens_out: 174
      tokens_cache_read: 21263
      requests: 6
      cost_usd: 0.00342315
      cost_source: contract2
    - model: gpt-6-astra
      tokens_in: 939
      tokens_out: 0
      cost_usd: 0.0
      cost_source: none
    tools:
      - name: shell
        uses: 3
  total_cost_usd: 0.00342315
  total_tokens_in: 24939
  total_tokens_out: 174
  total_requests: 7
"""
TOLD = (
    f"note: agentd {__version__} does not know accuracy bounded, cost_source contract2, "
    "phase verified, status quota-stopped, usage_source proxy: a newer one may have written that.\n"
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    change = tmp_path / "agentd" / "changes" / "add-x"
    change.mkdir(parents=True)
    (tmp_path / "agentd" / "config.toml").write_text('[gemini]\ncommand = "false"\n')
    (change / "STATE.yaml").write_text(NEWER)
    (change / "proposal.md").write_text("# Log in\n")
    return tmp_path


@pytest.mark.parametrize("command", ["status", "list"])
def test_status_and_list_say_so_once(project: Path, command: str) -> None:
    done = agentd(command, cwd=project)
    assert (done.returncode, done.stderr) == (0, TOLD)
    assert "verified" in done.stdout
    assert "$0.003423" in done.stdout
    assert "Next:" not in done.stdout


def test_cost_shows_them(project: Path) -> None:
    done = agentd("cost", "--all", "--by", "status", cwd=project)
    assert done.returncode == 0
    assert "quota-stopped" in done.stdout


def test_an_audit_has_notes_no_differences(project: Path) -> None:
    done = agentd("cost", "audit", "--json", cwd=project)
    found = json.loads(done.stdout)
    assert (done.returncode, found["findings"]) == (0, [])
    assert [note["recorded"] for note in found["notes"] if note["check"] == "values"] == [
        "bounded",
        "contract2",
        "quota-stopped",
        "proxy",
    ]


def test_what_is_written_leaves_the_rest_byte_for_byte(project: Path) -> None:
    store = StateStore(project / "agentd" / "changes" / "add-x")
    assert store.read().calls[0].cost_source == "contract2"
    assert [part.model for part in store.read().calls[0].models] == ["gpt-6-luna", "gpt-6-astra"]
    for _ in range(2):
        usage = UsageMetrics(input_tokens=1, output_tokens=2)
        store.record_llm_call("challenge", "m", usage, 10, None)
    store.update(last_action="challenge")
    lines = store.path.read_text().splitlines()
    changed = ("updated_at:", "last_action:", "  total_tokens_in:", "  total_tokens_out:")
    kept = [line for line in NEWER.splitlines() if not line.startswith(changed)]
    left = iter(lines)
    assert all(line in left for line in kept)
    assert len(store.read().calls) == 3
    assert "  total_tokens_in: 24941" in lines


def test_a_loop_does_not_go_on_in_a_phase_that_it_does_not_know(project: Path) -> None:
    path = project / "agentd" / "changes" / "add-x" / "STATE.yaml"
    for command in (("plan", "add-x"), ("impl", "add-x"), ("review", "add-x"), ("run", "add-x")):
        done = agentd(*command, cwd=project)
        assert done.returncode == 1, command
        assert "add-x is in phase verified, which agentd" in done.stderr
        assert "pip install --upgrade agentd" in done.stderr
    assert path.read_text() == NEWER


@pytest.mark.parametrize(
    "lines",
    [
        "    why: 'not closed\n",
        "    why: [1, 2\n",
        "    why: 1\n    requests: 2\n    why: 3\n",
        "    status: ok\n    requests: 2\n    status: ok\n",
        "    - why: 1\n",
    ],
)
def test_what_is_no_yaml_is_still_an_error(project: Path, lines: str) -> None:
    path = project / "agentd" / "changes" / "add-x" / "STATE.yaml"
    path.write_text(NEWER.replace("    usage_source: proxy\n", f"{lines}    usage_source: proxy\n"))
    assert agentd("status", cwd=project).returncode == 1
