"""Where the wire can't be used, claude's and codex's own telemetry tells what the API served."""

from __future__ import annotations

import json
import signal
from typing import Any, BinaryIO

import pytest
from support.raw_api import Asked, head, raw_api

from agentd.metering.usage import add
from real.bench import CHANGE, RUNS, UNJUDGED, Bench, Ran, endless
from real.ledger import TOKEN_KEYS, Served, tokens
from real.models import REAL_CLIS, RealCli

pytestmark = pytest.mark.real

DOCUMENT = "# Challenge: add-export\n\n## Verdict\n- [x] APPROVED\n"


@pytest.fixture(params=["claude", "codex"])
def cli(request: pytest.FixtureRequest, bench: Bench) -> RealCli:
    """One that is logged in as a relay can't carry it, as far as agentd can see."""
    chosen = REAL_CLIS[request.param]
    bench.init(chosen.name)
    assert bench.agentd("config", "set", "meter.wire", "auto").exit_code == 0
    bench.with_documents()
    bench.environ |= {"ALL_PROXY": "socks5://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    return chosen


def challenge(bench: Bench, cli: RealCli, **how: Any) -> Ran:
    return bench.agentd("challenge", CHANGE, "--model", cli.model, **how)


def check(bench: Bench, cli: RealCli, **expected: str) -> None:
    [call] = bench.calls()
    assert {key: call.get(key) for key in expected} == expected, call
    told = {key: call[key] for key in TOKEN_KEYS if key in call}
    served = tokens(add(bench.api.told().values()))
    if cli.name == "claude":  # its telemetry leaves reasoning out, which is part of the output
        told.pop("tokens_reasoning", None)
        served.pop("tokens_reasoning", None)
    assert told == served


def test_a_subagent(bench: Bench, cli: RealCli) -> None:
    served = Served()
    bench.api.add(
        served.step(cli.name, tools=(cli.subagent,), **cli.in_main),
        served.step(cli.name, text="Seen.", **cli.in_subagent),
        served.step(cli.name, tools=(cli.shell("sleep 1"),), **cli.in_main),
        served.step(cli.name, text=DOCUMENT, stays=True),
    )
    ran = challenge(bench, cli)
    assert ran.exit_code == 0, ran
    check(bench, cli, usage_source="telemetry", accuracy="exact", requests="4")
    [log] = (bench.project / RUNS).glob("*/requests.jsonl")
    threads = [json.loads(line).get("thread") for line in log.read_text().splitlines()]
    assert threads.count("subagent") == 1


def test_agentd_ends_while_a_tool_runs(bench: Bench, cli: RealCli) -> None:
    served = Served()
    mark = bench.project / UNJUDGED / "mark"
    bench.api.add(served.step(cli.name, text="It takes long.", tools=(cli.shell(endless(mark)),)))
    challenge(bench, cli, interrupt_when=mark.exists, by=signal.SIGINT)
    mark.unlink()
    check(bench, cli, usage_source="telemetry", requests="1")


def take(_: Asked, out: BinaryIO) -> None:
    out.write(head("content-length: 2", status="200 OK", kind="application/json") + b"{}")


def test_exporters_of_the_users_own_go_on(bench: Bench, cli: RealCli) -> None:
    served = Served()
    with raw_api(take) as collector:
        if cli.name == "claude":
            bench.environ |= {
                "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
                "OTEL_LOGS_EXPORTER": "otlp",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            }
        else:
            config = bench.home / ".codex" / "config.toml"
            to = f'endpoint="{collector.url}/v1/logs",protocol="json"'
            config.write_text(f"{config.read_text()}[otel]\nexporter = {{otlp-http={{{to}}}}}\n")
        bench.api.add(served.step(cli.name, text=DOCUMENT))
        assert challenge(bench, cli).exit_code == 0
        assert any(b"input_token" in asked.body for asked in collector.asked)
    assert bench.calls()[0]["usage_source"] == "stdout"
    assert "its telemetry has settings of your own" in bench.agentd("doctor").stdout
