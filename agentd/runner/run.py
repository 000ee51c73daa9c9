"""ScriptRunner: one run of a coding CLI, from its prompt to its measured result."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from agentd import debug
from agentd.clock import monotonic_ms, precise_utc_now
from agentd.errors import InputError, ProviderError, StateError
from agentd.files import write_private
from agentd.frozen import frozen
from agentd.meter.request_log import NAME as REQUESTS
from agentd.metering.usage import UsageMetrics
from agentd.providers.activity import Watch
from agentd.providers.base import Invocation
from agentd.providers.pointing import Pointed
from agentd.providers.provider import Provider
from agentd.runner.family import Family, adopting, is_inside, marked
from agentd.runner.follow import LeftCli, StartedCli, follow, teller
from agentd.runner.interrupts import Interrupts
from agentd.runner.process import start_token
from agentd.runner.result import RunResult, conclude
from agentd.runner.run_folder import RunFolder, RunInfo
from agentd.runner.run_relay import (
    AFTER_REFUSAL_S,
    AfterRefusal,
    OwnRelay,
    RelayPlan,
    RunRelay,
    relay_left_by,
    relay_of_run,
)
from agentd.runner.stdout import Reading
from agentd.runner.stop import stop_stages
from agentd.runner.used_so_far import Live, LiveRequests, Meter


@frozen(kw_only=True, guarded=True)
class RunRequest:
    """What to run, and where. ``command`` is a name on PATH or a path.

    ``prompt_tokens`` is what the API itself counts in the prompt, None where nobody asked it.
    ``environ`` None means agentd's own; the provider's is added. ``timeout_s`` None means no time
    limit. ``prior_usage`` is what the ledger has of the session ``resume_session_id``. ``watch``
    is told about five times a second how the run goes, ``live_text``: with what the model says.
    ``meter`` is told what the run has used as soon as that is seen to grow, and says whether to
    stop it. ``budget_usd`` is what a CLI that can hold itself to a budget is given. ``relay_plan``
    has it metered by a relay, ``metered`` says in words where it is, and why there. Its processes
    inherit the file descriptors ``held_fds``.
    """

    call_id: str
    step: str
    provider: Provider
    command: str
    prompt: str
    cwd: Path
    runs_dir: Path
    model: str | None = None
    extra_args: tuple[str, ...] = ()
    resume_session_id: str | None = None
    timeout_s: float | None = None
    environ: Mapping[str, str] | None = None
    prior_usage: UsageMetrics | None = None
    prompt_name: str | None = None
    prompt_tokens: int | None = None
    watch: Watch | None = None
    live_text: bool = False
    meter: Meter | None = None
    budget_usd: Decimal | None = None
    relay_plan: RelayPlan | None = None
    metered: str | None = None
    held_fds: tuple[int, ...] = ()


class ScriptRunner:
    """Runs coding CLIs, one at a time.

    The CLI reads its prompt from a file and writes to files in the run's folder, so nothing it or
    its children do with the streams can hang agentd, and what it printed survives agentd's death.
    Whatever its end, all that it has started is ended with it. ``adopts``: this process starts no
    other children meanwhile, so that all orphans are the run's, also those that hide
    (:class:`agentd.runner.family.Family`).
    """

    def __init__(
        self, *, stop_grace_s: float = 10.0, term_grace_s: float = 3.0, adopts: bool = False
    ) -> None:
        self._adopts = adopts
        self._stop_grace_s = stop_grace_s
        self._term_grace_s = term_grace_s
        self._interrupts: Interrupts | None = None

    def cancel(self) -> None:
        """Stop the run that is under way, from any thread; again: with the next stronger signal."""
        interrupts = self._interrupts
        if interrupts is not None:
            interrupts.push()

    def run(self, request: RunRequest) -> RunResult:
        """Run the CLI to its end, its time limit, or SIGINT, SIGTERM or SIGHUP to agentd.

        A run that failed or was stopped is a result too. Raises ProviderError when the CLI can't
        be started (then no run is left behind), StateError when the run's folder can't be
        written, InputError when its call id can't be used.
        """
        folder = RunFolder.create(request.runs_dir, request.call_id)
        if folder.run_json.exists():
            raise InputError(
                f"{folder.path}: this run has been there before",
                fix="Give every run a call id of its own.",
            )
        with contextlib.ExitStack() as stack:
            with folder.writing():
                stack.enter_context(folder.attend())
            self._interrupts = stack.enter_context(Interrupts())
            if self._adopts:
                stack.enter_context(adopting())
            try:
                return self._run(request, folder, self._interrupts, stack)
            finally:
                self._interrupts = None

    def _run(
        self,
        request: RunRequest,
        folder: RunFolder,
        interrupts: Interrupts,
        stack: contextlib.ExitStack,
    ) -> RunResult:
        environ = os.environ if request.environ is None else request.environ
        cli = request.provider.cli()
        try:
            with folder.writing():
                pointed = Pointed(extra_args=request.extra_args, environ=environ)
                relay = stack.enter_context(
                    relay_of_run(request.relay_plan, pointed, folder.path.absolute())
                )
                if relay is not None:
                    environ = relay.pointed.environ
                    request = replace(request, extra_args=relay.pointed.extra_args)
                info = _describe(request, folder)
                write_private(folder.prompt, request.prompt.encode(errors="replace"))
                write_private(folder.stdout)
                write_private(folder.stderr)
                folder.write_info(info)
                reading = stack.enter_context(_reading(request, folder))
        except StateError:
            folder.remove()
            raise
        family = Family(
            folder.path,
            adopts=self._adopts,
            spared=lambda: relay.process.pid if relay is not None else None,
        )
        run_environ = marked({**environ, **cli.environment}, folder.path)
        began_ms = monotonic_ms()
        process = _start(request, info, folder, run_environ, relay)
        started = StartedCli(process, family, reading, folder.stdout)
        # Without the pid only recovery after a crash is poorer; the CLI runs already.
        with contextlib.suppress(OSError, StateError):
            folder.write_info(replace(info, cli_pid=process.pid, cli_token=started.token))
        run = _Run(request, folder, info, environ, reading, relay, began_ms)
        return self._to_its_end(run, started, interrupts)

    def take_up(self, request: RunRequest) -> RunResult:
        """Follow a run whose agentd is gone to its end, as if this process had begun it.

        ``request`` is what ``recovery.request_of`` tells of it. A CLI that has ended meanwhile is
        read; its end is taken to be its last output. Nobody sees the exit code: what is not "ok",
        told as a failure by a CLI that was followed, or stopped here, is "interrupted". All that
        the CLI has left running is ended. Nothing is lost when this is interrupted and called
        again. Raises StateError when another agentd holds the run, or run.json is damaged,
        InputError when this process belongs to the run.
        """
        folder = RunFolder(request.runs_dir / request.call_id)
        if is_inside(folder.path):
            raise InputError(
                f"this command runs inside the run that it would end: {folder.path.name}",
                fix="Run it in a terminal of your own.",
            )
        with folder.attend(timeout_s=60.0), contextlib.ExitStack() as stack:
            info = folder.info()
            for file in (folder.stdout, folder.stderr):
                with contextlib.suppress(FileExistsError):  # somebody may have deleted them
                    write_private(file)
            reading = stack.enter_context(_reading(request, folder))
            cli = LeftCli(info, folder, reading)
            works = cli.works()
            if works:
                self._interrupts = stack.enter_context(Interrupts())
                with contextlib.suppress(OSError, StateError):  # others see who attends to it
                    folder.write_info(cli.attended_by_us(info))
            gone_ms = int((precise_utc_now() - info.started_at).total_seconds() * 1000)
            began_ms = monotonic_ms() - max(0, gone_ms)
            environ = os.environ if request.environ is None else request.environ
            relay = relay_left_by(info, folder.path)
            run = _Run(request, folder, info, environ, reading, relay, began_ms)
            try:
                result = self._to_its_end(run, cli, self._interrupts or Interrupts())
            finally:
                self._interrupts = None
            if not works:
                result = replace(result, duration_ms=_lasted_ms(folder, info))
            told = works and result.failure is not None and result.failure.reason != "no_result"
            if result.status == "failed" and not told:  # who knows what its exit code was
                return replace(result, status="interrupted", failure=None)
            return result

    def _to_its_end(
        self, run: _Run, cli: StartedCli | LeftCli, interrupts: Interrupts
    ) -> RunResult:
        """Follow a CLI until it ends or has to be stopped, end all it has left, and read it."""
        request, reading, relay = run.request, run.reading, run.relay
        row = request.provider.cli()
        stages = stop_stages(row.first_signal, self._stop_grace_s, self._term_grace_s)
        after_refusal = AfterRefusal(relay, reading)
        with contextlib.ExitStack() as stack:
            relayed_requests = (
                stack.enter_context(contextlib.closing(LiveRequests(run.folder.path / REQUESTS)))
                if relay is not None
                else None
            )
            resumed = request.resume_session_id is not None
            live = Live(reading, row, run.info, run.environ, relayed_requests)
            tell = teller(
                request.watch,
                reading,
                live,
                relayed_requests,
                began_ms=run.began_ms,
                resumed=resumed,
                relay=run.relay,
            )
            try:
                status = follow(
                    cli,
                    reading,
                    live,
                    interrupts,
                    meter=request.meter,
                    deadline_ms=run.deadline_ms,
                    tell=tell,
                    relay=relay,
                    after_refusal=after_refusal,
                )
                if status is not None:
                    if after_refusal.lingering:
                        stages = stop_stages(row.first_signal, *AFTER_REFUSAL_S)
                    cli.stop(stages, interrupts)
                duration_ms = monotonic_ms() - run.began_ms
                cli.end_family(interrupts)
            except BaseException:
                # A bug of ours must not leave a CLI running; the next command records this run.
                cli.abandon(stages, interrupts)
                raise
            if relay is not None:
                relay.process.leave()  # it has written its last line then
            result = conclude(
                run.folder,
                run.info,
                reading,
                row,
                status=status,
                exit_code=cli.exit_code,
                unsure=cli.unsure,
                duration_ms=duration_ms,
                prior_usage=request.prior_usage,
                environ=run.environ,
            )
            tell(last=True)
        return result


@frozen()
class _Run:
    """A run at work, and what is read of it; ``began_ms`` is of the monotonic clock."""

    request: RunRequest
    folder: RunFolder
    info: RunInfo
    environ: Mapping[str, str]
    reading: Reading
    relay: RunRelay | None
    began_ms: int

    @property
    def deadline_ms(self) -> float | None:
        """When its time is over, by the same clock; None without a limit."""
        limit_s = self.request.timeout_s
        return None if limit_s is None else self.began_ms + limit_s * 1000


def _reading(request: RunRequest, folder: RunFolder) -> contextlib.closing[Reading]:
    watched, cli = request.watch is not None, request.provider.cli()
    return contextlib.closing(Reading(folder, cli, watched=watched, live_text=request.live_text))


def _lasted_ms(folder: RunFolder, info: RunInfo) -> int:
    """How long a run lasted whose last output is its end."""
    last = max(file.stat().st_mtime for file in (folder.stdout, folder.stderr))
    return max(0, int((datetime.fromtimestamp(last, UTC) - info.started_at).total_seconds() * 1000))


def _describe(request: RunRequest, folder: RunFolder) -> RunInfo:
    flag, most_usd, plan = request.provider.budget_flag, request.budget_usd, request.relay_plan
    invocation = Invocation(
        command=request.command,
        model=request.model,
        extra_args=request.extra_args,
        resume_session_id=request.resume_session_id,
        run_dir=folder.path.absolute(),
        budget_args=(flag.name, f"{most_usd:f}") if flag and most_usd else (),
    )
    return RunInfo(
        call_id=request.call_id,
        step=request.step,
        provider=request.provider.name,
        base=request.provider.base or None,
        requested_model=request.model,
        argv=tuple(request.provider.cli().argv(invocation)),
        cwd=str(request.cwd.absolute()),
        resume_session_id=request.resume_session_id,
        started_at=precise_utc_now(),
        prompt_name=request.prompt_name,
        metered=request.metered,
        relayed=plan is not None and plan.pointing is not None,
        told=plan is not None and plan.pointing is None,
        agentd_pid=os.getpid(),
        agentd_token=start_token(os.getpid()),
    )


def _start(
    request: RunRequest,
    info: RunInfo,
    folder: RunFolder,
    environ: Mapping[str, str],
    relay: OwnRelay | None,
) -> subprocess.Popen[bytes]:
    held = relay.process.held_by_run if relay is not None else ()
    debug.tell_command(info.argv, info.cwd)
    debug.tell(f"its prompt and output: {folder.path}")
    try:
        # Appending: should a child truncate the file behind /dev/stdout, no hole comes of it.
        with (
            folder.prompt.open("rb") as stdin,
            folder.stdout.open("ab") as stdout,
            folder.stderr.open("ab") as stderr,
        ):
            return subprocess.Popen(
                info.argv,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                cwd=info.cwd,
                env=environ,
                start_new_session=True,
                pass_fds=(*request.held_fds, *held),
            )
    except OSError as error:
        folder.remove()
        raise ProviderError(
            f"{request.command}: can't be started ({error.strerror}: {error.filename}); "
            f"agentd/config.toml: [{request.provider.section}] command names it",
            fix=f"Install {request.provider.title}, set that command to where it is, or choose "
            "another provider with --provider.",
        ) from error
