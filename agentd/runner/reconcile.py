"""Which numbers stand for a run, when stdout, a session log and the ledger each tell something."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from agentd.metering.usage import ModelUsage, UsageMetrics, add, run_usage, subtract
from agentd.metering.words import Accuracy, UsageSource
from agentd.providers.base import LoggedUsage, Parsed


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run used, how sure that is, where it was read, and which model answered.

    ``why`` says what is not known, ``requests`` is how many API requests the run made, None where
    that is not known.
    """

    usage: UsageMetrics
    accuracy: Accuracy
    usage_source: UsageSource
    model: str
    why: str | None = None
    requests: int | None = None


def reconcile(
    parsed: Parsed,
    logged: LoggedUsage | None,
    prior: UsageMetrics | None,
    *,
    requested_model: str | None,
    resumed: bool,
    sent: bool,
    read_prompt: Callable[[], str],
) -> Outcome:
    """Choose between what stdout said and what the CLI's session log says.

    ``prior`` is what the ledger has of the resumed session, ``sent`` whether the CLI may have got
    to an API request, ``read_prompt`` the prompt, read only when an estimate needs it.

    Equal totals: stdout's, with the log's details. The log has more (subagents, a cut run): the
    log's. It has less: stdout's. A running total of a resumed session: the log's, or what is more
    than ``prior``. Neither: an estimate, or zeros where nothing was sent.
    """
    said = parsed.usage
    shared = parsed.running_total and resumed
    if said is not None and shared and prior is not None:
        said = _own(said, prior)
    accuracy: Accuracy = "exact"
    source: UsageSource
    if said is not None and logged is not None and said.total_tokens == logged.usage.total_tokens:
        usage = _detailed(said, logged.usage)
        source = "stdout" if parsed.complete else "session_log"
    elif logged is not None and (
        said is None or shared or logged.usage.total_tokens > said.total_tokens
    ):
        usage, source = _with_costs(logged.usage, said), "session_log"
    elif said is not None:
        usage, source = said, "stdout" if parsed.complete else "partial"
        if source == "partial" or (shared and prior is None):
            accuracy = "heuristic"
    else:
        model = parsed.model or requested_model or ""
        usage = _estimated(read_prompt(), parsed.final_text, model) if sent else UsageMetrics()
        source, accuracy = "estimated", "heuristic"
    if source == "session_log" and logged is not None and not (parsed.complete or logged.complete):
        source, accuracy = "partial", "heuristic"  # the request that was cut is in no log
    unsure = parsed.unsure or (logged.unsure if logged is not None else None)
    if unsure:
        accuracy = "heuristic"
    return Outcome(
        usage=usage,
        accuracy=accuracy,
        usage_source=source,
        model=_main_model(usage, parsed, logged) or requested_model or "unknown",
        why=unsure,
    )


def _own(total: UsageMetrics, prior: UsageMetrics) -> UsageMetrics:
    """A run's part of its session's running total."""
    if total.input_tokens < prior.input_tokens or total.output_tokens < prior.output_tokens:
        return total  # smaller than what it would hold: this version counts the process alone
    by_model = {
        model: _less(usage, prior.by_model.get(model)) for model, usage in total.by_model.items()
    }
    return _metrics(
        _less(total, prior),
        {model: usage for model, usage in by_model.items() if any(usage.counts())},
        total,
    )


def _less(usage: ModelUsage, before: ModelUsage | None) -> ModelUsage:
    if before is None or not any(before.counts()):
        return usage
    rest = subtract(usage, before)
    return rest if before.reported_cost_usd is not None else replace(rest, reported_cost_usd=None)


def _detailed(said: UsageMetrics, logged: UsageMetrics) -> UsageMetrics:
    """Equal totals: the log's models and requests, and what only stdout tells (costs, cache)."""
    if said.by_model and said.by_model.keys() != logged.by_model.keys():
        return said  # names that differ can't be matched: the one with the CLI's costs stays
    alone = said if len(logged.by_model) == 1 else None
    by_model = {
        model: _filled(usage, said.by_model.get(model, alone))
        for model, usage in logged.by_model.items()
    }
    return _metrics(_filled(logged, said), by_model, logged)


def _filled(logged: ModelUsage, said: ModelUsage | None) -> ModelUsage:
    if said is None:
        return logged
    read, written = said.cache_read_input_tokens, said.cache_creation_input_tokens
    hour = said.cache_creation_1h_input_tokens
    return replace(
        add([logged]),  # a plain ModelUsage, whatever it was
        cache_read_input_tokens=logged.cache_read_input_tokens or read,
        cache_creation_input_tokens=logged.cache_creation_input_tokens or written,
        cache_creation_1h_input_tokens=logged.cache_creation_1h_input_tokens or hour,
        reported_cost_usd=said.reported_cost_usd,
    )


def _with_costs(logged: UsageMetrics, said: UsageMetrics | None) -> UsageMetrics:
    """The log's usage, with the CLI's own costs of the models whose tokens it reported in full."""
    costs = said.by_model if said is not None else {}
    by_model = {
        model: replace(usage, reported_cost_usd=costs[model].reported_cost_usd)
        if model in costs and costs[model].total_tokens == usage.total_tokens
        else usage
        for model, usage in logged.by_model.items()
    }
    return replace(logged, by_model=by_model)


def _metrics(
    total: ModelUsage, by_model: Mapping[str, ModelUsage], details: UsageMetrics
) -> UsageMetrics:
    """``total`` as a run's usage, with the requests and session of ``details``."""
    usage = run_usage({"": total}, requests=details.requests, session_id=details.session_id)
    return replace(usage, by_model=by_model)


def _estimated(prompt: str, answer: str, model: str) -> UsageMetrics:
    from agentd.metering.models import ModelRegistry
    from agentd.metering.tokens.estimates import TOKENIZERS, estimate

    tokenizer = ModelRegistry.resolve(model).tokenizer
    if tokenizer not in TOKENIZERS:
        # An exact count isn't worth loading: what the CLI adds to the prompt is unknown anyway.
        tokenizer = "generic-estimate"
    return UsageMetrics(
        input_tokens=estimate(prompt, tokenizer), output_tokens=estimate(answer, tokenizer)
    )


def _main_model(usage: UsageMetrics, parsed: Parsed, logged: LoggedUsage | None) -> str | None:
    """The model that answered: the main thread's where several did, else the busiest."""
    names = usage.by_model
    told = (logged.model if logged else None, parsed.model)
    if not names:
        return next((model for model in told if model), None)
    known = (model for model in told if model in names)
    return next(known, None) or max(names, key=lambda model: names[model].total_tokens)
