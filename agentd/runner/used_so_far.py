"""What a run has used so far: on stdout, or in the CLI's session log where stdout is silent."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from agentd.metering.requests import unite, usage_of_run
from agentd.metering.usage import UsageMetrics
from agentd.providers.base import Cli, Parsed
from agentd.runner.result import read_log
from agentd.runner.run_folder import RunInfo
from agentd.runner.stdout import Reading

Meter = Callable[[UsageMetrics], bool | None]
"""Takes what a run has used so far; True: stop it, None: it can't be told yet."""

LOG_EVERY_S = 0.02
_LOG_SHARE = 20  # a long log is read again only after twenty times as long as that took
_END_S = 2.0  # a CLI that has reported its end is left to end by itself for that long


class Live:
    """The larger of what stdout and the session log tell, told when it has grown.

    A CLI may report each message on stdout but not those of its subagents, or report at the end of
    the run alone; its log has every finished response.
    """

    def __init__(
        self, reading: Reading, cli: Cli, info: RunInfo, environ: Mapping[str, str]
    ) -> None:
        self._reading, self._cli = reading, cli
        self._info, self._environ = info, environ
        self._resumed = info.resume_session_id is not None
        self._events = 0
        self._most = UsageMetrics()
        self._told = 0
        self._ended_at: float | None = None
        self._complete = False
        self._parsed = Parsed()
        self._log_due = time.monotonic() + LOG_EVERY_S

    def grown(self) -> UsageMetrics | None:
        """The run's usage, when it is more than was told before and the run is not at its end."""
        for usage in (self._printed(), self._logged()):
            if usage is not None and usage.total_tokens > self._most.total_tokens:
                self._most = usage
        if self._most.total_tokens <= self._told or self._is_ending():
            return None
        self._told = self._most.total_tokens
        return self._most

    def again(self) -> None:
        """Tell at the next asking what was told last."""
        self._told = 0

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
