"""What the ledger says of a run, held against what was served: right, marked, or wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from loopback.server import Request

from agentd.metering.usage import ModelUsage, add
from real.ledger import TOKEN_KEYS, USD_PER_1K_WEB_SEARCHES, cost_usd
from real.matrix.kinds import Kind, Played

INPUT_TOLERANCE = 0.03

Name = Literal["right", "cut", "marked", "wrong"]
"""``right``: exact, and equal to what was served. ``cut``: marked; every finished answer is in it
in full, and only the one that was cut, or told no usage, is estimated, its input within 3 %.
``marked``: marked, and more is missing, or nothing at all. ``wrong``: called exact, but different.
"""
ORDER: tuple[Name, ...] = ("right", "cut", "marked", "wrong")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """``note`` says what differs; ``""`` when nothing does."""

    name: Name
    note: str = ""


def judge(kind: Kind, runs: Sequence[Played]) -> Verdict:
    """The worst of the verdicts on its runs."""
    found = [_judged(run) for run in runs]
    worst = max(found, key=lambda verdict: ORDER.index(verdict.name))
    odd = [_oddity(kind, runs[-1])]
    return Verdict(name=worst.name, note="; ".join(filter(None, [worst.note, *odd])))


def _oddity(kind: Kind, run: Played) -> str:
    """What else is not as it should be."""
    statuses = [str(call["status"]) for call in run.calls]
    odd = [status for status in statuses if status not in kind.end.status]
    return f"status {', '.join(odd)}, not {' or '.join(kind.end.status)}" if odd else ""


def _judged(run: Played) -> Verdict:
    if not run.calls:
        return Verdict(name="wrong", note="no call was entered")
    answered = [r for r in run.requests if r.step is not None and r.step.status == 200]
    finished = _by_model(r for r in answered if r.told == _billed(r))
    unsure = _by_model(r for r in answered if r.told != _billed(r))
    told = _told(run.calls)
    costs = sum(Decimal(call["cost_usd"]) for call in run.calls)
    exact = all(call["accuracy"] == "exact" for call in run.calls)
    searches = sum(int(call.get("web_searches", 0)) for call in run.calls)
    billed = sum(request.step.web_searches for request in answered if request.step)
    if exact and searches != billed:
        return Verdict(name="wrong", note=f"{searches} web searches, not {billed}")
    if told == finished and not unsure:
        expected = billed * Decimal(USD_PER_1K_WEB_SEARCHES) / 1000
        expected += sum(map(_cost_usd, answered))
        if costs != expected:
            return Verdict(
                name="wrong" if exact else "marked", note=f"cost {costs}, not {expected}"
            )
        return (
            Verdict(name="right") if exact else Verdict(name="marked", note=_why(run, "all there"))
        )
    differs = _differences(told, finished, unsure)
    if exact:
        return Verdict(name="wrong", note=_sources(run) + (differs or "an answer was cut"))
    off = differs or _input_error(told, finished, unsure)
    return Verdict(name="marked" if differs else "cut", note=_why(run, off))


def _cost_usd(request: Request) -> Decimal:
    fast = request.step is not None and request.step.variants.get("speed") == "fast"
    return cost_usd(request.model, _billed(request) or ModelUsage(), fast=fast)


def _billed(request: Request) -> ModelUsage | None:
    return request.step.usage if request.step else None


def _by_model(requests: Iterable[Request]) -> dict[str, ModelUsage]:
    by_model: dict[str, list[ModelUsage]] = {}
    for request in requests:
        by_model.setdefault(request.model, []).append(_billed(request) or ModelUsage())
    return {model: _plain(add(usages)) for model, usages in by_model.items()}


def _plain(usage: ModelUsage) -> ModelUsage:
    """The counts that STATE.yaml has."""
    return ModelUsage(**{name: getattr(usage, name) for name in TOKEN_KEYS.values()})


def _told(calls: Iterable[Mapping[str, Any]]) -> dict[str, ModelUsage]:
    """The tokens of calls by model; models without any are left out."""
    parts = [part for call in calls for part in call.get("models") or [call]]
    by_model: dict[str, list[ModelUsage]] = {}
    for part in parts:
        counts = {name: int(part.get(key, 0)) for key, name in TOKEN_KEYS.items()}
        if any(counts.values()):
            by_model.setdefault(part["model"], []).append(ModelUsage(**counts))
    return {model: add(usages) for model, usages in by_model.items()}


def _differences(
    told: Mapping[str, ModelUsage],
    finished: Mapping[str, ModelUsage],
    unsure: Mapping[str, ModelUsage],
) -> str:
    """Where the ledger has less than what was finished, or more than what can be billed.

    The input of what is not sure has to be right within INPUT_TOLERANCE.
    """
    found, none = [], ModelUsage()
    for model in sorted({*told, *finished, *unsure}):
        for name in TOKEN_KEYS.values():
            has = getattr(told.get(model, none), name)
            sure = getattr(finished.get(model, none), name)
            more = getattr(unsure.get(model, none), name)
            least, most = sure, sure + more
            if name == "input_tokens":
                spread = INPUT_TOLERANCE * more
                least, most = round(most - spread), round(most + spread)
            if not least <= has <= most:
                expected = str(sure) if not more else f"{sure} + {more}"
                found.append(f"{model} {name.removesuffix('_tokens')} {has}, not {expected}")
    return "; ".join(found)


def _input_error(*parts: Mapping[str, ModelUsage]) -> str:
    """How far the estimate of what was cut is from the truth, of ``told, finished, unsure``."""
    told, finished, unsure = (sum(u.input_tokens for u in part.values()) for part in parts)
    return f"input {(told - finished - unsure) / unsure:+.2%}" if unsure else ""


def _why(run: Played, more: str) -> str:
    told = ", ".join(str(call["why"]) for call in run.calls if "why" in call)
    return "; ".join(filter(None, [_sources(run) + (told and f"({told})"), more]))


def _sources(run: Played) -> str:
    return ", ".join(str(call["usage_source"]) for call in run.calls) + " "
