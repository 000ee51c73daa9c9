"""A run's requests: what the relay saw of each, against the call and what else tells of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

from agentd.ledger.call_keys import TOKEN_KEYS
from agentd.meter.logged_requests import read_requests
from agentd.meter.request_log import NAME
from agentd.metering.call import CallRecord
from agentd.metering.requests import ApiRequest, Thread, unite, usage_of_run
from agentd.metering.thread_use import MAIN, from_text
from agentd.reports.audit.problems import Problem
from agentd.reports.audit.runs import Run, other_tokens

_OTHER_THREADS = [thread for thread in get_args(Thread) if thread != MAIN]
_NOT_TOLD_APART = ((MAIN, "side"), (MAIN, "other"))
"""What stdout and the session logs say of requests whose thread they don't know."""


def check_requests(call: CallRecord, run: Run, path: Path) -> Iterator[Problem]:
    """A call that was metered at the wire, request by request; nothing of any other.

    Of each request the larger count of each kind is taken, as when the call was entered. A count
    that another source has more of than the wire, a request that another source has in another
    thread, and a request of stdout that the wire did not see, are notes.
    """
    wire = read_requests(path / NAME) if call.usage_source == "wire" else []
    if not wire:
        return
    known = {one.id: one for one in wire if one.id}
    sources = (("stdout", run.printed.requests), ("its session log", run.logged_requests()))
    others = [one for _, told in sources for one in told if one.id in known]
    yield from _check_sum(call, wire, others)
    yield from _check_threads(call, unite([*wire, *others]))
    for name, told in sources:
        for one in told:
            seen = known.get(one.id or "")
            if seen is None:
                continue
            if seen.exact and one.ended:
                yield from _check_pair(call, name, one, seen)
            if one.thread != seen.thread and (one.thread, seen.thread) not in _NOT_TOLD_APART:
                message = f"request {seen.id}: {name} has it as {one.thread}, the wire as "
                yield _note(call, message + seen.thread)
    if call.why is None:
        missing = [one for one in run.printed.requests if one.id and one.id not in known]
        for one in missing:
            if any(one.usage.counts()):
                yield _note(call, f"request {one.id} is on stdout, but was not seen at the wire")


def _check_sum(
    call: CallRecord, wire: Sequence[ApiRequest], others: Sequence[ApiRequest]
) -> Iterator[Problem]:
    sums = [usage_of_run(wire).counts(), usage_of_run(unite([*wire, *others])).counts()]
    if call.usage.counts() in sums:
        return
    problem = other_tokens("requests", call, f"its {len(wire)} requests", sums[-1])
    if call.accuracy != "exact":  # what was estimated may have stood in a log that is gone
        problem = problem._replace(fix="", is_note=True)
    yield problem._replace(subject=call.provider or "")


def _check_threads(call: CallRecord, requests: Sequence[ApiRequest]) -> Iterator[Problem]:
    """What the ledger has of each thread but the main one, against its requests."""
    recorded: dict[str, list[int]] = {}
    for share in call.shares():
        for thread, *figures, _ in from_text(share.threads):
            so_far = recorded.get(thread, [0] * len(figures))
            recorded[thread] = [one + more for one, more in zip(so_far, figures, strict=True)]
    for thread in _OTHER_THREADS:
        usage = usage_of_run([one for one in requests if one.thread == thread])
        counts = [usage.input_tokens, usage.output_tokens, usage.cache_read_input_tokens]
        known = recorded.get(thread, [0] * 4)[:3]
        if known != counts:
            differ = [
                f"{key} {told}, not {had}"
                for key, had, told in zip(TOKEN_KEYS, known, counts, strict=False)
                if had != told
            ]
            yield _note(call, f"by its requests thread {thread} has {', '.join(differ)}")


def _check_pair(
    call: CallRecord, name: str, other: ApiRequest, wire: ApiRequest
) -> Iterator[Problem]:
    pairs = zip(TOKEN_KEYS, other.usage.counts(), wire.usage.counts(), strict=True)
    more = [f"{key} {told}, the wire {seen}" for key, told, seen in pairs if told > seen]
    if more:
        yield _note(call, f"request {wire.id}: {name} has {', '.join(more)}")


def _note(call: CallRecord, message: str) -> Problem:
    return Problem("requests", message, is_note=True, subject=call.provider or "")
