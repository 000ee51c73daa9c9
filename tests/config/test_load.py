"""Reading config.toml: what it means."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from support.config_texts import MODEL, read

from agentd.config.load import load
from agentd.config.model import (
    BudgetConfig,
    ChecksConfig,
    HttpConfig,
    ModelConfig,
    PartBudget,
    PathsConfig,
    ProjectBudget,
    StepConfig,
    ValidationConfig,
    ValidationPattern,
    WorkflowConfig,
    each_percent,
)
from agentd.metering.rates import PricingConfig
from agentd.metering.usage import ModelUsage
from agentd.providers import any_provider

ROOT = Path(__file__).parents[2]

# The original agentd's form, without the sections that this agentd added.
ORIGINAL = """
project_name = "my-project"
[workflow]
planning_iterations = 4
implementation_iterations = 5
archive_iterations = 6
script_retries = 7
retry_delay_secs = 8
step_timeout_secs = 90
[gemini]
command = "/opt/bin/gemini"
default = "flash"
extra_args = ["--debug"]
[[gemini.models]]
id = "flash"
model = "gemini-3-flash-preview"
complexity = "medium"
cost_per_1m_input = 0.10
cost_per_1m_output = 3
cost_per_1m_cache_read = 0.05
[[gemini.models]]
id = "pro"
model = "gemini-3-pro-preview"
complexity = "critical"
"""


def test_the_originals_file_is_read_whole_and_without_warnings() -> None:
    config = read(ORIGINAL)
    assert config.warnings == ()
    assert config.project_name == "my-project"
    assert config.workflow == WorkflowConfig(
        planning_iterations=4,
        implementation_iterations=5,
        archive_iterations=6,
        script_retries=7,
        retry_delay_secs=8,
        step_timeout_secs=90,
    )
    assert list(config.providers) == ["gemini"]
    gemini = config.providers["gemini"]
    assert (gemini.command, gemini.default, gemini.extra_args) == (
        "/opt/bin/gemini",
        "flash",
        ("--debug",),
    )
    assert gemini.models == (
        ModelConfig(
            id="flash",
            model="gemini-3-flash-preview",
            complexity="medium",
            prices=PricingConfig(
                cost_per_1m_input=Decimal("0.1"),
                cost_per_1m_output=Decimal(3),
                cost_per_1m_cache_read=Decimal("0.05"),
            ),
        ),
        ModelConfig(id="pro", model="gemini-3-pro-preview", complexity="critical"),
    )
    assert config.pricing.sources == ("config",)
    assert list(config.model_prices()) == ["gemini-3-flash-preview"]


def test_the_added_sections_are_read() -> None:
    config = read(
        ORIGINAL
        + """
[steps.review]
provider = "gemini"
model = "pro"
rules = ["Be brief.", "No new dependency."]
[steps.archive-review]
model = "some-full-name"
[pricing]
sources = ["reported", "catalog"]
[pricing.models."claude-sonnet-4-5"]
cost_per_1m_input = 3.0
cost_per_1m_output = 15.0
cost_per_1m_cache_read = 0.3
cost_per_1m_cache_write = 3.75
cost_per_1m_cache_write_1h = 6.0
cost_per_1k_web_searches = 10
[pricing.models."claude-sonnet-4-5".variants."speed=fast"]
cost_per_1m_input = 6
cost_per_1m_output = 30
[budget]
limit_usd = 50.0
limit_tokens = 5_000_000
warn_at_percent = 80.5
warn_at_dollars = 0.50
warn_at_tokens = 100_000
on_unpriced = "stop"
[budget.project]
limit_usd = 200
limit_tokens = 7
period = "week"
timezone = "Europe/Berlin"
warn_at_percent = 75
[budget.steps.archive-review]
limit_usd = 0.05
warn_at_percent = [90, 50]
[budget.steps.review]
limit_tokens = 0
[budget.providers.gemini]
limit_usd = 3
limit_tokens = 9
[checks]
test = "make test"
lint = ""
timeout_secs = 7
max_output_chars = 900
required = ["test", "types"]
[checks.own]
types = "mypy ."
[[validation.patterns]]
name = "no-todo"
pattern = '\\bTODO\\b'
[[validation.patterns]]
name = "greek"
pattern = '\\p{Greek}++'
files = "specs/**/*.md"
severity = "error"
message = "write it in Latin"
[paths]
layout = "openspec"
"""
    )
    assert config.warnings == ()
    assert config.checks == ChecksConfig(
        test="make test",
        lint="",
        audit=None,
        own={"types": "mypy ."},
        required=("test", "types"),
        timeout_secs=7,
        max_output_chars=900,
    )
    assert config.validation.patterns == (
        ValidationPattern(
            name="no-todo", pattern=r"\bTODO\b", files="**/*.md", severity="warning", message=None
        ),
        ValidationPattern(
            name="greek",
            pattern=r"\p{Greek}++",
            files="specs/**/*.md",
            severity="error",
            message="write it in Latin",
        ),
    )
    assert config.paths == PathsConfig(layout="openspec")
    assert config.steps == {
        "review": StepConfig(
            provider="gemini", model="pro", rules=("Be brief.", "No new dependency.")
        ),
        "archive-review": StepConfig(model="some-full-name"),
    }
    assert config.pricing.sources == ("reported", "catalog")
    assert config.pricing.models == {
        "claude-sonnet-4-5": PricingConfig(
            cost_per_1m_input=Decimal(3),
            cost_per_1m_output=Decimal(15),
            cost_per_1m_cache_read=Decimal("0.3"),
            cost_per_1m_cache_write=Decimal("3.75"),
            cost_per_1m_cache_write_1h=Decimal(6),
            cost_per_1k_web_searches=10,
            variants={
                "speed=fast": PricingConfig(  # what is left out is as without it
                    cost_per_1m_input=6,
                    cost_per_1m_output=30,
                    cost_per_1m_cache_read=Decimal("0.3"),
                    cost_per_1m_cache_write=Decimal("3.75"),
                    cost_per_1m_cache_write_1h=6,
                    cost_per_1k_web_searches=10,
                )
            },
        )
    }
    assert config.budget == BudgetConfig(
        limit_usd=Decimal(50),
        limit_tokens=5_000_000,
        warn_at_percent=Decimal("80.5"),
        warn_at_dollars=Decimal("0.5"),
        warn_at_tokens=100_000,
        on_unpriced="stop",
        project=ProjectBudget(
            limit_usd=Decimal(200),
            limit_tokens=7,
            period="week",
            timezone="Europe/Berlin",
            warn_at_percent=Decimal(75),
        ),
        steps={
            "review": PartBudget(limit_tokens=0, warn_at_percent=Decimal("80.5")),
            "archive-review": PartBudget(
                limit_usd=Decimal("0.05"), warn_at_percent=(Decimal(90), Decimal(50))
            ),
        },
        providers={
            "gemini": PartBudget(
                limit_usd=Decimal(3), limit_tokens=9, warn_at_percent=Decimal("80.5")
            )
        },
    )


def test_the_project_warns_where_the_budget_does_unless_it_says_otherwise() -> None:
    budget = read(
        "[codex]\n[budget]\nwarn_at_percent = 70\n[budget.project]\nlimit_usd = 1\n"
    ).budget
    assert budget.project == ProjectBudget(
        limit_usd=Decimal(1),
        limit_tokens=None,
        period="month",
        timezone="UTC",
        warn_at_percent=Decimal(70),
    )
    assert read("[codex]\n[budget]\nlimit_usd = 1\n").budget.project.warn_at_percent == 90


def test_each_percent_comes_once_the_lowest_first() -> None:
    budget = read("[codex]\n[budget]\nwarn_at_percent = [90, 50, 90.0]\n").budget
    assert each_percent(budget.warn_at_percent) == [50, 90]
    assert budget.project.warn_at_percent == budget.warn_at_percent
    assert each_percent(Decimal(80)) == [80]


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    path = tmp_path / "shop" / "agentd" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text("[codex]\n")
    config = load(path)
    assert config.project_name == "shop"
    assert config.workflow == WorkflowConfig()
    assert config.budget == BudgetConfig()
    assert config.checks == ChecksConfig()
    assert config.validation == ValidationConfig()
    assert config.paths == PathsConfig()
    assert config.pricing.sources == ("config",)
    assert config.providers["codex"].command == "codex"
    assert config.providers["codex"].model_name() is None
    assert config.steps == {}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (None, "gemini-3-flash-preview"),
        ("pro", "gemini-3-pro-preview"),
        ("gemini-2.5-pro", "gemini-2.5-pro"),
    ],
)
def test_a_models_name_is_found_by_id_default_or_itself(asked: str | None, expected: str) -> None:
    assert read(ORIGINAL).providers["gemini"].model_name(asked) == expected


def test_a_default_may_be_a_full_name_where_no_models_are_listed() -> None:
    config = read('[claude]\ndefault = "sonnet"\n')
    assert config.providers["claude"].model_name() == "sonnet"


def test_providers_stand_in_the_files_order() -> None:
    assert list(read("[gemini]\n[claude]\n[codex]\n").providers) == ["gemini", "claude", "codex"]


def test_gates_and_fallback_keep_their_order() -> None:
    text = '[workflow]\ngates = ["archive", "plan"]\nfallback = ["codex", "claude"]\n'
    workflow = read(text + "[claude]\n[codex]\n").workflow
    assert workflow.gates == ("archive", "plan")
    assert workflow.fallback == ("codex", "claude")


def test_pricing_models_goes_before_the_providers_own_prices() -> None:
    text = MODEL + "cost_per_1m_input = 1\ncost_per_1m_output = 2\n"
    text += '[pricing.models."gpt-5"]\ncost_per_1m_input = 3\ncost_per_1m_output = 4\n'
    config = read(text)
    assert config.model_prices()["gpt-5"].cost_per_1m_input == 3
    assert config.warnings == (
        "agentd/config.toml: gpt-5 has two prices; "
        'that of pricing.models."gpt-5" counts, not that of codex.models.a',
    )


def test_prices_of_a_cli_for_any_maker_are_those_of_the_answering_name() -> None:
    """opencode is asked for mine/qwen3, and its API answers as qwen3."""
    entry = '[[opencode.models]]\nid = "{}"\nmodel = "{}"\ncost_per_1m_input = {}\n'
    entry += "cost_per_1m_output = 2\n"
    models = [
        *(("a", "mine/qwen3", 1), ("b", "openrouter/qwen/qwen3-coder", 3)),
        *(("c", "mine/glm", 4), ("d", "theirs/glm", 5), ("e", "gpt-5", 6)),
    ]
    told = "".join(entry.format(*one) for one in models)
    codex = entry.replace("opencode", "codex").format("f", "local/llama", 7)
    prices = read(told + codex).model_prices()
    assert prices["qwen3"] == prices["mine/qwen3"]
    assert prices["qwen/qwen3-coder"].cost_per_1m_input == 3
    assert not {"glm", "llama", ""} & prices.keys()


@pytest.mark.parametrize("text", ["\ufeff[codex]\n", "[codex]\r\ncommand = 'x'\r\n"])
def test_byte_order_mark_and_windows_line_ends_are_no_errors(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(text.encode())
    assert load(path).warnings == ()


def test_loading_imports_nothing_slow() -> None:
    slow = (
        "{'tomlkit', 'typer', 'genai_prices', 'ruamel', 'regex', 'difflib', 'json', 'subprocess',"
        "'zoneinfo'}"
    )
    code = (
        "import sys; from pathlib import Path; from agentd.config.load import load;"
        "load(Path('agentd.example.toml'));"
        f"print(*sorted(set(sys.modules) & {slow}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    "table", [MODEL, '[pricing.models."gpt-5"]\n'], ids=["beside the model", "pricing.models"]
)
def test_one_hour_cache_writes_have_a_price_of_their_own(table: str) -> None:
    prices = "cost_per_1m_input = 3\ncost_per_1m_output = 15\ncost_per_1m_cache_write = 3.75\n"
    usage = ModelUsage(
        input_tokens=1_000_000,
        cache_creation_input_tokens=1_000_000,
        cache_creation_1h_input_tokens=400_000,
    )
    config = read(table + prices + "cost_per_1m_cache_write_1h = 6\n")
    assert (
        config.warnings
        == (f"agentd/config.toml: no provider is configured; add {any_provider('[{}]')}",)[
            : table is not MODEL
        ]
    )
    assert config.model_prices()["gpt-5"].cost_usd(usage) == Decimal("4.65")  # 2.25 + 2.4
    without = read(table + prices)
    assert without.model_prices()["gpt-5"].cost_usd(usage) == Decimal("3.75")


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("127.0.0.1:8080", True),
        ("[::1]:8080", True),
        ("[fe80::1%25eth0]", True),
        ("192.168.1.7", True),
        ("100.64.0.1", True),
        ("100.127.255.254", True),
        ("100.128.0.1", False),
        ("localhost.", True),
        ("gpu-box.local", True),
        ("nas.home.arpa", True),
        ("ollama:11434", True),  # a container beside
        ("api.openai.com", False),
        ("8.8.8.8", False),
        ("[2001:4860:4860::8888]", False),
    ],
)
def test_which_servers_are_ones_own(host: str, is_local: bool) -> None:
    server = HttpConfig(base_url=f"http://{host}/v1", model="m")
    assert (server.is_local, server.is_billed) == (is_local, not is_local)
    assert HttpConfig(base_url=server.base_url, model="m", api_key_env="KEY").is_billed
    assert HttpConfig(base_url=server.base_url, model="m", headers_env={"x": "KEY"}).is_billed
