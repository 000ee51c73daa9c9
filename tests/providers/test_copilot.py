"""copilot: where its requests go, what it tells of an error, and what its log tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.recordings import recording
from support.session_logs import edited, lines, named, rewrite

from agentd.providers import PROVIDERS
from agentd.providers.base import Invocation, Parsed
from agentd.providers.copilot.failures import failure, reason_on_stderr
from agentd.providers.failure import Reason
from agentd.providers.output import parse_output
from agentd.providers.pointing import NotPointed, Pointing, PointQuery
from agentd.runner.told_by_cli import Sources, told_by_cli

RELAY = "http://127.0.0.1:9/t0ken"
OWN = {"COPILOT_PROVIDER_BASE_URL": "https://own/v1"}
VERSION = "copilot/1.0.102"


def found(**environ: str) -> Pointing | NotPointed:
    point = PROVIDERS["copilot"].cli().point
    assert point
    return point(PointQuery(cwd=Path(), environ={"HOME": "/home/user", **environ}))


def parsed(scenario: str) -> Parsed:
    return parse_output(recording(f"{VERSION}/{scenario}").stdout, PROVIDERS["copilot"].cli())


def argv(run_dir: str, resumed: str | None = None) -> list[str]:
    cli = PROVIDERS["copilot"].cli()
    return cli.argv(Invocation(command="copilot", run_dir=Path(run_dir), resume_session_id=resumed))


def test_an_api_of_your_own_is_pointed_by_the_environment() -> None:
    for kind in ({}, {"COPILOT_PROVIDER_TYPE": "Anthropic"}):
        got = found(**OWN, **kind, COPILOT_PROVIDER_API_KEY="k")
        assert isinstance(got, Pointing), got
        assert (got.upstream, got.login, got.tried) == ("https://own/v1", "API key", True)
        pointed = got.at(RELAY, Path("not-made"))
        assert pointed.environ["COPILOT_PROVIDER_BASE_URL"] == RELAY
        assert pointed.environ["COPILOT_PROVIDER_API_KEY"] == "k"
    got = found(**OWN)
    assert isinstance(got, Pointing), got
    assert got.login == "base URL of your own"


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({}, "GitHub's own login"),
        ({**OWN, "COPILOT_PROVIDER_TYPE": "azure"}, "type azure was not measured"),
        ({**OWN, "COPILOT_PROVIDER_TRANSPORT": "websockets"}, "is no HTTP"),
    ],
)
def test_what_can_not_be_pointed(environ: dict[str, str], why: str) -> None:
    got = found(**environ)
    assert isinstance(got, NotPointed), got
    assert why in got.why


def test_each_run_gives_its_new_session_an_id_of_its_own() -> None:
    first, again, other = (argv(place) for place in ("/runs/a", "/runs/a", "/runs/b"))
    assert first == again
    assert first[-2] == other[-2] == PROVIDERS["copilot"].cli().session_flag
    assert first[-1] != other[-1]
    assert argv("/runs/a", "id")[-2:] == ["--resume", "id"]


@pytest.mark.parametrize(
    ("scenario", "reason"),
    [("err400", "refused"), ("err401", "auth"), ("err404", "refused"), ("api_error", "refused")],
)
def test_errors_of_the_api(scenario: str, reason: Reason) -> None:
    told = parsed(scenario)
    assert told.complete
    assert told.error
    assert told.failure
    assert (told.failure.reason, told.unsure) == (reason, None)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"errorType": "rate_limit", "message": "m"}, "rate_limit"),
        ({"errorType": "query", "statusCode": 529}, "overloaded"),
        ({"errorType": "query", "statusCode": "x"}, "no_result"),
    ],
)
def test_reasons(error: dict[str, Any], reason: Reason) -> None:
    assert failure(error).reason == reason


def test_no_login_is_told_on_stderr() -> None:
    assert parsed("unknown_session").idle
    assert reason_on_stderr("Error: No authentication information found.\nTo ...") == "auth"
    assert reason_on_stderr("Error: No session, task, or name matched 'x'.") is None


def test_what_stdout_tells() -> None:
    whole = parsed("tool")
    assert (whole.final_text, whole.model) == ("A folder.", "claude-opus-5-5")
    assert (whole.complete, whole.idle, whole.unsure, whole.error) == (True, False, None, None)
    assert parsed("resumed").session_id == named("copilot", "resumed").expected["session_id"]
    assert parsed("subagent").final_text == "A folder."
    killed = parsed("sigkill_in_tool")
    assert (killed.complete, killed.session_id, killed.unsure) == (False, None, None)


@pytest.mark.parametrize("scenario", ["sigint_in_stream", "stream_cut_then_ok"])
def test_an_answer_that_was_cut_is_told(scenario: str) -> None:
    assert parsed(scenario).unsure == "an answer was cut"


@pytest.mark.parametrize(
    "scenario", ["plain", "tool", "resumed", "subagent", "sigkill_in_tool", "sigkill_in_subagent"]
)
def test_stdout_and_log_are_exact_together(scenario: str) -> None:
    r, logged = recording(f"{VERSION}/{scenario}"), named("copilot", scenario).read()
    outcome = told_by_cli(Sources(parsed=parsed(scenario), logged=logged))
    assert (outcome.accuracy, outcome.usage_source) == ("exact", "session_log")
    assert outcome.usage.input_tokens == r.total("input_tokens")
    assert outcome.usage.output_tokens == r.total("output_tokens")
    assert outcome.usage.reasoning_output_tokens == r.total("reasoning_output_tokens")


def test_subagents_are_told_apart() -> None:
    threads = [one.thread for one in named("copilot", "subagent").read().requests]
    assert threads == ["main", "subagent", "main"]


def test_a_request_that_may_have_been_under_way(tmp_path: Path) -> None:
    """As when copilot was killed while an answer came: of that nothing is logged."""
    log = named("copilot", "sigint_in_stream")
    assert log.read().under_way
    log = named("copilot", "sigkill_in_subagent")
    assert log.read().unsure is None
    home = edited(log, tmp_path, lambda entry: entry)
    (file,) = home.rglob("events.jsonl")
    entries = lines(file)
    starts = [n for n, one in enumerate(entries) if one["type"] == "assistant.turn_start"]
    rewrite(file, entries[: starts[-1] + 1])
    assert log.read(home).unsure == "a request of a subagent may have been under way at its end"


def test_an_answer_without_usage_is_marked(tmp_path: Path) -> None:
    """copilot leaves out the input then (1.0.102)."""

    def untold(entry: dict[str, Any]) -> dict[str, Any]:
        if entry["type"] == "session.usage_record":
            del entry["data"]["usage"]["inputTokens"]
            entry["data"]["usage"]["outputTokens"] = 0
        return entry

    log = named("copilot", "plain")
    logged = log.read(edited(log, tmp_path, untold))
    assert logged.unsure == "an answer came without usage"


def test_what_others_do_in_the_session_is_not_counted() -> None:
    log = named("copilot", "resumed")
    assert len(log.read().requests) == 1
    first = log.read(started_at=log.started_at.replace(year=2020))
    assert len(first.requests) == 2  # of the tool's run, which was before
    assert first.unsure == "somebody else went on in its session"


def test_a_log_of_another_shape_is_not_read(tmp_path: Path) -> None:
    log = named("copilot", "plain")
    home = edited(log, tmp_path, lambda entry: {**entry, "timestamp": None})
    assert log.read(home) is None
