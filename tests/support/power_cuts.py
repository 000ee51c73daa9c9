"""A disk after a power cut: what no fsync has put there is gone.

A file has the content of its last fsync, a folder the names of its own last fsync; a file that is
named there and was never synced is empty. A folder has one parent: moving it is one transaction.
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

_SEALED = getattr(os, "O_PATH", os.O_RDONLY) | os.O_NOFOLLOW


@dataclass
class SyncedDisk:
    """Folders as they are on the disk. What is there when it is made counts as synced.

    Other processes of whoever has ``home`` in its command line end with the cut.
    """

    home: Path
    folders: Sequence[Path]
    _files: dict[int, bytes] = field(default_factory=dict)
    _names: dict[int, dict[str, tuple[int, int]]] = field(default_factory=dict)
    _held: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for top in self.folders:
            top.mkdir(parents=True, exist_ok=True)
            for folder, _, files in os.walk(top):
                self._note_folder(Path(folder))
                for name in files:
                    self._note_file(Path(folder, name))

    def sync(self, fd: int) -> None:
        """This open file or folder was synced."""
        place = Path(f"/proc/self/fd/{fd}")
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            self._note_folder(place.readlink())
        elif stat.S_ISREG(os.fstat(fd).st_mode):
            self._keep(place, os.fstat(fd).st_ino, follow=True)
            self._files[os.fstat(fd).st_ino] = place.read_bytes()

    def cut(self) -> None:
        """End the other processes, and make the folders what they are after the cut."""
        self._end_others()
        for top in self.folders:
            self._put_folder(top, top.stat().st_ino)

    def _note_folder(self, folder: Path) -> None:
        with os.scandir(folder) as entries:
            found = {entry.name: entry.stat(follow_symlinks=False) for entry in entries}
        self._keep(folder, folder.stat().st_ino)
        for name, each in found.items():
            self._keep(folder / name, each.st_ino)
        moved = {each.st_ino for each in found.values() if stat.S_ISDIR(each.st_mode)}
        for other, names in self._names.items():
            self._names[other] = {n: each for n, each in names.items() if each[0] not in moved}
        self._names[folder.stat().st_ino] = {
            name: (each.st_ino, each.st_mode) for name, each in found.items()
        }

    def _note_file(self, path: Path) -> None:
        if path.is_symlink():
            self._files[path.lstat().st_ino] = os.fsencode(path.readlink())
        elif path.is_file():
            self._files[path.stat().st_ino] = path.read_bytes()

    def _keep(self, path: Path, inode: int, *, follow: bool = False) -> None:
        """Hold it open, so that no other file gets its number."""
        if inode not in self._held:
            flags = _SEALED & ~os.O_NOFOLLOW if follow else _SEALED
            self._held[inode] = os.open(path, flags)

    def _put_folder(self, folder: Path, inode: int) -> None:
        names = self._names.get(inode, {})
        for path in list(folder.iterdir()):
            now = path.lstat()
            if names.get(path.name, (0, 0))[0] != now.st_ino:
                shutil.rmtree(path) if stat.S_ISDIR(now.st_mode) else path.unlink()
        for name, (number, mode) in names.items():
            path = folder / name
            if stat.S_ISDIR(mode):
                path.mkdir(exist_ok=True, mode=stat.S_IMODE(mode))
                self._put_folder(path, number)
            elif stat.S_ISLNK(mode):
                if not path.is_symlink():
                    path.symlink_to(os.fsdecode(self._files[number]))
            elif stat.S_ISREG(mode):
                data = self._files.get(number, b"")
                if not path.exists() or path.read_bytes() != data:
                    path.write_bytes(data)
                    path.chmod(stat.S_IMODE(mode))

    def _end_others(self) -> None:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes()
                if os.fsencode(self.home) in command and int(process.name) != os.getpid():
                    os.kill(int(process.name), signal.SIGKILL)
            except OSError:
                continue
