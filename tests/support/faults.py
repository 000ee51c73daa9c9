"""Disks that fail and processes that are killed: the n-th change that a command makes on disk.

A child runs a whole agentd command. Whatever it changes below a folder is counted: writes, fsyncs,
renames, links, removals, new files and folders, locks. At one of them something happens:

- ``fail``: that one raises OSError (a full disk, or EIO), once;
- ``full``: from there on the disk has only the room that removals make;
- ``tear``: of a write only the first half is done, then the process is killed;
- ``kill``: the process is killed before it;
- ``cut``: the power is cut before it, or at the end: see ``power_cuts``.
"""

from __future__ import annotations

import builtins
import errno
import fcntl
import io
import os
import signal
import stat
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from support.power_cuts import SyncedDisk

Kind = Literal["fail", "full", "tear", "kill", "cut"]
KINDS: tuple[Kind, ...] = ("fail", "full", "tear", "kill")
_TAKES_ROOM = ("write", "open", "mkdir", "symlink")


@dataclass(frozen=True)
class Fault:
    """``at`` counts from 1; 0 never happens."""

    kind: Kind = "kill"
    at: int = 0


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code (negative: the signal), what it said, what it changed.

    ``changes`` are lines such as ``12 rename agentd/changes/x/STATE.yaml``, in order.
    """

    code: int
    out: str
    err: str
    changes: tuple[str, ...]

    def struck(self, fault: Fault) -> bool:
        """Whether the fault came, or the command made fewer changes than that."""
        return len(self.changes) >= fault.at > 0


def agentd(
    *arguments: str,
    below: Path,
    project: Path,
    fault: Fault = Fault(),
) -> Ended:
    """Run a command in a child in its project, and let the fault strike in the folder ``below``."""
    from agentd.cli import run

    return in_child(lambda: run(list(arguments)), below=below, project=project, fault=fault)


def in_child(
    work: Callable[[], int],
    *,
    below: Path,
    project: Path | None = None,
    fault: Fault = Fault(),
) -> Ended:
    """The same for any work that returns an exit code; without a ``project`` in ``below`` itself.

    With one, ``below`` is also the home that agentd keeps its state and its cache in.
    """
    out, err, told = (below.parent / f".fault-{name}" for name in ("out", "err", "changes"))

    def struck() -> int:
        if project is not None:
            os.environ.update(home(below))
        layer = _Layer(below, fault, told)
        if fault.kind == "cut" and project is not None:
            layer.disk = SyncedDisk(below, (project, below / ".local"))
        layer.install()
        code = work()
        layer.cut_power()
        return code

    child = begin_child(struck, at=project or below, out=out, err=err)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    texts = [path.read_text(errors="replace") for path in (out, err, told)]
    return Ended(code, texts[0], texts[1], tuple(texts[2].splitlines()))


def begin_child(work: Callable[[], int], *, at: Path, out: Path, err: Path) -> int:
    """Begin work in a child, in the folder ``at``; its process id. What it says goes into files."""
    child = os.fork()
    if child == 0:
        try:
            os.chdir(at)
            _redirect(out, err)
            code = work()
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException:  # noqa: BLE001 - the child ends here, whatever it is
            import traceback

            traceback.print_exc()
            sys.stderr.flush()
            code = 99
        os._exit(code)
    return child


def home(folder: Path) -> dict[str, str]:
    """The variables that make it the home of whoever runs agentd."""
    state, cache = f"{folder}/.local/state", f"{folder}/.cache"
    return {"HOME": str(folder), "XDG_STATE_HOME": state, "XDG_CACHE_HOME": cache}


def _redirect(out: Path, err: Path) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for number, path in ((1, out), (2, err)):
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(fd, number)
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115


class _Layer:
    """Stands between this process and its disk."""

    def __init__(self, below: Path, fault: Fault, told: Path) -> None:
        self._below = str(below)
        self._fault = fault
        self._count = 0
        self._room: int | None = None  # bytes, once the disk is full
        self._real: dict[str, Any] = {}
        self.disk: SyncedDisk | None = None
        self._told = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)

    def install(self) -> None:
        """Take the place of what changes a disk, in this process, for good."""
        names = ("write", "pwrite", "ftruncate", "posix_fallocate", "fsync", "open", "mkdir")
        names += ("rename", "replace", "link", "symlink", "unlink", "remove", "rmdir", "sendfile")
        self._real = {name: getattr(os, name) for name in names if hasattr(os, name)}
        self._real["flock"], self._real["io.open"] = fcntl.flock, io.open
        for name in ("rename", "replace", "link", "symlink"):
            self._on_path(name, at=1)
        for name in ("mkdir", "unlink", "remove", "rmdir"):
            self._on_path(name, at=0)
        os.write, os.pwrite, os.fsync, os.open = (  # type: ignore[assignment]
            self._write,
            self._pwrite,
            self._fsync,
            self._open,
        )
        os.ftruncate = self._ftruncate  # type: ignore[assignment]
        if "posix_fallocate" in self._real:
            os.posix_fallocate = self._fallocate  # type: ignore[assignment]
        if "sendfile" in self._real:
            os.sendfile = self._sendfile  # type: ignore[assignment]
        fcntl.flock = self._flock  # type: ignore[assignment]
        io.open = builtins.open = self._open_file  # type: ignore[assignment,misc]

    def _on_path(self, name: str, *, at: int) -> None:
        real = self._real[name]
        kind = {"replace": "rename", "remove": "unlink"}.get(name, name)

        def call(*arguments: Any, **keys: Any) -> Any:
            path = self._path(arguments[at], keys.get("dir_fd", keys.get("src_dir_fd")))
            freed = 0
            if path is not None and kind in ("unlink", "rename"):
                freed = _freed(path)
            self._strike(kind, path)
            done = real(*arguments, **keys)
            if self._room is not None:
                self._room += freed
            return done

        setattr(os, name, call)

    def _path(self, place: Any, dir_fd: int | None = None) -> str | None:
        """Where that is, None when it is elsewhere."""
        if isinstance(place, int):
            try:
                path = str(Path(f"/proc/self/fd/{place}").readlink())
            except OSError:
                return None
        else:
            path = os.fsdecode(place)
            if dir_fd is not None and not path.startswith("/"):
                path = f"{Path(f'/proc/self/fd/{dir_fd}').readlink()}/{path}"
            path = os.path.abspath(path)  # noqa: PTH100 - not where links lead
        inside = path == self._below or path.startswith(f"{self._below}/")
        return path if inside else None

    def _strike(self, kind: str, path: str | None, size: int = 0) -> bool:
        """Count it. Whether the fault wants a write to be torn; raises, or ends the process."""
        if path is None:
            return False
        self._count += 1
        line = f"{self._count} {kind} {os.path.relpath(path, self._below)}\n"
        self._real["write"](self._told, line.encode(errors="replace"))
        if self._room is not None:
            self._take(kind, path, size)
        if self._count != self._fault.at:
            return False
        match self._fault.kind:
            case "kill" | "cut":
                self._die()
            case "tear":
                if kind != "write" or size < 2:
                    self._die()
                return True
            case "full":
                self._room = 0
                self._take(kind, path, size)
            case "fail":
                full = kind in (*_TAKES_ROOM, "rename", "link")
                number = errno.ENOSPC if full else errno.EIO
                raise OSError(number, os.strerror(number), path)
        return False

    def _take(self, kind: str, path: str, size: int) -> None:
        needed = size if kind == "write" else 4096 if kind in _TAKES_ROOM else 0
        assert self._room is not None
        if kind == "open":
            needed = 0  # an empty file takes no block
        if needed > self._room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        self._room -= needed

    def cut_power(self) -> None:
        if self.disk is not None:
            self._below = "nowhere"  # what comes now is not the command's
            self.disk.cut()

    def _die(self) -> None:
        self.cut_power()
        os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()

    def _write(self, fd: int, data: Any) -> int:
        view = memoryview(data)
        if self._strike("write", self._path(fd), view.nbytes):
            self._real["write"](fd, view[: view.nbytes // 2])
            self._die()
        return int(self._real["write"](fd, data))

    def _pwrite(self, fd: int, data: Any, offset: int) -> int:
        view = memoryview(data)
        if self._strike("write", self._path(fd), view.nbytes):
            self._real["pwrite"](fd, view[: view.nbytes // 2], offset)
            self._die()
        return int(self._real["pwrite"](fd, data, offset))

    def _sendfile(self, out_fd: int, in_fd: int, offset: int, count: int, *more: Any) -> int:
        left = max(0, os.fstat(in_fd).st_size - (offset or 0))
        size = min(count, left)
        if size and self._strike("write", self._path(out_fd), size):
            self._real["sendfile"](out_fd, in_fd, offset, size // 2)
            self._die()
        return int(self._real["sendfile"](out_fd, in_fd, offset, count, *more))

    def _ftruncate(self, fd: int, length: int) -> None:
        self._strike("truncate", self._path(fd))
        self._real["ftruncate"](fd, length)

    def _fallocate(self, fd: int, offset: int, length: int) -> None:
        self._strike("write", self._path(fd), length)
        self._real["posix_fallocate"](fd, offset, length)

    def _fsync(self, fd: int) -> None:
        self._strike("fsync", self._path(fd))
        self._real["fsync"](fd)
        if self.disk is not None:
            self.disk.sync(fd)

    def _flock(self, file: Any, operation: int) -> None:
        fd = file if isinstance(file, int) else file.fileno()
        self._strike("flock", self._path(fd))
        self._real["flock"](file, operation)

    def _open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if flags & os.O_CREAT and not _is_there(path, dir_fd):
            self._strike("open", self._path(path, dir_fd))
        return int(self._real["open"](path, flags, mode, dir_fd=dir_fd))

    def _open_file(self, file: Any, mode: str = "r", *arguments: Any, **keys: Any) -> Any:
        if not set(mode) & set("wax+") or (isinstance(file, int) and file < 3):
            return self._real["io.open"](file, mode, *arguments, **keys)
        if not isinstance(file, int):
            if not os.path.lexists(file):
                self._strike("open", self._path(file))
            elif "w" in mode:
                self._strike("truncate", self._path(file))
        names = ("buffering", "encoding", "errors", "newline", "closefd", "opener")
        given = {**dict(zip(names, arguments, strict=False)), **keys}
        raw_mode = mode.replace("b", "").replace("t", "")
        raw = _Raw(self, file, raw_mode, given.get("closefd", True), given.get("opener"))
        if given.get("buffering", -1) == 0:
            return raw
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        if "b" in mode:
            return buffered
        texts = {name: given.get(name) for name in ("encoding", "errors", "newline")}
        return io.TextIOWrapper(buffered, **texts)  # type: ignore[type-var]


class _Raw(io.FileIO):
    def __init__(self, layer: _Layer, file: Any, mode: str, closefd: bool, opener: Any) -> None:
        super().__init__(file, mode, closefd, opener)
        self._layer = layer

    def write(self, data: Any) -> int:
        return self._layer._write(self.fileno(), data)


def _is_there(path: Any, dir_fd: int | None) -> bool:
    try:
        os.stat(path, dir_fd=dir_fd, follow_symlinks=False)
    except OSError:
        return False
    return True


def _freed(path: str) -> int:
    """The bytes that are free once nothing of this name is there."""
    try:
        found = os.lstat(path)
    except OSError:
        return 0
    alone = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
    return max(found.st_blocks * 512, found.st_size) if alone else 0


def every(changes: Sequence[str], kinds: Sequence[Kind] = KINDS) -> list[Fault]:
    """Each of these faults at each change of a command, where it differs from the others.

    Only a write can be torn, a full disk shows where room is needed; a process may also be killed
    after its last change.
    """
    if kinds == ("cut",):
        return [Fault("cut", at) for at in range(1, len(changes) + 2)]
    found = []
    for at, change in enumerate([*changes, "after the last"], 1):
        kind = change.split(" ")[1]
        found += (
            [Fault("fail", at), Fault("kill", at)] if at <= len(changes) else [Fault("kill", at)]
        )
        found += [Fault("tear", at)] if kind == "write" else []
        found += [Fault("full", at)] if kind in ("write", "mkdir", "symlink") else []
    return [fault for fault in found if fault.kind in kinds]
