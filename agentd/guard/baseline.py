"""What a run may not touch, as it was before it: on disk, where its agent does not reach.

A guard's baseline is one file in the project's state folder: the bytes of the kept files one after
another, then an index, then a footer. Without the footer it was never finished, and no agent was
started with it. The log of agentd's own writes of the same name is held while the guard lives:
a baseline whose log nobody holds is a killed guard's, and the next command judges from it.
"""

from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path
from typing import Any, BinaryIO

from agentd.digests import sha256
from agentd.files import sync_folder
from agentd.guard.tree import Look, look_at

_RACY_NS = 100_000_000  # a file written twice in one tick of the kernel's clock has one ctime
_FORMAT = b"agentd baseline 1\n"
_FOOTER_BYTES = 8 + 32 + len(_FORMAT)


class Baseline:
    """A file that keeps the looks and bytes of other files, and facts as JSON.

    A new one is made with :meth:`new`, filled with :meth:`keep`, :meth:`note` and
    :meth:`keep_bytes`, and made durable by :meth:`seal`; :meth:`open` reads it again, in whatever
    process. ``entries`` are the looks by absolute path; all were looked at since ``begun_ns``.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self.begun_ns = time.time_ns()
        self.entries: dict[Path, Look] = {}
        self.facts: dict[str, Any] = {}
        self._file = file
        self._end = 0
        self._blobs: dict[str, tuple[int, int]] = {}

    @classmethod
    def new(cls, path: Path) -> Baseline:
        """An empty one at ``path``, where nothing is. Raises OSError."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        return cls(path, os.fdopen(os.open(path, flags, 0o600), "w+b"))

    @classmethod
    def open(cls, path: Path) -> Baseline | None:
        """One that was sealed; None when it never was, or is damaged. Raises OSError."""
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
        found = cls(path, file)
        try:
            found._read_index()
        except (ValueError, TypeError, KeyError, RecursionError):
            file.close()
            return None
        return found

    def keep(self, path: Path, up_to: float = math.inf) -> Look | None:
        """Look at a file and keep its bytes, if it has no more than ``up_to``; a link's target too.

        Returns the look, which is in ``entries`` then; None, and nothing is noted, for nothing
        there. Raises OSError.
        """
        self._file.seek(self._end)
        look = look_at(path, hash_up_to=up_to, keep=self._file)
        if look is not None:
            self.entries[path] = look
            if look.at >= 0:
                self._end = look.at + look.size
        return look

    def note(self, path: Path, look: Look) -> None:
        """Note how a file looks whose bytes are not kept here."""
        self.entries[path] = look

    def is_settled(self, look: Look) -> bool:
        """Whether a file of this look was last changed well before: a later change has another."""
        return look.ctime_ns < self.begun_ns - _RACY_NS

    def keep_bytes(self, name: str, data: bytes) -> None:
        """Keep these bytes under a name of their own, such as git's list of all files."""
        self._blobs[name] = (self._append(data), len(data))

    def kept_bytes(self, name: str) -> bytes | None:
        """The bytes kept under that name."""
        at, size = self._blobs.get(name, (-1, 0))
        return self._read(at, size) if at >= 0 else None

    def data(self, path: Path) -> bytes | None:
        """The bytes of a kept file; None for one that is not kept, or kept by git alone."""
        look = self.entries.get(path)
        if look is None or look.kind != "file" or look.at < 0:
            return None
        return self._read(look.at, look.size)

    def seal(self) -> None:
        """Write the index and make all durable, before an agent starts. Raises OSError."""
        files = [[os.fspath(path), *_to_json(look)] for path, look in self.entries.items()]
        told = {
            "begun_ns": self.begun_ns,
            "facts": self.facts,
            "blobs": self._blobs,
            "files": files,
        }
        index = json.dumps(told).encode()
        at = self._append(index)
        self._append(at.to_bytes(8) + sha256(index).digest() + _FORMAT)
        self._file.truncate(self._end)
        self._file.flush()
        os.fsync(self._file.fileno())
        sync_folder(self.path.parent)

    def close(self) -> None:
        """Let go of the file, which stays."""
        self._file.close()

    def delete(self) -> None:
        """It was judged from: nobody needs it any more. Raises OSError."""
        self.path.unlink(missing_ok=True)
        self.close()

    def _append(self, data: bytes) -> int:
        at = self._end
        self._file.seek(at)
        self._file.write(data)
        self._end = at + len(data)
        return at

    def _read(self, at: int, size: int) -> bytes:
        if self._file.writable():
            self._file.flush()
        parts = []
        while size > 0 and (part := os.pread(self._file.fileno(), size, at)):
            parts.append(part)
            at, size = at + len(part), size - len(part)
        return b"".join(parts)

    def _read_index(self) -> None:
        """Raises ValueError, TypeError or KeyError when it was never sealed, or is damaged."""
        whole = os.fstat(self._file.fileno()).st_size
        footer = self._read(max(0, whole - _FOOTER_BYTES), _FOOTER_BYTES)
        if not footer.endswith(_FORMAT):
            raise ValueError("no footer")
        at = int.from_bytes(footer[:8])
        index = self._read(at, whole - _FOOTER_BYTES - at)
        if sha256(index).digest() != footer[8:40]:
            raise ValueError("damaged")
        told = json.loads(index)
        self._end = at
        self.begun_ns = int(told["begun_ns"])
        self.facts = told["facts"]
        self._blobs = {name: (start, size) for name, (start, size) in told["blobs"].items()}
        self.entries = {Path(path): _from_json(*values) for path, *values in told["files"]}


def _to_json(look: Look) -> tuple[Any, ...]:
    digest = None if look.digest is None else look.digest.hex()
    times = (look.mtime_ns, look.ctime_ns, look.inode)
    return look.kind, look.mode, look.size, digest, *times, look.at


def _from_json(kind: str, mode: int, size: int, digest: str | None, *rest: Any) -> Look:
    return Look(kind, mode, size, None if digest is None else bytes.fromhex(digest), *rest)
