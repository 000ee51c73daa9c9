"""codex's session log: ``$CODEX_HOME/sessions/YYYY/MM/DD/rollout-<time>-<thread id>.jsonl``.

It knows what codex's stdout does not: the model, the threads of subagents (each has a file of its
own that names its parent), and what a failed or stopped run used.
Read and checked: 0.171.0, 0.169.0, 0.144.6, 0.115.0, 0.58.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agentd.errors import ParseError
from agentd.metering.requests import ApiRequest
from agentd.providers.base import Logged, LogQuery
from agentd.providers.codex.rollout import MARKERS, Rollout
from agentd.providers.session_files import LogFormat, LoggedRequest, logged_request
from agentd.providers.session_log import (
    NO_SUBAGENT_LOG,
    UnknownShape,
    changed_since,
    first_entry,
    home_of_cli,
    logged,
    part,
    text,
)

_EVER = datetime.min.replace(tzinfo=UTC)


def read(query: LogQuery) -> Logged | None:
    """What the run used, subagents included; None without a log that we can read.

    Counts every API request that was finished at or after ``query.started_at``. A response that
    was cut off stands in no log, so it is not in here either.
    """
    home = home_of_cli(query, "CODEX_HOME", ".codex")
    if home is None:
        return None
    try:
        path = _rollout(home / "sessions", query.session_id)
        if path is None:
            return None
        main = Rollout(query.session_id, query.started_at).load(path)
        if main.model is None:
            return None
        rollouts = {main.thread_id: main}
        for thread_id, file in _subagents(path, query):
            rollouts[thread_id] = Rollout(thread_id, query.started_at).load(file, rollouts)
        threads = [
            rollout.thread(turns=query.turns if rollout is main else None)
            for rollout in rollouts.values()
        ]
    except (UnknownShape, ParseError, OSError):
        return None
    found = replace(logged(threads), model=main.model)
    if query.threads - rollouts.keys():
        found = replace(found, unsure=NO_SUBAGENT_LOG)
    return found


def _rollout(sessions: Path, thread_id: str) -> Path | None:
    if not sessions.is_dir():
        return None
    ending = f"-{thread_id}.jsonl"
    for day in sorted(sessions.glob("*/*/*"), reverse=True):
        for path in day.iterdir():
            if path.name.startswith("rollout-") and path.name.endswith(ending):
                return path
    return None


def _subagents(main: Path, query: LogQuery) -> Iterator[tuple[str, Path]]:
    """The threads that descend from the main one and were written to since the run began.

    A subagent is younger than its session: folders of earlier days are not looked at.
    """
    today = main.parent
    parents: dict[str, tuple[str, Path]] = {}
    for day in sorted(today.parent.parent.parent.glob("*/*/*")):
        if day < today:
            continue
        for path in day.glob("rollout-*.jsonl"):
            if path != main and changed_since(path, query.started_at):
                meta = part(first_entry(path), "payload")
                thread_id, parent = meta.get("id"), _parent(meta)
                if isinstance(thread_id, str) and isinstance(parent, str):
                    parents[thread_id] = (parent, path)
    known = {query.session_id}
    while found := [i for i, (parent, _) in parents.items() if parent in known]:
        for thread_id in found:
            known.add(thread_id)
            yield thread_id, parents.pop(thread_id)[1]


def _parent(meta: Mapping[str, Any]) -> object:
    spawned = part(part(part(meta, "source"), "subagent"), "thread_spawn")  # 0.115.0
    return meta.get("parent_thread_id") or spawned.get("parent_thread_id")


class _Reader:
    """One rollout, whoever asked: its records; where a turn has none, what token_count tells.

    A fork may begin with a copy of its origin's turns. A turn keeps its id there, and a total
    stands in it once, so that the two tell whether a request is the same.
    """

    tells_ends = True

    def __init__(self) -> None:
        self.session_id: str | None = None
        self.parent_id: str | None = None
        self.cwd: str | None = None
        self.branch: str | None = None
        self.forked = False
        self.rollout = Rollout("", _EVER)
        self.recorded: str | None = None

    def feed(self, entry: Mapping[str, Any]) -> Iterator[LoggedRequest]:
        if entry.get("type") == "session_meta":
            if self.session_id is None:
                self._begin(part(entry, "payload"))
            return
        rollout = self.rollout
        if self.session_id is None:
            raise UnknownShape("session_meta")
        rollout.feed(entry)
        for key, request in rollout.records.items():
            self.recorded = rollout.turn_of[key]
            yield self._row(key, request)
        for turn, request in rollout.token_counts:
            if turn is None or turn != self.recorded:
                total = rollout.total.counts()
                key = ":".join(map(str, (turn or self.session_id, *total, *request.usage.counts())))
                yield self._row(key, request, copied=self.forked)
        rollout.drop_requests()

    @property
    def unsure(self) -> str | None:
        return self.rollout.unsure

    def _begin(self, meta: Mapping[str, Any]) -> None:
        self.session_id = text(meta, "id")
        told = _parent(meta), meta.get("cwd"), part(meta, "git").get("branch")
        self.parent_id, self.cwd, self.branch = (
            each if isinstance(each, str) else None for each in told
        )
        self.forked = bool(meta.get("forked_from_id"))
        self.rollout.thread_id = self.session_id

    def _row(self, key: str, request: ApiRequest, *, copied: bool = False) -> LoggedRequest:
        return logged_request(
            request,
            key,
            str(self.session_id),
            branch=self.branch,
            copied=copied,
            in_subagent=self.parent_id is not None,
        )


LOG_FORMAT = LogFormat(
    new_reader=lambda path, roots: _Reader(), markers=(b'"session_meta"', *MARKERS)
)
