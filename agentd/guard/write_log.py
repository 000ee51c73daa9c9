"""A guard's log of what agentd writes while its step runs (see ``agentd.own_writes``)."""

from __future__ import annotations

import base64
import contextlib
import json
import os
from dataclasses import replace
from io import FileIO
from pathlib import Path
from typing import Any

from agentd.errors import StateError
from agentd.frozen import frozen
from agentd.locks import try_lock
from agentd.own_writes import ENDING, LOCK, LOGS, is_left, sole_writer

_FOR_ALL = (".gitignore", LOCK)


@frozen(kw_only=True)
class OwnWrite:
    """A file that agentd replaced: its sha256 before (None: it was not there) and after.

    ``content`` is what it became, None where ``entry`` says what was entered into a ledger.
    ``outcome`` is done, failed, or begun: the process was killed before or after the replacing.
    """

    before: str | None
    after: str
    content: bytes | None
    entry: str | None
    outcome: str = "begun"


class WriteLog:
    """agentd's writes below ``root``, of all its processes, from now until :meth:`close`.

    Raises StateError or OSError when it can't be made.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / LOGS
        if self._folder.is_symlink():
            raise StateError(
                f"{self._folder}: is a symbolic link; agentd writes only inside the project",
                fix="Remove it.",
            )
        self._path = self._folder / f"{os.urandom(8).hex()}{ENDING}"
        while True:
            with contextlib.suppress(FileNotFoundError):  # another guard took the folder away
                self._file = self._open()
                break

    def sole_writer(self) -> contextlib.AbstractContextManager[None]:
        """Meanwhile no other agentd replaces a file below the root. Raises LockHeld, OSError."""
        return sole_writer(os.fspath(self._folder))

    def read(self) -> dict[str, list[OwnWrite]]:
        """The writes up to now, in order, by their path relative to the root.

        Reads the file that was made, whatever lies at its path by now; skips what is no note.
        """
        self._file.seek(0)
        notes: dict[str, tuple[str, OwnWrite]] = {}
        for line in self._file.read().splitlines():
            with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
                _take(json.loads(line), notes)
        writes: dict[str, list[OwnWrite]] = {}
        for path, write in notes.values():
            writes.setdefault(path, []).append(write)
        return writes

    def close(self) -> None:
        """End the log; the folder goes when nothing else is in it."""
        with contextlib.suppress(OSError):
            self._path.unlink()
            if {path.name for path in self._folder.iterdir()} <= {*_FOR_ALL}:
                for name in _FOR_ALL:
                    (self._folder / name).unlink(missing_ok=True)
                self._folder.rmdir()
        self._file.close()

    def _open(self) -> FileIO:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / _FOR_ALL[0]).write_text("*\n")
        for path in self._folder.glob(f"*{ENDING}"):
            _remove_if_left(path)
        temporary = self._path.with_suffix(".tmp")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        # Held for as long as the guard lives: a log that nobody holds is a killed guard's.
        file = FileIO(os.open(temporary, flags, 0o600))
        try_lock(file.fileno())
        temporary.rename(self._path)
        return file


def _take(values: Any, notes: dict[str, tuple[str, OwnWrite]]) -> None:
    if "outcome" in values:
        path, write = notes[values["id"]]
        notes[values["id"]] = path, replace(write, outcome=str(values["outcome"]))
        return
    content, entry = values["content"], values["entry"]
    write = OwnWrite(
        before=values["before"],
        after=values["after"],
        content=None if content is None else base64.b64decode(content),
        entry=None if entry is None else str(entry),
    )
    notes.setdefault(str(values["id"]), (str(values["path"]), write))


def _remove_if_left(log: Path) -> None:
    with contextlib.suppress(OSError):
        fd = os.open(log, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            if is_left(fd):
                log.unlink()
        finally:
            os.close(fd)
