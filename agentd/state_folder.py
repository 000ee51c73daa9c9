"""The folder in which agentd keeps what an agent must not reach: outside the project's files.

It is ``$XDG_STATE_HOME/agentd/<hash of the project's real path>/`` (``~/.local/state`` by default).
Where that can't be written it is ``agentd/<hash>/`` in the git folder that all worktrees share.
The file ``root`` in it has that path: a folder that tells of another one is not used. Nothing but
folders above it need be there: whoever asks where it is makes nothing.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator

from agentd.digests import sha256
from agentd.errors import StateError

LOCK, HOLD = "lock", ".work"
"""How files end that only serve as locks: nobody misses one that nobody holds.

Those of HOLD say who is at work on a change: see ``project.hold``.
"""
WRITES, MAKING, BASELINE, ENDED = ".writes", ".making", ".baseline", ".ended"
OF_GUARDS = (WRITES, MAKING, BASELINE, ENDED, ".tmp")
"""How files end of which a killed guard may have left one: see ``guard.write_log``."""
LEFT_BY_STEPS = "left-by-steps.json"
PLANTED = "planted-filters.json"
"""In the home of all projects: see ``planted_filters``."""
UNSENT = "otel-unsent"
"""In the home of all projects: see ``workflow.otel.unsent``."""
_ROOT = "root"
_LONGEST_PATH = 4096
_PROJECTS = "projects"  # in the home of all, the paths of those in which a step has run
_LONGEST_LIST = 1_000_000


def make_state_folder(root: str) -> str:
    """The folder of the project at ``root``, private to its user, made if it is missing.

    Raises StateError when none can be written.
    """
    real = os.path.realpath(root)
    told = []
    for home in _usable_homes(real):  # as readers look for it
        folder = f"{home}/{hash_of(real)}"
        while True:
            try:
                _make(folder, home, real)
            except OSError as error:
                # Another agentd may have taken it away meanwhile, as its last user.
                if error.errno == errno.ENOENT and _is_ours(home):
                    continue
                told.append(f"{error.filename or folder}: {error.strerror}")
                break
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
    real = os.path.realpath(root)
    for home in _usable_homes(real):
        folder = f"{home}/{hash_of(real)}"
        if _is_of(folder, real):
            return folder
    return None


def state_folders_around(path: str) -> Iterator[tuple[str, str]]:
    """Each folder above a file that may be a project's root, with a state folder of it.

    It is asked twice at every write: without any state folder it costs a few system calls.
    """
    there = {}
    for home in _usable_homes(os.path.dirname(path)):  # noqa: PTH120
        with contextlib.suppress(OSError):
            if names := frozenset(os.listdir(home)) - {_PROJECTS, PLANTED, UNSENT}:  # noqa: PTH208
                there[home] = names
    if not there:
        return
    folder = os.path.dirname(path)  # noqa: PTH120
    are_real = os.path.realpath(folder) == folder
    while (above := path.rpartition("/")[0]) != path:
        path = above
        real = (path or "/") if are_real else os.path.realpath(path or "/")
        name = hash_of(real)
        for home, names in there.items():
            if name in names and _is_of(f"{home}/{name}", real):
                yield path or "/", f"{home}/{name}"


def is_of_no_use(name: str) -> bool:
    """Whether a file in a state folder tells nothing once nobody holds it."""
    return name.endswith((_ROOT, LOCK, HOLD))


def hash_of(text: str) -> str:
    """32 digits for a path or another key, which nobody can find another text for."""
    return str(sha256(os.fsencode(text)).hexdigest()[:32])


def roots_worked_in() -> list[str]:
    """The paths of the projects in which a step has run, those that are gone too."""
    home = home_of_user()
    listed = os.fsdecode(_listed_in(home)) if home else ""
    return [root for root in listed.split("\0") if root.startswith("/")]


def _listed_in(home: str) -> bytes:
    try:
        fd = os.open(f"{home}/{_PROJECTS}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        return os.read(fd, _LONGEST_LIST) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
    finally:
        os.close(fd)


def _enlist(home: str, real: str) -> None:
    """Add a project to the list of those in which a step has run; those that are gone leave it."""
    if b"\0%b\0" % os.fsencode(real) in b"\0%b\0" % _listed_in(home):
        return
    with contextlib.suppress(OSError):  # it only helps `cost --everywhere` to find the project
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        with open(os.open(f"{home}/{_PROJECTS}", flags, 0o600), "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            known = os.fsdecode(_listed_in(home)).split("\0")
            there = [root for root in known if os.path.lexists(root) and root != real]
            file.write(os.fsencode("\0".join([*there, real])))
            file.truncate()


def known_roots() -> list[str]:
    """The paths of the projects that have a state folder outside of their git folder."""
    home = home_of_user()
    names = sorted(os.listdir(home)) if home and _is_ours(home) else ()  # noqa: PTH208
    folders = [f"{home}/{name}" for name in names]
    return [root for one in folders if _is_ours(one) and (root := _named(one)).startswith("/")]


def home_of_user() -> str | None:
    """Where the state folders of this user's projects lie; None where nobody knows."""
    home = os.environ.get("XDG_STATE_HOME", "")
    if not home.startswith("/"):
        home = os.path.expanduser("~/.local/state")  # noqa: PTH111
    return f"{home.rstrip('/')}/agentd" if home.startswith("/") else None


def _homes(folder: str) -> Iterator[str]:
    home = home_of_user()
    if home is not None:
        yield home
    common = _git_folder(os.path.realpath(folder))
    if common is not None:
        yield f"{common}/agentd"


def _usable_homes(folder: str) -> Iterator[str]:
    """Where the state folder may be: up to the first of the homes that can be written."""
    for home in _homes(folder):
        yield home
        above = home
        while not os.path.lexists(above):
            above = os.path.dirname(above)  # noqa: PTH120
        if (
            (above != home or _is_ours(home))
            and os.path.isdir(above)  # noqa: PTH112
            and os.access(above, os.W_OK | os.X_OK)
        ):
            return


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


def _make(folder: str, home: str, real: str) -> None:
    os.makedirs(home, mode=0o700, exist_ok=True)  # noqa: PTH103
    _make_private(home)
    if not os.path.lexists(folder):
        _prune(home)
        if home == home_of_user():
            _enlist(home, real)
    _make_private(folder)
    if (named := _named(folder)) == real:
        return
    if named:
        raise FileExistsError(errno.EEXIST, "is of another project", folder)
    new = f"{folder}/{os.getpid()}.{_ROOT}"
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with open(fd, "wb") as file:
        file.write(os.fsencode(real))
    os.replace(new, f"{folder}/{_ROOT}")  # noqa: PTH105


def _make_private(folder: str) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)  # noqa: PTH102
    found = os.lstat(folder)
    if not _is_folder_of_ours(found):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), folder)
    if stat.S_IMODE(found.st_mode) != 0o700:
        os.chmod(folder, 0o700)  # noqa: PTH101
    if not os.access(folder, os.W_OK | os.X_OK):
        os.lstat(folder)  # one that is gone by now is another error
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder)


def _is_of(folder: str, real: str) -> bool:
    """Whether it is this user's folder for that project; one without a name was made just now."""
    return _is_ours(folder) and _named(folder) in ("", real)


def _named(folder: str) -> str:
    try:
        fd = os.open(f"{folder}/{_ROOT}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return ""
    except OSError as error:  # a link, or another user's
        return os.strerror(error.errno or 0)
    try:
        return os.fsdecode(os.read(fd, _LONGEST_PATH))
    except OSError as error:  # a folder
        return os.strerror(error.errno or 0)
    finally:
        os.close(fd)


def _prune(home: str) -> None:
    """Take away the folders of projects that are gone and have nothing to be judged."""
    with contextlib.suppress(OSError):
        for name in os.listdir(home):  # noqa: PTH208
            folder = f"{home}/{name}"
            root = _named(folder)
            if root.startswith("/") and not os.path.lexists(root):
                inside = os.listdir(folder)  # noqa: PTH208
                if all(one == LEFT_BY_STEPS or is_of_no_use(one) for one in inside):
                    for one in inside:
                        os.unlink(f"{folder}/{one}")  # noqa: PTH108
                    os.rmdir(folder)  # noqa: PTH106


def _is_ours(folder: str) -> bool:
    """Whether it is a folder itself, and this user's."""
    try:
        return _is_folder_of_ours(os.lstat(folder))
    except OSError:
        return False


def _is_folder_of_ours(found: os.stat_result) -> bool:
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
