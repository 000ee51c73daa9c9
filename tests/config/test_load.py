"""Reading config.toml: what it means, and what it says about each mistake."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from dataclasses import asdict, fields
from decimal import Decimal
from pathlib import Path

import pytest

from agentd.config.load import load, parse
from agentd.config.model import (
    STEP_NAMES,
    BudgetConfig,
    ChecksConfig,
    Config,
    GuardConfig,
    Limit,
    MeterConfig,
    ModelConfig,
    PathsConfig,
    ProjectBudget,
    StepConfig,
    ValidationConfig,
    ValidationPattern,
    WorkflowConfig,
)
from agentd.errors import ConfigError
from agentd.metering.rates import PricingConfig
from agentd.metering.usage import ModelUsage
from agentd.providers import PROVIDERS
from agentd.workflow.model_choice import usual_provider
from agentd.workflow.steps import STEPS

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

MODEL = '[[codex.models]]\nid = "a"\nmodel = "gpt-5"\n'


PATTERN = "[[validation.patterns]]\nname = 'x'\npattern = 'a'\n"


def read(text: str) -> Config:
    return parse(text, Path("agentd/config.toml"))


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
        test="make test", lint="", audit=None, timeout_secs=7, max_output_chars=900
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
            "review": Limit(limit_usd=None, limit_tokens=0),
            "archive-review": Limit(limit_usd=Decimal("0.05"), limit_tokens=None),
        },
        providers={"gemini": Limit(limit_usd=Decimal(3), limit_tokens=9)},
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '[codex]\n[steps.review]\nprovider = "gpt"',
            'steps.review.provider is "gpt"; expected one of claude, codex, gemini',
        ),
        (
            '[codex]\n[steps.review]\nprovider = "claude"',
            'steps.review.provider is "claude"; '
            "expected a provider that has a section here, and [claude] is missing",
        ),
        (
            '[codex]\n[steps.review]\nmodel = "--yolo"',
            'steps.review.model is "--yolo"; expected the id of a model, or a full model name',
        ),
        ("[codex]\n[steps]\nreview = 1", "steps.review is 1; expected a table: [steps.review]"),
        (
            "[workflow]\nplanning_iterations = -1",
            "workflow.planning_iterations is -1; expected a whole number from 0 to 1000000000000",
        ),
        (
            "[workflow]\nstep_timeout_secs = 0",
            "workflow.step_timeout_secs is 0; expected a whole number from 1 to",
        ),
        ("[workflow]\nscript_retries = true", "workflow.script_retries is true; expected a whole"),
        ("[workflow]\nscript_retries = 1.0", "workflow.script_retries is 1.0; expected a whole"),
        (
            "[workflow]\nretry_delay_secs = 99999999999999999999999",
            "workflow.retry_delay_secs is 99999999999999999999999; expected a whole number",
        ),
        (
            '[workflow]\ngates = ["plan", "merge"]',
            'workflow.gates is ["plan", "merge"]; '
            "expected a list of plan, impl, archive, each at most once",
        ),
        (
            '[workflow]\ngates = ["plan", "plan"]',
            'workflow.gates is ["plan", "plan"]; expected a list of plan, impl, archive, each',
        ),
        ('[workflow]\ngates = "plan"', 'workflow.gates is "plan"; expected a list of plan'),
        (
            '[workflow]\nfallback = ["gpt"]',
            'workflow.fallback is ["gpt"]; expected a list of claude, codex, gemini, each',
        ),
        (
            '[codex]\n[workflow]\nfallback = ["codex", "claude"]',
            'workflow.fallback is ["codex", "claude"]; '
            "expected providers that have a section here, and [claude] is missing",
        ),
        (
            '[steps.review]\nrules = "Be brief."',
            'steps.review.rules is "Be brief."; expected a list of sentences, such as',
        ),
        (
            '[checks]\ntest = ["pytest"]',
            'checks.test is ["pytest"]; expected a shell command, or "" for none',
        ),
        ('[checks]\naudit = " "', 'checks.audit is " "; expected a shell command, or ""'),
        ("[checks]\nlint = false", "checks.lint is false; expected a shell command, or"),
        ("[checks]\ntimeout_secs = 0", "checks.timeout_secs is 0; expected a whole number from 1"),
        (
            "[checks]\nmax_output_chars = 0",
            "checks.max_output_chars is 0; expected a whole number from 1",
        ),
        (
            "[validation]\npatterns = {}",
            "validation.patterns is a table; expected a list of tables: [[validation.patterns]]",
        ),
        (
            "[[validation.patterns]]\npattern = 'a'",
            "validation.patterns[0].name is missing; expected a name for the rule, such as",
        ),
        (
            '[[validation.patterns]]\nname = "x"',
            "validation.patterns.x.pattern is missing; expected a regular expression, such as",
        ),
        (
            PATTERN.replace("'a'", "'(a'"),
            'validation.patterns.x.pattern is "(a"; expected a regular expression, '
            r"such as '\bTODO\b': missing )",
        ),
        (PATTERN + PATTERN, 'validation.patterns has the name "x" twice; expected each name once'),
        (
            PATTERN + 'severity = "fatal"',
            'validation.patterns.x.severity is "fatal"; expected one of error, warning, info',
        ),
        (
            PATTERN + 'files = "../*/proposal.md"',
            'validation.patterns.x.files is "../*/proposal.md"; '
            "expected a glob within the change's folder",
        ),
        (PATTERN + 'files = "/etc/*"', 'validation.patterns.x.files is "/etc/*"; expected a glob'),
        (PATTERN + 'message = ""', 'validation.patterns.x.message is ""; expected a sentence'),
        ('[paths]\nlayout = "spec"', 'paths.layout is "spec"; expected one of agentd, openspec'),
        ("workflow = []", "workflow is []; expected a table: [workflow]"),
        ("project_name = 7", "project_name is 7; expected the project's name"),
        (
            '[codex]\ncommand = " "',
            'codex.command is " "; expected a command on PATH or a path',
        ),
        ('[codex]\ncommand = "a\\u0000b"', "codex.command is 'a\\x00b'; expected a command"),
        ("[codex]\ncommand = 2026-01-01", "codex.command is 2026-01-01; expected a command"),
        (
            '[codex]\nextra_args = "--debug"',
            'codex.extra_args is "--debug"; expected a list of texts, such as ["--debug"]',
        ),
        ("[codex]\nextra_args = [1, true]", "codex.extra_args is [1, true]; expected a list"),
        (
            '[codex]\ndefault = "b"\n' + MODEL,
            'codex.default is "b"; expected an id of [[codex.models]]: a',
        ),
        (MODEL + MODEL, 'codex.models has the id "a" twice; expected each id once'),
        ("[codex.models]", "codex.models is a table; expected a list of tables: [[codex.models]]"),
        ('[[codex.models]]\nid = "a"', "codex.models.a.model is missing; expected a full model"),
        (
            '[[codex.models]]\nmodel = "gpt-5"',
            'codex.models[0].id is missing; expected a short name without spaces, such as "fast"',
        ),
        (
            '[[codex.models]]\nid = "a b"\nmodel = "gpt-5"',
            'codex.models."a b".id is "a b"; expected a short name',
        ),
        (
            MODEL + 'complexity = "huge"',
            'codex.models.a.complexity is "huge"; expected one of low, medium, high, critical',
        ),
        (
            MODEL + "cost_per_1m_input = -0.5",
            "codex.models.a.cost_per_1m_input is -0.5; "
            "expected a price in USD per 1,000,000 tokens, 0 or more",
        ),
        (MODEL + "cost_per_1m_output = nan", "codex.models.a.cost_per_1m_output is nan; expected"),
        (MODEL + "cost_per_1m_output = inf", "codex.models.a.cost_per_1m_output is inf; expected"),
        (MODEL + 'cost_per_1m_input = "1"', 'codex.models.a.cost_per_1m_input is "1"; expected'),
        (
            MODEL + "cost_per_1k_web_searches = -1",
            "codex.models.a.cost_per_1k_web_searches is -1; "
            "expected a price in USD per 1,000 web searches, 0 or more",
        ),
        (
            MODEL + 'variants."speed=fast".cost_per_1m_input = "1"',
            'codex.models.a.variants."speed=fast".cost_per_1m_input is "1"; expected a price',
        ),
        (
            MODEL + "variants.fast.cost_per_1m_input = 1",
            'codex.models.a.variants.fast is a table; expected a name such as "speed=fast"',
        ),
        (
            MODEL + "cost_per_1m_input = false",
            "codex.models.a.cost_per_1m_input is false; expected a price",
        ),
        (
            '[pricing]\nsources = ["catalogue"]',
            'pricing.sources is ["catalogue"]; '
            "expected a list of config, reported, catalog, each at most once",
        ),
        (
            '[pricing]\nsources = ["config", "config"]',
            'pricing.sources is ["config", "config"]; expected a list',
        ),
        (
            '[pricing.models."gpt-5.5"]\ncost_per_1m_input = 1',
            'pricing.models."gpt-5.5".cost_per_1m_output is missing; expected a price',
        ),
        (
            '[pricing.models."gpt-5.5"]\ncost_per_1m_input = -1\ncost_per_1m_output = 1',
            'pricing.models."gpt-5.5".cost_per_1m_input is -1; expected a price',
        ),
        (
            "[budget]\nlimit_usd = -1",
            "budget.limit_usd is -1; expected an amount in USD, 0 or more",
        ),
        ("[budget]\nlimit_tokens = 0.5", "budget.limit_tokens is 0.5; expected a whole number"),
        (
            "[budget]\nwarn_at_percent = 101",
            "budget.warn_at_percent is 101; expected a number from 0 to 100",
        ),
        ("[budget]\nwarn_at_percent = -1", "budget.warn_at_percent is -1; expected a number from"),
        ("[budget]\nwarn_at_dollars = inf", "budget.warn_at_dollars is inf; expected an amount"),
        ("[budget]\nwarn_at_tokens = -5", "budget.warn_at_tokens is -5; expected a whole number"),
        ("[budget]\non_unpriced = true", "budget.on_unpriced is true; expected one of warn, stop"),
        ("[budget]\nproject = 5", "budget.project is 5; expected a table: [budget.project]"),
        (
            '[budget.project]\nperiod = "year"',
            'budget.project.period is "year"; expected one of day, week, month, total',
        ),
        (
            '[budget.project]\ntimezone = "Europe/Berln"',
            'budget.project.timezone is "Europe/Berln"; expected a time zone\'s name',
        ),
        ("[budget.project]\ntimezone = 1", "budget.project.timezone is 1; expected a time zone"),
        ('[budget.project]\ntimezone = ""', 'budget.project.timezone is ""; expected a time zone'),
        (
            '[budget.project]\ntimezone = "Europe"',
            'budget.project.timezone is "Europe"; expected a time zone',
        ),
        (
            '[budget.project]\ntimezone = "../../etc/passwd"',
            'budget.project.timezone is "../../etc/passwd"; expected a time zone',
        ),
        (
            "[budget.project]\nwarn_at_percent = 100.1",
            "budget.project.warn_at_percent is 100.1; expected a number from 0 to 100",
        ),
        (
            "[budget.steps.archive-fix]\nlimit_usd = nan",
            "budget.steps.archive-fix.limit_usd is nan; expected an amount in USD",
        ),
        (
            "[budget.providers.codex]\nlimit_tokens = -1",
            "budget.providers.codex.limit_tokens is -1; expected a whole number",
        ),
    ],
)
def test_a_wrong_value_is_named_with_file_key_value_and_expectation(
    text: str, expected: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert caught.value.message.startswith("agentd/config.toml: " + expected)
    assert "\n" not in caught.value.message
    assert "agentd doctor" in caught.value.fix


def test_all_wrong_values_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read("[workflow]\nscript_retries = -1\n[budget]\nlimit_usd = -1\n")
    assert [line.split(" is ")[0] for line in caught.value.message.splitlines()] == [
        "agentd/config.toml: workflow.script_retries",
        "agentd/config.toml: budget.limit_usd",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[codex]\n[gemni]", "unknown key gemni is ignored; did you mean gemini?"),
        (
            "[codex]\n[workflow]\nplaning_iterations = 1",
            "unknown key workflow.planing_iterations is ignored; "
            "did you mean workflow.planning_iterations?",
        ),
        (
            "[codex]\n[steps.implement]\n",
            "unknown key steps.implement is ignored; did you mean steps.implementation?",
        ),
        (
            "[codex]\n[steps.archive_review]\n",
            "unknown key steps.archive_review is ignored; did you mean steps.archive-review?",
        ),
        (
            MODEL + 'Complexity = "low"',
            "unknown key codex.models.a.Complexity is ignored; "
            "did you mean codex.models.a.complexity?",
        ),
        (
            "[codex]\nCOMMAND = 1",
            "unknown key codex.COMMAND is ignored; did you mean codex.command?",
        ),
        ("[codex]\nzzz = 1", "unknown key codex.zzz is ignored"),
        ('[codex]\n"a.b" = 1', 'unknown key codex."a.b" is ignored'),
        (
            MODEL + "cost_per_1m_input = 1",
            "codex.models.a.cost_per_1m_output is missing, so its other prices are not used",
        ),
        (
            MODEL + '[[claude.models]]\nid = "b"\nmodel = "m"\n'
            '[steps.review]\nprovider = "claude"\nmodel = "a"',
            'steps.review.model is "a", an id of codex, '
            "but the step runs with claude; its ids are b",
        ),
        (
            "[codex]\n[checks]\ntests = 1",
            "unknown key checks.tests is ignored; did you mean checks.test?",
        ),
        (
            "[codex]\n" + PATTERN + "regex = 1",
            "unknown key validation.patterns.x.regex is ignored",
        ),
        (
            "[codex]\n[paths]\nlayouts = 1",
            "unknown key paths.layouts is ignored; did you mean paths.layout?",
        ),
        ("", "no provider is configured; add [claude], [codex] or [gemini]"),
    ],
)
def test_what_is_odd_is_a_warning(text: str, expected: str) -> None:
    assert read(text).warnings == ("agentd/config.toml: " + expected,)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[budget]\nzzz = 1", "unknown key budget.zzz"),
        ("[budget]\nlimit_uds = 1", "unknown key budget.limit_uds; did you mean budget.limit_usd?"),
        (
            "[budget.steps.implement]",
            "unknown key budget.steps.implement; did you mean budget.steps.implementation?",
        ),
        (
            "[budget.providers.claud]",
            "unknown key budget.providers.claud; did you mean budget.providers.claude?",
        ),
        (
            "[budget.project]\nlimits_usd = 1",
            "unknown key budget.project.limits_usd; did you mean budget.project.limit_usd?",
        ),
        ("[bugdet]\nlimit_usd = 1", "unknown key bugdet; did you mean budget?"),
        ("[Budgets]\nlimit_usd = 1", "unknown key Budgets; did you mean budget?"),
    ],
)
def test_a_limit_that_is_misspelt_is_an_error(text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(f"[codex]\n{text}\n")
    assert caught.value.message == f"agentd/config.toml: {expected}"


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        ('a = 1\n[codex]\ncommand = codex"\n', "line 3, column 11: this is no valid TOML", "codex"),
        ("[codex\n", "line 1, column 7: this is no valid TOML", "The line reads: [codex"),
        ("[codex]\n[codex]\n", "line 2, column 7: this is no valid TOML", "each key once"),
        ("a = [1,\n2", "line 2, column 2: this is no valid TOML", "The line reads: 2"),
        ('a = "', "line 1, column 6: this is no valid TOML", "quotes"),
        ("<<<<<<< HEAD\na = 1\n", "line 1, column 1: this is no valid TOML", "merge conflict"),
        ("a = 1e99999999999999999999", "no valid TOML: the number 1e99999999999999999999 is", ""),
        ("a = " + "9" * 5000, "this is no valid TOML", ""),
    ],
)
def test_a_syntax_error_names_line_and_column(text: str, message: str, fix: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert caught.value.message.startswith("agentd/config.toml: ")
    assert message in caught.value.message
    assert fix in caught.value.fix


def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin.toml").write_bytes(b'a = "\xe4"')
    for name, message, fix in (
        ("missing.toml", "missing.toml: no such file", "agentd init"),
        ("folder", "folder: cannot be read: Is a directory", "permissions"),
        ("latin.toml", "latin.toml: is not UTF-8 (byte 5)", "UTF-8"),
    ):
        with pytest.raises(ConfigError) as caught:
            load(tmp_path / name)
        assert caught.value.message == message
        assert fix in caught.value.fix


@pytest.mark.parametrize("text", ["\ufeff[codex]\n", "[codex]\r\ncommand = 'x'\r\n"])
def test_byte_order_mark_and_windows_line_ends_are_no_errors(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(text.encode())
    assert load(path).warnings == ()


def test_the_names_are_those_of_the_room_above() -> None:
    assert set(STEPS) <= set(STEP_NAMES)


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


def test_tomllib_and_the_example_agree_on_every_setting() -> None:
    """The example shows each setting: with its comments taken away it is still sound."""
    text = (ROOT / "agentd.example.toml").read_text()
    lines = [line.removeprefix("# ") if is_setting(line) else line for line in text.splitlines()]
    everything = "\n".join(lines)
    config = read(everything)
    assert config.warnings == ()
    data = tomllib.loads(everything)
    assert set(data) == {
        "project_name",
        "min_version",
        "workflow",
        *PROVIDERS,
        "steps",
        "checks",
        "validation",
        "paths",
        "pricing",
        "budget",
        "meter",
        "guard",
    }
    assert set(data["guard"]) == set(GuardConfig.__slots__)
    assert set(data["meter"]) == set(MeterConfig.__slots__)
    assert set(data["workflow"]) == set(WorkflowConfig.__slots__)
    assert set(data["budget"]) == {field.name for field in fields(BudgetConfig)}
    assert set(data["budget"]["project"]) == {field.name for field in fields(ProjectBudget)}
    for limits in (data["budget"]["steps"], data["budget"]["providers"]):
        assert [set(limit) for limit in limits.values()] == [set(Limit.__slots__)]
    assert set(data["checks"]) == set(ChecksConfig.__slots__)
    assert set(data["paths"]) == set(PathsConfig.__slots__)
    assert set(data["validation"]) == {"patterns"}
    assert set(data["validation"]["patterns"][0]) == set(ValidationPattern.__slots__)
    assert {key for step in data["steps"].values() for key in step} == set(StepConfig.__slots__)
    assert set(data["claude"]) == {"command", "default", "extra_args", "env", "models"}
    prices = data["pricing"]["models"]["your-model"]
    assert set(prices) == set(PricingConfig.__slots__)
    assert {*data["claude"]["models"][0], "prices"} == set(ModelConfig.__slots__)
    for step in config.steps.values():
        assert step.provider
        assert step.model in [entry.id for entry in config.providers[step.provider].models]


def test_the_manual_tells_every_setting_and_every_steps_provider() -> None:
    manual = (ROOT / "docs" / "configuration.md").read_text()
    for form in (
        *(WorkflowConfig, ProjectBudget, PricingConfig, StepConfig),
        *(ChecksConfig, ValidationPattern, PathsConfig),
    ):
        for key in form.__slots__:
            assert f"| `{key}` |" in manual
    for key in {*ModelConfig.__slots__} - {"prices"}:
        assert f"| `{key}` |" in manual
    for form in (WorkflowConfig, BudgetConfig, ProjectBudget):
        for key in form.__slots__:
            if form is BudgetConfig and key in ("project", "steps", "providers"):
                continue  # tables of their own
            value = getattr(form(), key)
            default = {None: "none", (): "`[]`", False: "false"}.get(value, value)
            assert f"| `{key}` | {default} |" in manual
    for key, value in (
        *asdict(ChecksConfig()).items(),
        *asdict(PathsConfig()).items(),
    ):
        default = {None: "found by itself", ("test",): '`["test"]`'}.get(value, value)
        assert f"| `{key}` | {default} |" in manual
    rows = [line.strip("| ").split(" | ") for line in manual.splitlines() if line.startswith("| `")]
    told = {
        step: provider for steps, provider, *_ in rows for step in steps.strip("`").split("` `")
    }
    assert {name: told.get(name) for name in STEPS} == {
        name: usual_provider(step, PROVIDERS) for name, step in STEPS.items()
    }
    assert set(STEP_NAMES) <= set(told)


def is_setting(line: str) -> bool:
    """Whether a comment is a setting that only waits for its ``# `` to go."""
    return line.startswith("# [") or (line.startswith("# ") and line.split()[2:3] == ["="])


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
        == ("agentd/config.toml: no provider is configured; add [claude], [codex] or [gemini]",)[
            : table is not MODEL
        ]
    )
    assert config.model_prices()["gpt-5"].cost_usd(usage) == Decimal("4.65")  # 2.25 + 2.4
    without = read(table + prices)
    assert without.model_prices()["gpt-5"].cost_usd(usage) == Decimal("3.75")
