"""One request to a model's API: the unit that is metered, whoever tells of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, fields, replace
from datetime import datetime
from typing import Literal

from agentd.frozen import frozen
from agentd.metering.usage import COUNTS, ModelUsage, UsageMetrics, add, run_usage
from agentd.metering.variants import Variants

Thread = Literal["main", "subagent", "side", "other"]


@frozen(kw_only=True)
class ApiRequest:
    """A request and what is known of its answer.

    ``id`` is the API's response id, None when no source tells it. ``model`` is the one that
    answered, "" where none is named. ``usage`` is inclusive, zeros where nothing is known.
    ``web_searches`` is how many were billed. ``variants`` are what changes a price: ``speed``,
    ``service_tier`` and ``geo``, those that are not standard, sorted. ``finish`` is "stop",
    "length" (cut by its output limit), "tool", "refused" or "error", None when its end was not
    seen. ``ended``: the API told the final usage; ``estimated`` are the fields of ``usage`` that
    nobody told. Times are UTC.
    """

    id: str | None = None
    model: str = ""
    usage: ModelUsage = field(default_factory=ModelUsage)
    web_searches: int = 0
    variants: Variants = ()
    started_at: datetime | None = None
    ended_at: datetime | None = None
    finish: str | None = None
    ended: bool = False
    thread: Thread = "main"
    estimated: frozenset[str] = frozenset()

    @property
    def billed(self) -> ModelUsage:
        """All that its price depends on."""
        return replace(self.usage, web_searches=self.web_searches, variants=self.variants)

    @property
    def exact(self) -> bool:
        """Whether every number is the API's own."""
        return self.ended and not self.estimated

    @property
    def is_cut(self) -> bool:
        """Whether nobody saw the end of the answer."""
        return not self.ended and self.finish is None


def unite(requests: Iterable[ApiRequest]) -> list[ApiRequest]:
    """Each request once, in the order in which it is first told of.

    Records of one id are one request: the fuller one counts, and what it lacks is taken from the
    others. A record may have been taken early (claude's start of a message), and each source may
    leave out a count, so of each count the largest that was told is taken; an estimate never
    beats what was told. Requests without an id can't be told apart, so all of them stay.
    """
    united: dict[str, ApiRequest] = {}
    for place, request in enumerate(requests):
        key = request.id or f"\0{place}"
        known = united.get(key)
        united[key] = request if known is None else _joined(known, request)
    return list(united.values())


def unite_by_numbers(
    known: Iterable[ApiRequest], anonymous: Iterable[ApiRequest]
) -> list[ApiRequest]:
    """``known`` with what a source tells that names no ids: the same numbers are the same request.

    One that has not ended may have told less output. Those of the same numbers are taken in order.
    """
    united = list(known)
    places: dict[tuple[str, int, int], list[int]] = {}
    for place, one in enumerate(united):
        places.setdefault(_told_at_its_start(one), []).append(place)
    for request in anonymous:
        left = places.get(_told_at_its_start(request), [])
        same = next((place for place in left if may_be_same(united[place], request)), None)
        if same is None:
            united.append(request)
        else:
            left.remove(same)
            united[same] = _joined(united[same], request)
    return united


def may_be_same(known: ApiRequest, request: ApiRequest) -> bool:
    """Whether a request that is told without an id may be ``known``: by model and numbers."""
    same_output = known.usage.output_tokens == request.usage.output_tokens or not known.ended
    return _told_at_its_start(known) == _told_at_its_start(request) and same_output


def _told_at_its_start(request: ApiRequest) -> tuple[str, int, int]:
    usage = request.usage
    return request.model, usage.input_tokens, usage.cache_read_input_tokens


def with_output_of_text(request: ApiRequest, text: str) -> ApiRequest:
    """A request whose answer was cut, its output estimated by the text that came of it."""
    from agentd.metering.tokens import count_once

    came = count_once(text, request.model) if text else 0
    return replace(
        request,
        usage=replace(request.usage, output_tokens=max(request.usage.output_tokens, came)),
        estimated=request.estimated | {"output_tokens"},
    )


def usage_by_model(requests: Iterable[ApiRequest]) -> dict[str, ModelUsage]:
    """What requests add up to; a model that only had requests without usage is not in it."""
    by_model: dict[str, list[ModelUsage]] = {}
    for request in requests:
        if any(request.usage.counts()) or request.web_searches:
            by_model.setdefault(request.model, []).append(request.billed)
    return {model: add(usages) for model, usages in by_model.items()}


def busiest_model(requests: Sequence[ApiRequest]) -> str | None:
    """The model that answered the main thread most; None without requests."""
    main = [one for one in requests if one.thread == "main"] or requests
    tokens = {model: usage.total_tokens for model, usage in usage_by_model(main).items()}
    names = [one.model for one in main]
    return max(tokens or names, key=lambda model: tokens.get(model, 0), default=None)


def usage_of_run(
    requests: Sequence[ApiRequest],
    by_model: Mapping[str, ModelUsage] | None = None,
    *,
    session_id: str | None = None,
) -> UsageMetrics:
    """A run's usage with its single requests; ``by_model`` is more than they add up to."""
    return run_usage(
        usage_by_model(requests) if by_model is None else by_model,
        requests=tuple((one.model, one.billed) for one in requests),
        session_id=session_id,
    )


def _joined(first: ApiRequest, second: ApiRequest) -> ApiRequest:
    fuller, other = (second, first) if _fullness(second) > _fullness(first) else (first, second)
    empty = ApiRequest()
    missing = {
        one.name: getattr(other, one.name)
        for one in fields(ApiRequest)
        if one.name not in ("usage", "ended", "estimated")
        and getattr(fuller, one.name) == getattr(empty, one.name)
    }
    counts, estimated = {}, set()
    for name in COUNTS:
        told = [getattr(one.usage, name) for one in (fuller, other) if name not in one.estimated]
        known = max(told, default=0)
        at_its_end = fuller.ended and name not in fuller.estimated
        # What was told at the start of an answer says little of its output.
        if not at_its_end and (not known or name == "output_tokens"):
            counts[name] = max(getattr(one.usage, name) for one in (fuller, other))
            estimated |= {name} & (fuller.estimated | other.estimated)
        else:
            counts[name] = known
    usage = replace(fuller.usage, **counts)
    return replace(fuller, **missing, usage=usage, estimated=frozenset(estimated))


def _fullness(request: ApiRequest) -> tuple[bool, bool, int]:
    return request.ended, not request.estimated, sum(request.usage.counts())
