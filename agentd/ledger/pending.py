"""Calls that wait in their run's folder until STATE.yaml can take them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

from agentd.errors import StateError
from agentd.files import make_folders, move_over, remove_leftovers, write_atomic
from agentd.json_value import json_value
from agentd.ledger import call_fields, plain_files, render
from agentd.ledger.call_id import ALLOWED, is_call_id
from agentd.ledger.changes import NO_CHANGES, Changes, from_object
from agentd.ledger.run_folders import ENTERED, FINDINGS, PENDING, UNJUDGED, run_dirs, unentered
from agentd.metering.call import CallRecord
from agentd.own_writes import is_vouched_for, noted

RESERVE = "reserve"
RESERVE_BYTES = 64 * 1024


class Kept(NamedTuple):
    """A call that waits, and what changes in STATE.yaml when it is entered."""

    record: CallRecord
    changes: Changes = NO_CHANGES


def check_call_id(call_id: str) -> None:
    """Raise StateError unless the id may name a folder."""
    if not is_call_id(call_id):
        raise StateError(f"call id {call_id!r} is not allowed", fix=ALLOWED)


def reserve(run_dir: Path) -> None:
    """Set 64 KiB of disk aside in a run's folder, so that its call can be kept on a full disk.

    Raises StateError when there is no room for that: better before the run than after it.
    """
    path = run_dir / RESERVE
    with plain_files.explained(path):
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        try:
            _fill(fd)
        finally:
            os.close(fd)


def _fill(fd: int) -> None:
    if hasattr(os, "posix_fallocate"):  # not on macOS
        try:
            os.posix_fallocate(fd, 0, RESERVE_BYTES)
        except OSError as error:
            if error.errno in plain_files.FULL:
                raise
        else:
            return
    os.write(fd, bytes(RESERVE_BYTES))


def keep(runs_dir: Path, call: Kept) -> Path:
    """Write ``runs/<id>/call.pending.json``, durably; on a full disk in place of the reserve.

    Where there is no room for it, but the call is kept unjudged, that stays. Returns the file.
    Raises StateError; its message then holds the call as one line of JSON.
    """
    return _keep(runs_dir, call, PENDING)


def keep_unjudged(runs_dir: Path, record: CallRecord) -> Path:
    """Write ``runs/<id>/call.unjudged.json`` in the same way, the folders too where they are gone.

    It is what is known of a run whose CLI has ended, before anything is done that may fail.
    """
    return _keep(runs_dir, Kept(record), UNJUDGED)


def _keep(runs_dir: Path, call: Kept, name: str) -> Path:
    check_call_id(call.record.id)
    line = render.json_line(call_fields.to_fields(call.record))
    try:
        if name == PENDING:
            plain_files.check_change(runs_dir.parent)
        with plain_files.explained(runs_dir.parent):
            make_folders(runs_dir.parent.parent)
        plain_files.make_folder(runs_dir.parent)
        runs = plain_files.make_folder(runs_dir, private=True)
        path = runs / call.record.id / name
        with plain_files.explained(path):
            try:
                _write(path, call)
            except FileNotFoundError:  # another agentd took the empty folder for a leftover
                _write(path, call)
            (path.parent / RESERVE).unlink(missing_ok=True)
    except StateError as error:
        unjudged = runs_dir / call.record.id / UNJUDGED
        if name == PENDING and unjudged.is_file():
            return unjudged
        message = f"{error.message}; the call could not be kept, it was: {line}"
        raise StateError(message, fix=error.fix) from error
    return path


def _write(path: Path, call: Kept) -> None:
    plain_files.make_folder(path.parent, private=True)
    data = f"{to_line(call)}\n".encode()
    try:
        write_atomic(path, data)
    except OSError as error:
        reserved = path.with_name(RESERVE)
        if error.errno not in plain_files.FULL or not reserved.exists():
            raise
        reserved.unlink()
        write_atomic(path, data)


def read_unjudged(run_dir: Path) -> CallRecord | None:
    """The call that is kept there unjudged; None for none, and for one that can't be read."""
    try:
        data = plain_files.read_file(run_dir / UNJUDGED)
        if data is not None and not _is_agentds(run_dir / UNJUDGED, data):
            return None
        return None if data is None else from_line(data.decode()).record
    except (StateError, ValueError):
        return None  # the run's other files tell of it


def read_pending(runs_dir: Path) -> tuple[list[Kept], StateError | None]:
    """The kept calls, oldest first, and what is wrong with the first that can't be read."""
    records = []
    problem = None
    for run_dir in run_dirs(runs_dir):
        path = run_dir / PENDING
        data = plain_files.read_file(path)
        if data is None or not _is_agentds(path, data):
            continue
        try:
            records.append(from_line(data.decode()))
        except ValueError as error:
            problem = problem or StateError(
                f"{path}: {error}", fix="Repair the file, or delete it to give the call up."
            )
    return records, problem


def _is_agentds(path: Path, data: bytes) -> bool:
    """Not what an agent forged whose step still runs."""
    with plain_files.explained(path):
        return is_vouched_for(path, data)


def to_line(call: Kept) -> str:
    """The call and what it changes as one line of JSON."""
    line = render.json_line(call_fields.to_fields(call.record))
    state = "" if call.changes == NO_CHANGES else f', "state": {call.changes.to_json()}'
    return f"{line[:-1]}{state}}}"


def from_line(text: str) -> Kept:
    """What :func:`to_line` made. Raises ValueError."""
    record = call_fields.from_json(text)
    state = json_value(text).get("state")
    return Kept(record, from_object(state) if state is not None else NO_CHANGES)


def note_amended(runs_dir: Path, record: CallRecord) -> None:
    """Let the copy of an entered call in its run's folder say what its entry does; None is made."""
    path = runs_dir / record.id / ENTERED
    with plain_files.explained(path):
        if path.is_file() and not path.is_symlink():
            remove_leftovers(path)
            write_atomic(path, f"{to_line(Kept(record))}\n".encode())


def mark_entered(runs_dir: Path, call_id: str) -> None:
    """Rename the kept call, if there is one: it is in STATE.yaml now.

    Of a call without a run, such as one of ``record_llm_call``, nothing stays.
    """
    check_call_id(call_id)
    run_dir = runs_dir / call_id
    with plain_files.explained(run_dir):
        if [path.name for path in run_dir.glob("*")] == [PENDING]:
            with noted(run_dir / PENDING, None):
                (run_dir / PENDING).unlink()
            run_dir.rmdir()
            return
        (run_dir / RESERVE).unlink(missing_ok=True)
        (run_dir / FINDINGS).unlink(missing_ok=True)
        if (run_dir / PENDING).exists():
            (run_dir / UNJUDGED).unlink(missing_ok=True)
        for name in (PENDING, UNJUDGED):
            with contextlib.suppress(FileNotFoundError):
                move_over(run_dir / name, run_dir / ENTERED, durable=False)


def empty_folders(runs_dir: Path) -> list[Path]:
    """Folders in which nothing is, as of a call that was entered by an agentd that was killed."""
    return [path for path in unentered(runs_dir) if _is_empty(path)]


def _is_empty(folder: Path) -> bool:
    with contextlib.suppress(OSError):  # another agentd has just removed it
        return not any(folder.iterdir())
    return False
