"""Which coding CLI stands behind a command, and in which version."""

from __future__ import annotations

import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from agentd import debug
from agentd.frozen import frozen
from agentd.providers.provider import executable
from agentd.runner.process import signal_group

_TIMEOUT_S = 10.0
_OUTPUT_BYTES = 4096


@frozen(kw_only=True)
class Installed:
    """A command as found: ``path`` is None when it is not there.

    ``version`` is None when ``--version`` printed none; ``problem`` says why a command that is
    there did not answer.
    """

    path: str | None = None
    version: tuple[int, int, int] | None = None
    problem: str = ""

    @property
    def works(self) -> bool:
        """Whether it is there and answered."""
        return self.path is not None and not self.problem


def find_cli(
    command: str, cwd: Path, environ: Mapping[str, str], *, timeout_s: float = _TIMEOUT_S
) -> Installed:
    """Find ``command`` (a name on PATH, or a path seen from ``cwd``) and ask for its version.

    Runs it once with ``--version``, stdin closed, and ends whatever it leaves running.
    """
    path = executable(command, cwd, environ)
    if path is None:
        return Installed()
    debug.tell_command([path, "--version"], cwd)
    with tempfile.TemporaryFile() as output:  # a pipe would wait for grandchildren that hold it
        try:
            process = subprocess.Popen(
                [path, "--version"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.DEVNULL,
                cwd=cwd,
                env=dict(environ),
                start_new_session=True,
            )
        except OSError as error:
            return Installed(path=path, problem=f"cannot be started: {error.strerror}")
        try:
            exit_code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return Installed(path=path, problem=f"--version did not end within {timeout_s:g} s")
        finally:
            signal_group(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        text = output.read(_OUTPUT_BYTES).decode(errors="replace")
    if exit_code != 0:
        return Installed(path=path, problem=f"--version ended with exit code {exit_code}")
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    version = (int(found[1]), int(found[2]), int(found[3])) if found else None
    return Installed(path=path, version=version)
