"""A provider by a name of the config: wherever a provider's name may stand, and as its base is."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

from support.workspace import PROPOSAL, Sandbox, make_sandbox

from agentd.clock import utc_now
from agentd.config.load import load
from agentd.metering.call import PricedModel
from agentd.metering.usage import ModelUsage, run_usage
from agentd.project.workspace import Workspace
from agentd.providers import maker_of
from agentd.reports.audit.price_sources import SourcePrices
from agentd.workflow.model_choice import choose
from agentd.workflow.steps import STEPS

CONFIG = """project_name = "x"
[providers.work]
base = "claude"
command = "{claude}"
default = "claude-opus-4-5"
[providers.second]
base = "codex"
command = "{codex}"
[workflow]
script_retries = 0
fallback = ["work"]
[steps.proposal]
provider = "second"
[budget.providers.work]
limit_usd = 20
"""
PLAIN = "claude/2.1.330/tool_stream_json"


def sandbox(tmp_path: Path) -> Sandbox:
    return make_sandbox(tmp_path, CONFIG)


def test_a_step_runs_with_it_and_its_calls_have_its_name(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    box.answer("proposal", PLAIN, PROPOSAL)
    box.ok("proposal", "x", "Log in", "--provider", "work")
    [call] = box.telemetry("x")["calls"]
    assert (call["provider"], call["accuracy"]) == ("work", "exact")
    assert call["model"].startswith("claude-")
    run = box.change("x") / "runs" / call["id"]
    told = json.loads((run / "run.json").read_text())
    assert (told["provider"], told["base"]) == ("work", "claude")
    assert "work" in box.ok("cost", "x", "--by", "provider")
    box.ok("cost", "audit", "x")


def test_a_step_falls_back_on_it(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    box.answer("proposal", PLAIN, PROPOSAL)  # claude's output is none that codex's reader knows
    box.ok("proposal", "x", "Log in")
    assert [(call["provider"], call["status"]) for call in box.telemetry("x")["calls"]] == [
        ("second", "failed"),
        ("work", "ok"),
    ]


def test_a_run_that_agentd_did_not_live_to_record_is_entered_without_its_section(
    tmp_path: Path,
) -> None:
    box = sandbox(tmp_path)
    box.answer("proposal", PLAIN, PROPOSAL)
    box.ok("proposal", "x", "Log in", "--provider", "work")
    [call] = box.telemetry("x")["calls"]
    state = box.change("x") / "STATE.yaml"
    for name in ("call.json", "call.pending.json"):
        (box.change("x") / "runs" / call["id"] / name).unlink(missing_ok=True)
    state.write_text("change_id: x\nschema_version: '2.0'\nphase: proposed\n")
    config = box.root / "agentd" / "config.toml"
    config.write_text('project_name = "x"\n[claude]\n')
    done = box.run("status", "x")
    [again] = box.telemetry("x")["calls"]
    assert (again["id"], again["provider"]) == (call["id"], "work"), done.stderr
    assert again["tokens_in"] == call["tokens_in"]


def test_the_config_and_doctor_know_it(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    assert box.ok("config", "get", "providers.work.base").strip() == "claude"
    box.ok("config", "set", "providers.work.default", "claude-sonnet-4-5")
    assert "claude-sonnet-4-5" in box.ok("config", "list")
    told = box.run("doctor").stdout
    assert " work: " in told


def test_what_is_said_names_its_section(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    box.answer("proposal", PLAIN, PROPOSAL)
    done = box.ok("proposal", "x", "Log in", "--provider", "work")
    assert "claude-opus-4-5: default of [providers.work]" in done
    assert "the default of [providers.work] in config.toml" in box.run("tokens", "x").stderr
    config = box.root / "agentd" / "config.toml"
    config.write_text('[providers.work]\nbase = "claude"\ncommand = "./nowhere"\n')
    done = box.run("run", "y", "Log out", PATH="")
    assert "Install claude: npm install" in done.stderr
    assert "agentd config set providers.work.command PATH" in done.stderr
    config.write_text(f'{config.read_text()}[http.local]\nbase_url = "http://h/v1"\nmodel = "m"\n')
    assert load(config).row("local").section == "http.local"


def test_what_has_a_section_of_its_own_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[providers.work]\nbase = "claude"\n[codex]\n[claude]\n')
    config = load(path)
    assert list(config.providers) == ["codex", "claude", "work"]
    assert config.providers["work"].command == "claude"
    assert choose(config, STEPS["implementation"]).provider == "claude"
    path.write_text('[providers.work]\nbase = "claude"\n[codex]\n')
    assert choose(load(path), STEPS["implementation"]).provider == "work"


def test_what_it_says_of_another_makers_model_is_believed_no_more_than_of_its_base(
    tmp_path: Path,
) -> None:
    """claude at an API that only looks like its own tells the price of a model of its own."""
    box = sandbox(tmp_path)
    config = box.root / "agentd/config.toml"
    text = config.read_text().replace("[budget.providers.work]\nlimit_usd = 20\n", "")
    config.write_text(f'{text}[pricing]\nsources = ["config", "reported", "catalog"]\n')
    workspace = Workspace.open(box.root)
    used = ModelUsage(input_tokens=900, output_tokens=40, reported_cost_usd=Decimal("0.5"))
    for model, source in (("glm-of-nobody", "none"), ("claude-of-tomorrow", "reported")):
        usage = run_usage({model: used})
        for name in ("work", "claude"):
            prices, at = workspace.prices_of(name), utc_now()
            priced = prices.price(usage, maker=maker_of(name), model=model, at=at)
            assert (name, priced.cost_source) == (name, source)


def test_it_is_audited_by_the_prices_of_its_bases_models(tmp_path: Path) -> None:
    """An alias of claude is a model of Anthropic's, whatever the provider is called."""
    box = sandbox(tmp_path)
    config = box.root / "agentd/config.toml"
    prices = "cost_per_1m_input = 1\ncost_per_1m_output = 2\n"
    config.write_text(f'{config.read_text()}[pricing.models."claude-opus-5-5"]\n{prices}')
    sources = SourcePrices(Workspace.open(box.root))
    used = ModelUsage(input_tokens=1_000_000)
    part = PricedModel(model="opus", usage=used, cost_usd=Decimal(0), cost_source="none")
    for name, cost_usd in (("work", 1), ("claude", 1), ("second", None)):
        assert sources.configured(part, name) == cost_usd, name
        assert (sources.catalogued(part, name, utc_now()) is None) == (cost_usd is None), name
