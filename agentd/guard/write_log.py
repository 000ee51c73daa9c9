"""A guard's log of what agentd writes while its step runs (see ``agentd.own_writes``)."""

from __future__ import annotations

import binascii
import contextlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from agentd.frozen import frozen
from agentd.locks import is_at, try_lock
from agentd.own_writes import sole_writer, tidy
from agentd.state_folder import (
    BASELINE,
    ENDED,
    MAKING,
    OF_GUARDS,
    WRITES,
    make_state_folder,
    state_folder_of,
)


@frozen(kw_only=True)
class OwnWrite:
    """A file that agentd replaced or removed: its sha256 before and after, None: not there.

    ``content`` is what it became, None where ``entry`` says what was entered into a ledger.
    ``outcome`` is done, failed, or begun: the process was killed before or after the replacing.
    """

    before: str | None
    after: str | None
    content: bytes | None
    entry: str | None
    outcome: str = "begun"


class WriteLog:
    """agentd's writes below a project's root, of all its processes, until :meth:`remove`.

    Held by this process: one that nobody holds is a killed guard's. The guard's baseline lies
    beside it.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self.start = 0
        self._read_to = 0
        self._writes: dict[str, list[OwnWrite]] = {}
        self._places: dict[str, tuple[str, int]] = {}  # of a note: its path, and its place there

    @classmethod
    def begin(cls, root: Path) -> WriteLog:
        """A new one, which others write to from now on. Raises StateError or OSError."""
        while True:
            folder = Path(make_state_folder(os.fspath(root)))
            # Another guard may take the folder away meanwhile.
            with contextlib.suppress(FileNotFoundError):
                path = folder / f"{time.time_ns()}-{os.urandom(8).hex()}{WRITES}"
                making = path.with_suffix(MAKING)
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
                file = os.fdopen(os.open(making, flags, 0o600), "r+b")
                if try_lock(file.fileno()):
                    making.rename(path)
                    return cls(path, file)
                file.close()  # somebody took it for a leftover before it was locked

    @classmethod
    def left(cls, root: Path) -> list[WriteLog]:
        """Those of killed guards, held by this process from now on.

        What else guards left is removed. Raises OSError.
        """
        folder = state_folder_of(os.fspath(root))
        if folder is None:
            return []
        found = []
        for path in sorted(Path(folder).glob("*.*")):
            if path.suffix not in OF_GUARDS:
                continue
            if path.suffix in (BASELINE, ENDED) and path.with_suffix(WRITES).exists():
                continue
            log = cls._take(path)
            if log is None:
                continue
            if path.suffix == WRITES and log.baseline.exists():
                found.append(log)
            else:
                log.remove()
        return found

    @property
    def baseline(self) -> Path:
        """Where the baseline of its guard lies."""
        return self._path.with_suffix(BASELINE)

    @property
    def end_mark(self) -> Path:
        """Where the end of the run that its guard watches is noted: see ``end_watch``."""
        return self._path.with_suffix(ENDED)

    def sole_writer(self) -> contextlib.AbstractContextManager[None]:
        """Meanwhile no other agentd replaces a file below the root. Raises LockHeld, OSError."""
        return sole_writer(os.fspath(self._path.parent))

    def skip_earlier(self) -> None:
        """Nobody writes now: leave out what was noted until now, from ``start`` on it counts."""
        self.start = self._file.seek(0, os.SEEK_END)

    def read(self) -> Mapping[str, Sequence[OwnWrite]]:
        """The writes from ``start`` up to now, in order, by their path relative to the root.

        Reads the file that was made, whatever lies at its path by now, each note of it once; skips
        what is no note.
        """
        self._read_to = self._file.seek(max(self.start, self._read_to))
        lines, end, _ = self._file.read().rpartition(b"\n")  # the rest is being written
        self._read_to += len(lines) + len(end)
        for line in filter(None, lines.splitlines()):
            with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
                self._take_note(json.loads(line))
        return self._writes

    def remove(self) -> None:
        """End the log; the folder goes when nothing else is in it."""
        with contextlib.suppress(OSError):
            self.end_mark.unlink(missing_ok=True)  # first: by the log the next command finds it
            self._path.unlink(missing_ok=True)
        tidy(os.fspath(self._path.parent))
        self._file.close()

    def let_go(self) -> None:
        """Leave it to the next command."""
        self._file.close()

    @classmethod
    def _take(cls, path: Path) -> WriteLog | None:
        try:
            fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        file = os.fdopen(fd, "r+b")
        if not try_lock(fd) or not is_at(fd, path):
            file.close()
            return None
        return cls(path, file)

    def _take_note(self, values: Any) -> None:
        if "outcome" in values:
            path, at = self._places[values["id"]]
            ended = replace(self._writes[path][at], outcome=str(values["outcome"]))
            self._writes[path][at] = ended
            return
        name, path = str(values["id"]), str(values["path"])
        content, entry = values["content"], values["entry"]
        write = OwnWrite(
            before=values["before"],
            after=values["after"],
            content=None if content is None else binascii.a2b_base64(content),
            entry=None if entry is None else str(entry),
        )
        if name not in self._places:
            writes = self._writes.setdefault(path, [])
            self._places[name] = path, len(writes)
            writes.append(write)
