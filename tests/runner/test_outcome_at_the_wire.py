"""What the relay's requests make of a run, beside what the CLI itself tells."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from standins.running import request, run, toy

from agentd.meter.logged_requests import read_requests, requests_of_run
from agentd.meter.request_log import RequestLog, write_told
from agentd.metering.dialects import Asked
from agentd.metering.partial import is_estimate
from agentd.metering.requests import ApiRequest
from agentd.metering.usage import ModelUsage, run_usage
from agentd.providers.base import Logged, Parsed
from agentd.runner.outcome import outcome_of
from agentd.runner.run import ScriptRunner
from agentd.runner.run_folder import RunFolder
from agentd.runner.told_by_cli import Outcome, Sources

NOTHING = ModelUsage()
USAGE = ModelUsage(input_tokens=900, output_tokens=40)
FIRST = ApiRequest(id="r1", model="big", usage=USAGE, ended=True, finish="tool")
SECOND = replace(FIRST, id="r2", model="small", thread="subagent")
CUT = replace(FIRST, id="r3", ended=False, finish=None, estimated=frozenset({"output_tokens"}))


def at_the_wire(requests: list[ApiRequest], usage: ModelUsage = NOTHING, **known: Any) -> Outcome:
    """Beside a complete stdout that tells this usage of the model big."""
    said = run_usage({"big": usage} if any(usage.counts()) else {}, session_id="s")
    parsed = replace(Parsed(usage=said, complete=True, model="big"), **known)
    return outcome_of(Sources(parsed=parsed, wire=requests))


def test_the_requests_count_model_by_model() -> None:
    outcome = at_the_wire([FIRST, SECOND], USAGE)
    assert outcome.usage.by_model == {"big": USAGE, "small": USAGE}
    assert (outcome.usage_source, outcome.accuracy) == ("wire", "exact")
    assert (outcome.request_count, outcome.requests) == (2, (FIRST, SECOND))
    assert (outcome.model, outcome.why, outcome.usage.session_id) == ("big", None, "s")


def test_a_cut_answer_is_no_exact_one_and_says_why() -> None:
    outcome = at_the_wire([FIRST, CUT], complete=False)
    assert (outcome.accuracy, outcome.why) == ("heuristic", "answer cut after 40 tokens")
    assert at_the_wire([CUT, replace(CUT, id="r4")]).why == "2 answers cut"


def test_estimated_input_is_told_as_such() -> None:
    """Then the call may have used less than is told; that of a cut answer alone can't."""
    unknown = replace(CUT, estimated=frozenset({"input_tokens", "output_tokens"}))
    outcome = at_the_wire([FIRST, unknown], complete=False)
    assert outcome.why == "answer cut after 40 tokens; input is estimated"
    assert is_estimate(outcome.accuracy, outcome.why, 1)
    cut = at_the_wire([FIRST, CUT], complete=False)
    assert not is_estimate(cut.accuracy, cut.why, 1)


def test_a_cli_that_reports_more_than_the_relay_saw_went_past_it() -> None:
    outcome = at_the_wire([FIRST], replace(USAGE, input_tokens=5000))
    assert (outcome.usage.input_tokens, outcome.usage_source) == (5000, "stdout")
    assert (outcome.why, outcome.accuracy) == ("relay bypassed", "heuristic")


def test_what_was_seen_of_a_run_past_the_relay_is_a_least_unless_it_is_a_guess() -> None:
    """Of input that is estimated, or a total that may hold earlier runs, nobody can say so."""
    guessed = replace(CUT, estimated=frozenset({"input_tokens", "output_tokens"}))
    strange = Parsed(requests=(replace(FIRST, id="elsewhere"),))
    outcome = outcome_of(Sources(parsed=strange, wire=[FIRST, guessed]))
    assert outcome.why == "relay bypassed; input is estimated"
    assert is_estimate(outcome.accuracy, outcome.why, 1)
    cut = outcome_of(Sources(parsed=strange, wire=[FIRST, CUT]))
    assert cut.why == "relay bypassed"
    total = Parsed(usage=run_usage({"big": USAGE}), complete=True, running_total=True)
    resumed = outcome_of(Sources(parsed=total, wire=[], resumed=True))
    assert resumed.why == "relay bypassed; what earlier runs of its session used is not known"
    assert is_estimate(resumed.accuracy, resumed.why, 1)


def test_a_cut_answer_hides_no_total_that_may_hold_earlier_runs() -> None:
    total = Parsed(
        usage=run_usage({"big": USAGE}), complete=True, running_total=True, requests=(CUT,)
    )
    outcome = outcome_of(Sources(parsed=total, resumed=True))
    cut, earlier = (
        "answer cut after 40 tokens",
        "what earlier runs of its session used is not known",
    )
    assert outcome.why == f"{cut}; {earlier}"
    assert is_estimate(outcome.accuracy, outcome.why, 1)


def test_calls_of_the_project_itself_hide_no_bypass() -> None:
    other = replace(FIRST, id="r9", thread="other", usage=replace(USAGE, input_tokens=9000))
    outcome = at_the_wire([FIRST, other], replace(USAGE, input_tokens=5000))
    assert outcome.why == "relay bypassed"
    assert at_the_wire([FIRST, other], USAGE).usage.input_tokens == 9900


def test_telemetry_is_united_with_what_stdout_and_log_tell() -> None:
    """It names no ids; side calls of a run that was stopped stand nowhere else."""
    begun = replace(FIRST, ended=False, usage=replace(USAGE, output_tokens=1))
    told = replace(FIRST, id=None)
    side = replace(told, model="small", thread="side")
    parsed = Parsed(requests=(begun,), complete=False, model="big")
    outcome = outcome_of(Sources(parsed=parsed, logged=Logged(requests=()), telemetry=[told, side]))
    assert outcome.usage.by_model == {"big": USAGE, "small": USAGE}
    assert (outcome.usage_source, outcome.accuracy) == ("telemetry", "exact")
    assert outcome.request_count == 2


def test_a_request_that_the_relay_did_not_see_went_past_it() -> None:
    """Though stdout reports no more in all: the wire has a side call that stdout leaves out."""
    logged = Logged(requests=(replace(FIRST, id="elsewhere"),))
    parsed = Parsed(usage=run_usage({"big": USAGE}), complete=True)
    outcome = outcome_of(Sources(parsed=parsed, logged=logged, wire=[FIRST, SECOND]))
    assert (outcome.why, outcome.usage_source) == ("relay bypassed", "stdout")


def test_the_tier_that_was_billed_is_the_answers_own() -> None:
    asked = replace(FIRST, variants=(("service_tier", "priority"),))
    outcome = outcome_of(Sources(parsed=Parsed(), logged=Logged(requests=(asked,)), wire=[FIRST]))
    assert outcome.usage.variants == ()


def test_a_count_that_is_a_guess_is_told() -> None:
    outcome = at_the_wire([replace(FIRST, estimated=frozenset({"input_tokens"}))])
    why = "an answer told a malformed count of tokens, or a total alone; input is estimated"
    assert (outcome.accuracy, outcome.why) == ("heuristic", why)


def test_other_sources_tell_what_the_wire_lacks() -> None:
    logged = Logged(requests=(replace(FIRST, thread="subagent", web_searches=2),))
    outcome = outcome_of(Sources(parsed=Parsed(), logged=logged, wire=[FIRST]))
    assert outcome.requests == (replace(FIRST, thread="subagent", web_searches=2),)
    assert (outcome.usage_source, outcome.accuracy) == ("wire", "exact")


def test_estimates_of_one_cut_answer_need_not_agree() -> None:
    more = replace(CUT, usage=replace(USAGE, output_tokens=44))
    outcome = outcome_of(Sources(parsed=Parsed(requests=(FIRST, more)), wire=[FIRST, CUT]))
    assert (outcome.usage_source, outcome.why) == ("wire", "answer cut after 44 tokens")


def test_a_relay_that_saw_no_request_claims_nothing() -> None:
    nothing = outcome_of(Sources(parsed=Parsed(), sent=False))
    assert outcome_of(Sources(parsed=Parsed(), sent=False, wire=[])) == nothing
    outcome = at_the_wire([], USAGE)
    assert (outcome.why, outcome.usage_source) == ("relay bypassed", "stdout")


def test_a_relay_that_saw_no_request_saw_no_side_call_either() -> None:
    """As where opencode has no key: of the call for a title its log could not tell."""
    parsed, logged = Parsed(complete=True, error="no key"), Logged(requests=(), side_calls="title")
    assert outcome_of(Sources(parsed=parsed, logged=logged)).why == "title"
    outcome = outcome_of(Sources(parsed=parsed, logged=logged, wire=[]))
    assert (outcome.why, outcome.accuracy, outcome.usage.total_tokens) == (None, "exact", 0)
    past = replace(logged, requests=(FIRST,))
    outcome = outcome_of(Sources(parsed=parsed, logged=past, wire=[]))
    assert (outcome.why, outcome.usage.total_tokens) == ("relay bypassed", USAGE.total_tokens)


def test_the_clis_own_cost_counts_where_its_tokens_are_those_of_the_requests() -> None:
    cost = Decimal("0.25")
    said = replace(USAGE, reported_cost_usd=cost)
    assert at_the_wire([FIRST], said).usage.by_model["big"].reported_cost_usd == cost
    both = at_the_wire([FIRST, replace(FIRST, id="r2")], said)
    assert both.usage.by_model["big"].reported_cost_usd is None


def test_a_log_of_requests_in_a_run_without_a_relay_counts_for_nothing(tmp_path: Path) -> None:
    """An agent could write one."""
    asked = request(tmp_path, "good")
    folder = RunFolder.create(asked.runs_dir, asked.call_id)
    refused = {"is": "refused", "why": "planted"}
    started = {"is": "started", "request": "x", "model": "m", "estimated_input_tokens": 10**6}
    lines = "".join(f"{json.dumps(line)}\n" for line in (refused, started))
    (folder.path / "requests.jsonl").write_text(lines)
    result = ScriptRunner().run(asked)
    assert (result.status, result.usage.input_tokens, result.usage_source) == ("ok", 100, "stdout")
    [kept] = requests_of_run(result.run_dir)
    assert (kept.model, kept.usage.input_tokens, kept.id) == ("toy-1", 100, None)


def test_requests_of_a_run_without_a_relay_are_kept(tmp_path: Path) -> None:
    requests = [FIRST, replace(SECOND, ended_at=datetime(2026, 11, 25, 12, tzinfo=UTC))]
    provider = toy(read_log=lambda _: Logged(requests=tuple(requests)))
    result = run(tmp_path, "failing", provider=provider)
    assert (result.requests, requests_of_run(result.run_dir)) == (2, requests)
    assert requests_of_run(tmp_path) == []


def test_what_went_past_the_relay_goes_before_what_it_saw(tmp_path: Path) -> None:
    log = RequestLog(tmp_path / "requests.jsonl")
    log.started("a", Asked(model="big"), input_tokens=7)
    log.ended("a", 200, [FIRST])
    assert [one.id for one in requests_of_run(tmp_path)] == ["r1"]
    write_told(log.path, [SECOND], append=True)
    assert requests_of_run(tmp_path) == [SECOND]
    assert [one.id for one in read_requests(log.path)] == ["r1"]


def test_what_the_relay_refused_and_nobody_tells_of_is_nothing() -> None:
    sources = Sources(parsed=Parsed(), wire=[], refused=True, read_prompt=lambda: "many words")
    outcome = outcome_of(sources)
    assert (outcome.usage.total_tokens, outcome.accuracy, outcome.why) == (0, "exact", None)
    unknown = outcome_of(replace(sources, refused=False))
    assert (unknown.usage.total_tokens > 0, unknown.accuracy) == (True, "heuristic")
    told = outcome_of(replace(sources, parsed=Parsed(usage=run_usage({"big": USAGE}))))
    assert (told.usage.total_tokens, told.accuracy) == (940, "heuristic")  # past the relay
