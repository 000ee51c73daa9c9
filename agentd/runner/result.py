"""What a run came to, whether agentd lived to see its end or not."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from agentd.clock import precise_utc_now
from agentd.errors import ParseError
from agentd.frozen import frozen
from agentd.meter.logged_requests import read_requests, refusals
from agentd.meter.process import wait_for_relay
from agentd.meter.request_log import NAME as REQUESTS
from agentd.meter.request_log import write_told
from agentd.metering.partial import reason_of
from agentd.metering.requests import ApiRequest
from agentd.metering.usage import UsageMetrics
from agentd.metering.words import Accuracy, CallStatus, UsageSource
from agentd.providers.base import Cli, Logged, LogQuery, Parsed, understood
from agentd.providers.failure import Failure, conclude_failure
from agentd.runner.outcome import outcome_of
from agentd.runner.run_folder import RunFolder, RunInfo
from agentd.runner.run_relay import POINTED
from agentd.runner.stdout import Reading
from agentd.runner.told_by_cli import Outcome, Sources

_RELAY_S = 2.0
_COUNTING_S = 10.0  # a relay counts what was cut, which takes a second, or more on a busy machine
_SET_BACK = timedelta(seconds=2)
_STDERR_LINES = 10
_STDERR_BYTES = 4096


@frozen(kw_only=True, guarded=True)
class RunResult:
    """One run of a CLI, measured; not yet priced.

    ``model`` is the one that answered; the requested one only if none was reported, "unknown" if
    there was neither. ``usage.by_model`` has all that answered. ``exit_code`` is negative for a
    signal, None when nobody saw it. ``error`` is the CLI's own message, else the last lines of
    stderr, else what was missing; a run that is ok may have one too (malformed usage).
    ``why`` says what is not known of the usage, ``requests`` how many API requests there were,
    ``api_requests`` what is told of them.
    ``refused`` is why a request of the run was not sent, None where all were.
    ``failure`` says why the run is not ok; None too when a person stopped it, or nobody saw it end.
    """

    call_id: str
    step: str
    provider: str
    model: str
    status: CallStatus
    usage: UsageMetrics
    accuracy: Accuracy
    usage_source: UsageSource
    duration_ms: int
    started_at: datetime
    session_id: str | None
    exit_code: int | None
    final_text: str
    error: str | None
    run_dir: Path
    failure: Failure | None = None
    why: str | None = None
    requests: int | None = None
    api_requests: tuple[ApiRequest, ...] = ()
    refused: str | None = None


def conclude(
    folder: RunFolder,
    info: RunInfo,
    reading: Reading,
    cli: Cli,
    *,
    status: CallStatus | None,
    exit_code: int | None,
    duration_ms: int,
    prior_usage: UsageMetrics | None,
    environ: Mapping[str, str],
    unsure: str | None = None,
) -> RunResult:
    """Read the rest of stdout and the session log, and settle what the run used.

    ``status`` None means that the run ended by itself: ok needs the CLI's report of its end,
    without an error in it, and no signal and no exit code with a meaning of its own. A run that
    had ended with 0 before the signal of its budget reached it is ok, too. ``unsure`` says why what
    the CLI tells may not be all.
    """
    parsed = reading.finish()
    parsed = replace(parsed, unsure=parsed.unsure or unsure)
    ended_well = exit_code in (0, None) and parsed.complete and not parsed.error
    if status is None or (status == "budget_stopped" and ended_well and exit_code == 0):
        status = "ok" if ended_well else "failed"
    session_id = _session_id(cli, info, parsed) if reading.saw_object else info.resume_session_id
    log = folder.path / REQUESTS
    refused: list[str] = []
    with contextlib.suppress(OSError):  # an agent may have closed its folder
        (folder.path / POINTED).unlink()
    if info.relayed or info.told:  # a file that an agent put there counts for nothing
        wait_for_relay(log, _RELAY_S, under_way_s=_COUNTING_S)
        refused = refusals(log)
        if refused and status == "failed":  # who ended well did without that request
            status = "budget_stopped"
    if status == "failed" and _only_its_exit_code_is_bad(parsed, exit_code, cli):
        status = "ok"
    logged = read_log(cli, _by_the_clock_of_its_end(info, duration_ms), parsed, environ)
    sent = reading.saw_object or ended_well
    outcome = _outcome(folder, info, parsed, logged, prior_usage, sent=sent)
    if outcome.usage_source != "wire" and (outcome.requests or log.exists()):
        with contextlib.suppress(OSError):  # the call has their sum
            write_told(log, outcome.requests, append=info.relayed or info.told)
    error = (
        parsed.error
        or reading.malformed
        or (None if status == "ok" else _last_words(folder.stderr, exit_code))
    )
    seen = parsed.failure
    if parsed.idle and seen is None and cli.reason_on_stderr and status == "failed":
        reason = cli.reason_on_stderr(error or "")
        seen = Failure(reason=reason, message=error or "") if reason else None
    failure = conclude_failure(
        seen,
        status=status,
        exit_code=exit_code,
        exit_reasons=cli.exit_reasons,
        silent_resume=info.resume_session_id is not None and not reading.saw_object,
        message=error or "",
    )
    why = outcome.why
    if why is not None and reading.malformed:
        why = reason_of([reading.malformed, why])
    return RunResult(
        call_id=info.call_id,
        step=info.step,
        provider=info.provider,
        model=outcome.model,
        status=status,
        usage=replace(outcome.usage, session_id=session_id),
        accuracy=outcome.accuracy,
        usage_source=outcome.usage_source,
        duration_ms=duration_ms,
        started_at=info.started_at,
        session_id=session_id,
        exit_code=exit_code,
        final_text=parsed.final_text,
        error=error,
        run_dir=folder.path,
        why=why,
        requests=outcome.request_count,
        api_requests=outcome.requests,
        refused=refused[0] if refused else None,
        failure=_dated(failure, cli, info.started_at + timedelta(milliseconds=duration_ms)),
    )


def read_again(
    folder: RunFolder,
    info: RunInfo,
    cli: Cli,
    *,
    prior_usage: UsageMetrics | None,
    environ: Mapping[str, str],
) -> Outcome:
    """What is told by now of a run that is over; writes nothing."""
    with contextlib.closing(Reading(folder, cli)) as reading:
        parsed = reading.finish()
        logged = read_log(cli, info, parsed, environ)
        return _outcome(folder, info, parsed, logged, prior_usage, sent=reading.saw_object)


def _outcome(
    folder: RunFolder,
    info: RunInfo,
    parsed: Parsed,
    logged: Logged | None,
    prior: UsageMetrics | None,
    *,
    sent: bool,
) -> Outcome:
    log = folder.path / REQUESTS
    return outcome_of(
        Sources(
            parsed=parsed,
            logged=logged,
            wire=read_requests(log) if info.relayed else None,
            telemetry=read_requests(log) if info.told else (),
            prior=prior,
            requested_model=info.requested_model,
            resumed=info.resume_session_id is not None,
            sent=sent,
            refused=info.relayed and bool(refusals(log)),
            read_prompt=lambda: _text_of(folder.prompt),
        )
    )


def _only_its_exit_code_is_bad(parsed: Parsed, exit_code: int | None, cli: Cli) -> bool:
    """Whether a CLI told its success, and then ended with an exit code that says nothing else.

    Such as claude's 1 where an MCP server wanted a login: its work is there, and was paid for.
    """
    told = parsed.complete and not parsed.error and parsed.failure is None
    return told and (exit_code or 0) > 0 and exit_code not in cli.exit_reasons


def _by_the_clock_of_its_end(info: RunInfo, duration_ms: int) -> RunInfo:
    """The run with an earlier begin where the clock was set back meanwhile, as its log has it."""
    set_back = info.started_at + timedelta(milliseconds=duration_ms) - precise_utc_now()
    if set_back < _SET_BACK:
        return info
    return replace(info, started_at=info.started_at - set_back)


def _dated(failure: Failure | None, cli: Cli, ended_at: datetime) -> Failure | None:
    """The failure, with the time that its message tells for the end of a rate limit."""
    if failure is None or failure.reason != "rate_limit" or cli.resets_at is None:
        return failure
    return replace(failure, resets_at=cli.resets_at(failure.message, ended_at))


def read_log(cli: Cli, info: RunInfo, parsed: Parsed, environ: Mapping[str, str]) -> Logged | None:
    """What the CLI's session log tells of a run by now; None where there is none to read.

    ``parsed`` is what stdout has told by now.
    """
    session_id = _session_id(cli, info, parsed)
    if cli.read_log is None or session_id is None:
        return None
    query = LogQuery(
        session_id=session_id,
        started_at=info.started_at,
        cwd=Path(info.cwd),
        environ={**environ, **cli.environment},
        request_ids=frozenset(one.id for one in parsed.requests if one.id),
        threads=parsed.threads,
        turns=parsed.turns,
    )
    try:
        with understood():
            return cli.read_log(query)
    except (OSError, ParseError):
        return None  # the log is a second source; a run is never lost for it


def _session_id(cli: Cli, info: RunInfo, parsed: Parsed) -> str | None:
    """The session's id as the CLI tells it, else as it was told."""
    values = dict(zip(info.argv, info.argv[1:], strict=False)) if cli.session_flag else {}
    return parsed.session_id or info.resume_session_id or values.get(cli.session_flag)


def _text_of(file: Path, *, last_bytes: int | None = None) -> str:
    """What stands in a file of a run's folder; "" where an agent has taken it away."""
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK), "rb") as handle:
            if last_bytes is not None:
                handle.seek(max(0, handle.seek(0, os.SEEK_END) - last_bytes))
            return handle.read(last_bytes).decode("utf-8", errors="replace")
    except OSError:
        return ""


def _last_words(stderr: Path, exit_code: int | None) -> str:
    text = _text_of(stderr, last_bytes=_STDERR_BYTES)
    if lines := [line for line in text.splitlines() if line.strip()]:
        return "\n".join(lines[-_STDERR_LINES:])
    ended = "its end was not seen" if exit_code is None else f"exit code {exit_code}"
    return f"{ended}; no report of its end on stdout, nothing on stderr"
