"""What totals without ids add to requests: of a run, of its models, of a resumed session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agentd.metering.requests import ApiRequest, usage_by_model, usage_of_run
from agentd.metering.usage import ModelUsage, UsageMetrics, add, run_usage, subtract
from agentd.providers.base import Logged, Parsed


def own_total(
    parsed: Parsed, logged: Logged | None, prior: UsageMetrics | None
) -> UsageMetrics | None:
    """What the total of a resumed session holds of this run alone; None where that is not known.

    ``prior`` is what the ledger has of the session. The log tells its runs apart, the total does
    not, and the ledger may lack one: where there is a log, it has to agree. A total that is no
    running one for sure may be this run's own.
    """
    own = _less_earlier(parsed.usage, prior) if parsed.usage and prior else None
    if logged is None:
        return own if parsed.running_total else None
    main = [one for one in logged.requests if one.thread == "main"]
    covered = sum_of(main if parsed.main_only else logged.requests)
    mine = own if parsed.running_total else parsed.usage
    return next((one for one in (mine, own) if one and one.total_tokens == covered), None)


def _less_earlier(total: UsageMetrics, prior: UsageMetrics) -> UsageMetrics:
    if total.input_tokens < prior.input_tokens or total.output_tokens < prior.output_tokens:
        return total  # smaller than what it would hold: this version counts the process alone
    by_model = {
        model: _less(usage, prior.by_model.get(model)) for model, usage in total.by_model.items()
    }
    usage = run_usage({"": _less(total, prior)}, session_id=total.session_id)
    by_model = {model: usage for model, usage in by_model.items() if any(usage.counts())}
    return replace(usage, by_model=by_model)


def _less(usage: ModelUsage, before: ModelUsage | None) -> ModelUsage:
    if before is None or not any(before.counts()):
        return usage
    rest = subtract(usage, before)
    return rest if before.reported_cost_usd is not None else replace(rest, reported_cost_usd=None)


def united(
    seen: Sequence[ApiRequest], said: UsageMetrics | None, *, main_only: bool
) -> UsageMetrics:
    """The requests, and what a total has beyond those that it covers."""
    by_model = usage_by_model(one for one in seen if one.thread == "main" or not main_only)
    if said is not None and said.by_model:
        by_model = {
            model: _larger(by_model.get(model), said.by_model.get(model))
            for model in {**said.by_model, **by_model}
        }
    elif said is not None and len(by_model) == 1:
        by_model = {model: _larger(usage, said) for model, usage in by_model.items()}
    if said is not None and not by_model:
        by_model = {"": add([said])}
    elif said is not None:  # what no model is named for; a total may only split up otherwise
        known = add(by_model.values())
        rest = replace(subtract(said, known), reported_cost_usd=None)
        if said.total_tokens > known.total_tokens:
            by_model[""] = rest
    if main_only:
        others = usage_by_model(one for one in seen if one.thread != "main")
        for model, usage in others.items():
            by_model[model] = add([by_model[model], usage]) if model in by_model else usage
    return usage_of_run(seen, by_model, session_id=said.session_id if said else None)


def _larger(seen: ModelUsage | None, said: ModelUsage | None) -> ModelUsage:
    """A model's requests or its total; of equal ones the requests, with what only the total has."""
    if seen is None or said is None:
        return seen or said or ModelUsage()
    if said.total_tokens > seen.total_tokens:
        return add([said])  # a plain ModelUsage, whatever it was
    same = said.total_tokens == seen.total_tokens
    read, written = said.cache_read_input_tokens, said.cache_creation_input_tokens
    one_hour = said.cache_creation_1h_input_tokens
    return replace(
        add([seen]),
        cache_read_input_tokens=seen.cache_read_input_tokens or read,
        cache_creation_input_tokens=seen.cache_creation_input_tokens or written,
        cache_creation_1h_input_tokens=seen.cache_creation_1h_input_tokens or one_hour,
        web_searches=max(seen.web_searches, said.web_searches),
        reported_cost_usd=said.reported_cost_usd if same else None,
    )


def rest_of(usage: UsageMetrics, seen: Sequence[ApiRequest]) -> list[ApiRequest]:
    """What the requests don't add up to, as one more for each model."""
    known = usage_by_model(seen)
    parts = dict(usage.by_model)
    unnamed = subtract(usage, add(parts.values()))
    if any(unnamed.counts()):
        parts[""] = unnamed
    rests = {model: subtract(part, known.get(model, ModelUsage())) for model, part in parts.items()}
    return [
        ApiRequest(model=model, usage=replace(rest, reported_cost_usd=None), ended=True)
        for model, rest in rests.items()
        if any(rest.counts())
    ]


def holds_more(said: UsageMetrics, requests: Sequence[ApiRequest]) -> bool:
    """Whether a total has more of some model than that model's requests."""
    by_model = usage_by_model(requests)
    return any(
        model in said.by_model and said.by_model[model].total_tokens > usage.total_tokens
        for model, usage in by_model.items()
    )


def sum_of(requests: Sequence[ApiRequest]) -> int:
    """All tokens of requests."""
    return sum(one.usage.total_tokens for one in requests)
