"""One request to a model's API: the unit that is metered, whoever tells of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Literal

from agentd.metering.usage import ModelUsage

Thread = Literal["main", "subagent", "side", "other"]
FINISH_REASONS = ("stop", "length", "tool", "refused", "error")
"""How an answer ended. ``length``: it reached its output limit, and is cut there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """A request and what is known of its answer.

    ``id`` is the API's response id, None when no source tells it. ``model`` is the one that
    answered, "" where none is named. ``usage`` is inclusive, zeros where nothing is known.
    ``web_searches`` is how many were billed. ``variants`` are what changes a price: ``speed``,
    ``service_tier`` and ``geo``, those that are not standard, sorted. ``finish`` is one of
    FINISH_REASONS, None when its end was not seen. ``ended``: the API told the final usage;
    ``estimated`` are the fields of ``usage`` that nobody told. Times are UTC.
    """

    id: str | None = None
    model: str = ""
    usage: ModelUsage = field(default_factory=ModelUsage)
    web_searches: int = 0
    variants: tuple[tuple[str, str], ...] = ()
    started_at: datetime | None = None
    ended_at: datetime | None = None
    finish: str | None = None
    ended: bool = False
    thread: Thread = "main"
    estimated: frozenset[str] = frozenset()

    @property
    def exact(self) -> bool:
        """Whether every number is the API's own."""
        return self.ended and not self.estimated


def unite(requests: Iterable[ApiRequest]) -> list[ApiRequest]:
    """Each request once, in the order in which it is first told of.

    Records of one id are one request: the fuller one counts, and what it lacks is taken from the
    others. Requests without an id can't be told apart, so all of them stay.
    """
    united: dict[str, ApiRequest] = {}
    for place, request in enumerate(requests):
        key = request.id or f"\0{place}"
        known = united.get(key)
        united[key] = request if known is None else _joined(known, request)
    return list(united.values())


def _joined(first: ApiRequest, second: ApiRequest) -> ApiRequest:
    fuller, other = (second, first) if _fullness(second) > _fullness(first) else (first, second)
    empty = ApiRequest()
    missing = {
        one.name: getattr(other, one.name)
        for one in fields(ApiRequest)
        if one.name not in ("usage", "ended", "estimated")
        and getattr(fuller, one.name) == getattr(empty, one.name)
    }
    return replace(fuller, **missing)


def _fullness(request: ApiRequest) -> tuple[bool, bool, int]:
    return request.ended, not request.estimated, sum(request.usage.counts())
