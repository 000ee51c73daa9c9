"""All the session logs of a CLI, whoever ran it: where they lie, and each request in them once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
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
    def request(self) -> ApiRequest:
        """The same as the readers of a run have it."""
        return ApiRequest(
            id=self.id,
            model=self.model,
            usage=usage_of(self.counts),
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
            model=request.model,
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
        session_id=session_id,
        branch=branch,
        copied=copied,
        in_subagent=in_subagent,
        model="",
        at=request.ended_at.timestamp() if request.ended_at else 0.0,
        counts=(0,) * _COUNTS,
        ended=False,
    )
    return row.with_request(request)


def usage_of(counts: Sequence[int]) -> ModelUsage:
    """The usage with these ``counts()``."""
    usage: dict[str, Any] = dict(zip(COUNTS, counts, strict=True))
    return ModelUsage(**usage)


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
class SessionFiles:
    """The session logs of a CLI.

    ``find`` yields the files that may be of a session in one of these folders, or below; all of
    them where it is told none. ``markers``: a line that holds none of these is not worth decoding.
    """

    find: Callable[[Mapping[str, str], Sequence[Path]], Iterator[Path]]
    new_reader: Callable[[Path, Sequence[Path]], LogReader]
    markers: tuple[bytes, ...]
