"""opencode: where its requests go, what its database tells, and why it failed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.recordings import recording
from support.session_logs import named, with_databases

from agentd.metering.dialects import DIALECTS, Asked
from agentd.providers import PROVIDERS
from agentd.providers.failure import Reason
from agentd.providers.opencode import places, session_log
from agentd.providers.output import parse_output
from agentd.providers.pointing import NotPointed, Pointing, PointQuery

RELAY = "http://127.0.0.1:9/t0ken"
OPUS = "anthropic/claude-opus-5-5"
VERSION = "opencode/1.18.33"


@pytest.fixture(autouse=True)
def unmanaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of what an administrator sets."""
    folder = tmp_path / "etc"
    monkeypatch.setattr(places, "MANAGED", folder)
    return folder


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def base_url(url: str, provider: str = "anthropic") -> dict[str, Any]:
    return {"provider": {provider: {"options": {"baseURL": url}}}}


def found(
    home: Path, *extra_args: str, model: str | None = OPUS, **environ: str
) -> Pointing | NotPointed:
    point = PROVIDERS["opencode"].cli().point
    assert point
    project = home / "repo" / "folder"
    project.mkdir(parents=True, exist_ok=True)
    (home / "repo" / ".git").mkdir(exist_ok=True)
    environ = {"HOME": str(home), **environ}
    return point(PointQuery(cwd=project, environ=environ, extra_args=extra_args, model=model))


def pointing(home: Path, *extra_args: str, **how: Any) -> Pointing:
    got = found(home, *extra_args, **how)
    assert isinstance(got, Pointing), got
    return got


def why_not(home: Path, *extra_args: str, **how: Any) -> str:
    got = found(home, *extra_args, **how)
    assert isinstance(got, NotPointed), got
    return got.why


def laid_over(got: Pointing) -> dict[str, Any]:
    pointed = got.at(RELAY, Path("unused"))
    content: dict[str, Any] = json.loads(pointed.environ["OPENCODE_CONFIG_CONTENT"])
    return content


def test_a_key_of_the_environment_or_of_its_login(tmp_path: Path) -> None:
    got = pointing(tmp_path, ANTHROPIC_API_KEY="k")
    assert (got.upstream, got.login, got.tried) == (
        "https://api.anthropic.com/v1",
        "API key of anthropic",
        True,
    )
    assert laid_over(got) == base_url(RELAY)
    assert pointing(tmp_path).tried is False
    write(tmp_path / ".local/share/opencode/auth.json", {"openai": {"type": "api", "key": "k"}})
    assert pointing(tmp_path).tried is False
    got = pointing(tmp_path, model="openai/gpt-6-sol")
    assert (got.upstream, got.tried) == ("https://api.openai.com/v1", True)
    assert laid_over(got) == base_url(RELAY, "openai")


def test_what_the_user_lays_over_the_files_stays(tmp_path: Path) -> None:
    given = {"theme": "x", "provider": {"anthropic": {"options": {"timeout": 5}}}}
    got = pointing(tmp_path, OPENCODE_CONFIG_CONTENT=json.dumps(given))
    options = {"timeout": 5, "baseURL": RELAY}
    assert laid_over(got) == {"theme": "x", "provider": {"anthropic": {"options": options}}}


@pytest.mark.parametrize(
    "file",
    [
        ".config/opencode/config.json",
        ".config/opencode/opencode.jsonc",
        "repo/opencode.json",
        "repo/folder/opencode.jsonc",
        "repo/.opencode/opencode.json",
        ".opencode/opencode.json",
        "own.json",
    ],
)
def test_every_file_of_its_config_may_name_the_api(tmp_path: Path, file: str) -> None:
    write(tmp_path / file, base_url("https://gateway/v1"))
    own = {"OPENCODE_CONFIG": str(tmp_path / "own.json")}
    got = pointing(tmp_path, **own)
    assert (got.upstream, got.login, got.tried) == (
        "https://gateway/v1",
        "base URL of your own",
        True,
    )
    off = {**own, "OPENCODE_DISABLE_PROJECT_CONFIG": "1", "ANTHROPIC_API_KEY": "k"}
    of_project = file.startswith("repo/")
    assert (pointing(tmp_path, **off).upstream != "https://gateway/v1") == of_project


def test_the_stronger_file_counts(tmp_path: Path) -> None:
    write(tmp_path / ".config/opencode/opencode.json", base_url("https://global/v1"))
    assert pointing(tmp_path, ANTHROPIC_BASE_URL="https://env/v1").upstream == "https://global/v1"
    write(tmp_path / "repo/opencode.json", base_url("https://project/v1"))
    write(tmp_path / "repo/folder/opencode.json", base_url("https://folder/v1"))
    assert pointing(tmp_path).upstream == "https://folder/v1"
    given = json.dumps(base_url("https://given/v1"))
    assert pointing(tmp_path, OPENCODE_CONFIG_CONTENT=given).upstream == "https://given/v1"


def test_comments_commas_and_variables_of_its_config(tmp_path: Path) -> None:
    write(
        tmp_path / ".config/opencode/opencode.jsonc",
        '{ // the gateway\n "provider": {"anthropic": {"options": {\n'
        ' "baseURL": "https://{env:GATEWAY}/v1", /* its key: */ "apiKey": "{env:K}", // "x"\n'
        " },},}\n}",
    )
    assert pointing(tmp_path, GATEWAY="gateway").upstream == "https://gateway/v1"
    assert pointing(tmp_path, ANTHROPIC_BASE_URL="https://env/v1", GATEWAY="g").login == (
        "base URL of your own"
    )


def test_a_provider_of_the_config_or_of_its_catalogue(tmp_path: Path) -> None:
    assert "provider groq is not known" in why_not(tmp_path, model="groq/llama")
    write(tmp_path / ".cache/opencode/models.json", {"groq": {"api": "https://groq/v1"}})
    got = pointing(tmp_path, model="groq/llama")
    assert (got.upstream, got.tried) == ("https://groq/v1", False)
    write(tmp_path / "repo/opencode.json", {"provider": {"mine": {"api": "http://localhost:1/v1"}}})
    assert pointing(tmp_path, model="mine/qwen").upstream == "http://localhost:1/v1"


@pytest.mark.parametrize("file", ["repo/opencode.json", ".cache/opencode/models.json"])
def test_models_with_an_api_of_their_own_go_to_no_other(tmp_path: Path, file: str) -> None:
    """The base URL of the provider's options beats theirs; its ``api`` does not."""
    models = {"q": {"provider": {"api": "https://q/v1"}}, "r": {}}
    mine = {"mine": {"api": "https://mine/v1", "models": models}}
    write(tmp_path / file, {"provider": mine} if file.startswith("repo") else mine)
    assert "models of its provider mine have base URLs of their own" in why_not(
        tmp_path, model="mine/r"
    )
    given = json.dumps(base_url("https://gateway/v1", "mine"))
    got = pointing(tmp_path, model="mine/r", OPENCODE_CONFIG_CONTENT=given)
    assert got.upstream == "https://gateway/v1"


def test_without_one_known_api_nothing_is_pointed(tmp_path: Path) -> None:
    assert "its model, and so its API, is not known" in why_not(tmp_path, model=None)
    assert pointing(tmp_path, "-m", OPUS, model=None).upstream.endswith("anthropic.com/v1")
    write(tmp_path / "repo/opencode.json", {"small_model": "openai/gpt-6-luna"})
    assert "several providers (anthropic, openai)" in why_not(tmp_path)
    write(tmp_path / "repo/opencode.json", {"agent": {"general": {"model": "groq/llama"}}})
    assert "several providers (anthropic, groq)" in why_not(tmp_path)


@pytest.mark.parametrize(
    "file",
    [
        "repo/.opencode/agent/looker.md",
        "repo/folder/.opencode/agents/deep/looker.md",
        ".config/opencode/mode/look.md",
    ],
)
def test_agents_of_files_have_models_too(tmp_path: Path, file: str) -> None:
    """Their requests would go past the relay, and past what it holds to a limit."""
    body = "---\nYou look.\nmodel: openai/no\n"
    write(tmp_path / file, f'---\nmode: subagent\nmodel: "groq/llama"\n{body}')
    assert "several providers (anthropic, groq)" in why_not(tmp_path)
    write(tmp_path / file, f"---\nmodel: anthropic/claude-haiku-4-5 # small\n{body}")
    assert pointing(tmp_path, ANTHROPIC_API_KEY="k").tried is True
    write(tmp_path / file, f"No front matter.\n{body}")
    assert pointing(tmp_path, ANTHROPIC_API_KEY="k").tried is True


def test_what_may_bypass_a_base_url(tmp_path: Path, unmanaged: Path) -> None:
    write(tmp_path / ".local/share/opencode/auth.json", {"anthropic": {"type": "oauth"}})
    assert "a login of anthropic by oauth may bypass" in why_not(tmp_path)
    (tmp_path / ".local/share/opencode/auth.json").unlink()
    write(unmanaged / "opencode.json", base_url("https://managed"))
    assert "managed config" in why_not(tmp_path, ANTHROPIC_API_KEY="k")


@pytest.mark.parametrize("content", ["{", "[]", '{"provider": '])
def test_a_config_that_cant_be_read_is_told(tmp_path: Path, content: str) -> None:
    """A base URL may stand in it: the key must go to no other host."""
    write(tmp_path / "repo/opencode.json", content)
    assert "repo/opencode.json can't be read" in why_not(tmp_path, ANTHROPIC_API_KEY="k")


@pytest.mark.parametrize(
    ("scenario", "reason"), [("err400", "refused"), ("err401", "auth"), ("err404", "refused")]
)
def test_why_it_failed(scenario: str, reason: Reason) -> None:
    parsed = parse_output(recording(f"{VERSION}/{scenario}").stdout, PROVIDERS["opencode"].cli())
    assert parsed.complete
    assert parsed.failure
    assert (parsed.failure.reason, parsed.error) == (reason, f"loopback error {scenario[3:]}")


def test_what_stdout_tells() -> None:
    def read(scenario: str) -> Any:
        return parse_output(recording(f"{VERSION}/{scenario}").stdout, PROVIDERS["opencode"].cli())

    assert read("tool").final_text == "A folder."
    assert read("tool").complete
    assert len(read("subagent").threads) == 1
    assert read("stream_cut_then_ok").unsure == "an answer was cut"
    assert not read("sigint_in_tool").complete
    assert read("unknown_session").session_id is None


def test_the_database_tells_of_subagents() -> None:
    logged = named("opencode", "subagent").read()
    assert [one.thread for one in logged.requests] == ["main", "subagent", "main"] or {
        one.thread for one in logged.requests
    } == {"main", "subagent"}
    assert logged.unsure is None
    assert logged.side_calls == "the call for the title of its session is told nowhere"
    assert named("opencode", "resumed").read().side_calls is None


def test_what_others_do_in_the_session_is_not_counted(tmp_path: Path) -> None:
    log = named("opencode", "resumed")
    home = with_databases(log.folder / "home")
    copy = tmp_path / "home/.local/share/opencode"
    copy.mkdir(parents=True)
    file = copy / "opencode.db"
    file.write_bytes((home / ".local/share/opencode/opencode.db").read_bytes())
    with closing(sqlite3.connect(file)) as db, db:
        (newest,) = db.execute("SELECT max(time_created) FROM message").fetchone()
        rows = db.execute(
            "SELECT id, session_id, time_created, data FROM message ORDER BY time_created DESC "
            "LIMIT 2"
        ).fetchall()
        answer, prompt = rows
        for old, at, data in (
            (prompt, newest + 1000, prompt[3]),
            (answer, newest + 2000, answer[3].replace(prompt[0], "msg_theirs0")),
        ):
            db.execute(
                "INSERT INTO message VALUES (?, ?, ?, ?, ?)",
                (f"msg_theirs{at - newest - 1000}"[:11], old[1], at, at, data),
            )
            db.execute(
                "INSERT INTO part SELECT id || ?, ?, session_id, ?, ?, data FROM part "
                "WHERE message_id = ?",
                (str(at), f"msg_theirs{at - newest - 1000}"[:11], at, at, old[0]),
            )
    before, after = log.read(), log.read(tmp_path / "home")
    assert after.requests == before.requests
    assert after.unsure == "somebody else went on in its session"


def test_a_database_of_another_shape_is_no_log(tmp_path: Path) -> None:
    log = named("opencode", "tool")
    place = tmp_path / ".local/share/opencode/opencode.db"
    write(place, "no database")
    assert log.read(tmp_path) is None
    place.unlink()
    with closing(sqlite3.connect(place)) as db, db:
        db.execute("CREATE TABLE session (id)")
    assert log.read(tmp_path) is None
    assert log.read(tmp_path / "nowhere") is None


def test_a_database_without_end_is_read_for_a_bounded_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = named("opencode", "tool")
    home = with_databases(log.folder / "home")
    place = tmp_path / ".local/share/opencode/opencode.db"
    place.parent.mkdir(parents=True)
    place.write_bytes((home / ".local/share/opencode/opencode.db").read_bytes())
    rows = "WITH RECURSIVE n(at) AS (SELECT 2e12 UNION ALL SELECT at + 1 FROM n) SELECT at"
    with closing(sqlite3.connect(place)) as db, db:
        db.execute("DROP TABLE message")
        db.execute(
            f"CREATE VIEW message AS {rows} AS time_created, at AS id, '{{}}' AS data, "
            f"'{log.expected['session_id']}' AS session_id FROM n"
        )
    monkeypatch.setattr(session_log, "_MOST_S", 0.1)
    assert log.read(tmp_path) is None


def asked_in(dialect: str, headers: dict[str, str], body: dict[str, Any]) -> Asked:
    [language] = [one for one in DIALECTS if one.name == dialect]
    of_cli = PROVIDERS["opencode"].cli().asked
    path = "/v1/models/m:generateContent"
    return language.asked(path, headers, json.dumps(body).encode(), of_cli)


@pytest.mark.parametrize("dialect", ["anthropic", "openai.chat", "openai.responses", "gemini"])
@pytest.mark.parametrize(
    ("more", "tools", "thread"),
    [
        ({}, True, "main"),
        ({}, False, "side"),  # a title, a summary
        ({"x-parent-session-id": "ses_1"}, True, "subagent"),
    ],
)
def test_its_threads_in_each_language(
    dialect: str, more: dict[str, str], tools: bool, thread: str
) -> None:
    headers = {"user-agent": "opencode/1.18.33 ai-sdk/anthropic/3", "x-session-id": "ses_2", **more}
    bash = {"name": "bash", "functionDeclarations": [{"name": "bash"}]}
    body = {"model": "m"} | ({"tools": [bash]} if tools else {})
    asked = asked_in(dialect, headers, body)
    assert asked.thread == thread
    assert asked.conversation == ("ses_2" if more else "")
    of_others = asked_in(dialect, {**headers, "user-agent": "x"}, {})
    assert (of_others.thread == "main") == (dialect != "gemini")
