"""reconcile(): which numbers stand for a run."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from standins.running import run, toy
from standins.toy.cli import ToyParser

from agentd.errors import ParseError
from agentd.metering.usage import ModelUsage, UsageMetrics, run_usage
from agentd.providers.base import LoggedUsage, LogQuery, Parsed
from agentd.runner.reconcile import Outcome, reconcile


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
REQUESTS = (("m", _tokens(60, 10)), ("m", _tokens(40, 10)))


def _settle(
    parsed: Parsed,
    logged: UsageMetrics | None = None,
    prior: UsageMetrics | None = None,
    *,
    resumed: bool = False,
    sent: bool = True,
    log_model: str | None = None,
    requested_model: str | None = "asked",
) -> Outcome:
    return reconcile(
        parsed,
        LoggedUsage(usage=logged, model=log_model) if logged else None,
        prior,
        requested_model=requested_model,
        resumed=resumed,
        sent=sent,
        read_prompt=lambda: "one two three",
    )


M100 = _run(m=_tokens(100, 20))


def test_what_a_complete_report_leaves_open_is_told() -> None:
    said = Parsed(usage=UNNAMED, complete=True, unsure="a total alone")
    assert (_settle(said).accuracy, _settle(said).why) == ("heuristic", "a total alone")
    assert _settle(said, M100).why == "a total alone"
    logged = LoggedUsage(usage=M100, unsure="a total alone")
    outcome = reconcile(
        Parsed(usage=UNNAMED, complete=True),
        logged,
        None,
        requested_model=None,
        resumed=False,
        sent=True,
        read_prompt=str,
    )
    assert (outcome.accuracy, outcome.why) == ("heuristic", "a total alone")


# what stdout said, whether to its end, what the log says; input tokens, source, accuracy
SOURCES = [
    ("stdout alone", UNNAMED, True, None, 100, "stdout", "exact"),
    ("equal", UNNAMED, True, M100, 100, "stdout", "exact"),
    ("the log has more", UNNAMED, True, _run(m=_tokens(150, 30)), 150, "session_log", "exact"),
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
    got = _settle(Parsed(usage=said, complete=complete, final_text="yes"), logged)
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
    logged = replace(
        _run(m=_tokens(98, 22, reasoned=5, cached=30)),
        requests=REQUESTS,
    )
    got = _settle(Parsed(usage=said, complete=True), logged).usage
    expected = ModelUsage(
        input_tokens=98,
        output_tokens=22,
        cache_read_input_tokens=30,
        cache_creation_input_tokens=7,
        reasoning_output_tokens=5,
        reported_cost_usd=Decimal("0.5"),
    )
    assert got == replace(run_usage({"m": expected}), requests=REQUESTS)


def test_equal_totals_with_other_names_stay_as_stdout_said() -> None:
    said = _run(a=_tokens(100, 20))
    assert _settle(Parsed(usage=said, complete=True), _run(b=_tokens(100, 20))).usage == said


def test_the_log_names_the_model_that_stdout_does_not() -> None:
    said = replace(UNNAMED, cache_read_input_tokens=40)
    got = _settle(Parsed(usage=said, complete=True), _run(m=_tokens(100, 20)), log_model="m")
    assert got.usage.by_model == {"m": _tokens(100, 20, cached=40)}
    assert got.model == "m"


def test_costs_stay_with_models_whose_tokens_the_log_confirms() -> None:
    half = replace(_tokens(10, 1), reported_cost_usd=Decimal("0.5"))
    said = run_usage({"a": half, "b": half})
    got = _settle(Parsed(usage=said, complete=True), _run(a=_tokens(10, 1), b=_tokens(20, 2))).usage
    assert got.by_model["a"].reported_cost_usd == Decimal("0.5")
    assert got.by_model["b"].reported_cost_usd is None


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
    ("usage", "said_model", "log_model", "requested", "model"),
    [
        (_run(a=_tokens(1, 1), b=_tokens(9, 9)), "a", None, "asked", "a"),
        (_run(a=_tokens(1, 1), b=_tokens(9, 9)), "auto", None, "asked", "b"),
        (_run(b=_tokens(9, 9)), "a", None, "asked", "b"),
        (UNNAMED, "a", None, "asked", "a"),
        (UNNAMED, None, None, "asked", "asked"),
        (UNNAMED, None, None, None, "unknown"),
        (None, "a", None, "asked", "a"),
    ],
)
def test_the_model_that_answered(
    usage: UsageMetrics | None,
    said_model: str | None,
    log_model: str | None,
    requested: str | None,
    model: str,
) -> None:
    parsed = Parsed(usage=usage, complete=True, model=said_model)
    assert _settle(parsed, log_model=log_model, requested_model=requested).model == model


def test_a_run_looks_into_its_session_log(tmp_path: Path) -> None:
    queries: list[LogQuery] = []

    def read_log(query: LogQuery) -> LoggedUsage:
        queries.append(query)
        return LoggedUsage(usage=_run(sub=_tokens(500, 50)), model="sub")

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
    def read_log(query: LogQuery) -> LoggedUsage:
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
