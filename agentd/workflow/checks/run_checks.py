"""Runs the project's own test, lint and audit commands, and tells a reviewer what came of it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from io import FileIO
from pathlib import Path

from agentd import debug
from agentd.errors import Cancelled
from agentd.frozen import frozen
from agentd.masking import without_keys
from agentd.runner.family import Family, adopting, marked
from agentd.runner.interrupts import Interrupts
from agentd.runner.process import start_token
from agentd.runner.stop import LEFTOVERS, Stage, stop
from agentd.text import fenced
from agentd.workflow.checks.check_output import LEFT_OUT, Ends, cut_to, plain
from agentd.workflow.checks.counts import Count, count_of, found_none
from agentd.workflow.checks.detect import LocalCheck

_TICK_S = 0.05
_BLOCK_BYTES = 65536
_STOP = (Stage(signal.SIGTERM, 2.0), Stage(signal.SIGKILL, 5.0))
_NOT_FOUND = 127  # POSIX, Exit Status for Commands


@frozen(kw_only=True)
class CheckResult:
    """What came of one check.

    ``exit_code`` is 127 when the command is missing, negative when a signal ended it, None when it
    was stopped at the time limit. ``output`` is stdout and stderr as they came, plain text, with
    its middle left out when it was long. ``count`` is how many tests failed, None where the tool
    does not tell.
    """

    check: LocalCheck
    exit_code: int | None
    output: str
    timed_out: bool
    duration_ms: int
    count: Count | None = None

    @property
    def passed(self) -> bool:
        """Whether the command ended by itself, and well."""
        return self.exit_code == 0

    @property
    def failed(self) -> bool:
        """Whether it tells against the code.

        A detected command that is missing does not, nor do tests of which there are none.
        """
        is_guess = self.check.detected and self.is_missing
        return not (self.passed or is_guess or self.found_none)

    @property
    def is_missing(self) -> bool:
        """Whether the command was not found."""
        return self.exit_code == _NOT_FOUND

    @property
    def found_none(self) -> bool:
        """Whether there are no tests."""
        return found_none(self.check.command, self.exit_code, self.output)

    def told(self) -> str:
        """What came of it, in a line: ``test: FAILED (exit 1), 3 failed, in 12 s``."""
        name, took = self.check.name, f"{self.duration_ms / 1000:.0f} s"
        if self.timed_out:
            return f"{name}: FAILED (stopped at the time limit), after {took}"
        if self.is_missing:
            told = "FAILED (exit 127: the command is not found)" if self.failed else "not found"
            return f"{name}: {told}: {without_keys(self.check.command, os.environ)}"
        if self.passed:
            return f"{name}: passed, in {took}"
        if self.found_none:
            return f"{name}: no tests found, in {took}"
        code = self.exit_code or 0
        end = f"signal {-code}" if code < 0 else f"exit {code}"
        return (
            f"{name}: FAILED ({end}), " + (f"{self.count}, " if self.count else "") + f"in {took}"
        )


def run_checks(
    root: Path,
    commands: Sequence[LocalCheck],
    timeout_s: float,
    max_output_chars: int,
    mark: Path,
) -> tuple[CheckResult, ...]:
    """Run each command by ``sh -c`` in ``root``, one after another, each for ``timeout_s`` at most.

    All that it starts ends with it; ``mark`` is a path in the change's ``runs/``, by which the next
    step finds what a killed agentd has left. A failing or missing command is a result. Raises
    Cancelled when a person stops it.
    """
    # CI keeps test runners from watching for changes.
    environ = marked({**os.environ, "CI": "true", "NO_COLOR": "1"}, mark)
    with Interrupts() as interrupts, adopting() as adopts:
        return tuple(
            _run(
                root,
                check,
                timeout_s,
                ends=Ends(max_output_chars),
                environ=environ,
                family=Family(mark, adopts=adopts),
                interrupts=interrupts,
            )
            for check in commands
        )


def _run(
    root: Path,
    check: LocalCheck,
    timeout_s: float,
    *,
    ends: Ends,
    environ: Mapping[str, str],
    family: Family,
    interrupts: Interrupts,
) -> CheckResult:
    began = time.monotonic()
    argv = ["sh", "-c", check.command]
    debug.tell_command(argv, root)
    process = subprocess.Popen(
        argv,
        bufsize=0,
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environ,
        start_new_session=True,
    )
    family.begun(process.pid, start_token(process.pid))
    assert isinstance(process.stdout, FileIO)
    timed_out = False
    with process.stdout as pipe:
        os.set_blocking(pipe.fileno(), False)

        def read() -> bytes | None:
            """What was printed: None when nothing is there now, b"" when the pipe is closed."""
            data = pipe.read(_BLOCK_BYTES)
            ends.add(data or b"")
            return data

        try:
            while process.poll() is None and not interrupts.count() and not timed_out:
                select.select([pipe], [], [], _TICK_S)
                if read() == b"":
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(_TICK_S)
                family.look()
                timed_out = time.monotonic() - began > timeout_s and process.poll() is None
        finally:
            ended = process.poll() is not None
            stop(
                LEFTOVERS if ended else _STOP,
                send=family.signal,
                alive=lambda: process.poll() is None or family.lives(),
                pump=lambda: bool(read()),
                pushes=interrupts.count,
            )
            read()
    if interrupts.count():
        raise Cancelled(f"the check {check.name} was stopped: {check.command}")
    output = without_keys(ends.text(), os.environ)
    is_red = not timed_out and process.returncode != 0
    return CheckResult(
        check=check,
        exit_code=None if timed_out else process.returncode,
        output=output,
        timed_out=timed_out,
        duration_ms=round((time.monotonic() - began) * 1000),
        count=count_of(output, is_whole=LEFT_OUT not in output) if is_red else None,
    )


def as_markdown(results: Sequence[CheckResult]) -> str:
    """The results for a prompt: a section each, with what was printed in a code block."""
    return "\n".join(f"### {result.told()}\n\n{printed(result)}\n" for result in results)


def printed(result: CheckResult, max_chars: int | None = None) -> str:
    """A code block with the command and what it printed, or so much of that."""
    command = without_keys(plain(result.check.command).strip(), os.environ)
    output = plain(result.output).strip("\n")
    if max_chars is not None:
        output = cut_to(output, max_chars)
    return fenced(f"$ {command}\n{output}".rstrip("\n"), "text")
