"""The folder in which agentd keeps what an agent must not reach: outside the project's files.

It is ``$XDG_STATE_HOME/agentd/<hash of the project's real path>/`` (``~/.local/state`` by default).
Where that can't be written it is ``agentd/<hash>/`` in the git folder that all worktrees share.
Nothing but folders above it need be there: whoever asks where it is makes nothing.
"""

from __future__ import annotations

import contextlib
import os
import stat
import zlib
from collections.abc import Iterator

from agentd.errors import StateError


def make_state_folder(root: str) -> str:
    """The folder of the project at ``root``, private to its user, made if it is missing.

    Raises StateError when none can be written.
    """
    told = []
    for folder in _candidates(os.path.realpath(root)):
        try:
            os.makedirs(os.path.dirname(folder), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
            _make_private(os.path.dirname(folder))  # noqa: PTH120
            _make_private(folder)
        except OSError as error:
            told.append(f"{error.filename or folder}: {error.strerror}")
        else:
            return folder
    raise StateError(
        f"agentd can't keep what a step may not touch out of the agent's reach: {'; '.join(told)}",
        fix="Make one of these folders writable, or set XDG_STATE_HOME to one that is.",
    )


def state_folder_of(root: str) -> str | None:
    """The folder of the project at ``root`` if it is there.

    One in the git folder counts only where the preferred one can't be written: an agent reaches
    it more easily.
    """
    for folder in _candidates(os.path.realpath(root)):
        if _is_ours(folder):
            return folder
        above = os.path.dirname(folder)  # noqa: PTH120
        is_usable = _is_ours(above) or not os.path.lexists(above)
        while not os.path.exists(above):  # noqa: PTH110
            above = os.path.dirname(above)  # noqa: PTH120
        if is_usable and os.path.isdir(above) and os.access(above, os.W_OK | os.X_OK):  # noqa: PTH112
            return None
    return None


def state_folders_around(path: str) -> Iterator[tuple[str, str]]:
    """Each folder above a file that may be a project's root, with a state folder of it."""
    homes = [home for home in _homes(os.path.dirname(path)) if _is_ours(home)]  # noqa: PTH120
    there = {home: frozenset(os.listdir(home)) for home in homes}  # noqa: PTH208
    if not any(there.values()):
        return
    while (above := path.rpartition("/")[0]) != path:
        path = above
        name = short_hash(os.path.realpath(path or "/"))
        for home, names in there.items():
            if name in names and _is_ours(f"{home}/{name}"):
                yield path or "/", f"{home}/{name}"


def short_hash(key: str) -> str:
    """16 digits for a path or another key; a name in a folder, not proof against forgery."""
    data = os.fsencode(key)
    # No hashlib: it takes 5 ms to load, a twelfth of `agentd --version`.
    return f"{zlib.crc32(data):08x}{zlib.adler32(data):08x}"


def _candidates(root: str) -> list[str]:
    return [f"{home}/{short_hash(root)}" for home in _homes(root)]


def _homes(folder: str) -> Iterator[str]:
    home = os.environ.get("XDG_STATE_HOME", "")
    if not home.startswith("/"):
        home = os.path.expanduser("~/.local/state")  # noqa: PTH111
    if home.startswith("/"):
        yield f"{home.rstrip('/')}/agentd"
    common = _git_folder(os.path.realpath(folder))
    if common is not None:
        yield f"{common}/agentd"


def _git_folder(folder: str) -> str | None:
    """The git folder that all worktrees of the repository around ``folder`` share.

    Without git: writers ask for it at every write while a step runs.
    """
    while True:
        git = f"{folder.rstrip('/')}/.git"
        try:
            is_folder = stat.S_ISDIR(os.lstat(git).st_mode)
            return git if is_folder else _linked_git_folder(folder, git)
        except FileNotFoundError:
            above = os.path.dirname(folder)  # noqa: PTH120
        except OSError:  # git would not know either
            return None
        if above == folder:
            return None
        folder = above


def _linked_git_folder(folder: str, file: str) -> str | None:
    line = _first_line(file)
    if not line.startswith("gitdir: "):
        return None
    own = os.path.join(folder, line.removeprefix("gitdir: "))  # noqa: PTH118
    common = "."
    with contextlib.suppress(FileNotFoundError):  # a submodule
        common = _first_line(f"{own}/commondir")
    return os.path.normpath(os.path.join(own, common))  # noqa: PTH118


def _first_line(file: str) -> str:
    """Of a regular file; an agent may have put a named pipe there, which has no end."""
    fd = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    with open(fd, encoding="utf-8", errors="surrogateescape") as handle:
        return handle.readline(4096).rstrip("\n") if stat.S_ISREG(os.fstat(fd).st_mode) else ""


def _make_private(folder: str) -> None:
    try:
        os.mkdir(folder, 0o700)  # noqa: PTH102
    except FileExistsError:
        if not _is_ours(folder):
            raise
    if stat.S_IMODE(os.lstat(folder).st_mode) != 0o700:
        os.chmod(folder, 0o700)  # noqa: PTH101
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(13, os.strerror(13), folder)


def _is_ours(folder: str) -> bool:
    """Whether it is a folder itself, and this user's."""
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
