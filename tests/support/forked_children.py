"""Processes of agentd's own that a forked agentd forks too, instead of starting Python for each.

A relay, or the process of an HTTP provider, takes longer to start than most steps take in all.
What is forked is what would have been started in all that another process sees of it, but for its
command line: a child with the same pipes, folder, environment, session and open files.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

# What Python and the libraries look at when they are loaded.
_SET_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "TYPER", "_TYPER")
_STARTED = {
    ("-m", "agentd.budget.gate"): "agentd.budget.gate",
    ("-P", "-m", "agentd.providers.http"): "agentd.providers.http",
}


def set_at_start(environ: Mapping[str, str]) -> dict[str, str]:
    """What a process can't be given any more once Python has started."""
    return {key: value for key, value in environ.items() if key.startswith(_SET_AT_START)}


class ForkingPopen(subprocess.Popen[Any]):
    """``subprocess.Popen``, but what is in ``_STARTED`` is forked from this process."""

    def _execute_child(  # type: ignore[override]
        self,
        args: Any,
        executable: Any,
        preexec_fn: Any,
        close_fds: Any,
        pass_fds: Sequence[int],
        cwd: Any,
        env: Mapping[str, str] | None,
        startupinfo: Any,
        creationflags: Any,
        shell: Any,
        *rest: Any,
    ) -> None:
        environ = dict(os.environ if env is None else env)
        folder = Path.cwd() if cwd is None else Path(cwd)
        found = None if shell else _module_of(args)
        if found is None or set_at_start(environ) != AT_START or not folder.is_dir():
            before = (args, executable, preexec_fn, close_fds, pass_fds, cwd, env)
            super()._execute_child(  # type: ignore[misc]
                *before, startupinfo, creationflags, shell, *rest
            )
            return
        module, arguments = found
        p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, *_, new_session, _group = rest
        self.pid = os.fork()
        if not self.pid:
            _be(
                lambda: take_over(arguments, folder, environ),
                module,
                streams=(p2cread, c2pwrite, errwrite),
                kept={*pass_fds},
                new_session=new_session,
            )
        self._child_created = True
        for ours, theirs in ((p2cwrite, p2cread), (c2pread, c2pwrite), (errread, errwrite)):
            if ours != -1:
                os.close(theirs)
        if (null := getattr(self, "_devnull", None)) is not None:
            os.close(null)
        self._closed_child_pipe_fds = True


def _module_of(args: Any) -> tuple[str, list[str]] | None:
    """The module that a command line of Python runs, and its arguments."""
    words = [os.fsdecode(each) for each in args] if isinstance(args, list | tuple) else []
    for options, module in _STARTED.items():
        if words[:1] == [sys.executable] and tuple(words[1 : len(options) + 1]) == options:
            return module, words[len(options) + 1 :]
    return None


def take_over(arguments: Sequence[str], folder: Path, environ: Mapping[str, str]) -> None:
    """Be in ``folder``, with these arguments and this environment."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    sys.argv = ["agentd", *arguments]


def _be(
    prepare: Callable[[], None],
    module: str,
    *,
    streams: tuple[int, int, int],
    kept: set[int],
    new_session: bool,
) -> NoReturn:
    """Be ``python -m module``: nothing of the process that forked this one is left or done."""
    try:
        atexit._clear()
        for number in signal.valid_signals():
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.SIG_DFL)
        if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if new_session:
            os.setsid()
        given = [os.dup(fd if fd != -1 else place) for place, fd in enumerate(streams)]
        for place, fd in enumerate(given):
            os.dup2(fd, place)
        for fd in kept:
            os.set_inheritable(fd, True)
        for fd in {int(each.name) for each in Path("/proc/self/fd").iterdir()} - kept - {0, 1, 2}:
            with contextlib.suppress(OSError):  # the listing's own is closed
                os.close(fd)
        _open_streams()
        prepare()
        if not hasattr(sys.modules[module], "__path__"):
            del sys.modules[module]  # else runpy warns that it runs twice
        run_to_the_end(module)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:  # noqa: BLE001 - what Python does at its end
        sys.excepthook(*sys.exc_info())
    sys.stderr.flush()
    os._exit(1)


def _open_streams() -> None:
    """As Python does at its start; what is not yet written of the old ones is not ours."""
    encoding, errors = sys.__stdout__.encoding, sys.__stdout__.errors
    sys.stdin = os.fdopen(0, encoding=encoding, errors=errors, closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding=encoding, errors=errors, closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, encoding, "backslashreplace", closefd=False)


def run_to_the_end(module: str) -> NoReturn:
    """Be ``python -m module``, but don't tear the interpreter down, which takes its time."""
    code: object = None
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as exited:
        code = exited.code
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(code or 0)


AT_START = set_at_start(os.environ)
