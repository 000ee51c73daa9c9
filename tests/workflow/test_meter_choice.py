"""Where a run is metered, by the CLI's login and by ``[meter] wire``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from standins.toy import TOY

from agentd.config.model import Wire
from agentd.providers import PROVIDERS
from agentd.providers.pointing import PointQuery
from agentd.workflow.meter_choice import MeterChoice, choose_meter

KEYS = {
    "claude": {"ANTHROPIC_API_KEY": "k"},
    "codex": {"CODEX_API_KEY": "k"},
    "gemini": {"GEMINI_API_KEY": "k"},
}


def at(name: str, home: Path, wire: Wire = "auto", **environ: str) -> MeterChoice:
    query = PointQuery(cwd=home, environ={"HOME": str(home), **environ})
    return choose_meter(PROVIDERS[name], query, wire)


@pytest.mark.parametrize("name", KEYS)
def test_an_api_key_is_metered_at_the_wire(name: str, tmp_path: Path) -> None:
    found = at(name, tmp_path, **KEYS[name])
    assert str(found) == "at the wire (API key)"
    assert bool(found.telling) == (name == "claude")  # it tells side calls apart
    assert at(name, tmp_path, "off", **KEYS[name]) == MeterChoice(why='wire is "off" in [meter]')


@pytest.mark.parametrize("name", KEYS)
def test_nobody_is_logged_in(name: str, tmp_path: Path) -> None:
    """Then nothing is started for the run, and its command line stays as it is."""
    found = at(name, tmp_path)
    assert (found.pointing, found.telling) == (None, None)
    assert str(found) == "by what it prints and logs: no login was found"


def test_a_login_that_was_not_tried_is_metered_by_telemetry(tmp_path: Path) -> None:
    found = at("claude", tmp_path, CLAUDE_CODE_OAUTH_TOKEN="t")
    assert (found.pointing, bool(found.telling)) == (None, True)
    assert str(found).startswith("by its own telemetry: claude.ai login; with wire")
    assert at("claude", tmp_path, "on", CLAUDE_CODE_OAUTH_TOKEN="t").pointing


def test_a_login_that_goes_past_any_relay_is_metered_by_telemetry(tmp_path: Path) -> None:
    (tmp_path / ".codex").mkdir()
    (tmp_path / ".codex/auth.json").write_text(json.dumps({"auth_mode": "chatgpt"}))
    for wire in ("auto", "on"):
        found = at("codex", tmp_path, wire)
        assert str(found) == "by its own telemetry: a ChatGPT login bypasses any base URL"


def test_a_proxy_that_the_relay_cant_take(tmp_path: Path) -> None:
    found = at("gemini", tmp_path, **KEYS["gemini"], HTTPS_PROXY="socks5://p:1")
    assert str(found).startswith("by what it prints and logs: its proxy is a socks5 proxy")


def test_a_provider_that_knows_no_relay(tmp_path: Path) -> None:
    query = PointQuery(cwd=tmp_path, environ={})
    assert str(choose_meter(TOY, query, "auto")).startswith(
        "by what it prints and logs: agentd can't"
    )


def test_without_the_library_of_the_relay_runs_are_metered_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentd.workflow.meter_choice.find_spec", lambda _: None)
    found = at("claude", tmp_path, **KEYS["claude"])
    told = "by what it prints and logs: the Python package aiohttp is not installed"
    assert (found.pointing, found.telling, str(found)) == (None, None, told)
