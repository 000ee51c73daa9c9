"""Runs the project's own test, lint and audit commands, and tells a reviewer what came of it."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from functools import partial
from io import FileIO
from pathlib import Path

from agentd import debug
from agentd.errors import Cancelled
from agentd.frozen import frozen
from agentd.masking import without_keys
from agentd.runner.interrupts import Interrupts
from agentd.runner.process import group_lives, signal_group
from agentd.runner.stop import LEFTOVERS, Stage, stop
from agentd.text import fenced
from agentd.workflow.checks.check_output import Ends, plain
from agentd.workflow.checks.detect import LocalCheck

_TICK_S = 0.05
_BLOCK_BYTES = 65536
_STOP = (Stage(signal.SIGTERM, 2.0), Stage(signal.SIGKILL, 5.0))
_NOT_FOUND = 127  # POSIX, Exit Status for Commands
_NO_TESTS = 5  # pytest, Exit codes: no tests were collected
_PYTEST = re.compile(r"(?:^|[\s/])(?:pytest|py\.test)(?:\s|$)")


@frozen(kw_only=True)
class CheckResult:
    """What came of one check.

    ``exit_code`` is 127 when the command is missing, negative when a signal ended it, None when it
    was stopped at the time limit. ``output`` is stdout and stderr as they came, plain text, with
    its middle left out when it was long.
    """

    check: LocalCheck
    exit_code: int | None
    output: str
    timed_out: bool
    duration_ms: int

    @property
    def passed(self) -> bool:
        """Whether the command ended by itself, and well."""
        return self.exit_code == 0

    @property
    def failed(self) -> bool:
        """Whether it tells against the code.

        A detected command that is missing does not, nor does pytest where there are no tests.
        """
        is_guess = self.check.detected and self.exit_code == _NOT_FOUND
        return not (self.passed or is_guess or self._found_none)

    @property
    def _found_none(self) -> bool:
        return self.exit_code == _NO_TESTS and bool(_PYTEST.search(self.check.command))

    def told(self) -> str:
        """What came of it, in a line: ``test: FAILED (exit 1), in 12 s``."""
        took = f"{self.duration_ms / 1000:.0f} s"
        if self.timed_out:
            return f"{self.check.name}: FAILED (stopped at the time limit), after {took}"
        if self.exit_code == _NOT_FOUND:
            told = "FAILED (exit 127: the command is not found)" if self.failed else "not found"
            return f"{self.check.name}: {told}: {without_keys(self.check.command, os.environ)}"
        if self.exit_code is not None and self.exit_code < 0:
            return f"{self.check.name}: FAILED (signal {-self.exit_code}), in {took}"
        if self._found_none:
            return f"{self.check.name}: no tests found, in {took}"
        passed = "passed" if self.passed else f"FAILED (exit {self.exit_code})"
        return f"{self.check.name}: {passed}, in {took}"


def run_checks(
    root: Path, commands: Sequence[LocalCheck], timeout_s: float, max_output_chars: int
) -> tuple[CheckResult, ...]:
    """Run each command by ``sh -c`` in ``root``, one after another, each for ``timeout_s`` at most.

    A failing or missing command is a result. Raises Cancelled when a person stops it.
    """
    with Interrupts() as interrupts:
        return tuple(
            _run(root, check, timeout_s, max_output_chars, interrupts) for check in commands
        )


def _run(
    root: Path, check: LocalCheck, timeout_s: float, max_output_chars: int, interrupts: Interrupts
) -> CheckResult:
    began = time.monotonic()
    ends = Ends(max_output_chars)
    argv = ["sh", "-c", check.command]
    debug.tell_command(argv, root)
    process = subprocess.Popen(
        argv,
        bufsize=0,
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # CI keeps test runners from watching for changes.
        env={**os.environ, "CI": "true", "NO_COLOR": "1"},
        start_new_session=True,
    )
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
                timed_out = time.monotonic() - began > timeout_s and process.poll() is None
        finally:
            ended = process.poll() is not None
            stop(
                LEFTOVERS if ended else _STOP,
                send=partial(signal_group, process.pid),
                alive=lambda: process.poll() is None or group_lives(process.pid),
                pump=lambda: bool(read()),
                pushes=interrupts.count,
            )
            read()
    if interrupts.count():
        raise Cancelled(f"the check {check.name} was stopped: {check.command}")
    return CheckResult(
        check=check,
        exit_code=None if timed_out else process.returncode,
        output=without_keys(ends.text(), os.environ),
        timed_out=timed_out,
        duration_ms=round((time.monotonic() - began) * 1000),
    )


def as_markdown(results: Sequence[CheckResult]) -> str:
    """The results for a review's prompt: a section each, with what was printed in a code block."""
    if not results:
        return "No test, lint or audit command is configured, and none was found.\n"
    return "\n".join(_section(result) for result in results)


def _section(result: CheckResult) -> str:
    command = without_keys(plain(result.check.command).strip(), os.environ)
    output = plain(result.output).strip("\n")
    printed = fenced(f"$ {command}\n{output}".rstrip("\n"), "text")
    return f"### {result.told()}\n\n{printed}\n"
