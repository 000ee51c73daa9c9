"""How a coding CLI is started, and how what it prints and logs is read."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from agentd.metering.usage import UsageMetrics
from agentd.providers.activity import Activity
from agentd.providers.failure import Failure, Reason
from agentd.providers.pointing import NotPointed, Pointing, PointQuery


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What was read from a CLI's output.

    ``usage`` is None when the output holds none. ``complete`` is False when the CLI did not get to
    report its end: then ``usage`` is what was seen, never more than was billed.
    ``running_total`` says that ``usage`` holds earlier runs of a resumed session too.
    ``unsure`` says what a complete report leaves open of the usage, None when that is nothing.
    ``model`` is what the CLI said it runs, ``error`` its own message when it says that it failed,
    ``failure`` the reason as far as its events tell it.
    """

    usage: UsageMetrics | None = None
    complete: bool = False
    running_total: bool = False
    unsure: str | None = None
    final_text: str = ""
    session_id: str | None = None
    model: str | None = None
    error: str | None = None
    failure: Failure | None = None


class Parser(Protocol):
    """Takes a CLI's events one by one; holds no more than it needs for the answer."""

    def feed(self, event: Mapping[str, Any]) -> None:
        """Take one JSON object of the output, in order; unknown ones are ignored."""

    def parsed(self) -> Parsed:
        """What is known so far; may be called at any time, and again.

        Raises ParseError when a usage block is malformed.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """Which run to look up in a CLI's own session log on disk."""

    session_id: str
    started_at: datetime
    cwd: Path
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedUsage:
    """What a CLI's own session log says one run used.

    ``usage`` covers the API requests at or after the run's start, of the session and of its
    subagents' threads, by model, with the single requests. ``model`` is the main thread's.
    ``complete`` is False when a request may have been under way at the run's end: it stands in no
    log until it is finished, so ``usage`` may be less than what was billed. ``unsure`` says what is
    not known of the requests that are there.
    """

    usage: UsageMetrics
    model: str | None = None
    complete: bool = True
    unsure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cli:
    """What a run needs of a coding CLI: literals and pure functions.

    ``markers``: a line of stdout that holds none of these is not worth decoding.
    ``environment`` is added to the CLI's. ``first_signal`` is what makes the CLI stop and report.
    ``read_log`` reads its session log, None where it keeps none that tells more than stdout.
    ``exit_reasons`` are the exit codes that give a reason by themselves. ``resets_at`` reads out of
    a rate limit's message, and the time of the run's end, when it is lifted. ``activity`` reads out
    of an event what the CLI does; the events it needs besides have ``activity_markers``, those
    with the text as it arrives ``text_markers``. ``caution`` says what its user should know where
    it can't work as usual, and what to do about it. ``point`` points a run at a relay, ``refusal``
    is the HTTP status and the JSON body, around a message, at which the CLI ends at once,
    ``without_server_tools`` says how to switch off the tools that its API runs itself, and
    ``user_agents`` are how the headers of its own requests begin.
    """

    argv: Callable[[Invocation], list[str]]
    new_parser: Callable[[], Parser]
    markers: tuple[bytes, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    first_signal: int = signal.SIGINT
    read_log: Callable[[LogQuery], LoggedUsage | None] | None = None
    exit_reasons: Mapping[int, Reason] = field(default_factory=dict)
    resets_at: Callable[[str, datetime], datetime | None] | None = None
    activity: Callable[[Mapping[str, Any]], Activity | None] | None = None
    activity_markers: tuple[bytes, ...] = ()
    text_markers: tuple[bytes, ...] = ()
    caution: Callable[[], tuple[str, str] | None] | None = None
    point: Callable[[PointQuery], Pointing | NotPointed] | None = None
    refusal: Callable[[str], tuple[int, Mapping[str, Any]]] | None = None
    without_server_tools: str = ""
    user_agents: tuple[str, ...] = ()
