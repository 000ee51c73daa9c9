"""What a run used: what its CLI tells, held against what its relay saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agentd.metering.bounds import MAX_TOKENS
from agentd.metering.partial import reason_of
from agentd.metering.requests import (
    ApiRequest,
    busiest_model,
    unite,
    usage_by_model,
    usage_of_run,
)
from agentd.metering.usage import UsageMetrics
from agentd.runner.told_by_cli import Outcome, Sources, estimated, told_by_cli, why_cut
from agentd.runner.totals import sum_of

_BYPASSED = "relay bypassed"
_BEYOND = "more tokens were told than any run can have"


def outcome_of(sources: Sources) -> Outcome:
    """Unite what the sources tell.

    The wire sees every request, so it counts, unless the CLI tells of more: then it went past the
    relay. Without the wire what the CLI tells counts. What adds up to more than any run can have
    counts for nothing: the run is estimated.
    """
    told = _told(sources)
    found = told if sources.wire is None else _seen_by_the_relay(sources, sources.wire, told)
    beyond = max(*found.usage.counts(), found.usage.web_searches) > MAX_TOKENS
    return estimated(sources, _BEYOND) if beyond else found


def _told(sources: Sources) -> Outcome:
    """What the CLI tells; it made no side calls where it used nothing and the relay saw nothing."""
    told = told_by_cli(sources)
    saw_nothing = sources.wire is not None and not sources.wire
    if sources.logged is None or not saw_nothing or any(told.usage.counts()):
        return told
    return told_by_cli(replace(sources, logged=replace(sources.logged, side_calls=None)))


def _seen_by_the_relay(sources: Sources, wire: Sequence[ApiRequest], told: Outcome) -> Outcome:
    """What the relay's requests make of a run; ``told`` is what the other sources make of it."""
    if not wire and sources.refused and told.usage_source == "estimated":
        return Outcome(  # it asks the relay, which has sent nothing: there is nothing to estimate
            usage=UsageMetrics(), accuracy="exact", usage_source="wire", model=told.model
        )
    if not wire:
        bypassed = any(told.usage.counts()) and told.usage_source != "estimated"
        return _past_the_relay([], told) if bypassed else told
    wire = _one_by_one(wire)
    known = {one.id for one in wire if one.id}
    # They tell the thread of some. Of a price only the answer tells: a log has the tier asked for.
    others = [replace(one, variants=()) for one in told.requests if one.id and one.id in known]
    requests = unite([*wire, *others])
    if told.usage_source != "estimated" and _went_past(told, requests, known):
        strangers = [one for one in told.requests if one.id and one.id not in known]
        return _past_the_relay([*requests, *strangers], told)
    why = why_cut(requests)
    return Outcome(
        usage=_with_costs(requests, told.usage),
        accuracy="heuristic" if why else "exact",
        usage_source="wire",
        model=busiest_model(requests) or told.model,
        why=why,
        requests=tuple(requests),
        request_count=len(requests),
    )


def _one_by_one(wire: Sequence[ApiRequest]) -> list[ApiRequest]:
    """Each answer by itself: some servers give the same id to all, which then names the first."""
    known: set[str] = set()
    found = []
    for one in wire:
        found.append(replace(one, id=None) if one.id in known else one)
        known |= {one.id} if one.id else set()
    return found


def _past_the_relay(seen: Sequence[ApiRequest], told: Outcome) -> Outcome:
    """What the CLI tells counts, unless the requests that anybody saw, ``seen``, are more.

    What nobody saw, as the side calls of a stopped run, nobody knows.
    """
    whys = [_BYPASSED, told.why]
    if sum_of(seen) > told.usage.total_tokens:
        whys.append(why_cut(seen))
        told = replace(
            told,
            usage=_with_costs(seen, told.usage),
            model=busiest_model(seen) or told.model,
            requests=tuple(seen),
            request_count=None,
        )
    return replace(told, why=reason_of(whys), accuracy="heuristic")


def _went_past(told: Outcome, requests: Sequence[ApiRequest], known: set[str]) -> bool:
    """Whether the CLI tells of a request that the relay did not see, or of more in all."""
    if any(one.id and one.id not in known and any(one.usage.counts()) for one in told.requests):
        return known != set()
    guessed = any(one.estimated for one in requests)  # and the CLI may guess more
    own = [one for one in requests if one.thread != "other"]  # the CLI knows nothing of the others
    return told.usage.total_tokens > sum_of(own) and not guessed


def _with_costs(requests: Sequence[ApiRequest], said: UsageMetrics) -> UsageMetrics:
    """What requests add up to, with the CLI's own cost of a model whose tokens it has."""
    by_model = usage_by_model(requests)
    for model, usage in by_model.items():
        same = said.by_model.get(model)
        if same is not None and usage.counts()[:2] == same.counts()[:2]:
            by_model[model] = replace(usage, reported_cost_usd=same.reported_cost_usd)
    return usage_of_run(requests, by_model, session_id=said.session_id)
