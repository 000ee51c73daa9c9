"""What calls that run now have reserved of a project's budget: a small file for each."""

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
    """The files of ``folder``, one per running call, named by its id.

    A reservation counts for as long as its run's folder is there and its call is in no ledger: if
    agentd is killed, until a later command has entered the call. Every method raises StateError
    when the folder can't be used.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextlib.contextmanager
    def deciding(self, *, timeout_s: float = 60.0) -> Iterator[None]:
        """Hold the lock in which a budget is looked at and a part of it reserved.

        Raises LockHeld when another process has it for longer than ``timeout_s`` seconds.
        """
        plain_files.make_folder(self.folder)
        with plain_files.explained(self.folder):
            held = lock(self.folder / ".lock", timeout_s=timeout_s)
        with held:
            ignored = self.folder / ".gitignore"
            with plain_files.explained(self.folder):
                if not ignored.exists():
                    write_atomic(ignored, b"*\n")
            yield

    def hold(self, reservation: Reservation) -> None:
        """Write a reservation, or a new amount into it."""
        text = json.dumps(
            {
                # Seen from here, so that it holds wherever the project is mounted or moved.
                "run_dir": os.path.relpath(reservation.run_dir, self.folder),
                "period": reservation.period,
                "pid": os.getpid(),
                "usd": f"{reservation.usd:f}",
                "tokens": reservation.tokens,
            }
        )
        with plain_files.explained(self.folder):
            path = self.folder / f"{reservation.call_id}.json"
            write_atomic(path, text.encode(), durable=False)  # a power cut ends the call as well

    def release(self, call_id: str) -> None:
        """Give a reservation back."""
        with plain_files.explained(self.folder):
            (self.folder / f"{call_id}.json").unlink(missing_ok=True)

    def held(self, *, but: str = "") -> dict[str, Reservation]:
        """The reservations that count, by call id, without that of the call ``but``.

        Those that are over are deleted: their call is in a ledger, or its run's folder is gone.
        """
        found = {}
        for path in sorted(self.folder.glob("*.json")):
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
        values = read_json(path)
        amount = (exact_usd("usd", values["usd"]), int(exact_usd("tokens", values["tokens"])))
        run_dir = Path(os.path.normpath(path.parent / values["run_dir"]))
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
