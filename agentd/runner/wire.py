"""A run metered at the wire: the relay around it, and what the relay's requests add up to."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agentd.meter.process import RelayProcess
from agentd.metering.requests import ApiRequest
from agentd.metering.usage import ModelUsage, UsageMetrics, add, run_usage
from agentd.providers.pointing import Pointed, Pointing
from agentd.runner.reconcile import Outcome
from agentd.runner.stdout import Reading

AFTER_REFUSAL_S = (0.1, 0.1)
"""How long a CLI that lingers may take at its first signal, and at SIGTERM."""
_LINGER_S = 0.3
_BYPASSED = "relay bypassed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaying:
    """How a run is relayed: ``argv`` starts the relay, ``given`` are its settings for JSON."""

    pointing: Pointing
    argv: tuple[str, ...]
    given: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relayed:
    """A run that has its relay."""

    process: RelayProcess
    pointed: Pointed


@dataclass(slots=True)
class AfterRefusal:
    """Notices a CLI that has told its failure, after a request was refused, and does not end.

    gemini takes a second for that, signals or not. ``relay`` None: a run without one.
    """

    relay: Relayed | None
    reading: Reading
    lingering: bool = False
    _events: int = 0
    _failed_at: float | None = None

    def lingers(self) -> bool:
        """Whether it is time to stop it."""
        if self.relay is None:
            return False
        if self.reading.events != self._events:
            self._events = self.reading.events
            parsed = self.reading.so_far(resumed=True)
            self._failed_at = time.monotonic() if parsed.complete and parsed.error else None
        if self._failed_at is None or time.monotonic() - self._failed_at < _LINGER_S:
            return False
        self.lingering = self.relay.process.has_refused()
        return self.lingering


@contextlib.contextmanager
def relayed(relaying: Relaying | None, run_dir: Path) -> Iterator[Relayed | None]:
    """The relay of a run for as long as it lasts; None for a run without one. Raises OSError."""
    if relaying is None:
        yield None
        return
    process = RelayProcess(
        relaying.argv, {**relaying.given, "upstream": relaying.pointing.upstream}, run_dir=run_dir
    )
    try:
        yield Relayed(process=process, pointed=relaying.pointing.at(process.url, run_dir))
    finally:
        process.leave()


def at_the_wire(outcome: Outcome, requests: Sequence[ApiRequest]) -> Outcome:
    """What the relay's requests make of a run; ``outcome`` is what the other sources tell.

    A CLI that reports more than the relay saw, or uses anything while it saw no request, went past
    it: then the other sources count.
    """
    if not requests:
        return replace(outcome, why=_BYPASSED) if any(outcome.usage.counts()) else outcome
    usage = usage_of(requests, outcome.usage)
    if _total(outcome.usage) > _total(usage) and outcome.usage_source in ("stdout", "session_log"):
        return replace(outcome, why=_BYPASSED)
    why = why_inexact(requests)
    return Outcome(
        usage=usage,
        accuracy="heuristic" if why else "exact",
        usage_source="wire",
        model=main_model(requests) or outcome.model,
        why=why,
        requests=len(requests),
    )


def main_model(requests: Sequence[ApiRequest]) -> str | None:
    """The model that answered the main thread most; None without requests."""
    tokens: dict[str, int] = {}
    main = [request for request in requests if request.thread == "main"] or requests
    for request in main:
        tokens[request.model] = tokens.get(request.model, 0) + _total(request.usage)
    return max(tokens, key=lambda model: tokens[model], default=None)


def usage_of(requests: Sequence[ApiRequest], said: UsageMetrics | None) -> UsageMetrics:
    """What requests add up to, by model, with the single ones in order.

    ``said`` is what the CLI reported: its own figure of a model's cost counts where its tokens are
    those of the requests.
    """
    by_model: dict[str, list[ModelUsage]] = {}
    for request in requests:
        if any(request.usage.counts()):
            by_model.setdefault(request.model, []).append(request.usage)
    costs = said.by_model if said is not None else {}
    sums = {model: _with_cost(add(usages), costs.get(model)) for model, usages in by_model.items()}
    return run_usage(
        sums,
        requests=tuple((request.model, request.usage) for request in requests),
        session_id=said.session_id if said else None,
    )


def why_inexact(requests: Sequence[ApiRequest]) -> str | None:
    """What is not known of the requests, in words; None when all of it is."""
    cut = [request for request in requests if not request.exact]
    if not cut:
        return None
    tokens = sum(request.usage.output_tokens for request in cut)
    return f"{len(cut)} answers cut" if len(cut) > 1 else f"answer cut after {tokens} tokens"


def _total(usage: ModelUsage) -> int:
    return usage.input_tokens + usage.output_tokens


def _with_cost(usage: ModelUsage, said: ModelUsage | None) -> ModelUsage:
    same = said is not None and usage.counts()[:2] == said.counts()[:2]
    return replace(usage, reported_cost_usd=said.reported_cost_usd) if said and same else usage
