"""One rollout file of codex: the requests of one thread, as far as the file tells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from agentd.metering.requests import ApiRequest
from agentd.metering.usage import ModelUsage
from agentd.metering.variants import Variants, variants_of
from agentd.providers.codex.usage import is_billed_search, read_usage
from agentd.providers.session_log import (
    LoggedThread,
    UnknownShape,
    first_entry,
    json_lines,
    moment,
    part,
    required,
    text,
)

MARKERS = (
    b'"turn_context"',
    b'"thread_settings_applied"',
    b'"token_usage_record"',
    b'"token_count"',
    b'"task_complete"',
    b'"compacted"',
    b'"turn_aborted"',
    b'"type":"response_item"',
)
_CALLS = ("function_call", "custom_tool_call", "local_shell_call")
_RESULTS = ("function_call_output", "custom_tool_call_output", "local_shell_call_output")
_ANSWERS = ("reasoning", *_CALLS)
_ABORTED = "aborted by user"
_NO_OTHERS: Mapping[str, Rollout] = {}


@dataclass(slots=True)
class Rollout:
    """One rollout file, read from its start: running totals go on over resumed runs."""

    thread_id: str
    since: datetime
    model: str | None = None
    answered: bool = False
    parent: Rollout | None = None
    forked: bool = False
    copying: bool = False
    told: list[tuple[ModelUsage, ModelUsage]] = field(default_factory=list)
    models: dict[str, str] = field(default_factory=dict)
    records: dict[str, ApiRequest] = field(default_factory=dict)
    has_records: bool = False
    token_counts: list[tuple[str | None, ApiRequest]] = field(default_factory=list)
    total: ModelUsage = field(default_factory=ModelUsage)
    calls: set[object] = field(default_factory=set)
    waiting: bool = False
    turns: list[str] = field(default_factory=list)
    turn: str | None = None
    turn_of: dict[str, str] = field(default_factory=dict)
    adds_up: bool = True
    repeats: int = 0
    unmetered: bool = False
    unrecorded: bool = False
    resulted: bool = False
    variants: Variants = ()
    searches: int = 0

    def load(self, path: Path, others: Mapping[str, Rollout] = _NO_OTHERS) -> Rollout:
        """Read the file; ``others`` are those of the run that were read before it."""
        meta = part(first_entry(path), "payload")
        if meta.get("id") != self.thread_id:
            raise UnknownShape("session_meta")
        if origin := meta.get("forked_from_id"):
            self.parent, self.copying = others.get(str(origin)), True
            self.forked = True
        for entry in json_lines(path, *MARKERS):
            self.feed(entry)
        return self

    def feed(self, entry: Mapping[str, Any]) -> None:
        """Take one object of the file, in order."""
        payload = part(entry, "payload")
        match entry.get("type"):
            case "turn_context":
                self._turn(moment(entry), payload)
            case "event_msg" if payload.get("type") == "thread_settings_applied":
                self._settings(payload)
            case "token_usage_record":
                self._record(moment(entry), payload)
            case "event_msg" if payload.get("type") == "token_count":
                self._token_count(moment(entry), part(payload, "info"))
            case "event_msg" if payload.get("type") == "task_complete":
                self.waiting = False
                self._next_answer()
            case "event_msg" if payload.get("type") == "turn_aborted":
                self.repeats -= 1
            case "compacted":
                self.repeats -= 2
            case "response_item" if moment(entry) >= self.since:
                self._item(payload)

    def thread(self, *, turns: int | None = None) -> LoggedThread:
        """The requests since the run began. Raises UnknownShape when answers came without one.

        ``turns`` is how many of the main thread are the run's; later ones are of somebody else.
        """
        own = set(self.turns[:turns])
        if self.records:
            requests = [
                one
                for key, one in self.records.items()
                if turns is None or self.turn_of[key] in own
            ]
            return LoggedThread(requests, self.waiting, self._unsure(is_main=turns is not None))
        if not self.adds_up:
            raise UnknownShape("total_token_usage")
        if self.answered and not self.token_counts:
            raise UnknownShape("token_usage_record")
        counts = [
            one for turn, one in self.token_counts if turns is None or turn is None or turn in own
        ]
        return LoggedThread(counts, self.waiting)

    def drop_requests(self) -> None:
        """Forget the requests that were read by now, for one who has taken note of each."""
        self.records, self.turn_of, self.token_counts, self.told, self.turns = {}, {}, [], [], []

    @property
    def unsure(self) -> str | None:
        """What is not known of its requests, None when that is nothing."""
        if not self.has_records and not self.adds_up:
            return "its totals do not add up"
        return self._unsure(is_main=False) if self.has_records else None

    def _unsure(self, *, is_main: bool) -> str | None:
        if self.forked:
            return None  # what it copied of its parent has no records
        if self.unmetered:
            return "an answer came without usage, or was cut"
        # Of the main thread stdout says so.
        return "an answer may have been cut" if self.repeats > 0 and not is_main else None

    def _turn(self, at: datetime, payload: Mapping[str, Any]) -> None:
        self.model = text(payload, "model")
        self.waiting = True
        if "turn_id" in payload:  # not there in 0.58.0
            self.turn = text(payload, "turn_id")
            self.models[self.turn] = self.model
            if self.turn not in self.turns and at >= self.since:
                self.turns.append(self.turn)

    def _settings(self, payload: Mapping[str, Any]) -> None:
        # The tier that is asked for, as of 0.169.0; a fork's log has those of its parent too.
        if payload.get("thread_id") == self.thread_id:
            tier = part(payload, "thread_settings").get("service_tier")
            self.variants = variants_of({"service_tier": tier} if isinstance(tier, str) else {})

    def _item(self, payload: Mapping[str, Any]) -> None:
        kind = payload.get("type")
        self.searches += is_billed_search(payload)
        if kind in _ANSWERS or payload.get("role") == "assistant":
            self.answered = True
            if self.resulted:
                self._next_answer()
            self.unrecorded = True
        if kind in _CALLS:
            self.calls.add(str(payload.get("call_id")))
        elif kind in _RESULTS:
            self.resulted = True
            self.calls.discard(str(payload.get("call_id")))
            # With the last tool's result the next request goes out, unless the run was stopped.
            self.waiting = not self.calls and not str(payload.get("output")).endswith(_ABORTED)

    def _next_answer(self) -> None:
        """Another answer begins, or the turn ends: the one before has its record by now."""
        self.unmetered |= self.unrecorded
        self.unrecorded = self.resulted = False

    def _record(self, at: datetime, payload: Mapping[str, Any]) -> None:
        # Written when a response is complete; says whose it is and never repeats (0.169.0).
        if at < self.since or payload.get("thread_id") != self.thread_id:
            self.searches = 0
            return
        model = self.models.get(text(payload, "turn_id"))
        if model is None:
            raise UnknownShape("turn_id")
        self.waiting = self.unrecorded = self.resulted = False
        response_id = text(payload, "response_id")
        self.turn_of[response_id] = text(payload, "turn_id")
        self.has_records = True
        self.records[response_id] = ApiRequest(
            id=response_id,
            model=model,
            ended_at=at,
            ended=True,
            usage=_logged(part(payload, "usage")),
            web_searches=self._searched(),
            variants=self.variants,
        )

    def _searched(self) -> int:
        """The searches of the answer that has just ended."""
        searches, self.searches = self.searches, 0
        return searches

    def _token_count(self, at: datetime, info: Mapping[str, Any]) -> None:
        # All there is before token_usage_record came. Repeats when a stream is cut, a turn is
        # stopped or the history compacted: then its total stands still.
        if not info:
            return
        total, last = (
            _logged(part(info, "total_token_usage")),
            _logged(part(info, "last_token_usage")),
        )
        if total == self.total:
            self.repeats += at >= self.since
            return
        self.told.append((total, last))
        if self.copying:
            # A fork begins with a copy of its parent's history, and goes on with its total
            # (0.144.6). Without records, whose those are that follow is known by the parent alone.
            if self.parent is None and not self.has_records:
                raise UnknownShape("forked_from_id")
            if self.parent is None or (total, last) in self.parent.told:
                self.total, self.searches = total, 0
                return
            self.copying = False
        grown = tuple(a + b for a, b in zip(self.total.counts(), last.counts(), strict=True))
        if total.counts() not in (grown, last.counts()):
            self.adds_up = False  # of no matter where there are records
        self.total = total
        self.waiting &= self.has_records  # beside records it comes too late: after the tool
        if at >= self.since:
            if self.model is None:
                raise UnknownShape("turn_context")
            request = ApiRequest(
                model=self.model,
                usage=last,
                web_searches=0 if self.has_records else self._searched(),
                variants=self.variants,
                ended_at=at,
                ended=True,
            )
            self.token_counts.append((self.turn, request))


def _logged(block: Mapping[str, Any]) -> ModelUsage:
    return read_usage(required(block, "input_tokens", "output_tokens", "cached_input_tokens"))
