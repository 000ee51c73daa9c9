"""A stand-in for a coding CLI: ``toy_cli.py SCENE [ARGUMENT...]``; one function is one scene."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

MIB = 1 << 20
HANG_S = 60


def emit(**event: object) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def raw(data: bytes) -> None:
    os.write(1, data) if len(data) < 65536 else sys.stdout.buffer.write(data)
    sys.stdout.flush()


def usage() -> None:
    emit(type="session", id="s1", model="toy-1")
    emit(type="usage", input=100, output=20, model="toy-1")


def report(text: str = "done") -> None:
    emit(type="text", text=text)
    emit(type="result")


def hang() -> None:
    deadline = time.monotonic() + HANG_S
    while time.monotonic() < deadline:
        time.sleep(0.05)


def child(*lines: str) -> int:
    """A child that holds stdout and stderr open; it prints ``lines`` and lives on."""
    code = f"import time\nprint({chr(10).join(lines)!r}, flush=True)\ntime.sleep({HANG_S})"
    return subprocess.Popen([sys.executable, "-c", code]).pid


def has_tool_in_its_own_group(pid_file: str) -> None:
    """As gemini runs a shell command: in a session of its own, which outlives its parent."""
    code = f"import time; time.sleep({HANG_S})"
    tool = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    usage()
    Path(pid_file).write_text(str(tool.pid))
    hang()


def good() -> None:
    usage()
    report(f"read {len(sys.stdin.buffer.read())} bytes")


def failing(code: str = "3") -> None:
    usage()
    sys.stderr.write("\n".join(f"line {n}" for n in range(50)) + "\n")
    sys.exit(int(code))


def error_result() -> None:
    usage()
    emit(type="result", error="API Error: 500")
    sys.exit(1)


def cut_exit_0() -> None:
    usage()


def nothing(code: str = "0") -> None:
    sys.exit(int(code))


def unused_model(code: str = "0") -> None:
    emit(type="session", id="s1", model="toy-1")
    report("four words of text")
    sys.exit(int(code))


def malformed() -> None:
    emit(type="session", id="s1", model="toy-1")
    emit(type="usage", input="many", output=1)
    report()


def documents() -> None:
    sys.stdout.write("Loading...\n")
    sys.stdout.write(json.dumps({"type": "usage", "input": 7, "output": 3}, indent=2) + "\n")
    sys.stdout.write(json.dumps({"type": "result"}, indent=2) + "\n")


def invalid_utf8() -> None:
    usage()
    raw(b"\xff\xfe\x00 noise \xc3\n")
    raw(b'{"type": "\xff\xff"}\n')
    raw(b'{"type": "text", "text": "caf\xe9"}\n{"type": "result"}\n')


def odd_lines() -> None:
    """Lines that JSON decoders choke on, each with a marker."""
    usage()
    raw(b'{"usage": ' + b"[" * 200_000 + b"\n")
    raw(b'{"usage": 1e99999999999999999999999}\n')
    raw(b'{"usage": ' + b"9" * 10_000 + b"}\n")
    raw(b'["usage"]\n"usage"\n\r\n{"usage": NaN}\n{"usage"\n')
    raw(b'noise before {"type": "text", "text": "found"}\r\n')
    raw(b'{"type": "result"}')  # without a line end


def long_line(size_mib: str, where: str) -> None:
    usage()
    padding = b"x" * (int(size_mib) * MIB)
    if where == "before":
        raw(b'{"type": "tool", "output": "' + padding + b'"}\n')
        report()
    elif where == "marked":
        raw(b'{"type": "text", "text": "' + padding + b'"}\n')
        emit(type="result")
    else:
        emit(type="text", text="done")
        raw(b'{"padding": "' + padding + b'", "type": "result"}' + b"\n" * (where == "result"))


def after_result() -> None:
    usage()
    report()
    print("goodbye")
    emit(type="usage", input=1, output=1, model="toy-1")


def forks_and_exits(pid_file: str) -> None:
    usage()
    pid = child('{"type": "usage", "input": 5, "output": 5, "model": "toy-1"}')
    Path(pid_file).write_text(str(pid))
    report()


def forks_stubborn(pid_file: str) -> None:
    """The child ignores what it can."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    forks_and_exits(pid_file)


def escapes(pid_file: str) -> None:
    """A child in a session of its own, out of reach, holds stdout open and goes on printing."""
    code = f"import os, time\nfor _ in range({HANG_S} * 100): os.write(1, b'x'); time.sleep(0.01)"
    escaped = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    Path(pid_file).write_text(str(escaped.pid))
    usage()
    report()


def _daemon(code: str, *, environ: dict[str, str] | None = None) -> int:
    """A daemon as of the book: forked twice, in a session of its own, nothing open."""
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if (pid := os.fork()) == 0:
            os.closerange(0, 256)
            given = dict(os.environ) if environ is None else environ
            os.execve(sys.executable, [sys.executable, "-c", code], given)
        os.write(write, str(pid).encode())
        os._exit(0)
    os.wait()
    return int(os.read(read, 20))


def leaves_a_daemon(pid_file: str, kept: str = "marked") -> None:
    """It keeps the run's mark, or has dropped its whole environment; it ignores what it can."""
    ignore = "import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]; "
    environ = None if kept == "marked" else {}
    pid = _daemon(f"{ignore}time.sleep({HANG_S})", environ=environ)
    usage()
    _write(pid_file, pid)
    report()


def daemon_and_kills_agentd(pid_file: str, kept: str, waits_for: str = "") -> None:
    pid = _daemon(f"import time; time.sleep({HANG_S})", environ=None if kept == "marked" else {})
    usage()
    while waits_for and not Path(waits_for).exists():
        time.sleep(0.01)
    _write(pid_file, pid)
    os.kill(os.getppid(), signal.SIGKILL)
    sys.exit(1)


def forks_without_end(pid_file: str) -> None:
    """A process that has always just forked and ended."""
    code = "import os\nwhile True:\n    if os.fork():\n        os._exit(0)"
    subprocess.run([sys.executable, "-c", code], check=True)
    _write(pid_file, os.getpgrp())
    usage()
    report()


def launcher(pid_file: str, path: str) -> None:
    """As npm starts a CLI: the launcher waits for the real one, which waits for ``path``."""
    real = subprocess.Popen([sys.executable, __file__, "waits_for", path, pid_file])
    sys.exit(real.wait())


def launcher_of_turns(pid_file: str, path: str) -> None:
    """The launcher of one that reports, and begins anew when ``path`` is there."""
    real = subprocess.Popen([sys.executable, __file__, "reports_twice", path, pid_file])
    sys.exit(real.wait())


def reports_twice(path: str, pid_file: str) -> None:
    """It begins a second turn after its report, which it tells only at its end."""
    usage()
    report("first")
    _announce(pid_file)
    while not Path(path).exists():
        time.sleep(0.01)
    usage()
    report("second")


def killed_after_its_end() -> None:
    good()
    os.kill(os.getpid(), signal.SIGKILL)


def server_that_stays(pid_file: str) -> None:
    """Killed, it leaves a server that does not print to its stdout."""
    code = f"import time; time.sleep({HANG_S})"
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)
    _write(pid_file, server.pid)
    usage()
    os.kill(os.getpid(), signal.SIGKILL)


def _write(pid_file: str, pid: int) -> None:
    Path(pid_file + ".new").write_text(str(pid))
    Path(pid_file + ".new").rename(pid_file)


def closes_stdin() -> None:
    os.close(0)
    usage()
    report()


def never_reads() -> None:
    usage()
    report()


def digest() -> None:
    usage()
    report(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())


def surroundings(*names: str) -> None:
    usage()
    report(
        json.dumps(
            {
                "cwd": str(Path.cwd()),
                "env": {name: os.environ.get(name) for name in names},
                "session_leader": os.getsid(0) == os.getpid() == os.getpgrp(),
                "fds": sorted(fd for fd in range(64) if _is_open(fd)),
                "sigint": signal.getsignal(signal.SIGINT) is not signal.SIG_IGN,
            }
        )
    )


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def stubborn(pid_file: str | None = None) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _announce(pid_file)
    usage()
    hang()


def reports_on_sigint(pid_file: str | None = None) -> None:
    def on_sigint(number: int, frame: object) -> None:
        emit(type="usage", input=11, output=2, model="toy-1")
        report("stopped")
        sys.exit(0)

    signal.signal(signal.SIGINT, on_sigint)
    _announce(pid_file)
    usage()
    hang()


def reports_on_sigterm(pid_file: str | None = None) -> None:
    """Takes SIGINT for granted, and reports at SIGTERM only."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def on_sigterm(number: int, frame: object) -> None:
        emit(type="usage", input=11, output=2, model="toy-1")
        sys.exit(143)

    signal.signal(signal.SIGTERM, on_sigterm)
    _announce(pid_file)
    usage()
    hang()


def waits_for(path: str, pid_file: str) -> None:
    """Goes on when a file appears, and reports."""
    _announce(pid_file)
    usage()
    while not Path(path).exists():
        time.sleep(0.01)
    report("late")


def truncates() -> None:
    """A tool that writes to /dev/stdout by name, which truncates a file behind it."""
    usage()
    time.sleep(0.2)
    os.close(os.open("/dev/stdout", os.O_WRONLY | os.O_TRUNC))
    report()


def floods(size_mib: str) -> None:
    line = b'{"type": "delta", "padding": "' + b"y" * 168 + b'"}\n'
    block = line * 5000
    usage()
    for _ in range(int(size_mib) * MIB // len(block)):
        sys.stdout.buffer.write(block)
    report()


def _announce(pid_file: str | None) -> None:
    if pid_file:
        _write(pid_file, os.getpid())


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
