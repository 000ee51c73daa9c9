"""One agentd at a time works on a change."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from agentd.errors import InputError, LockHeld, StateError
from agentd.files import (
    FileStamp,
    file_stamp,
    make_private_folder,
    remove_temporaries,
    write_private,
)
from agentd.ledger.run_folders import LEDGER_LOCK
from agentd.locks import Holder, holder_of, try_lock
from agentd.own_writes import sole_writer, tidy
from agentd.project.change import Change
from agentd.state_folder import HOLD, make_state_folder, state_folder_of

_HOLD = ".work"  # in runs/, with the id of the process


@contextlib.contextmanager
def at_work(change: Change) -> Iterator[None]:
    """Hold the change for as long as a step or a loop runs; readers need no hold.

    The kernel lets go of it when the process dies. Raises InputError, without waiting, when
    another living agentd holds it.
    """
    runs = change.runs_dir
    make_private_folder(runs)
    try:
        with contextlib.suppress(FileExistsError):  # logs, in whatever layout the change lies
            write_private(runs / ".gitignore", b"*\n")
    except PermissionError as error:
        if runs.stat().st_uid == os.geteuid():
            raise
        raise InputError(
            f"{runs}: is another user's, who alone works on {change.id} here",
            fix="Work on it in a checkout of your own: its documents and STATE.yaml are in git.",
        ) from error
    fd = _open_hold(runs / _HOLD)
    try:
        _check_lock(runs / LEDGER_LOCK)
        if not _try_twice(fd):
            holder = holder_of(fd, noted=_noted(fd))
            stop = f"stop it (kill {holder.pid})" if holder else "stop it"
            raise InputError(
                f"another agentd is at work on {change.id}"
                + (f": {holder.told()}" if holder else "; its process is not known"),
                fix=f"Wait for it, or {stop}; `agentd status {change.id}` shows how far it is.",
            )
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        _remove_leftovers(change)
        with _witnessed(change):
            yield
    finally:
        os.close(fd)


def _open_hold(path: Path) -> int:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise _not_agentds(path) from error
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise _not_agentds(path)
    return fd


def _check_lock(path: Path) -> None:
    """A link there would keep a call that is paid for from being entered."""
    if path.is_symlink():
        raise _not_agentds(path)


def _not_agentds(path: Path) -> InputError:
    return InputError(
        f"{path}: is no plain file, and agentd made none there",
        fix=f"agentd keeps a lock there. Remove it (rm -r {path}), then run the command again.",
    )


def _remove_leftovers(change: Change) -> None:
    """Remove the temporary files of agentds that were killed while they wrote a document.

    And what version 0.1.0 had set aside of the budget: agents reach it there.
    """
    remove_temporaries(change.project.agentd_dir)
    old = change.project.agentd_dir / ".running"
    with contextlib.suppress(OSError):
        if not old.is_symlink():
            for path in (*old.glob("*.json"), old / ".lock", old / ".gitignore"):
                path.unlink(missing_ok=True)
            old.rmdir()
    for top in (change.folder, change.project.specs_dir):
        for folder, names, _ in os.walk(top):
            if Path(folder) == change.folder and "runs" in names:
                names.remove("runs")  # each run is settled by itself
            remove_temporaries(Path(folder))


def worker_on(change: Change) -> Holder | None:
    """The agentd that is at work on the change, with the process id 0 if unknown; None for none."""
    return _holding(change.runs_dir / _HOLD)


class Holds(NamedTuple):
    """The holds on a project's changes at one moment: each one's stamp, and who is held."""

    stamps: dict[str, FileStamp]
    held: frozenset[str]

    @classmethod
    def on_others(cls, root: Path, change_id: str) -> Holds:
        """Who is at work now, but on the change ``change_id``.

        What lies in a change's folder is not believed: any agent can lock that.
        """
        stamps, held = {}, []
        folder = state_folder_of(os.fspath(root))
        for path in Path(folder).glob(f"*{HOLD}") if folder else ():
            name = path.name.removesuffix(HOLD)
            stamp = file_stamp(path)
            if name == change_id or stamp is None:
                continue
            stamps[name] = stamp
            if _holding(path):
                held.append(name)
        return cls(stamps, frozenset(held))

    def at_work_until(self, later: Holds) -> frozenset[str]:
        """The ids of the changes that somebody was at work on between the two moments."""
        new = {name for name, stamp in later.stamps.items() if self.stamps.get(name) != stamp}
        return self.held | later.held | new


@contextlib.contextmanager
def _witnessed(change: Change) -> Iterator[None]:
    """Note the hold where guards look, held like it; it excuses nothing where that can't be."""
    fd, folder = -1, ""
    with contextlib.suppress(OSError, StateError, LockHeld):
        while fd < 0:
            folder = make_state_folder(os.fspath(change.project.root))
            with (
                contextlib.suppress(FileNotFoundError),
                sole_writer(folder),
            ):  # taken away meanwhile
                flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
                fd = os.open(f"{folder}/{change.id}{HOLD}", flags, 0o600)
                try_lock(fd)
                os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    try:
        yield
    finally:
        if fd >= 0:
            os.close(fd)
            tidy(folder)


def _holding(path: Path) -> Holder | None:
    """Who holds the lock of a file; looks for an instant, with a lock that readers share."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return holder_of(fd, noted=_noted(fd)) or Holder(0)
    finally:
        os.close(fd)
    return None


def _noted(fd: int) -> str:
    """The process id that the holder has written; an agent may have put anything in its place."""
    try:
        return os.pread(fd, 20, 0).decode(errors="replace").strip()
    except OSError:  # it can't be read from a place in it: no file
        return ""


def _try_twice(fd: int) -> bool:
    """`agentd status` holds the lock for an instant, to see whether anybody does."""
    if try_lock(fd):
        return True
    time.sleep(0.1)
    return try_lock(fd)
