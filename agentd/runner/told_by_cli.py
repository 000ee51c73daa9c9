"""What a CLI tells of its run: stdout, session log and telemetry, united; totals as a check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from agentd.frozen import frozen
from agentd.metering.partial import EARLIER_RUNS, INPUT_ESTIMATED, TOLD_NOTHING, reason_of
from agentd.metering.requests import ApiRequest, unite, unite_by_numbers, usage_by_model
from agentd.metering.usage import ModelUsage, UsageMetrics
from agentd.metering.words import Accuracy, UsageSource
from agentd.providers.base import Logged, Parsed
from agentd.providers.session_log import NO_SUBAGENT_LOG, NO_USAGE
from agentd.runner.totals import holds_more, own_total, rest_of, sum_of, united

_NO_END = "it did not report its end"
_UNSURE_COUNT = "an answer told a malformed count of tokens, or a total alone"
_NO_LOG = "its session log, which alone tells of subagents, is missing"
_CUT = "an answer was cut, and asked for again"
_UNDER_WAY = "a request may have been under way at its end"


@frozen(kw_only=True)
class Sources:
    """What is told of one run; a source that is not there is None, or empty.

    ``wire`` is what the relay saw, None for a run without one. ``prior`` is what the ledger has of
    the resumed session. ``sent``: the CLI may have got to an API request. ``refused``: the relay
    did not send what it was asked for last. ``read_prompt`` gives the prompt, read only when an
    estimate needs it.
    """

    parsed: Parsed
    logged: Logged | None = None
    wire: Sequence[ApiRequest] | None = None
    telemetry: Sequence[ApiRequest] = ()
    prior: UsageMetrics | None = None
    requested_model: str | None = None
    resumed: bool = False
    sent: bool = True
    refused: bool = False
    read_prompt: Callable[[], str] = str


@frozen(kw_only=True)
class Outcome:
    """What a run used, how sure that is, where it was read, and which model answered.

    ``why`` says what is not known; it is there whenever ``accuracy`` is not exact. ``requests`` add
    up to ``usage``; what no source tells one by one is the last of them, without an id and a time.
    ``request_count`` is how many the run made, None where that is not known.
    """

    usage: UsageMetrics
    accuracy: Accuracy
    usage_source: UsageSource
    model: str
    why: str | None = None
    requests: tuple[ApiRequest, ...] = ()
    request_count: int | None = None


def told_by_cli(sources: Sources) -> Outcome:
    """Unite what a CLI tells.

    Its requests count, and of a total that holds more than they do, the rest. It is exact when
    stdout is complete or every request's end was seen, and nothing contradicts that.
    """
    parsed, logged = sources.parsed, sources.logged
    said, gaps = parsed.usage, []
    if said is not None and sources.resumed and (parsed.running_total or parsed.main_only):
        said = own_total(parsed, logged, sources.prior)
        if said is None and logged is None:
            said, gaps = parsed.usage, [EARLIER_RUNS]
    in_log = logged.requests if logged else ()
    if said is not None and _is_whole(parsed) and not any(one.id for one in in_log):
        # Without ids nobody can tell whose it is what the log has beyond a complete report.
        ended = [one for one in in_log if one.ended]
        in_log = in_log if sum_of(ended) <= said.total_tokens else ()
        if parsed.all_logged and holds_more(said, in_log):
            gaps.append(_CUT)
    seen = unite_by_numbers(unite([*parsed.requests, *in_log]), sources.telemetry)
    if said is None and logged is None and not seen:
        return estimated(sources, parsed.unsure or TOLD_NOTHING)
    answered = (parsed.final_text and not parsed.error) or parsed.answering
    if answered and not _total(said) and not sum_of(seen):
        return estimated(sources, NO_USAGE)
    if seen or not parsed.idle:
        gaps += _gaps(parsed, logged)
    if not parsed.complete and _total(said) > sum_of(seen):
        gaps.append(_NO_END)  # its total may have been taken early, and nothing shows the requests
    why = reason_of([why_cut(seen), *gaps])
    if (
        said is not None
        and said.by_model
        and not said.by_model.keys() & usage_by_model(seen).keys()
    ):
        # Names that differ can't be matched: the larger one counts.
        seen, said = ([], said) if _total(said) >= sum_of(seen) else (seen, None)
    usage = united(seen, said, main_only=parsed.main_only)
    rest = rest_of(usage, seen)
    return Outcome(
        usage=usage,
        accuracy="heuristic" if why else "exact",
        usage_source=_source(sources, usage, said, exact=why is None),
        model=_main_model(usage, parsed, logged) or sources.requested_model or "unknown",
        why=why,
        requests=(*seen, *rest),
        request_count=len(seen) if seen and not rest else None,
    )


def _is_whole(parsed: Parsed) -> bool:
    return parsed.complete and not parsed.main_only


def _gaps(parsed: Parsed, logged: Logged | None) -> list[str]:
    told = [parsed.unsure, *((logged.unsure, logged.side_calls) if logged else ())]
    if logged is None and parsed.threads:
        told.append(NO_SUBAGENT_LOG)
    elif logged is None and parsed.main_only and parsed.complete:
        told.append(_NO_LOG)
    if not parsed.complete and (logged is None or logged.under_way):
        told.append(_UNDER_WAY if logged else _NO_END)
    return [gap for gap in told if gap]


def _source(
    sources: Sources, usage: UsageMetrics, said: UsageMetrics | None, *, exact: bool
) -> UsageSource:
    """The best source that had a part; partial where the run was cut and something is missing."""
    if not sources.parsed.complete and not exact:
        return "partial"
    if sources.telemetry:
        return "telemetry"
    printed = max(_total(said), sum_of(sources.parsed.requests))
    by_stdout = printed >= usage.total_tokens
    if by_stdout and (sources.parsed.complete or sources.logged is None):
        return "stdout"
    return "session_log"


def estimated(sources: Sources, why: str) -> Outcome:
    """A run of which no source tells what it used: by its prompt and its answer."""
    parsed, usage = sources.parsed, UsageMetrics()
    if sources.sent:
        model = parsed.model or sources.requested_model or ""
        usage = _estimate(sources.read_prompt(), parsed.final_text, model)
        if parsed.answering:  # with its thoughts
            come = max(usage.output_tokens, parsed.answering.output_tokens)
            usage, why = replace(usage, output_tokens=come), f"answer cut after {come} tokens"
    return Outcome(
        usage=usage,
        accuracy="heuristic",
        usage_source="estimated",
        model=_main_model(usage, parsed, sources.logged) or sources.requested_model or "unknown",
        why=why if why == TOLD_NOTHING else f"{why}; {INPUT_ESTIMATED}",
    )


def _estimate(prompt: str, answer: str, model: str) -> UsageMetrics:
    from agentd.metering.models import ModelRegistry
    from agentd.metering.tokens.estimates import TOKENIZERS, estimate

    tokenizer = ModelRegistry.resolve(model).tokenizer
    if tokenizer not in TOKENIZERS:
        # An exact count isn't worth loading: what the CLI adds to the prompt is unknown anyway.
        tokenizer = "generic-estimate"
    return UsageMetrics(
        input_tokens=estimate(prompt, tokenizer), output_tokens=estimate(answer, tokenizer)
    )


def why_cut(requests: Sequence[ApiRequest]) -> str | None:
    """What is not known of the requests, in words; None when all of it is."""
    why = _what_is_cut(requests)
    estimated = any("input_tokens" in one.estimated for one in requests)
    return f"{why}; {INPUT_ESTIMATED}" if why and estimated else why


def _what_is_cut(requests: Sequence[ApiRequest]) -> str | None:
    silent = [one for one in requests if one.id and not one.usage.input_tokens and one.ended]
    cut = [one for one in requests if not one.exact and one.finish is None]
    if silent or any(one.finish and not one.ended for one in requests):
        return NO_USAGE
    if any(one.ended and one.estimated for one in requests):
        return _UNSURE_COUNT
    if len(cut) > 1:
        return f"{len(cut)} answers cut"
    return f"answer cut after {cut[0].usage.output_tokens} tokens" if cut else None


def _main_model(usage: UsageMetrics, parsed: Parsed, logged: Logged | None) -> str | None:
    """The model that answered: the main thread's where several did, else the busiest."""
    names = usage.by_model
    told = (logged.model if logged else None, parsed.model)
    if not names:
        return next((model for model in told if model), None)
    known = (model for model in told if model in names)
    return next(known, None) or max(names, key=lambda model: names[model].total_tokens)


def _total(usage: ModelUsage | None) -> int:
    return usage.total_tokens if usage else 0
