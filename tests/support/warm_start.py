"""agentd as a process of its own, forked from one in which Python has started and loaded it.

To start and load takes two thirds of the time of most commands here. What is forked has its own
folder, environment, umask and streams, and ends by itself. Whatever is about a start, looks at the
command line of agentd's process or kills it starts one with ``python -m agentd``.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

# What Python and the libraries look at when they are loaded.
_SET_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "TYPER", "_TYPER")
_LARGEST_REQUEST = 100_000


def run_agentd(
    *arguments: str | bytes,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    timeout_s: float = 120,
) -> subprocess.CompletedProcess[bytes]:
    """Run ``agentd`` to its end and to that of its output. Raises TimeoutExpired.

    A JSON document that it prints is held against its schema.
    """
    done = _run(*arguments, cwd=cwd, env=env, stdin=stdin, timeout_s=timeout_s)
    words = [*map(os.fsdecode, arguments)]
    if done.returncode >= 0 and {"--json", "json"} & {*words}:
        from support.schemas import check_printed

        check_printed(words, done.stdout.decode())
    return done


def _run(
    *arguments: str | bytes,
    cwd: Path,
    env: Mapping[str, str] | None,
    stdin: bytes,
    timeout_s: float,
) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "agentd", *arguments]
    environ = dict(os.environ if env is None else env)
    umask = os.umask(0o077)
    os.umask(umask)
    request = json.dumps(
        [list(map(os.fsdecode, arguments)), str(cwd.absolute()), environ, umask]
    ).encode()
    if len(request) > _LARGEST_REQUEST or _set_at_start(environ) != _AT_START:
        return subprocess.run(
            command,
            cwd=cwd,
            env=environ,
            input=stdin,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    source, given = os.pipe()
    os.set_blocking(given, False)
    pipes = [os.pipe() for _ in range(3)]  # stdout, stderr, and how it ended
    ours = [source, *(target for _, target in pipes)]
    counts = "completion" not in arguments and not {"pipe", "tokens"}.isdisjoint(arguments)
    try:
        socket.send_fds(_server(counts), [request], ours)
    finally:
        for fd in ours:
            os.close(fd)
    sources = [source for source, _ in pipes]
    out, err, end = _exchange(given, stdin, sources, command, timeout_s)
    _pid, status = json.loads(end.splitlines()[-1])
    return subprocess.CompletedProcess(command, os.waitstatus_to_exitcode(status), out, err)


def _set_at_start(environ: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in environ.items() if key.startswith(_SET_AT_START)}


def _exchange(
    given: int, stdin: bytes, sources: list[int], command: list[str | bytes], timeout_s: float
) -> list[bytes]:
    """What comes from each until all are closed; the last one tells the pid first."""
    found = {source: bytearray() for source in sources}
    rest = memoryview(stdin)
    until = time.monotonic() + timeout_s
    with selectors.DefaultSelector() as selector:
        selector.register(given, selectors.EVENT_WRITE)
        for source in sources:
            selector.register(source, selectors.EVENT_READ)
        while selector.get_map():
            if time.monotonic() > until:
                pid, _ = json.loads(found[sources[-1]].splitlines()[0])
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(command, timeout_s)
            for key, _ in selector.select(1):
                if key.fd == given:
                    try:
                        rest = rest[os.write(given, rest) if rest else 0 :]
                    except BrokenPipeError:  # it has ended, or reads no further
                        rest = rest[:0]
                    more = bool(rest)
                else:
                    more = bool(data := os.read(key.fd, 1 << 20))
                    found[key.fd] += data
                if not more:
                    selector.unregister(key.fd)
                    os.close(key.fd)
    return [bytes(found[source]) for source in sources]


_AT_START = _set_at_start(os.environ)


@functools.cache
def _server(with_ranks: bool) -> socket.socket:
    """The way to the process that forks; it ends when nobody has this end any more.

    ``with_ranks`` it has the encodings, which make a fork a third slower.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        server = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno()), str(int(with_ranks))],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )

    @atexit.register
    def end() -> None:
        ours.close()
        server.wait()

    return ours


def _serve(requests: socket.socket) -> None:
    """Fork for each request; returns in the forked process alone, which is to be agentd."""
    ends: dict[int, int] = {}

    def tell_ended(*_: object) -> None:
        while ends:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            os.write(ends[pid], f"[{pid}, {status}]\n".encode())
            os.close(ends.pop(pid))

    signal.signal(signal.SIGCHLD, tell_ended)
    while True:
        request, fds, _, _ = socket.recv_fds(requests, 2 * _LARGEST_REQUEST, 4)
        if not request:
            os._exit(0)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        if not (pid := os.fork()):
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
            requests.close()
            for end in (*ends.values(), fds.pop()):
                os.close(end)
            _become(request, fds)
            return
        ends[pid] = fds.pop()
        os.write(ends[pid], f"[{pid}, null]\n".encode())
        for fd in fds:
            os.close(fd)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])


def _become(request: bytes, fds: list[int]) -> None:
    """Take over what a process has of its own."""
    arguments, cwd, environ, umask = json.loads(request)
    for place, fd in enumerate(fds):
        os.dup2(fd, place)
        os.close(fd)
    os.chdir(cwd)
    os.umask(umask)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    sys.argv = ["agentd", *arguments]
    sys.path[0] = str(Path.cwd())


def _run_to_the_end() -> None:
    """Be ``python -m agentd``, but don't tear the interpreter down, which takes its time."""
    code: object = None
    try:
        runpy.run_module("agentd", run_name="__main__", alter_sys=True)
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


@functools.cache
def load_all(with_ranks: bool = False) -> None:
    """Load agentd whole, so that what is forked from this process need not.

    And what commands load when they need it, or is always the same: prices, patterns, ranks. A
    start of agentd without that is what ``tests/cli/test_loads.py`` is about.
    """
    import agentd

    for found in pkgutil.walk_packages(agentd.__path__, "agentd."):
        if not found.name.endswith("__main__"):
            _compile_patterns(importlib.import_module(found.name))
    from agentd.clock import utc_now
    from agentd.ledger import own_grammar
    from agentd.metering import catalog
    from agentd.metering.tokens import count_tokens

    for module in (
        "configparser",
        "difflib",
        "json",
        "platform",
        "regex",
        "ruamel.yaml",
        "tomlkit",
        "tomllib",
    ):
        importlib.import_module(module)
    catalog.lookup("gpt-4o", maker=None, at=utc_now())
    for keys in (own_grammar.ALL, own_grammar.SUMS, own_grammar.LEDGER, own_grammar.ALIKE):
        own_grammar.columns("", keys)
    for model in ("gpt-4o", "gpt-4") if with_ranks else ():
        count_tokens("warm", model)
    gc.freeze()


def _compile_patterns(module: ModuleType) -> None:
    from agentd.late_pattern import late_pattern

    for value in vars(module).values():
        if type(value) is type(late_pattern("")):
            for use in ("match", "search", "fullmatch", "sub", "split", "finditer", "findall"):
                getattr(value, use)


if __name__ == "__main__":
    load_all(bool(int(sys.argv[2])))
    _serve(socket.socket(fileno=int(sys.argv[1])))
    _run_to_the_end()
