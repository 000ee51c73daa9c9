"""How each CLI is pointed at a relay, by its own settings; and why it is not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agentd.providers import PROVIDERS
from agentd.providers.pointing import (
    NotPointed,
    Pointed,
    Pointing,
    PointQuery,
    unusable_proxy,
)

RELAY = "http://127.0.0.1:9/t0ken"


def query_of(home: Path, extra_args: tuple[str, ...], environ: Mapping[str, str]) -> PointQuery:
    """A run in a project of this home."""
    project = home / "project"
    project.mkdir(exist_ok=True)
    return PointQuery(
        cwd=project,
        environ={"HOME": str(home), **environ},
        extra_args=extra_args,
        model="anthropic/claude-opus-5-5",
    )


def point(
    name: str, home: Path, *extra_args: str, **environ: str
) -> tuple[Pointing, list[str], dict[str, str]] | str:
    """The pointing with its arguments and environment, or why there is none."""
    ask = PROVIDERS[name].cli().point
    assert ask
    found = ask(query_of(home, extra_args, environ))
    if isinstance(found, NotPointed):
        return found.why
    run_dir = home / "run"
    run_dir.mkdir(exist_ok=True)
    pointed = found.at(RELAY, run_dir / "pointed.json")
    return found, list(pointed.extra_args), dict(pointed.environ)


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def claude(home: Path, *args: str, **environ: str) -> tuple[Pointing, list[str], dict[str, Any]]:
    found = point("claude", home, *args, **environ)
    assert not isinstance(found, str), found
    pointing, arguments, _ = found
    place = Path(arguments[arguments.index("--settings") + 1])
    assert place.stat().st_mode & 0o077 == 0
    return pointing, arguments, json.loads(place.read_text())


def test_claude_with_a_key(tmp_path: Path) -> None:
    pointing, arguments, settings = claude(tmp_path, "--verbose", ANTHROPIC_API_KEY="k")
    assert (pointing.upstream, pointing.tried) == ("https://api.anthropic.com", True)
    assert arguments[0] == "--verbose"
    assert settings["env"]["ANTHROPIC_BASE_URL"] == RELAY
    assert settings["env"]["_CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL"] == "1"


def test_claude_with_a_login_was_not_tried(tmp_path: Path) -> None:
    assert claude(tmp_path)[0].tried is False


def test_claude_keeps_the_users_settings_and_base_url(tmp_path: Path) -> None:
    write(tmp_path / ".claude/settings.json", {"env": {"ANTHROPIC_BASE_URL": "https://user"}})
    write(
        tmp_path / "project/.claude/settings.json",
        {"env": {"ANTHROPIC_BASE_URL": "https://project"}},
    )
    own = json.dumps({"model": "opus", "env": {"A": "b"}})
    pointing, arguments, settings = claude(
        tmp_path, "--settings", own, "-x", ANTHROPIC_BASE_URL="https://environment"
    )
    assert pointing.upstream == "https://project"
    assert (settings["model"], settings["env"]["A"]) == ("opus", "b")
    assert "_CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL" not in settings["env"]
    assert arguments.count("--settings") == 1


def test_claude_settings_from_a_file(tmp_path: Path) -> None:
    write(tmp_path / "project/own.json", {"env": {"ANTHROPIC_BASE_URL": "https://own"}})
    assert claude(tmp_path, "--settings=own.json")[0].upstream == "https://own"


@pytest.mark.parametrize("name", ["BEDROCK", "VERTEX", "FOUNDRY"])
def test_claude_in_another_cloud(tmp_path: Path, name: str) -> None:
    assert isinstance(point("claude", tmp_path, **{f"CLAUDE_CODE_USE_{name}": "1"}), str)


def codex(home: Path, *args: str, **environ: str) -> tuple[str, str]:
    found = point("codex", home, *args, **environ)
    assert not isinstance(found, str), found
    return found[0].upstream, found[1][-1]


def test_codex_with_a_key(tmp_path: Path) -> None:
    assert codex(tmp_path, CODEX_API_KEY="k") == (
        "https://api.openai.com/v1",
        f'openai_base_url="{RELAY}"',
    )


def test_codex_with_a_provider_profile_and_overrides(tmp_path: Path) -> None:
    config = """
model_provider = "one"
[profiles.two]
model_provider = "two"
[model_providers.one]
base_url = "https://one/v1"
[model_providers.two]
base_url = "https://two/v1"
"""
    write(tmp_path / ".codex/config.toml", config)
    own = 'model_providers.two.base_url="https://given/v1"'
    for args, upstream, key in (
        ((), "https://one/v1", "one"),
        (("-p", "two"), "https://two/v1", "two"),
        (("--profile=two", "-c", own), "https://given/v1", "two"),
        (("-c", 'model_provider="two"'), "https://two/v1", "two"),
    ):
        (tmp_path / "run").exists() and (tmp_path / "run").rmdir()
        assert codex(tmp_path, *args) == (upstream, f'model_providers.{key}.base_url="{RELAY}"')


def test_codex_with_a_chatgpt_login(tmp_path: Path) -> None:
    write(tmp_path / ".codex/auth.json", {"auth_mode": "chatgpt"})
    assert "ChatGPT" in str(point("codex", tmp_path))


@pytest.mark.parametrize(
    ("settings", "environ", "variable", "upstream", "tried"),
    [
        (
            {},
            {"GEMINI_API_KEY": "k"},
            "GOOGLE_GEMINI_BASE_URL",
            "https://generativelanguage.googleapis.com",
            True,
        ),
        (
            {},
            {},
            "GOOGLE_GEMINI_BASE_URL",
            "https://generativelanguage.googleapis.com",
            False,
        ),
        (
            {"security": {"auth": {"selectedType": "vertex-ai"}}},
            {"GOOGLE_API_KEY": "k"},
            "GOOGLE_VERTEX_BASE_URL",
            "https://aiplatform.googleapis.com",
            True,
        ),
        (
            {"security": {"auth": {"selectedType": "oauth-personal"}}},
            {},
            "CODE_ASSIST_ENDPOINT",
            "https://cloudcode-pa.googleapis.com",
            False,
        ),
    ],
)
def test_gemini_by_its_login(
    tmp_path: Path,
    settings: dict[str, Any],
    environ: dict[str, str],
    variable: str,
    upstream: str,
    tried: bool,
) -> None:
    write(tmp_path / ".gemini/settings.json", settings)
    found = point("gemini", tmp_path, **environ)
    assert not isinstance(found, str)
    assert (found[0].upstream, found[0].tried, found[2][variable]) == (upstream, tried, RELAY)


def test_gemini_with_a_base_url_in_its_env_file(tmp_path: Path) -> None:
    write(tmp_path / "project/.env", "export GOOGLE_GEMINI_BASE_URL='https://own'\n")
    found = point("gemini", tmp_path)
    assert not isinstance(found, str)
    assert found[0].upstream == "https://own"


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_loopback_is_never_behind_the_users_proxy(name: str, tmp_path: Path) -> None:
    api = {"COPILOT_PROVIDER_BASE_URL": "https://own/v1"}  # without one copilot is not pointed
    found = point(name, tmp_path, HTTPS_PROXY="http://proxy", NO_PROXY="example.com", **api)
    assert not isinstance(found, str)
    assert found[2]["NO_PROXY"] == found[2]["no_proxy"] == "example.com,127.0.0.1,localhost"


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_a_refusal_holds_its_message(name: str) -> None:
    refusal = PROVIDERS[name].cli().refusal
    assert refusal
    status, body = refusal("nothing is left")
    assert 400 <= status < 500
    assert "nothing is left" in json.dumps(body)


def test_claude_keeps_what_its_settings_say_of_proxies(tmp_path: Path) -> None:
    own = {"HTTPS_PROXY": "http://proxy", "NO_PROXY": "example.com"}
    write(tmp_path / ".claude/settings.json", {"env": own})
    pointing, _, settings = claude(tmp_path, ANTHROPIC_API_KEY="k")
    assert pointing.environ["HTTPS_PROXY"] == "http://proxy"  # the relay's own way to the API
    assert settings["env"]["NO_PROXY"] == "example.com,127.0.0.1,localhost"


def test_claude_reads_the_setting_sources_that_it_is_told(tmp_path: Path) -> None:
    write(tmp_path / ".claude/settings.json", {"env": {"ANTHROPIC_BASE_URL": "https://user"}})
    pointing, arguments, _ = claude(tmp_path, "--setting-sources=project,local")
    assert pointing.upstream == "https://api.anthropic.com"
    assert arguments[:2] == ["--setting-sources", "project,local"]


def test_claude_with_a_key_of_its_login(tmp_path: Path) -> None:
    write(tmp_path / ".claude.json", {"primaryApiKey": "k"})
    assert claude(tmp_path)[0].tried


@pytest.mark.parametrize(
    ("args", "environ", "why"),
    [
        (("--settings", "{broken"), {}, "can't be read"),
        (("--settings", "missing.json"), {}, "can't be read"),
        ((), {"CLAUDE_CODE_CLIENT_CERT": "cert.pem"}, "certificate"),
    ],
)
def test_claude_is_left_alone_where_it_could_break(
    args: tuple[str, ...], environ: dict[str, str], why: str, tmp_path: Path
) -> None:
    assert why in str(point("claude", tmp_path, *args, ANTHROPIC_API_KEY="k", **environ))


def test_codex_without_a_key_was_not_tried(tmp_path: Path) -> None:
    """It may be logged in by a keyring; OPENAI_API_KEY alone is not used."""
    found = point("codex", tmp_path, OPENAI_API_KEY="k")
    assert not isinstance(found, str)
    assert found[0].tried is False


@pytest.mark.parametrize(
    "auth", [{"auth_mode": "chatgpt"}, {"tokens": {"access_token": "t"}, "OPENAI_API_KEY": None}]
)
def test_codex_with_both_a_chatgpt_login_and_openai_api_key(
    auth: dict[str, Any], tmp_path: Path
) -> None:
    write(tmp_path / ".codex/auth.json", auth)
    assert "ChatGPT" in str(point("codex", tmp_path, OPENAI_API_KEY="k"))
    assert not isinstance(point("codex", tmp_path, CODEX_API_KEY="k"), str)


@pytest.mark.parametrize("named", ['openai_base_url = "http://p/v1"', 'model_provider = "own"'])
def test_codex_in_a_trusted_project_that_names_a_base_url(tmp_path: Path, named: str) -> None:
    """Its versions take such keys or leave them; of a project that is not trusted none does."""
    project = tmp_path / "project"
    write(project / ".git/HEAD", "")
    write(project / ".codex/config.toml", f"{named}\n")
    assert not isinstance(point("codex", tmp_path, CODEX_API_KEY="k"), str)
    write(tmp_path / ".codex/config.toml", f'[projects."{project}"]\ntrust_level = "trusted"\n')
    why = ".codex/config.toml of the trusted project names a base URL"
    assert str(point("codex", tmp_path, CODEX_API_KEY="k")).startswith(why)
    for harmless in ('model = "gpt-5"\n', "broken = ["):
        write(project / ".codex/config.toml", harmless)
        assert not isinstance(point("codex", tmp_path, CODEX_API_KEY="k"), str)


def test_codex_below_the_root_of_a_trusted_project(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    write(tmp_path / ".codex/config.toml", 'openai_base_url = "http://p/v1"\n')
    own = {"CODEX_HOME": str(tmp_path / "home"), "CODEX_API_KEY": "k"}
    write(tmp_path / "home/config.toml", f'[projects."{tmp_path}"]\ntrust_level = "trusted"\n')
    assert "names a base URL" in str(point("codex", tmp_path, **own))
    in_its_home = {**own, "CODEX_HOME": str(tmp_path / ".codex")}  # it is no project's file then
    assert not isinstance(point("codex", tmp_path, **in_its_home), str)


def test_codex_with_a_base_url_in_its_arguments(tmp_path: Path) -> None:
    own = ("-c", 'openai_base_url="https://own/v1"')
    upstream, argument = codex(tmp_path, *own, CODEX_API_KEY="k")
    assert (upstream, argument) == ("https://own/v1", f'openai_base_url="{RELAY}"')
    assert "--oss" in str(point("codex", tmp_path, "--oss"))


def test_gemini_with_settings_of_the_system(tmp_path: Path) -> None:
    system = tmp_path / "system.json"
    write(system, {"security": {"auth": {"selectedType": "vertex-ai"}}})
    write(
        tmp_path / ".gemini/settings.json",
        {"security": {"auth": {"selectedType": "gemini-api-key"}}},
    )
    found = point(
        "gemini", tmp_path, GEMINI_CLI_SYSTEM_SETTINGS_PATH=str(system), GOOGLE_API_KEY="k"
    )
    assert not isinstance(found, str)
    assert found[0].login == "Vertex key"


@pytest.mark.parametrize(
    ("proxy", "usable"),
    [("http://p:1", True), ("https://p", True), ("p:1", True), ("socks5://p:1", False), ("", True)],
)
def test_a_proxy_that_the_relay_cant_take(proxy: str, usable: bool, tmp_path: Path) -> None:
    found = point("claude", tmp_path, ANTHROPIC_API_KEY="k", HTTPS_PROXY=proxy)
    assert not isinstance(found, str)
    assert (unusable_proxy(found[0]) is None) == usable


def tell(name: str, home: Path, *extra_args: str, **environ: str) -> Pointed | str:
    """The run as it is pointed by its telemetry, or why it is not."""
    ask = PROVIDERS[name].cli().tell
    assert ask
    query = query_of(home, extra_args, environ)
    found = ask(query)
    if isinstance(found, NotPointed):
        return found.why
    run = Pointed(extra_args=query.extra_args, environ=query.environ)
    return found.at(f"{RELAY}/otlp", home / "pointed.json", run)


@pytest.mark.parametrize(
    "environ", [{"CLAUDE_CODE_USE_BEDROCK": "1"}, {"CLAUDE_CODE_OAUTH_TOKEN": "t"}]
)
def test_claude_tells_its_telemetry(environ: dict[str, str], tmp_path: Path) -> None:
    pointed = tell("claude", tmp_path, "--settings", '{"model": "opus"}', **environ)
    assert not isinstance(pointed, str)
    settings = json.loads(Path(pointed.extra_args[-1]).read_text())
    assert settings["model"] == "opus"
    assert settings["env"]["OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"] == f"{RELAY}/otlp/v1/logs"
    assert "ANTHROPIC_BASE_URL" not in settings["env"]


def test_codex_tells_its_telemetry(tmp_path: Path) -> None:
    write(tmp_path / ".codex/auth.json", {"auth_mode": "chatgpt"})
    pointed = tell("codex", tmp_path)
    assert not isinstance(pointed, str)
    assert f'"{RELAY}/otlp/v1/logs"' in pointed.extra_args[-1]


def test_telemetry_of_the_users_own_is_left_alone(tmp_path: Path) -> None:
    own = "its telemetry has settings of your own"
    key = {"ANTHROPIC_API_KEY": "k"}
    for name in ("OTEL_METRICS_EXPORTER", "CLAUDE_CODE_ENABLE_TELEMETRY"):
        assert tell("claude", tmp_path, **key, **{name: "1"}) == own
    write(tmp_path / ".claude/settings.json", {"env": {"OTEL_LOGS_EXPORTER": "otlp"}})
    assert tell("claude", tmp_path, **key) == own
    exporter = 'otel.exporter={otlp-grpc={endpoint="http://localhost:4317"}}'
    assert tell("codex", tmp_path, "-c", exporter, CODEX_API_KEY="k") == own
    write(tmp_path / ".codex/config.toml", '[otel]\nexporter = "otlp-http"\n')
    assert tell("codex", tmp_path, CODEX_API_KEY="k") == own


@pytest.mark.parametrize("name", ["claude", "codex"])
def test_nobody_who_is_logged_in_tells_nothing(name: str, tmp_path: Path) -> None:
    assert tell(name, tmp_path) == "no login was found"
