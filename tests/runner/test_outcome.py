"""outcome_of(): which numbers stand for a run, and how sure they are."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from standins.running import run, toy
from standins.toy.cli import ToyParser
from support.run_samples import concluded, run_info

from agentd.errors import ParseError
from agentd.metering.requests import ApiRequest
from agentd.metering.usage import ModelUsage, UsageMetrics, add, run_usage
from agentd.providers.base import Logged, LogQuery, Parsed
from agentd.providers.claude.cli import CLI as CLAUDE_CLI
from agentd.runner.outcome import outcome_of
from agentd.runner.told_by_cli import Outcome, Sources


def _tokens(given: int, answered: int, *, cached: int = 0, reasoned: int = 0) -> ModelUsage:
    return ModelUsage(
        input_tokens=given,
        output_tokens=answered,
        cache_read_input_tokens=cached,
        reasoning_output_tokens=reasoned,
    )


def _run(**by_model: ModelUsage) -> UsageMetrics:
    return run_usage({model.rstrip("_"): usage for model, usage in by_model.items()})


UNNAMED = run_usage({"": _tokens(100, 20)})


def _ended(model: str, usage: ModelUsage, **known: Any) -> ApiRequest:
    return ApiRequest(model=model, usage=usage, ended=True, **known)


def _logged(usage: UsageMetrics, *requests: ApiRequest, **known: Any) -> Logged:
    """A log with a request for each model of ``usage``, or these."""
    one_each = tuple(_ended(model, part) for model, part in usage.by_model.items())
    return Logged(requests=requests or one_each, **known)


def _settle(
    parsed: Parsed,
    logged: UsageMetrics | Logged | None = None,
    prior: UsageMetrics | None = None,
    *,
    resumed: bool = False,
    sent: bool = True,
    requested_model: str | None = "asked",
) -> Outcome:
    log = _logged(logged) if isinstance(logged, UsageMetrics) else logged
    return outcome_of(
        Sources(
            parsed=parsed,
            logged=log,
            prior=prior,
            requested_model=requested_model,
            resumed=resumed,
            sent=sent,
            read_prompt=lambda: "one two three",
        )
    )


M100 = _run(m=_tokens(100, 20))


# what stdout said, whether to its end, what the log says; input tokens, source, accuracy
SOURCES = [
    ("stdout alone", UNNAMED, True, None, 100, "stdout", "exact"),
    ("equal", UNNAMED, True, M100, 100, "stdout", "exact"),
    (
        "somebody else's are in the log",
        UNNAMED,
        True,
        _run(m=_tokens(150, 30)),
        100,
        "stdout",
        "exact",
    ),
    ("the log has less", UNNAMED, True, _run(m=_tokens(50, 10)), 100, "stdout", "exact"),
    ("cut, no log", UNNAMED, False, None, 100, "partial", "heuristic"),
    ("cut, the log has less", UNNAMED, False, _run(m=_tokens(9, 1)), 100, "partial", "heuristic"),
    ("cut, the log agrees", UNNAMED, False, M100, 100, "session_log", "exact"),
    (
        "cut, the log has more",
        UNNAMED,
        False,
        _run(m=_tokens(101, 20)),
        101,
        "session_log",
        "exact",
    ),
    ("the log alone", None, False, _run(m=_tokens(30, 3)), 30, "session_log", "exact"),
    ("the log alone, zeros", None, False, UsageMetrics(), 0, "session_log", "exact"),
    ("neither", None, True, None, 3, "estimated", "heuristic"),
]


@pytest.mark.parametrize(
    ("said", "complete", "logged", "input_tokens", "source", "accuracy"),
    [case[1:] for case in SOURCES],
    ids=[case[0] for case in SOURCES],
)
def test_sources(
    said: UsageMetrics | None,
    complete: bool,
    logged: UsageMetrics | None,
    input_tokens: int,
    source: str,
    accuracy: str,
) -> None:
    text = "" if logged == UsageMetrics() else "yes"
    got = _settle(Parsed(usage=said, complete=complete, final_text=text), logged)
    assert got.usage.input_tokens == input_tokens
    assert (got.usage_source, got.accuracy) == (source, accuracy)


def test_nothing_was_sent() -> None:
    got = _settle(Parsed(), sent=False)
    assert got.usage == UsageMetrics()
    assert (got.usage_source, got.accuracy) == ("estimated", "heuristic")


def test_equal_totals_take_the_logs_details_and_stdouts_costs() -> None:
    said = run_usage(
        {
            "m": ModelUsage(
                input_tokens=100,
                output_tokens=20,
                cache_creation_input_tokens=7,
                reasoning_output_tokens=9,
                reported_cost_usd=Decimal("0.5"),
            )
        }
    )
    requests = (_ended("m", _tokens(58, 12)), _ended("m", _tokens(40, 10, reasoned=5, cached=30)))
    got = _settle(Parsed(usage=said, complete=True), Logged(requests=requests))
    expected = ModelUsage(
        input_tokens=98,
        output_tokens=22,
        cache_read_input_tokens=30,
        cache_creation_input_tokens=7,
        reasoning_output_tokens=5,
        reported_cost_usd=Decimal("0.5"),
    )
    assert got.usage.by_model == {"m": expected}
    assert got.usage.requests == tuple((one.model, one.usage) for one in requests)


def test_equal_totals_that_are_split_otherwise_count_as_the_log_splits_them() -> None:
    """gemini's stdout does not name thoughts and tool prompts, which its log tells apart."""
    said, logged = _run(m=_tokens(10801, 325, reasoned=119)), _tokens(10815, 311, reasoned=105)
    outcome = _settle(Parsed(usage=said, complete=True), _run(m=logged))
    assert (outcome.usage.input_tokens, outcome.usage.output_tokens) == (10815, 311)
    assert dict(outcome.usage.by_model) == {"m": logged}
    assert outcome.accuracy == "exact"


def test_equal_totals_with_other_names_stay_as_stdout_said() -> None:
    said = _run(a=_tokens(100, 20))
    assert _settle(Parsed(usage=said, complete=True), _run(b=_tokens(100, 20))).usage == said


def test_the_log_names_the_model_that_stdout_does_not() -> None:
    said = replace(UNNAMED, cache_read_input_tokens=40)
    log = Logged(requests=(_ended("m", _tokens(100, 20)),), model="m")
    got = _settle(Parsed(usage=said, complete=True), log)
    assert got.usage.by_model == {"m": _tokens(100, 20, cached=40)}
    assert got.model == "m"


def test_costs_stay_with_models_whose_tokens_the_log_confirms() -> None:
    half = replace(_tokens(10, 1), reported_cost_usd=Decimal("0.5"))
    said = run_usage({"a": half, "b": half})
    log = Logged(
        requests=(_ended("a", _tokens(10, 1), id="1"), _ended("b", _tokens(20, 2), id="2"))
    )
    got = _settle(Parsed(usage=said, complete=True), log).usage
    assert got.by_model["a"].reported_cost_usd == Decimal("0.5")
    assert got.by_model["b"].reported_cost_usd is None


ONE = _ended("m", _tokens(60, 10), id="1")
TWO = _ended("m", _tokens(40, 10), id="2")
CUT = ApiRequest(id="3", model="m", usage=_tokens(30, 2))


def test_requests_of_stdout_and_log_are_united() -> None:
    early = replace(TWO, usage=_tokens(40, 1), ended=False)
    parsed = Parsed(usage=_run(m=_tokens(100, 11)), requests=(ONE, early))
    got = _settle(parsed, Logged(requests=(TWO, replace(ONE, id="4", thread="subagent"))))
    assert got.usage == replace(
        _run(m=_tokens(160, 30)), requests=tuple(("m", one.usage) for one in (ONE, TWO, ONE))
    )
    assert (got.usage_source, got.accuracy, got.why) == ("session_log", "exact", None)
    assert (got.request_count, [one.id for one in got.requests]) == (3, ["1", "2", "4"])


def test_an_answer_that_was_cut_and_asked_for_again_is_added_and_told() -> None:
    """The CLI's total leaves it out."""
    parsed = Parsed(usage=_run(m=_tokens(100, 20)), complete=True, requests=(ONE, CUT, TWO))
    got = _settle(parsed)
    assert (got.usage.input_tokens, got.usage.output_tokens) == (130, 22)
    assert (got.accuracy, got.why) == ("heuristic", "answer cut after 2 tokens")
    assert got.usage_source == "stdout"


def test_what_a_total_has_beyond_the_requests_is_one_more_without_an_id() -> None:
    parsed = Parsed(
        usage=_run(m=_tokens(100, 20), side=_tokens(9, 1)), complete=True, requests=(ONE,)
    )
    got = _settle(parsed)
    assert (got.accuracy, got.usage_source, got.request_count) == ("exact", "stdout", None)
    assert got.requests[1:] == (_ended("m", _tokens(40, 10)), _ended("side", _tokens(9, 1)))
    assert add(one.usage for one in got.requests).counts() == got.usage.counts()


def test_a_total_of_the_main_thread_alone_gets_the_subagents_from_the_log() -> None:
    parsed = Parsed(usage=UNNAMED, complete=True, main_only=True)
    sub = _ended("s", _tokens(7, 3), id="4", thread="subagent")
    got = _settle(parsed, Logged(requests=(ONE, sub), model="m"))
    assert (got.usage.input_tokens, got.usage.output_tokens) == (107, 23)
    assert got.usage.by_model == {"m": _tokens(100, 20), "s": sub.usage}
    assert (got.model, got.accuracy, got.request_count) == ("m", "exact", None)


def test_what_is_not_known_is_told() -> None:
    whole = Parsed(usage=UNNAMED, complete=True, main_only=True)
    silent = Parsed(usage=_run(), complete=True, final_text="a")
    named = replace(whole, threads=frozenset({"t"}))
    all_logged = Parsed(usage=_run(m=_tokens(101, 20)), complete=True, all_logged=True)
    cases = {
        "the log of a subagent is missing": (named, None),
        "it did not report its end": (replace(whole, complete=False), None),
        "a request may have been under way at its end": (
            Parsed(),
            Logged(requests=(ONE,), under_way=True),
        ),
        "an answer was cut, and asked for again": (all_logged, _run(m=_tokens(100, 20))),
        "an answer came without usage; input is estimated": (silent, None),
        "this is what stdout says": (replace(whole, unsure="this is what stdout says"), None),
        "this is what the log says": (
            whole,
            Logged(requests=(ONE, TWO), unsure="this is what the log says"),
        ),
        "it told nothing of its usage": (Parsed(), None),
    }
    for why, (parsed, logged) in cases.items():
        got = _settle(parsed, logged)
        assert (got.why, got.accuracy) == (why, "heuristic"), why


RUNNING = Parsed(usage=_run(m=_tokens(300, 30)), complete=True, running_total=True)
# prior, log (input tokens; output is a tenth), resumed; input tokens, source, accuracy
TOTALS = [
    ("a first run", None, None, False, 300, "stdout", "exact"),
    ("less what it had", 200, None, True, 100, "stdout", "exact"),
    ("prior unknown", None, None, True, 300, "stdout", "heuristic"),
    ("prior unknown, the log knows", None, 80, True, 80, "session_log", "exact"),
    ("the log agrees", 200, 100, True, 100, "stdout", "exact"),
    ("the log is better", 10, 90, True, 90, "session_log", "exact"),
    ("smaller than prior: no total", 900, None, True, 300, "stdout", "exact"),
]


@pytest.mark.parametrize(
    ("prior", "logged", "resumed", "input_tokens", "source", "accuracy"),
    [case[1:] for case in TOTALS],
    ids=[case[0] for case in TOTALS],
)
def test_running_totals(
    prior: int | None,
    logged: int | None,
    resumed: bool,
    input_tokens: int,
    source: str,
    accuracy: str,
) -> None:
    def usage(given: int | None) -> UsageMetrics | None:
        return None if given is None else _run(m=_tokens(given, given // 10))

    got = _settle(RUNNING, usage(logged), usage(prior), resumed=resumed)
    assert got.usage.input_tokens == input_tokens
    assert got.usage.by_model["m"].input_tokens == input_tokens
    assert (got.usage_source, got.accuracy) == (source, accuracy)


def test_a_total_that_may_hold_earlier_runs() -> None:
    """codex with three fields: 0.58 counts its own process, 0.115 the thread."""
    parsed = Parsed(usage=run_usage({"": _tokens(300, 30)}), complete=True, main_only=True)
    prior = _run(m=_tokens(200, 20))
    for own in (_tokens(300, 30), _tokens(100, 10)):
        got = _settle(parsed, _run(m=own), prior, resumed=True)
        assert got.usage.by_model == {"m": own}
        assert (got.accuracy, got.usage_source) == ("exact", "stdout")
    got = _settle(parsed, None, prior, resumed=True)
    assert (got.usage.input_tokens, got.accuracy) == (300, "heuristic")


def test_a_usage_that_is_no_running_total_is_not_reduced() -> None:
    parsed = replace(RUNNING, running_total=False)
    got = _settle(parsed, None, _run(m=_tokens(200, 20)), resumed=True)
    assert got.usage == parsed.usage


def test_subtraction_goes_by_model_and_covers_costs() -> None:
    def cost(given: int, usd: str) -> ModelUsage:
        return replace(_tokens(given, 1), reported_cost_usd=Decimal(usd))

    total = run_usage({"a": cost(100, "0.9"), "b": cost(50, "0.1"), "c": cost(5, "0.01")})
    prior = run_usage({"a": cost(60, "0.5"), "b": cost(50, "0.1")})
    parsed = Parsed(usage=total, complete=True, running_total=True)
    got = _settle(parsed, None, prior, resumed=True).usage
    assert {model: usage.input_tokens for model, usage in got.by_model.items()} == {"a": 40, "c": 5}
    assert got.by_model["a"].reported_cost_usd == Decimal("0.4")
    assert got.by_model["c"].reported_cost_usd == Decimal("0.01")
    assert (got.input_tokens, got.reported_cost_usd) == (45, Decimal("0.41"))
    unpriced = run_usage({"a": _tokens(60, 1)})  # its part of the cost is not known
    assert _settle(parsed, None, unpriced, resumed=True).usage.reported_cost_usd is None


@pytest.mark.parametrize(
    ("usage", "said_model", "requested", "model"),
    [
        (_run(a=_tokens(1, 1), b=_tokens(9, 9)), "a", "asked", "a"),
        (_run(a=_tokens(1, 1), b=_tokens(9, 9)), "auto", "asked", "b"),
        (_run(b=_tokens(9, 9)), "a", "asked", "b"),
        (UNNAMED, "a", "asked", "a"),
        (UNNAMED, None, "asked", "asked"),
        (UNNAMED, None, None, "unknown"),
        (None, "a", "asked", "a"),
    ],
)
def test_the_model_that_answered(
    usage: UsageMetrics | None,
    said_model: str | None,
    requested: str | None,
    model: str,
) -> None:
    parsed = Parsed(usage=usage, complete=True, model=said_model)
    assert _settle(parsed, requested_model=requested).model == model


def test_a_run_looks_into_its_session_log(tmp_path: Path) -> None:
    queries: list[LogQuery] = []

    def read_log(query: LogQuery) -> Logged:
        queries.append(query)
        return Logged(requests=(_ended("sub", _tokens(500, 50), id="1"),), model="sub")

    provider = toy(read_log=read_log)
    result = run(tmp_path, "failing", provider=provider, environ={"A": "b"})
    assert (result.usage.input_tokens, result.usage_source) == (500, "session_log")
    assert (result.model, result.accuracy) == ("sub", "exact")
    [query] = queries
    assert (query.session_id, query.cwd) == ("s1", tmp_path)
    assert query.started_at == result.started_at
    assert query.environ == {"A": "b", "TOY_MODE": "headless"}
    # Malformed usage hides the session id from the parser's end, but not from its beginning.
    result = run(tmp_path, "malformed", provider=provider, call_id="other")
    assert (result.usage.input_tokens, result.usage_source) == (500, "session_log")


@pytest.mark.parametrize("error", [PermissionError("no"), ParseError("damaged")])
def test_a_session_log_that_cannot_be_read(tmp_path: Path, error: Exception) -> None:
    def read_log(query: LogQuery) -> Logged:
        raise error

    result = run(tmp_path, "good", provider=toy(read_log=read_log))
    assert (result.status, result.usage.input_tokens) == ("ok", 100)


def test_a_resumed_run_is_reduced_by_its_prior_usage(tmp_path: Path) -> None:
    class Running(ToyParser):
        def parsed(self) -> Parsed:
            return replace(super().parsed(), running_total=True)

    result = run(
        tmp_path,
        "good",
        provider=toy(new_parser=Running),
        resume_session_id="s1",
        prior_usage=run_usage({"toy-1": _tokens(70, 5)}),
    )
    assert result.usage.by_model == {"toy-1": _tokens(30, 15)}
    assert json.loads((result.run_dir / "run.json").read_text())["resume_session_id"] == "s1"


def test_a_server_that_gives_all_its_answers_one_id() -> None:
    wire = [
        _ended("m", _tokens(100, 20), id="chatcmpl-0"),
        _ended("m", _tokens(7, 3), id="chatcmpl-0"),
    ]
    outcome = outcome_of(Sources(parsed=Parsed(complete=True, usage=M100), wire=wire))
    assert (outcome.usage.input_tokens, outcome.usage.output_tokens) == (107, 23)
    assert (outcome.request_count, outcome.accuracy, outcome.usage_source) == (2, "exact", "wire")


def test_a_message_that_the_cli_makes_up_hides_nothing_that_the_relay_saw() -> None:
    made_up = _ended("m", _tokens(1, 1), id="msg_made_up")
    wire = [_ended("m", _tokens(100, 20), id="msg_1")]
    parsed = Parsed(complete=True, usage=_run(m=_tokens(1, 1)), requests=(made_up,))
    outcome = outcome_of(Sources(parsed=parsed, wire=wire))
    assert (outcome.usage.input_tokens, outcome.usage.output_tokens) == (101, 21)
    assert (outcome.accuracy, outcome.why) == ("heuristic", "relay bypassed")


@pytest.mark.parametrize("set_back_s", [0, 3600])
def test_a_clock_that_was_set_back_hides_no_entry_of_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, set_back_s: int
) -> None:
    """What a run wrote after that is dated before its begin."""
    asked: list[LogQuery] = []

    def read_log(query: LogQuery) -> Logged:
        asked.append(query)
        return Logged(requests=())

    def now() -> datetime:
        return datetime.now(UTC) - timedelta(seconds=set_back_s)

    monkeypatch.setattr("agentd.runner.result.precise_utc_now", now)
    result = run(tmp_path, "good", provider=toy(read_log=read_log))
    earlier = (result.started_at - asked[-1].started_at).total_seconds()
    assert abs(earlier - set_back_s) < (5 if set_back_s else 0.001)


@pytest.mark.parametrize(
    ("flag", "argv", "session_id"),
    [
        ("--id", ("toy", "--id", "given"), "given"),
        ("--id", ("toy", "--resume", "given"), None),
        ("", ("toy", "--system", "", "-v"), None),  # an empty argument is no flag
    ],
)
def test_the_session_of_a_cli_that_was_killed_before_it_told_it(
    tmp_path: Path, flag: str, argv: tuple[str, ...], session_id: str | None
) -> None:
    (tmp_path / "stdout").write_text('{"type": "none"}\n')
    asked: list[str] = []
    cli = replace(
        CLAUDE_CLI, session_flag=flag, read_log=lambda query: asked.append(query.session_id)
    )
    info = run_info("claude", argv=argv)
    assert concluded(tmp_path, info, cli, home=tmp_path, exit_code=-9).session_id == session_id
    assert asked == ([session_id] if session_id else [])
