"""What stands in a run's requests.jsonl: its requests, what each asked for, and which were refused.

What is no line of this file is passed over: it lies where an agent can write.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentd.clock import told_time
from agentd.json_value import json_value
from agentd.meter.request_log import NAME, open_log
from agentd.metering.request_json import count_of, of_json, told_thread, told_variants
from agentd.metering.requests import ApiRequest
from agentd.metering.usage import ModelUsage

if TYPE_CHECKING:
    from agentd.metering.dialects import Asked


def requests_of_run(run_dir: Path) -> list[ApiRequest]:
    """The requests that a run's call counts, from whatever source; none where nothing is known.

    They add up to the call's tokens. One without an id and without a time is what a total of the
    CLI has beyond the requests that are told one by one: there may be several in it.
    """
    path = run_dir / NAME
    told = [line.get("told") for line in _lines(path) if line.get("is") == "told"]
    if told and isinstance(told[-1], list):
        return [of_json(one) for one in told[-1] if isinstance(one, Mapping)]
    return read_requests(path)


class RequestsSoFar:
    """The requests that the relay saw, from lines that are fed one after another."""

    def __init__(self) -> None:
        self._found: dict[str, list[ApiRequest]] = {}

    def feed(self, line: Mapping[str, Any]) -> None:
        """Take one line; what is no line of a request is passed over."""
        key = line.get("request")
        if not isinstance(key, str):
            return
        at, known = told_time(line.get("at")), self._found.get(key)
        if line.get("is") == "started":
            self._found[key] = [_started(line, at)]
        elif known and line.get("is") == "thread":
            thread = told_thread(line.get("thread"))
            self._found[key] = [replace(request, thread=thread) for request in known]
        elif known and isinstance(line.get("told"), list):
            self._found[key] = _told(line, known[0], at) or known

    def requests(self) -> list[ApiRequest]:
        """All of them by now, in the order in which they began."""
        return [request for requests in self._found.values() for request in requests]


def read_requests(path: Path) -> list[ApiRequest]:
    """The requests that the relay saw, in the order in which they began; none without the file.

    Of one that was under way when the relay died is known what the API had told, else its input by
    estimate. What is no line of this file is passed over.
    """
    so_far = RequestsSoFar()
    for line in _lines(path):
        so_far.feed(line)
    return so_far.requests()


def read_begun(path: Path) -> dict[str, tuple[Asked, list[ApiRequest] | None]]:
    """What each request of a run asked for, and what it was; None when its end isn't there."""
    from agentd.metering.dialects import Asked

    found: dict[str, tuple[Asked, list[ApiRequest] | None]] = {}
    for line in _lines(path):
        key = line.get("request")
        if not isinstance(key, str):
            continue
        if line.get("is") == "started":
            asked = Asked(
                model=str(line.get("model") or ""),
                thread=told_thread(line.get("thread")),
                output_limit=count_of(line.get("output_limit")) or None,
                variants=told_variants(line.get("variants")),
                body_bytes=count_of(line.get("body_bytes")),
            )
            found[key] = (asked, None)
        elif line.get("is") == "ended" and key in found and isinstance(line.get("told"), list):
            told = [of_json(one) for one in line["told"] if isinstance(one, Mapping)]
            found[key] = (found[key][0], told)
    return found


def refusals(path: Path) -> list[str]:
    """Why requests of a run were not sent, in order: those after the last one that was.

    A run that went on after a refusal did not end at it.
    """
    found: list[str] = []
    for line in _lines(path):
        if line.get("is") == "started":
            found.clear()
        elif line.get("is") == "refused":
            found.append(str(line.get("why")))
    return found


def _lines(path: Path) -> Iterator[Mapping[str, Any]]:
    fd = open_log(path)
    if fd is None:
        return
    with os.fdopen(fd, "rb") as handle:
        data = handle.read()
    for text in data.split(b"\n"):
        try:
            line = json_value(text)
        except ValueError:
            continue  # torn, or written by somebody else
        if isinstance(line, dict):
            yield line


def _started(line: Mapping[str, Any], at: datetime | None) -> ApiRequest:
    return ApiRequest(
        model=str(line.get("model") or ""),
        usage=ModelUsage(input_tokens=count_of(line.get("estimated_input_tokens"))),
        started_at=at,
        thread=told_thread(line.get("thread")),
        estimated=frozenset({"input_tokens", "output_tokens"}),
    )


def _told(line: Mapping[str, Any], begun: ApiRequest, at: datetime | None) -> list[ApiRequest]:
    ended = line.get("is") == "ended"
    requests = [of_json(told) for told in line["told"] if isinstance(told, Mapping)]
    if ended and not requests:  # an error of the API, or it was not reached: nothing is billed
        return [replace(begun, usage=ModelUsage(), ended_at=at, ended=True, estimated=frozenset())]
    return [
        replace(request, started_at=begun.started_at, ended_at=at if ended else None)
        for request in requests
    ]
