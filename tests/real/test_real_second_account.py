"""A second account of claude by a name of the config: its own login, its own folder, a wrapper."""

from __future__ import annotations

import json

import pytest
from loopback.server import LoopbackApi

from real.bench import CHANGE, Bench
from real.ledger import Served, check_call
from real.models import REAL_CLIS
from real.sandbox import DUMMY_KEY

pytestmark = pytest.mark.real

DOCUMENT = "# Challenge: add-export\n\n## Verdict\n- [x] APPROVED\n"
WRAPPER = '#!/bin/sh\nexec claude --append-system-prompt "By the wrapper." "$@"\n'
SECTION = """
[providers.work]
base = "claude"
command = "bin/claude-work"
set_env = { CLAUDE_CONFIG_DIR = "~/.claude-work" }
"""


@pytest.mark.parametrize(("wire", "source"), [("auto", "wire"), ("off", "stdout")])
def test_a_second_account(bench: Bench, wire: str, source: str) -> None:
    cli, served = REAL_CLIS["claude"], Served()
    bench.init("claude", more=SECTION, wire=wire)
    bench.with_documents()
    wrapper = bench.project / "bin" / "claude-work"
    wrapper.parent.mkdir()
    wrapper.write_text(WRAPPER)
    wrapper.chmod(0o755)
    for name in ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"):
        del bench.environ[name]
    with LoopbackApi() as second:
        account = {"ANTHROPIC_BASE_URL": second.url, "ANTHROPIC_API_KEY": DUMMY_KEY}
        folder = bench.home / ".claude-work"
        folder.mkdir()
        (folder / "settings.json").write_text(json.dumps({"env": account}))
        second.add(
            served.step("claude", tools=(cli.shell("true"),)),
            served.step("claude", text=DOCUMENT),
        )
        ran = bench.agentd("challenge", CHANGE, "--provider", "work", "--model", cli.model)
        assert ran.exit_code == 0, ran
        (call,) = bench.calls()
        check_call(call, second.told(), status="ok", provider="work", model=cli.model)
        assert call["usage_source"] == source
        assert "By the wrapper." in second.requests[0].body
    assert bench.api.requests == []  # of the other account
    assert list(folder.glob(f"projects/*/{call['session_id']}.jsonl"))
    told = bench.agentd("doctor").stdout
    assert ("meter of work: its runs are metered at the wire" in told) == (source == "wire")
