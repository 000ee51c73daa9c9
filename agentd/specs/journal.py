"""Writing several specs as one: all as before or all new, whatever happens in between.

Before the first spec is touched, the old texts stand in a folder with ``journal.json``, written
last. As long as that file is there, the writing can be undone.
"""

from __future__ import annotations

import contextlib
import errno
import json
import stat
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import TypedDict

from agentd.errors import StateError
from agentd.files import (
    make_folders,
    make_private_folder,
    move_over,
    read_json,
    read_plain,
    remove_leftovers,
    remove_temporaries,
    sync_folder,
    write_atomic,
)
from agentd.frozen import frozen
from agentd.locks import lock
from agentd.own_writes import is_vouched_for

_JOURNAL = "journal.json"


class Entry(TypedDict):
    """A file of the journal: its place, and the folders that are made for it."""

    path: str
    existed: bool
    new_sha256: str
    made: list[str]


@frozen()
class Journal:
    """The journal in ``folder``; the paths in it are relative to ``specs_dir``."""

    folder: Path
    specs_dir: Path

    def write(self, texts: Mapping[Path, str]) -> None:
        """Replace each file by its text; on an error nothing is changed."""
        self._begin(texts)
        try:
            for path, text in texts.items():
                make_folders(path.parent)
                write_atomic(path, text.encode())
        except BaseException:
            self.undo()
            raise

    @property
    def open(self) -> bool:
        """Whether there is something to undo, and no agent has planted it whose step still runs."""
        try:
            path = self.folder / _JOURNAL
            return path.is_file() and is_vouched_for(path, read_plain(path))
        except (FileNotFoundError, NotADirectoryError):
            return False

    def undo(self) -> bool:
        """Put every file back as it was; False when there is nothing to undo.

        It only renames, so it works on a full disk.

        A text that is neither the old nor the new one is kept in the folder, as ``NAME.lost``.
        """
        try:
            entries = self._entries()
        except FileNotFoundError:
            return False
        for number, entry in enumerate(entries):
            self._put_back(number, entry)
        for folder in sorted({f for entry in entries for f in entry["made"]}, reverse=True):
            with contextlib.suppress(OSError):  # someone else's file is in it
                (self.specs_dir / folder).rmdir()
        self.forget()
        return True

    def forget(self) -> None:
        """Keep the files as they are: from here on nothing can be undone.

        Raises OSError when something of it stays; then it is to be asked again.
        """
        with contextlib.suppress(FileNotFoundError):
            (self.folder / _JOURNAL).unlink()
            sync_folder(self.folder)
        for old in self.folder.glob("*.old"):
            old.unlink()
        remove_temporaries(self.folder)
        try:
            self.folder.rmdir()
        except OSError as error:  # *.lost files are in it
            if error.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST):
                raise

    def _begin(self, texts: Mapping[Path, str]) -> None:
        if (self.folder / _JOURNAL).exists():
            raise StateError(
                f"{self.folder}: a merge of this change is not finished",
                fix="Undo or finish it first.",
            )
        make_private_folder(self.folder)
        entries: list[Entry] = []
        for number, (path, text) in enumerate(texts.items()):
            old = path.read_bytes() if path.exists() else None
            if old is not None:
                kept = self.folder / f"{number}.old"
                write_atomic(kept, old)
                kept.chmod(stat.S_IMODE(path.stat().st_mode))
            missing = [p for p in path.parents if self.specs_dir in (p, *p.parents)]
            entries.append(
                {
                    "path": str(path.relative_to(self.specs_dir)),
                    "existed": old is not None,
                    "new_sha256": sha256(text.encode()).hexdigest(),
                    "made": [str(p.relative_to(self.specs_dir)) for p in missing if not p.exists()],
                }
            )
        write_atomic(self.folder / _JOURNAL, json.dumps({"files": entries}, indent=1).encode())

    def _entries(self) -> list[Entry]:
        """What the journal says. Raises StateError for one that names files elsewhere."""
        path = self.folder / _JOURNAL
        try:
            entries: list[Entry] = read_json(path)["files"]
            places = [p for entry in entries for p in (entry["path"], *entry["made"])]
            sound = all(self._is_inside(place) for place in places) and all(
                isinstance(entry["existed"], bool) and isinstance(entry["new_sha256"], str)
                for entry in entries
            )
        except (ValueError, TypeError, KeyError) as error:
            raise self._damaged() from error
        if not sound:
            raise self._damaged()
        return entries

    def _is_inside(self, place: str) -> bool:
        """Whether writing there stays below the specs: a journal may come with a repository."""
        path = PurePosixPath(place)
        if path.is_absolute() or ".." in path.parts:
            return False
        parts = (path, *path.parents)  # the last of them is the specs folder itself
        return not any((self.specs_dir / part).is_symlink() for part in parts)

    def _damaged(self) -> StateError:
        return StateError(
            f"{self.folder / _JOURNAL}: this journal is damaged",
            fix=f"Compare {self.specs_dir} with git by hand, then delete {self.folder}.",
        )

    def _put_back(self, number: int, entry: Entry) -> None:
        path = self.specs_dir / entry["path"]
        remove_leftovers(path)
        kept = self.folder / f"{number}.old"
        if entry["existed"] and not kept.exists():  # moved back before this was interrupted
            return
        old = kept.read_bytes() if entry["existed"] else None
        now = path.read_bytes() if path.is_file() else None
        if now == old:
            return
        if now is not None and sha256(now).hexdigest() != entry["new_sha256"]:
            move_over(path, self.folder / f"{number}.{path.name}.lost")
        if old is not None:
            make_folders(path.parent)
            move_over(kept, path)
        else:
            path.unlink(missing_ok=True)
            sync_folder(path.parent)


def sole_spec_writer(specs_dir: Path) -> contextlib.AbstractContextManager[None]:
    """Keep other agentds from writing these specs. Raises LockHeld after 30 s.

    The lock is on the folder around them, so it leaves no file in the project.
    """
    return lock(specs_dir.parent.resolve())  # specs may be shared by a link; a lock follows none
