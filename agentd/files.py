"""Files that are never seen half-written."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from agentd.late_pattern import late_pattern
from agentd.locks import is_at, try_lock
from agentd.own_writes import noted

MAX_SMALL_BYTES = 4_000_000
"""What no settings, note or list of agentd's own comes near."""
_MAX_MOVED_BYTES = 1 << 30
_PRIVATE_FOLDER, _PRIVATE_FILE = 0o700, 0o600
_OTHERS = 0o077
TEMPORARY = late_pattern(r"\..+\.[0-9a-f]{8}\.tmp", re.DOTALL)
"""How a file is called that :func:`write_atomic` is writing, or was when it was killed."""


class FileStamp(NamedTuple):
    """What tells that a file is as it was; ``inode`` is new whenever agentd has written it."""

    modified_ns: int
    changed_ns: int
    size: int
    inode: int


def file_stamp(path: Path | str) -> FileStamp | None:
    """The stamp of a file as it is now, None when nothing is there."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return FileStamp(found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def read_plain(path: Path | str, *, max_bytes: int = MAX_SMALL_BYTES) -> bytes:
    """The bytes of a file that is small if it is what it should be; links are followed.

    Raises OSError like any reading, and also for what is no regular file, such as a named pipe that
    one would wait for without end, and for more than ``max_bytes``.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(fd, "rb") as handle:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "is no regular file", os.fspath(path))
        data = handle.read(max_bytes + 1) if found.st_size <= max_bytes else None
    if data is None or len(data) > max_bytes:
        raise OSError(errno.EFBIG, f"is larger than {max_bytes:,} bytes", os.fspath(path))
    return data


def read_json(path: Path | str) -> Any:
    """The value in a small file of JSON. Raises OSError as :func:`read_plain`, ValueError."""
    from agentd.json_value import json_value  # most commands read none

    return json_value(read_plain(path))


def files_below(
    folder: Path, suffix: str, *, enters: Callable[[str], bool] = lambda name: True
) -> list[Path]:
    """What ends in ``suffix`` in ``folder`` and below it and is no folder, sorted by its path.

    Links to folders are not followed, and of other folders those whose names ``enters`` takes. What
    can't be listed has nothing in it. The depth does not matter: Python's own walkers recurse.
    """
    found: list[str] = []
    waiting = [os.fspath(folder)]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting += [entry.path] if enters(entry.name) else []
                elif entry.name.endswith(suffix):
                    found.append(entry.path)
    return sorted(map(Path, found))


def is_below_link(root: Path, path: Path) -> bool:
    """Whether a folder on the way from ``root`` to ``path`` is a link: it may lead anywhere."""
    return any(above.is_symlink() for above in path.parents if root in above.parents)


def folders_below(folder: Path) -> list[str]:
    """``folder``, there or not, and all folders in it; links are not followed."""
    found = [os.fspath(folder)]
    for inner in found:  # it grows
        with contextlib.suppress(OSError), os.scandir(inner) as entries:
            found += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    return found


def remove_tree(folder: Path) -> None:
    """Remove a folder and all that is in it, however deep; what can't be removed stays."""
    folders = [os.fspath(folder)]
    for inner in folders:  # it grows
        with contextlib.suppress(OSError), os.scandir(inner) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    with contextlib.suppress(OSError):
                        os.unlink(entry.path)  # noqa: PTH108 - scandir gives text
    for inner in reversed(folders):
        with contextlib.suppress(OSError):
            os.rmdir(inner)  # noqa: PTH106


def write_atomic(
    path: Path, data: bytes, *, entry: Callable[[], str] | None = None, durable: bool = True
) -> None:
    """Replace ``path`` by ``data``: a reader, or a crash, sees the old file or the new one.

    The temporary file stands beside it as ``.NAME.XXXXXXXX.tmp``; what a killed process left there
    is removed. The permissions of an existing file are kept; a new one in a folder that its owner
    alone may enter is its owner's alone too, whatever the umask. While steps run their guards are
    told (see ``own_writes``), with ``entry`` instead of the data where that is given. Raises
    OSError (full disk, read-only folder); ``path`` is then as it was. What is not ``durable`` may
    be the old file again after a power cut.
    """
    mode = _mode_for(path)
    remove_leftovers(path)
    fd, temporary = _open_temporary(path)
    try:
        with os.fdopen(fd, "wb") as handle:
            if mode is not None:
                os.fchmod(handle.fileno(), mode)
            handle.write(data)
            handle.flush()
            if durable:
                os.fsync(handle.fileno())
            with noted(path, data, entry):
                temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if durable:
        sync_folder(path.parent)


def write_named(path: Path, data: bytes) -> None:
    """Write ``data`` where a user says, such as ``-o FILE``.

    A regular file is replaced in one step, at the end of links, which stay. What is none, such as
    /dev/stdout or a named pipe, is written to: a rename would put a file in its place. Raises
    OSError.
    """
    with contextlib.suppress(FileNotFoundError):
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
        if not stat.S_ISREG(mode):
            path.write_bytes(data)
            return
    write_atomic(Path(os.path.realpath(path)), data)


def move_over(source: Path, path: Path, *, durable: bool = True) -> None:
    """Let a small file that is on the disk take the place of ``path``, also on a full disk.

    The guards of steps at work are told as by :func:`write_atomic`. What is not ``durable`` may be
    undone by a power cut. Raises OSError.
    """
    data = read_plain(source, max_bytes=_MAX_MOVED_BYTES)
    try:
        with noted(path, data, None), noted(source, None):
            source.replace(path)
    except OSError as error:
        if error.errno != errno.EXDEV:  # a folder that lies on another disk, by a link
            raise
        write_atomic(path, data)
        source.unlink()
    if durable:
        for folder in dict.fromkeys((path.parent, source.parent)):  # in this order nothing is lost
            sync_folder(folder)


def make_folders(folder: Path) -> None:
    """Make a folder and those above it, where they are missing, to stay after a power cut.

    Raises OSError.
    """
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        sync_folder(one.parent)


def _mode_for(path: Path) -> int | None:
    """The permissions to give a file; None: those of any new file."""
    with contextlib.suppress(FileNotFoundError):
        return stat.S_IMODE(path.stat().st_mode)
    return _PRIVATE_FILE if path.parent.is_dir() and not is_open_to_others(path.parent) else None


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files of processes that were killed while they wrote ``path``."""
    with contextlib.suppress(OSError), os.scandir(path.parent) as entries:
        for found in entries:
            if found.name.startswith(f".{path.name}.") and found.name.endswith(".tmp"):
                _remove_unless_locked(found.path)


def remove_temporaries(folder: Path) -> None:
    """The same for all files of a folder; what is in its folders stays."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for found in entries:
            if TEMPORARY.fullmatch(found.name) and found.is_file(follow_symlinks=False):
                _remove_unless_locked(found.path)


def is_abandoned(path: Path | str) -> bool:
    """Whether a TEMPORARY file is there that no process writes any more."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return try_lock(fd)
    finally:
        os.close(fd)


def _remove_unless_locked(path: str) -> None:
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            if try_lock(fd):
                os.unlink(path)  # noqa: PTH108 - scandir gives text
        finally:
            os.close(fd)


def _open_temporary(path: Path) -> tuple[int, Path]:
    """A new file beside ``path``, locked for as long as it is open."""
    while True:
        temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
        try:
            if try_lock(fd) and is_at(fd, temporary):
                return fd, temporary
        except OSError:
            os.close(fd)
            temporary.unlink(missing_ok=True)
            raise
        os.close(fd)  # somebody took it for a leftover before it was locked


def write_private(path: Path, data: bytes = b"") -> None:
    """Write a new file that its owner alone may read. Raises OSError, also when it is there."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _PRIVATE_FILE)
    with os.fdopen(fd, "wb") as handle:
        handle.write(data)


def make_private_folder(folder: Path) -> None:
    """Make a folder that its owner alone may enter; one that is there becomes so.

    Folders above it that are missing are made as usual. Raises OSError.
    """
    try:
        folder.mkdir(_PRIVATE_FOLDER, parents=True)
        sync_folder(folder.parent)
    except FileExistsError:
        found = folder.lstat().st_mode
        if stat.S_ISDIR(found) and found & _OTHERS:
            make_private(folder)
        elif not folder.is_dir():
            raise


def is_open_to_others(path: Path) -> bool:
    """Whether its group or everybody may do anything with what is there; False for nothing."""
    try:
        return bool(path.stat().st_mode & _OTHERS)
    except FileNotFoundError:
        return False


def make_private(path: Path) -> None:
    """Take from others what they may do with a file, or with a folder and all that is in it.

    Links are not followed, and files that have a name elsewhere too are left alone. What can't be
    changed stays as it is. The folder is last: it tells whether all of it was done.
    """
    found = [os.fspath(path)]
    for one in found:  # no recursion: an agent may have left any number of folders in each other
        with contextlib.suppress(OSError), os.scandir(one) as inside:
            found += [entry.path for entry in inside if not entry.is_symlink()]
    for one in reversed(found):
        _keep_others_out(one)


def _keep_others_out(path: str) -> None:
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            found = os.fstat(fd)
            sole = stat.S_ISDIR(found.st_mode) or found.st_nlink == 1
            if found.st_mode & _OTHERS and sole:
                os.fchmod(fd, stat.S_IMODE(found.st_mode) & ~_OTHERS)
        finally:
            os.close(fd)


def sync_file(path: Path) -> None:
    """Let what another process wrote survive a power cut. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_folder(folder: Path) -> None:
    """Make renames inside ``folder`` survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
