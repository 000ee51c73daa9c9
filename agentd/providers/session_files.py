"""All the session logs of a CLI, whoever ran it: each request in them once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from sys import intern
from typing import Any, NamedTuple, Protocol

from agentd.frozen import frozen
from agentd.metering.requests import ApiRequest
from agentd.metering.usage import COUNTS, ModelUsage
from agentd.metering.variants import Variants

_COUNTS = len(COUNTS)


class LoggedRequest(NamedTuple):
    """One request of a session log, small enough to keep those of many.

    ``id`` is the same in each log that has a copy of it, ``copied`` says that this one is a copy,
    or may be. ``branch`` is git's, None where the log doesn't tell it. ``at`` is when it ended, in
    UTC seconds since 1970; ``counts`` are those of ``ModelUsage.counts()``.
    """

    id: str
    session_id: str
    branch: str | None
    copied: bool
    in_subagent: bool
    model: str
    at: float
    counts: tuple[int, ...]
    ended: bool
    output_estimated: bool = False
    web_searches: int = 0
    variants: Variants = ()

    @property
    def exact(self) -> bool:
        """Whether every number is the API's own."""
        return self.ended and not self.output_estimated

    @property
    def billed(self) -> ModelUsage:
        """All that its price depends on."""
        given, answered, read, written, reasoning, hour = self.counts
        return ModelUsage(
            input_tokens=given,
            output_tokens=answered,
            cache_read_input_tokens=read,
            cache_creation_input_tokens=written,
            reasoning_output_tokens=reasoning,
            cache_creation_1h_input_tokens=hour,
            web_searches=self.web_searches,
            variants=self.variants,
        )

    @property
    def request(self) -> ApiRequest:
        """The same as the readers of a run have it."""
        return ApiRequest(
            id=self.id,
            model=self.model,
            usage=replace(self.billed, web_searches=0, variants=()),
            web_searches=self.web_searches,
            variants=self.variants,
            ended_at=datetime.fromtimestamp(self.at, UTC),
            ended=self.ended,
            thread="subagent" if self.in_subagent else "main",
            estimated=frozenset({"output_tokens"} if self.output_estimated else ()),
        )

    def with_request(self, request: ApiRequest) -> LoggedRequest:
        """The same with what is known of it now."""
        return self._replace(
            model=intern(request.model),
            counts=request.usage.counts(),
            ended=request.ended,
            output_estimated=bool(request.estimated),
            web_searches=request.web_searches,
            variants=request.variants,
        )


def logged_request(
    request: ApiRequest,
    request_id: str,
    session_id: str,
    *,
    branch: str | None,
    copied: bool = False,
    in_subagent: bool = False,
) -> LoggedRequest:
    """A request that has ended, as a row."""
    row = LoggedRequest(
        id=request_id,
        session_id=intern(session_id),  # one text for all of a session, here and in the cache
        branch=branch and intern(branch),
        copied=copied,
        in_subagent=in_subagent,
        model="",
        at=request.ended_at.timestamp() if request.ended_at else 0.0,
        counts=(0,) * _COUNTS,
        ended=False,
    )
    return row.with_request(request)


class LogReader(Protocol):
    """Reads one file, line by line; it is kept between two readings, so it holds little."""

    @property
    def session_id(self) -> str | None:
        """The file's session, or the thread of a subagent; None before a line has told it."""

    @property
    def parent_id(self) -> str | None:
        """The session or thread whose subagent it is."""

    @property
    def cwd(self) -> str | None:
        """Where the session began; None before a line has told it."""

    @property
    def tells_ends(self) -> bool:
        """Whether answers say how they ended; else one that was followed by another is whole."""

    @property
    def unsure(self) -> str | None:
        """What is not known of its requests as a whole, None when that is nothing."""

    def feed(self, entry: Mapping[str, Any]) -> Iterable[LoggedRequest]:
        """Take one object of the file, in order: what it tells of requests.

        Several may tell of one request, each a bit more. Raises UnknownShape, or ParseError for
        malformed usage.
        """


@frozen(kw_only=True)
class StoredSession:
    """One session, or the thread of a subagent, of a CLI that keeps them all in one database.

    ``prompt`` is the first prompt as it stands there, "" without one.
    """

    reader: LogReader
    requests: Mapping[str, LoggedRequest]
    prompt: str


@frozen(kw_only=True)
class SessionsFormat:
    """How the database of a CLI is read.

    ``read_all`` gives the sessions that began where the function says so. It raises OSError where
    it can't read it, TimeoutError once the monotonic clock is at its last argument.
    """

    read_all: Callable[[Path, Callable[[str], bool], float], Iterable[StoredSession]]


@frozen(kw_only=True)
class LogFormat:
    """How the session logs of a CLI are read.

    ``new_reader`` is told the file and the folders that are asked for. ``markers``: a line that
    holds none of these is not worth decoding.
    """

    new_reader: Callable[[Path, Sequence[Path]], LogReader]
    markers: tuple[bytes, ...]
