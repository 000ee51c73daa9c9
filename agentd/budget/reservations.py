"""What calls that run now have reserved of a project's budget: a small file for each.

They lie in the state folder: what an agent finds in its project neither adds nor frees any.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from agentd.errors import StateError
from agentd.files import read_json, write_atomic
from agentd.ledger import plain_files, run_folders
from agentd.locks import MAX_PID, lock
from agentd.metering.money import exact_usd
from agentd.state_folder import make_state_folder, state_folder_of

ENDING = ".reserved"
_LOCK = "budget.lock"
_BEGUN = "run.json"  # the runner writes it right before it starts the CLI


class Reservation(NamedTuple):
    """A running call's part of the budget of a period; ``run_dir`` is its run's folder.

    ``pid`` is the agentd that makes the call, filled in by ``hold``.
    """

    call_id: str
    run_dir: Path
    usd: Decimal
    tokens: int
    period: str = ""
    pid: int = 0


class Reservations:
    """The files of the project at ``root``, one per running call, named by its id.

    A reservation counts for as long as its run's folder is there and its call is in no ledger: if
    agentd is killed, until a later command has entered the call. Every method raises StateError
    when the state folder can't be used.
    """

    def __init__(self, root: Path) -> None:
        self._root = os.fspath(root)

    @contextlib.contextmanager
    def deciding(self, *, timeout_s: float = 60.0) -> Iterator[None]:
        """Hold the lock in which a budget is looked at and a part of it reserved.

        Raises LockHeld when another process has it for longer than ``timeout_s`` seconds.
        """
        with contextlib.ExitStack() as stack:
            folder = None
            while folder is None:
                folder = Path(make_state_folder(self._root))
                with plain_files.explained(folder):
                    try:
                        stack.enter_context(lock(folder / _LOCK, timeout_s=timeout_s, mode=0o600))
                    except FileNotFoundError:  # another agentd took the folder away meanwhile
                        folder = None
            yield

    def hold(self, reservation: Reservation) -> None:
        """Write a reservation, or a new amount into it."""
        text = json.dumps(
            {
                "run_dir": os.fspath(reservation.run_dir),
                "period": reservation.period,
                "pid": os.getpid(),
                "usd": f"{reservation.usd:f}",
                "tokens": reservation.tokens,
            }
        )
        path = Path(make_state_folder(self._root), f"{reservation.call_id}{ENDING}")
        with plain_files.explained(path):
            write_atomic(path, text.encode(), durable=False)  # a power cut ends the call as well

    def release(self, call_id: str) -> None:
        """Give a reservation back."""
        if (folder := state_folder_of(self._root)) is not None:
            with plain_files.explained(Path(folder)):
                Path(folder, f"{call_id}{ENDING}").unlink(missing_ok=True)

    def held(self, *, but: str = "") -> dict[str, Reservation]:
        """The reservations that count, by call id, without that of the call ``but``.

        Those that are over are deleted: their call is in a ledger, or its run's folder is gone.
        """
        found: dict[str, Reservation] = {}
        folder = state_folder_of(self._root)
        for path in sorted(Path(folder).glob(f"*{ENDING}")) if folder else ():
            if path.stem == but or (reservation := _read(path)) is None:
                continue
            run_dir = reservation.run_dir
            never_begun = not (run_dir / _BEGUN).exists() and not _lives(reservation.pid)
            if not run_dir.is_dir() or (run_dir / run_folders.ENTERED).exists() or never_begun:
                self.release(path.stem)
            else:
                found[path.stem] = reservation
        return found


def _read(path: Path) -> Reservation | None:
    try:
        if not path.stat().st_size:  # a power cut
            path.unlink()
            return None
        values = read_json(path)
        amount = (exact_usd("usd", values["usd"]), int(exact_usd("tokens", values["tokens"])))
        run_dir = Path(values["run_dir"])
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            run_dir.lstat()  # what can be no path is none of agentd's
        return Reservation(path.stem, run_dir, *amount, str(values["period"]), int(values["pid"]))
    except FileNotFoundError:  # given back meanwhile
        return None
    except (OSError, ValueError, TypeError, KeyError, ArithmeticError) as error:
        raise StateError(
            f"{path}: is not what agentd wrote there",
            fix="Delete it when no agentd is at work; it only tells what a running call may spend.",
        ) from error


def _lives(pid: int) -> bool:
    if not 0 < pid <= MAX_PID:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's
    return True
