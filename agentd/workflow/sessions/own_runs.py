"""What the ledgers know of sessions: agentd's own runs, and what was imported before."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from math import inf
from pathlib import Path
from typing import NamedTuple

from agentd.errors import StateError
from agentd.files import FileStamp, file_stamp
from agentd.ledger import cache, own_grammar
from agentd.ledger.all_rows import is_settled
from agentd.ledger.reading import explained, read_document
from agentd.ledger.rows import each_once, of_call
from agentd.ledger.run_folders import run_dirs, unentered
from agentd.meter.logged_requests import requests_of_run
from agentd.meter.request_log import NAME as REQUESTS
from agentd.metering.call import CallRecord
from agentd.metering.requests import ApiRequest
from agentd.metering.words import MANUAL
from agentd.project.change import Change
from agentd.project.layout import STATE_FILE
from agentd.providers import PROVIDERS
from agentd.runner.run_folder import RunFolder

_SLACK_S = 3.0  # of the ledger's times, which are whole seconds, and of the log's last line
_HEAD_BYTES = 65536
_MAX_REQUESTS_BYTES = 100_000_000  # some 200,000 requests of one run


_Run = tuple[str, str, float, float, tuple[str, ...], bool]
"""A provider, a session and its OwnRun: plain, as a cache of 100,000 is read in half the time."""


class OwnRun(NamedTuple):
    """A run of agentd in a session, from ``begin`` to ``end`` (UTC seconds since 1970).

    ``request_ids`` are those of its requests. ``all_seen``: it made no others, so that whatever
    else stands in its session was asked for by somebody else, even while it ran.
    """

    begin: float
    end: float
    request_ids: tuple[str, ...]
    all_seen: bool


class Imported(NamedTuple):
    """A call that was imported, and the change that has it."""

    change: Change
    call: CallRecord


class Known(NamedTuple):
    """What the ledgers of some projects know of sessions.

    ``runs`` are by provider and session, "" for a name that a config gives: a ledger does not tell
    of which CLI that is. ``open_runs`` are those that no ledger has yet, with the head of what they
    printed, which names their session.
    """

    runs: Mapping[tuple[str, str], list[_Run]]
    request_ids: frozenset[str]
    open_runs: list[tuple[str, float, bytes]]
    imported: Mapping[str, Imported]

    def runs_in(self, provider: str, session_id: str) -> list[OwnRun]:
        """The runs of agentd in a session, those that are not entered yet too."""
        name = session_id.encode()
        return [
            *(
                OwnRun(*each[2:])
                for of in (provider, "")
                for each in self.runs.get((of, session_id), ())
            ),
            *(
                OwnRun(begin, float("inf"), (), False)
                for of, begin, head in self.open_runs
                if of == provider and name in head
            ),
        ]


NOTHING_KNOWN = Known({}, frozenset(), [], {})


class _Ledger(NamedTuple):
    stamp: FileStamp | None
    runs: dict[str, _Run]
    imported: tuple[CallRecord, ...]


def read_known(key: str, changes: Iterable[Change], *, until: float = inf) -> Known:
    """What these changes know; each ledger, and each run's folder, is read once.

    ``key`` names the cache. A ledger that can't be read counts as it was when it was read last, or
    is left out: whoever writes to it says so.
    Raises TimeoutError once the monotonic clock is at ``until``; the next time goes on from there.
    """
    place = cache.path_of("own-runs", key)
    loaded = cache.load(place)
    before: dict[str, _Ledger] = loaded[1] if loaded and loaded[0] == key else {}
    now: dict[str, _Ledger] = {}
    runs: dict[tuple[str, str], list[_Run]] = {}
    ids: set[str] = set()
    open_runs: list[tuple[str, float, bytes]] = []
    imported: dict[str, Imported] = {}
    for change in changes:
        name = str(change.folder)
        ledger = _read(change, before.get(name))
        if ledger is not before.get(name) and time.monotonic() >= until:
            _save(place, key, {**before, **now})
            raise TimeoutError
        now[name] = ledger
        for run in ledger.runs.values():
            of = run[0] if run[0] in PROVIDERS else ""
            runs.setdefault((of, run[1]), []).append(run)
            ids.update(run[4])
        for call in ledger.imported:
            one = Imported(change, call)
            imported[call.id] = _that_counts(imported.get(call.id, one), one)
        for run_dir in unentered(change.runs_dir):
            ids |= {one.id for one in _requests(run_dir) if one.id}
            open_runs += _open_run(run_dir)
    if any(before.get(name) is not ledger for name, ledger in now.items()):
        _save(place, key, now)
    return Known(runs, frozenset(ids), open_runs, imported)


def _that_counts(one: Imported, other: Imported) -> Imported:
    """Of what two changes have imported the one that reports have."""
    if one.change.folder == other.change.folder:
        return other
    rows = [[of_call(each.change.id, each.call)] for each in (one, other)]
    return one if each_once(rows)[0] else other


def _save(place: Path, key: str, ledgers: Mapping[str, _Ledger]) -> None:
    cache.save(place, (key, {k: v for k, v in ledgers.items() if is_settled(v.stamp)}))


def _read(change: Change, before: _Ledger | None) -> _Ledger:
    stamp = file_stamp(change.folder / STATE_FILE)
    if before is not None and stamp is not None and before.stamp == stamp:
        return before
    if stamp is None:
        return _Ledger(None, {}, ())
    path = change.folder / STATE_FILE
    try:
        with explained(path):
            calls = list(read_document(path, own_grammar.ALL)[1].records())
    except StateError:
        return before or _Ledger(None, {}, ())
    known = before.runs if before else {}
    here = {run_dir.name for run_dir in run_dirs(change.runs_dir)}
    runs: dict[str, _Run] = {}
    for call in calls:
        if call.provider and call.session_id and call.step != MANUAL:
            run_dir = change.runs_dir / call.id if call.id in here else None
            run = known.get(call.id) or (call.provider, call.session_id, *_run_of(call, run_dir))
            runs[call.id or f"\0{len(runs)}"] = run
    return _Ledger(stamp, runs, tuple(call for call in calls if call.step == MANUAL))


def _run_of(call: CallRecord, run_dir: Path | None) -> OwnRun:
    begin = call.started_at.timestamp() if call.started_at else float("-inf")
    end = begin + (call.duration_ms or 0) / 1000 + _SLACK_S if call.started_at else float("inf")
    requests = _requests(run_dir) if run_dir else []
    ids = tuple(dict.fromkeys(one.id for one in requests if one.id))
    all_seen = call.usage_source == "wire" and len(ids) == len(requests) > 0
    return OwnRun(begin, end, ids, all_seen)


def _requests(run_dir: Path) -> list[ApiRequest]:
    """The requests of a run; none where their log is larger than one can be."""
    try:
        is_huge = (run_dir / REQUESTS).stat().st_size > _MAX_REQUESTS_BYTES
    except OSError:
        is_huge = False
    return [] if is_huge else requests_of_run(run_dir)


def _open_run(run_dir: Path) -> Iterable[tuple[str, float, bytes]]:
    folder = RunFolder(run_dir)
    try:
        info = folder.info()
        with open(os.open(folder.stdout, os.O_RDONLY | os.O_NONBLOCK), "rb") as stdout:
            head = stdout.read(_HEAD_BYTES)
    except (StateError, OSError):
        return
    resumed = (info.resume_session_id or "").encode()
    yield info.base or info.provider, info.started_at.timestamp(), b"\n".join((head, resumed))
