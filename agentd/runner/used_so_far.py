"""What a run has used so far: at the relay, on stdout, or in the CLI's session log."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from agentd.meter.logged_requests import RequestsSoFar
from agentd.metering.requests import ApiRequest, busiest_model, unite, usage_of_run
from agentd.metering.usage import UsageMetrics
from agentd.providers.activity import Snapshot
from agentd.providers.base import Cli, Parsed
from agentd.runner.result import read_log
from agentd.runner.run_folder import RunInfo
from agentd.runner.stdout import Reading
from agentd.runner.tail import Tail

Meter = Callable[[UsageMetrics], bool | None]
"""Takes what a run has used so far; True: stop it, None: it can't be told yet."""

LOG_EVERY_S = 0.02
_LOG_SHARE = 20  # a long log is read again only after twenty times as long as that took
_ANSWER_STEP_TOKENS = 100
_END_S = 2.0  # a CLI that has reported its end is left to end by itself for that long


class Live:
    """The largest of what stdout, session log and telemetry tell, told when it has grown.

    A CLI may report each message on stdout but not those of its subagents, or report at the end of
    the run alone; its log has every finished response, perhaps only when the tool after it has run.
    ``requests`` are what its telemetry tells.
    """

    def __init__(
        self,
        reading: Reading,
        cli: Cli,
        info: RunInfo,
        environ: Mapping[str, str],
        requests: LiveRequests | None = None,
    ) -> None:
        self._requests = requests if info.told else None
        self._reading, self._cli = reading, cli
        self._info, self._environ = info, environ
        self._resumed = info.resume_session_id is not None
        self._events = self._events_answering = 0
        self._most = UsageMetrics()
        self._told = self._told_answering = 0
        self._ended_at: float | None = None
        self._complete = False
        self._parsed = Parsed()
        self._log_due = time.monotonic() + LOG_EVERY_S

    def so_far(self) -> UsageMetrics:
        """What the run has used."""
        for usage in (self._printed(), self._heard(), self._logged()):
            if usage is not None and usage.total_tokens > self._most.total_tokens:
                self._most = usage
        return self._most

    def added_to(self, seen: Snapshot) -> Snapshot:
        """What stdout shows, with what is known elsewhere, where that is more."""
        used, shown = self.so_far(), seen.usage.total_tokens if seen.usage else 0
        return replace(seen, usage=used) if used.total_tokens > shown else seen

    def grown(self) -> UsageMetrics | None:
        """The run's usage, when it is more than was told before and the run is not at its end."""
        self.so_far()
        if self._most.total_tokens <= self._told or self._is_ending():
            return None
        self._told = self._most.total_tokens
        return self._most

    def answering(self) -> UsageMetrics | None:
        """About what the answer under way has come to, when that is clearly more than was told."""
        if self._reading.events == self._events_answering:
            return None
        self._events_answering = self._reading.events
        is_read = self._events_answering == self._events
        parsed = self._parsed if is_read else self._reading.so_far(resumed=self._resumed)
        usage = parsed.answering
        if usage is None or usage.total_tokens < self._told_answering + _ANSWER_STEP_TOKENS:
            return None
        self._told_answering = usage.total_tokens
        return usage

    def again(self) -> None:
        """Tell at the next asking what was told last."""
        self._told = self._told_answering = self._events_answering = 0

    def _printed(self) -> UsageMetrics | None:
        if self._reading.events == self._events:
            return None
        self._events = self._reading.events
        parsed = self._reading.so_far(resumed=self._resumed)
        self._parsed = parsed
        # Events after a CLI's report of its end: it goes on.
        self._ended_at = time.monotonic() if parsed.complete and not self._complete else None
        self._complete = parsed.complete
        return parsed.usage

    def _heard(self) -> UsageMetrics | None:
        return self._requests.ended() if self._requests else None

    def _logged(self) -> UsageMetrics | None:
        began = time.monotonic()
        if began < self._log_due:
            return None
        logged = read_log(self._cli, self._info, self._parsed, self._environ)
        ended = time.monotonic()
        self._log_due = ended + max(LOG_EVERY_S, _LOG_SHARE * (ended - began))
        if logged is None:
            return None
        return usage_of_run(unite([*self._parsed.requests, *logged.requests]))

    def _is_ending(self) -> bool:
        """To stop it now would save nothing, and spoil what it has done."""
        return self._ended_at is not None and time.monotonic() - self._ended_at < _END_S


class LiveRequests:
    """A run's requests as its relay logs them, for a person who watches."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._tail: Tail | None = None
        self._so_far = RequestsSoFar()

    def close(self) -> None:
        """Let go of the log."""
        if self._tail is not None:
            self._tail.close()

    def added_to(self, seen: Snapshot) -> Snapshot:
        """What stdout shows, with what the API has told; the larger of the two counts.

        Of a request that the API has told nothing of yet only the number is counted.
        """
        if not (requests := self._read()):
            return seen
        told = [one for one in requests if one.ended_at or "input_tokens" not in one.estimated]
        usage = usage_of_run(told)
        if seen.usage is not None and seen.usage.total_tokens > usage.total_tokens:
            return replace(seen, requests=len(requests))
        return replace(
            seen,
            usage=usage if told else seen.usage,
            model=busiest_model(told) or seen.model,
            requests=len(requests),
        )

    def ended(self) -> UsageMetrics:
        """What the requests have used that are over; of others there are estimates alone."""
        return usage_of_run([one for one in self._read() if one.ended])

    def _read(self) -> list[ApiRequest]:
        if self._tail is None:
            if not self._log.is_file():
                return []
            self._tail = Tail(self._log, (b'"request"',), self._so_far.feed)
        self._tail.drain()
        return self._so_far.requests()
