"""The receiver of a CLI's own telemetry: OTLP/HTTP, logs as JSON.

It hears of requests where the wire can't be used; where it is, of the threads that they are in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from secrets import token_hex
from typing import Any

from agentd.json_value import json_value
from agentd.meter.request_log import RequestLog
from agentd.metering.dialects import Asked
from agentd.metering.requests import ApiRequest, may_be_same
from agentd.providers.telemetry import Heard, ReadEvent, Value

_KEPT = 1000  # requests whose telemetry has not come, or the other way round


class Receiver:
    """Takes the CLI's batches and logs what they tell. ``at_wire``: the requests are seen there."""

    def __init__(self, read: ReadEvent, log: RequestLog, *, at_wire: bool) -> None:
        self._read = read
        self._log = log
        self._at_wire = at_wire
        self._taken: set[int] = set()
        self._begun: dict[str, deque[str]] = {}
        self._last: dict[str, ApiRequest] = {}
        self._seen: deque[tuple[str, ApiRequest]] = deque(maxlen=_KEPT)
        self._heard: deque[ApiRequest] = deque(maxlen=_KEPT)

    def take(self, body: bytes) -> None:
        """Take a batch. Raises ValueError for one that is no JSON."""
        for name, attributes in _events(json_value(body)):
            heard = self._read(name, attributes)
            event = hash((name, *sorted(map(str, attributes.items()))))
            if heard is None or event in self._taken:  # a batch may be sent again
                continue
            self._taken.add(event)
            if not self._at_wire:
                self._tell(heard)
            elif heard.request.ended:
                self._heard.append(heard.request)
        self._tell_threads()

    def seen(self, key: str, request: ApiRequest) -> None:
        """A request has ended at the wire."""
        self._seen.append((key, request))
        self._tell_threads()

    def _tell(self, heard: Heard) -> None:
        if self._begun and heard.conversation != next(iter(self._begun)):
            # The run's own conversation is the first.
            heard = replace(heard, request=replace(heard.request, thread="subagent"))
        request = heard.request
        open_keys = self._begun.setdefault(heard.conversation, deque())
        if not request.ended:
            open_keys.append(self._start(heard))
            return
        key = open_keys.popleft() if open_keys else self._start(heard)
        self._last[heard.conversation] = request
        self._log.ended(key, None, [request], at=request.ended_at)

    def _start(self, heard: Heard) -> str:
        key, request = token_hex(6), heard.request
        asked = Asked(model=request.model, thread=request.thread)
        before = self._last.get(heard.conversation)
        # What came before is sent again: no less, should its end never be told.
        tokens = before.usage.total_tokens if before else 0
        self._log.started(key, asked, input_tokens=tokens, at=request.started_at)
        return key

    def _tell_threads(self) -> None:
        """The same numbers are the same request: the API's id is not in the telemetry."""
        for request in list(self._heard):
            same = next((one for one in self._seen if may_be_same(one[1], request)), None)
            if same is None:
                continue
            self._heard.remove(request)
            self._seen.remove(same)
            if request.thread != same[1].thread == "main":
                self._log.thread(same[0], request.thread)


def _events(batch: Any) -> Iterator[tuple[str, dict[str, Value]]]:
    """The name and attributes of each record of logs."""
    for resource in _items(batch, "resourceLogs"):
        for scope in _items(resource, "scopeLogs"):
            for record in _items(scope, "logRecords"):
                attributes = dict(_attributes(record))
                yield str(attributes.get("event.name", "")), attributes


def _attributes(record: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    for item in _items(record, "attributes"):
        value = item.get("value")
        for held in value.values() if isinstance(value, dict) else ():
            if isinstance(held, str | int | float | bool):
                yield str(item.get("key")), held


def _items(holder: Any, name: str) -> list[Mapping[str, Any]]:
    found = holder.get(name) if isinstance(holder, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
