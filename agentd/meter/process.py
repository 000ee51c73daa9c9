"""The relay's process as the one who starts a run sees it: started, tended, left behind."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agentd.meter.logged_requests import read_begun, refusals
from agentd.meter.request_log import NAME, open_log

_BACKLOG = 512
_RESTARTS = 20
_TICK_S = 0.01


class LeftRelay:
    """A relay whose agentd is gone, known by its ``log``.

    It goes on with its gate and its log for as long as a process of the run holds its lifeline,
    and ends by itself then. Nobody starts another one: its port was given up with it.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._metered = False

    def has_metered(self) -> bool:
        """Whether a request has come to the relay yet."""
        with contextlib.suppress(FileNotFoundError):
            self._metered = self._metered or self._log.stat().st_size > 0
        return self._metered

    def has_refused(self) -> bool:
        """Whether a request was not sent."""
        return bool(refusals(self._log))

    def tend(self) -> None:
        """There is nothing to be done for it while the run lasts."""

    def leave(self, *, wait_s: float = 2.0) -> None:
        """The run is over: wait a moment for the relay's last line."""
        wait_for_relay(self._log, wait_s)


class RelayProcess(LeftRelay):
    """A relay on a loopback port of its own.

    The socket listens from the beginning and stays open here, so that the CLI need not wait for
    the relay, and another relay can go on with it should one die: a socket without a relay hangs
    a CLI. ``argv`` reads its settings as JSON on stdin; ``given`` are those, to which
    ``listening``, ``lifeline`` (file descriptors), ``token`` and ``log`` are added. ``environ`` has
    its proxy and authorities. What the relay complains of stands in ``meter.log`` of ``run_dir``.
    Raises OSError.
    """

    def __init__(
        self,
        argv: Sequence[str],
        given: Mapping[str, Any],
        *,
        run_dir: Path,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        import socket  # here: most runs read this module only to wait for a relay
        from secrets import token_urlsafe

        self._argv = argv
        self._environ = environ
        self._token = token_urlsafe(24)
        super().__init__(run_dir / NAME)
        self._complaints = run_dir / "meter.log"
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        self._port: int = self._socket.getsockname()[1]
        self._lifeline, self._held = os.pipe()
        self._given = {
            **given,
            "listening": self._socket.fileno(),
            "lifeline": self._lifeline,
            "token": self._token,
            "log": str(self._log),
        }
        self._open: tuple[int, ...] = (self._held, self._lifeline)
        self._restarts = 0
        self._process = self._start()

    @property
    def url(self) -> str:
        """Where the CLI finds the API."""
        return f"http://127.0.0.1:{self._port}/{self._token}"

    @property
    def pid(self) -> int:
        """The process id of the relay that serves now."""
        return self._process.pid

    @property
    def held_by_run(self) -> tuple[int, ...]:
        """What the CLI inherits: as long as one of its processes has it, the relay stays."""
        return (self._held,)

    def tend(self) -> None:
        """Start another relay if this one has died.

        When one after the other dies the port is given up: then the CLI fails and does not hang.
        """
        if self._process.poll() is None:
            return
        if self._restarts < _RESTARTS:
            self._restarts += 1
            with contextlib.suppress(OSError):  # no process to be had now: the next time
                self._process = self._start()
        else:
            self._socket.close()

    def leave(self, *, wait_s: float = 2.0) -> None:
        """The run is over: let the relay end, and wait a moment for its last line. Again: nothing.

        It takes no more requests, not even of a process that has left the run's group and stays:
        they would be in no call.
        """
        if self._open:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._held, b".")
        for fd in self._open:
            os.close(fd)
        self._open = ()
        self._socket.close()
        super().leave(wait_s=wait_s)
        self._process.poll()

    def _start(self) -> subprocess.Popen[bytes]:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        with os.fdopen(os.open(self._complaints, flags, 0o600), "ab") as complaints:
            process = subprocess.Popen(
                self._argv,
                stdin=subprocess.PIPE,
                stdout=complaints,
                stderr=complaints,
                env=self._environ,
                pass_fds=(self._given["listening"], self._lifeline),
                start_new_session=True,  # Ctrl-C and the end of a terminal are not for it
            )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError), process.stdin as settings:
            settings.write(json.dumps(self._given).encode())  # not as arguments: `ps` shows those
        return process


def wait_for_relay(log: Path, timeout_s: float, *, under_way_s: float = 0) -> bool:
    """Wait until no relay writes to a run's log any more; False when one still does.

    ``under_way_s`` is how much longer to wait while a request is under way.
    """
    deadline = time.monotonic() + timeout_s
    fd = open_log(log)
    if fd is None:
        return True
    try:
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            late_s = time.monotonic() - deadline
            if late_s >= 0 and (late_s >= under_way_s or not _is_under_way(log)):
                return False
            time.sleep(_TICK_S)
    finally:
        os.close(fd)


def _is_under_way(log: Path) -> bool:
    return any(told is None for _, told in read_begun(log).values())
