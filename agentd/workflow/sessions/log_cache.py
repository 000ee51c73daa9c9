"""The CLIs' session logs, each read on from where it ended the last time."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import BinaryIO

from agentd.errors import ParseError
from agentd.files import FileStamp
from agentd.json_value import json_value
from agentd.ledger import cache
from agentd.metering.requests import unite
from agentd.providers.base import understood
from agentd.providers.session_files import LoggedRequest, LogReader, SessionsFormat
from agentd.providers.session_log import UnknownShape
from agentd.workflow.sessions.not_imported import Watched, stamp_of
from agentd.workflow.sessions.places import Place

_TAIL_BYTES = 512  # a line's time and its ids are in there
_OWN_PROMPT = b'":"# agentd: step `'  # as prompts/_frame.md begins, where a log quotes it
_NOT_UNDERSTOOD = "its log has lines that agentd does not understand"


@dataclass(slots=True)
class LogFile:
    """One file, as far as it was read: ``offset`` bytes, of which ``tail`` were the last.

    ``by_agentd``: its first prompt is one of agentd's, whether a ledger has its run or not.
    ``is_ours`` is None before a line has told where its session began; of one from elsewhere no
    more is read, until that is the project's.
    """

    provider: str
    reader: LogReader
    stamp: FileStamp
    offset: int = 0
    tail: bytes = b""
    is_ours: bool | None = None
    by_agentd: bool = False
    odd_lines: int = 0
    requests: dict[str, LoggedRequest] = field(default_factory=dict)

    @property
    def unsure(self) -> str | None:
        """What is not known of its requests as a whole, None when that is nothing."""
        return _NOT_UNDERSTOOD if self.odd_lines else self.reader.unsure

    def whole_requests(self) -> Iterator[LoggedRequest]:
        """Its requests; where none says how it ended, one that was followed by another is whole."""
        last = len(self.requests) - 1
        for place, one in enumerate(self.requests.values()):
            is_whole = not self.reader.tells_ends and place < last
            yield one._replace(ended=True) if is_whole else one


def read_logs(
    key: str,
    roots: Sequence[Path],
    places: Iterable[Place],
    is_ours: Callable[[str], bool],
    *,
    until: float = inf,
    watched: Watched | None = None,
) -> list[LogFile]:
    """All session logs of sessions that began where ``is_ours`` says so; only what is new is read.

    ``places`` are where to look for logs.
    ``roots`` are the folders that those lie in or below, none for all of the machine; ``key`` names
    the cache, in which no database is. A file that can't be read is left out. ``watched`` gets the
    files that may have more later. Raises TimeoutError once the monotonic clock is at ``until``;
    the next time goes on from there.
    """
    watched = {} if watched is None else watched
    place = cache.path_of("sessions", key)
    loaded = cache.load(place)
    known: dict[str, LogFile] = loaded[1] if loaded and loaded[0] == key else {}
    found: dict[str, LogFile] = {}
    stored: list[LogFile] = []
    is_new = False
    seen: set[Path] = set()
    for provider, of_cli, environ in places:
        paths = [path for path in dict.fromkeys(of_cli.find(environ, roots)) if path not in seen]
        seen.update(paths)
        if not paths:
            continue
        form = of_cli.load()
        if isinstance(form, SessionsFormat):
            for path in paths:
                stored += _stored(provider, form, path, is_ours, until)
                watched |= {name: stamp_of(name) for name in (str(path), f"{path}-wal")}
            continue
        for path in paths:
            name = os.fspath(path)
            try:
                log = known.get(name)
                stamp = _stamp(path)
                if log is None or _is_moved(log, is_ours) or log.stamp != stamp:
                    is_new = True
                    with path.open("rb") as handle:
                        if log is None or not _has_grown(log, stamp, handle.fileno()):
                            log = LogFile(provider, form.new_reader(path, roots), stamp)
                        _read_on(log, handle, form.markers, is_ours, until)
                        in_time = time.monotonic() < until
                        log.stamp = stamp if in_time else stamp._replace(modified_ns=-1, size=0)
            except OSError:
                continue
            found[name] = log
            if is_new and time.monotonic() >= until:
                cache.save(place, (key, {**known, **found}))
                raise TimeoutError
            if log.is_ours is not False:
                watched[name] = tuple(stamp)
    if is_new or len(found) != len(known):
        cache.save(place, (key, found))
    ours = [log for log in found.values() if log.is_ours or (not roots and log.is_ours is None)]
    return ours + stored


def _stored(
    provider: str,
    form: SessionsFormat,
    path: Path,
    is_ours: Callable[[str], bool],
    until: float,
) -> Iterator[LogFile]:
    """The sessions of a database, which is asked anew each time; none where it can't be read."""
    try:
        stamp = _stamp(path)
        for one in form.read_all(path, is_ours, until):
            yield LogFile(
                provider,
                one.reader,
                stamp,
                is_ours=True,
                by_agentd=_OWN_PROMPT in one.prompt.encode(),
                requests=dict(one.requests),
            )
    except TimeoutError:
        raise
    except OSError:
        return


def _stamp(path: Path) -> FileStamp:
    if not stat.S_ISREG(path.stat().st_mode) or (found := stamp_of(path)) is None:
        raise OSError(f"{path}: is no plain file")
    return FileStamp(*found)


def _is_moved(log: LogFile, is_ours: Callable[[str], bool]) -> bool:
    """Whether a log is the project's only now, or no more: a worktree or a project came or went."""
    was = log.is_ours
    if log.reader.cwd is not None:
        log.is_ours = is_ours(log.reader.cwd)
    return log.is_ours is not was


def _read_on(
    log: LogFile,
    handle: BinaryIO,
    markers: Sequence[bytes],
    is_ours: Callable[[str], bool],
    until: float,
) -> None:
    handle.seek(log.offset)
    for line in handle:
        if log.is_ours is False or time.monotonic() >= until or not _take(log, line, markers):
            break
        log.offset += len(line)
        log.tail = line[-_TAIL_BYTES:]
        if log.is_ours is None and log.reader.cwd is not None:
            log.is_ours = is_ours(log.reader.cwd)


def _has_grown(log: LogFile, stamp: FileStamp, fd: int) -> bool:
    """Whether what was read still stands there, and all that is new comes after it."""
    if log.is_ours is False:
        return stamp.inode == log.stamp.inode
    same = stamp.inode == log.stamp.inode and stamp.size >= log.stamp.size
    at = log.offset - len(log.tail)
    return same and os.pread(fd, len(log.tail), at) == log.tail


def _take(log: LogFile, line: bytes, markers: Sequence[bytes]) -> bool:
    """Take a line; False for the last one where it is still being written."""
    is_whole = line.endswith(b"\n")
    if not log.requests and _OWN_PROMPT in line:
        log.by_agentd = True
    if is_whole and not any(marker in line for marker in markers):
        return True
    try:
        entry = json_value(line)
    except ValueError:
        return is_whole  # a killed CLI leaves a torn one
    if not isinstance(entry, dict):
        return True
    try:
        with understood():
            for one in log.reader.feed(entry):
                known = log.requests.get(one.id)
                log.requests[one.id] = with_more(known, one) if known else one
    except (UnknownShape, ParseError):
        log.odd_lines += 1
    return True


def with_more(known: LoggedRequest, one: LoggedRequest) -> LoggedRequest:
    """What is known of a request that is told of twice."""
    if known.counts == one.counts and known.ended >= one.ended:
        return known
    return known.with_request(unite([known.request, one.request])[0])
