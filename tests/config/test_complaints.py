"""What is said about each mistake in config.toml."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.config_texts import MODEL, read

from agentd.config.load import load
from agentd.errors import ConfigError
from agentd.providers import PROVIDERS, any_provider

NAMES = ", ".join(PROVIDERS)
PATTERN = "[[validation.patterns]]\nname = 'x'\npattern = 'a'\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '[codex]\n[steps.review]\nprovider = "gpt"',
            f'steps.review.provider is "gpt"; expected one of {NAMES}',
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
        (
            '[providers.work]\ncommand = "x"',
            f"providers.work.base is missing; expected one of {NAMES}",
        ),
        (
            '[claude]\nset_env = { ANTHROPIC_API_KEY = "k" }',
            "claude.set_env.ANTHROPIC_API_KEY can't be set; expected a variable's name, and none",
        ),
        *(
            (f'[claude]\nset_env = {{ {name} = "k" }}', f"claude.set_env.{name} can't be set")
            for name in ("TOKEN", "PASSWORD", "MYKEY", "my_secret")
        ),
        ("[claude]\nset_env = { HOME = 1 }", "claude.set_env.HOME is 1; expected a text"),
        ('[providers.work]\nbase = "gpt"', 'providers.work.base is "gpt"; expected one of claude'),
        (
            '[providers.claude]\nbase = "codex"',
            "providers.claude is a table; expected a name of small letters, digits, '-' and '_' "
            f"that is none of {NAMES}, for a table",
        ),
        ('[providers."a b"]\nbase = "codex"', 'providers."a b" is a table; expected a name'),
        ("[http.local]\nmodel = 'm'", "http.local.base_url is missing; expected the URL of a"),
        ("[http.local]\nbase_url = 'http://h/v1'", "http.local.model is missing; expected"),
        (
            "[http.local]\nmodel = 'm'\nbase_url = 'h:8080'",
            'http.local.base_url is "h:8080"; expected the URL of a server\'s API',
        ),
        (
            "[http.local]\nmodel = 'm'\nbase_url = 'http://h/v1?key=x'",
            'http.local.base_url is "http://h/v1?key=x"; expected the URL of a server\'s API',
        ),
        (
            "[http.local]\nmodel = 'm'\nbase_url = 'http://u:p@h/v1'",
            'http.local.base_url is "http://u:p@h/v1"; expected the URL of a server\'s API',
        ),
        (
            "[http.local]\nmodel = 'm'\nbase_url = 'http://h'\napi = 'grpc'",
            'http.local.api is "grpc"; expected one of chat, responses, messages',
        ),
        (
            "[http.local]\nmodel = 'm'\nbase_url = 'http://h'\napi_key_env = 'a-b'",
            'http.local.api_key_env is "a-b"; expected the name of the environment variable',
        ),
        (
            "[http.local]\nmodel = 'm'\nbase_url = 'http://h'\nheaders_env = { x-key = 'a b' }",
            'http.local.headers_env.x-key is "a b"; expected the name of the environment variable',
        ),
        (
            "[providers.x]\nbase = 'claude'\n[http.x]\nmodel = 'm'\nbase_url = 'http://h'",
            "http.x is a table; expected a name of small letters, digits, '-' and '_' that is "
            f"none of {NAMES}, x, for a table",
        ),
        ("providers = 1", "providers is 1; expected a table: [providers]"),
        (
            '[codex]\n[providers.work]\nbase = "codex"\n[steps.review]\nprovider = "wrok"',
            f'steps.review.provider is "wrok"; expected one of {NAMES}, work',
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
            f'workflow.fallback is ["gpt"]; expected a list of {NAMES}, each',
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
        ('[checks.own]\ntypes = ""', 'checks.own.types is ""; expected a shell command'),
        (
            '[checks.own]\n"a b" = "x"',
            'checks.own."a b" can\'t be set; expected a name of small',
        ),
        ('[checks.own]\nlint = "x"', "checks.own.lint: lint is no name for one; set checks.lint"),
        (
            '[checks]\nrequired = ["types"]\n[checks.own]\ndocs = "x"',
            'checks.required is ["types"]; expected a list of test, lint, audit, docs, each at',
        ),
        ('[checks]\nrequired = ["lint", "lint"]', 'checks.required is ["lint", "lint"]; expected'),
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
        (
            "[budget]\nwarn_at_percent = [50, 'ninety']",
            'budget.warn_at_percent is [50, "ninety"]; expected a number from 0 to 100, or a list',
        ),
        ("[budget]\nwarn_at_percent = []", "budget.warn_at_percent is []; expected a number from"),
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
        ("[codex]\n[pricing]\nzzz = 1", "unknown key pricing.zzz is ignored"),
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
        ("", f"no provider is configured; add {any_provider('[{}]')}"),
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
        (
            "[workflow]\nplaning_iterations = 1",
            "unknown key workflow.planing_iterations; did you mean workflow.planning_iterations?",
        ),
        ("[pricing]\nsorces = []", "unknown key pricing.sorces; did you mean pricing.sources?"),
        ("[pricng]", "unknown key pricng; did you mean pricing?"),
        ("limit_usd = 5", "unknown key codex.limit_usd; did you mean budget.limit_usd?"),
        (
            "[workflow]\nwarn_at_percent = 5",
            "unknown key workflow.warn_at_percent; did you mean budget.warn_at_percent?",
        ),
        ('[meter]\nwir = "on"', "unknown key meter.wir; did you mean meter.wire?"),
        (
            '[[codex.models]]\nid = "a"\nmodel = "b"\ncost_per_1m_imput = 1',
            "unknown key codex.models.a.cost_per_1m_imput; "
            "did you mean codex.models.a.cost_per_1m_input?",
        ),
        (
            '[pricing.models."b-1"]\ncost_per_1m_input = 1\ncost_per_1m_output = 1\n'
            "cost_per_1m_cached_read = 1",
            "unknown key pricing.models.b-1.cost_per_1m_cached_read; "
            "did you mean pricing.models.b-1.cost_per_1m_cache_read?",
        ),
    ],
)
def test_a_key_that_guards_money_and_is_misspelt_is_an_error(text: str, expected: str) -> None:
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
