"""How a coding CLI is started, and how what it prints and logs is read."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from agentd.errors import ParseError
from agentd.frozen import frozen
from agentd.metering.requests import ApiRequest
from agentd.metering.usage import UsageMetrics
from agentd.providers.activity import Activity
from agentd.providers.failure import Failure, Reason
from agentd.providers.pointing import NotPointed, Pointing, PointQuery, Telling
from agentd.providers.telemetry import ReadEvent

if TYPE_CHECKING:  # a step loads no language of an API
    from agentd.metering.dialects.asked import OfCli


@frozen(kw_only=True)
class Invocation:
    """What a provider needs to build an argv. The prompt always goes on stdin.

    ``budget_args`` hold the run to a budget, where the CLI has an option for that.
    """

    command: str
    model: str | None = None
    extra_args: tuple[str, ...] = ()
    resume_session_id: str | None = None
    run_dir: Path
    budget_args: tuple[str, ...] = ()


@frozen(kw_only=True)
class Parsed:
    """What was read from a CLI's output.

    ``usage`` is None when the output holds none. ``complete`` is False when the CLI did not get to
    report its end: then ``usage`` is what was seen, never more than was billed.
    ``running_total`` says that ``usage`` holds earlier runs of a resumed session too, ``main_only``
    that it leaves out the threads of subagents, of which ``threads`` are those it names.
    ``turns`` is how many the main thread took.
    ``requests`` are those that the output shows one by one, with what is known of each.
    ``all_logged``: the session log has every request that came to its end, so a total that holds
    more holds an answer that was cut.
    ``answering`` is about what the answer under way is so far, where the run is one request: it is
    told to budgets, and is in no record.
    ``unsure`` says what else is not known of the usage, None when that is nothing.
    ``idle``: it has begun, and not come to its first request.
    ``model`` is what the CLI said it runs, ``error`` its own message when it says that it failed,
    ``failure`` the reason as far as its events tell it.
    """

    usage: UsageMetrics | None = None
    complete: bool = False
    running_total: bool = False
    main_only: bool = False
    threads: frozenset[str] = frozenset()
    turns: int = 1
    requests: tuple[ApiRequest, ...] = ()
    all_logged: bool = False
    answering: UsageMetrics | None = None
    unsure: str | None = None
    idle: bool = False
    final_text: str = ""
    session_id: str | None = None
    model: str | None = None
    error: str | None = None
    failure: Failure | None = None


SURPRISES = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)


@contextlib.contextmanager
def understood() -> Iterator[None]:
    """Whatever a reader of a CLI's output stumbles over is output that it does not understand.

    It is a ParseError then: a version that prints something new must not keep a call from being
    recorded.
    """
    try:
        yield
    except SURPRISES as error:
        told = f"it is not written as agentd knows it ({type(error).__name__}: {error})"
        raise ParseError(told[:200]) from error


class Parser(Protocol):
    """Takes a CLI's events one by one; holds no more than it needs for the answer."""

    def feed(self, event: Mapping[str, Any]) -> None:
        """Take one JSON object of the output, in order; unknown ones are ignored."""

    def parsed(self) -> Parsed:
        """What is known so far; may be called at any time, and again.

        Raises ParseError when a usage block is malformed.
        """


class CutText(Protocol):
    """Takes a CLI's events once more, and keeps the text of some answers that were cut."""

    markers: tuple[bytes, ...]
    """A line of stdout that holds none of these is not worth decoding."""

    def feed(self, event: Mapping[str, Any]) -> None:
        """Take one JSON object of the output, in order."""

    def text(self, request_id: str) -> str:
        """What came of an answer: text, thoughts and arguments of tools."""


@frozen(kw_only=True)
class LogQuery:
    """Which run to look up in a CLI's own session log on disk.

    ``request_ids``, ``threads`` and ``turns`` are the requests and the subagents' threads that
    stdout names, and the turns that it shows: what somebody else did meanwhile in the same session
    is told from the run by them.
    """

    session_id: str
    started_at: datetime
    cwd: Path
    environ: Mapping[str, str]
    request_ids: frozenset[str] = frozenset()
    threads: frozenset[str] = frozenset()
    turns: int = 1


@frozen(kw_only=True)
class Logged:
    """What a CLI's own session log says one run used.

    ``requests`` are the API requests at or after the run's start, of the session and of its
    subagents' threads, in the order in which they ended. ``model`` is the main thread's.
    ``under_way``: the main thread may have sent a request of which nothing is logged, as it was
    not finished. ``unsure`` says what else is not known, ``side_calls`` which of its calls stand in
    no log, so that only the relay can tell of them.
    """

    requests: tuple[ApiRequest, ...]
    model: str | None = None
    under_way: bool = False
    unsure: str | None = None
    side_calls: str | None = None


@frozen(kw_only=True)
class Cli:
    """What a run needs of a coding CLI: literals and pure functions.

    ``markers``: a line of stdout that holds none of these is not worth decoding.
    ``session_flag``: the argument by which ``argv`` gives a new session its id, "" where the CLI
    tells it early. ``environment`` is added to the CLI's. ``first_signal`` is what makes the CLI
    stop and report.
    ``read_log`` reads its session log, None where it keeps none that tells more than stdout.
    ``exit_reasons`` are the exit codes that give a reason by themselves. ``reason_on_stderr`` reads
    a reason out of the end of stderr, where it failed before its first request. ``resets_at`` reads
    out of a rate limit's message, and the time of the run's end, when it is lifted. ``activity``
    reads out of an event what the CLI does; the events it needs besides have ``activity_markers``,
    those with the text as it arrives ``text_markers``. ``new_cut_text`` reads what came of the
    answers with these ids, where stdout shows answers as they come. ``caution`` says what its user
    should know where it can't work as usual, and what to do about it. ``point`` points a run at a
    relay, ``refusal`` is the HTTP status and the JSON body, around a message, at which the CLI ends
    at once, ``without_server_tools`` says how to switch off the tools that its API runs itself, and
    ``user_agents`` are how the headers of its own requests begin, ``asked`` reads what they and the
    bodies tell beside the API's language, such as the thread. ``tell`` has it send its own
    telemetry to the meter, ``read_event`` reads out of that what it tells of requests.
    """

    argv: Callable[[Invocation], list[str]]
    new_parser: Callable[[], Parser]
    markers: tuple[bytes, ...]
    session_flag: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    first_signal: int = signal.SIGINT
    read_log: Callable[[LogQuery], Logged | None] | None = None
    exit_reasons: Mapping[int, Reason] = field(default_factory=dict)
    reason_on_stderr: Callable[[str], Reason | None] | None = None
    resets_at: Callable[[str, datetime], datetime | None] | None = None
    activity: Callable[[Mapping[str, Any]], Activity | None] | None = None
    activity_markers: tuple[bytes, ...] = ()
    text_markers: tuple[bytes, ...] = ()
    new_cut_text: Callable[[frozenset[str]], CutText] | None = None
    caution: Callable[[], tuple[str, str] | None] | None = None
    point: Callable[[PointQuery], Pointing | NotPointed] | None = None
    refusal: Callable[[str], tuple[int, Mapping[str, Any]]] | None = None
    without_server_tools: str = ""
    user_agents: tuple[str, ...] = ()
    asked: OfCli | None = None
    tell: Callable[[PointQuery], Telling | NotPointed] | None = None
    read_event: ReadEvent | None = None
