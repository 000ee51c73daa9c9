"""agentd as a process of its own, forked from one in which Python has started and loaded it.

To start and load takes two thirds of the time of most commands here. What is forked has its own
folder, environment, umask and streams, and ends by itself; relays and HTTP providers that it starts
are forked from it in turn. Whatever is about a start, looks at the command line of agentd's process
or kills it starts one with ``python -m agentd``.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

if __name__ == "__main__":  # a script finds what stands beside it
    from forked_children import AT_START, ForkingPopen, run_to_the_end, set_at_start, take_over
else:
    from support.forked_children import AT_START, set_at_start

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
    done = run_module("agentd", *arguments, cwd=cwd, env=env, stdin=stdin, timeout_s=timeout_s)
    words = [*map(os.fsdecode, arguments)]
    if done.returncode >= 0 and {"--json", "json"} & {*words}:
        from support.schemas import check_printed

        check_printed(words, done.stdout.decode())
    return done


def run_module(
    module: str,
    *arguments: str | bytes,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    timeout_s: float = 120,
) -> subprocess.CompletedProcess[bytes]:
    """Run ``python -m module`` as ``run_agentd`` runs agentd."""
    command = [sys.executable, "-m", module, *arguments]
    environ = dict(os.environ if env is None else env)
    umask = os.umask(0o077)
    os.umask(umask)
    request = json.dumps(
        [module, list(map(os.fsdecode, arguments)), str(cwd.absolute()), environ, umask]
    ).encode()
    if len(request) > _LARGEST_REQUEST or set_at_start(environ) != AT_START:
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


def _serve(requests: socket.socket) -> str:
    """Fork for each request; returns in the forked process alone: the module that it is to be."""
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
            return _become(request, fds)
        ends[pid] = fds.pop()
        os.write(ends[pid], f"[{pid}, null]\n".encode())
        for fd in fds:
            os.close(fd)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])


def _become(request: bytes, fds: list[int]) -> str:
    """Take over what a process has of its own; the module that it is to run."""
    module, arguments, cwd, environ, umask = json.loads(request)
    for place, fd in enumerate(fds):
        os.dup2(fd, place)
        os.close(fd)
    os.umask(umask)
    take_over(arguments, cwd, environ)
    sys.path[0] = str(Path.cwd())
    return module


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
    subprocess.Popen = ForkingPopen  # type: ignore[misc]
    run_to_the_end(_serve(socket.socket(fileno=int(sys.argv[1]))))
