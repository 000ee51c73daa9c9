"""Calls from lines of JSON, as ``agentd export --format jsonl`` writes them, back into ledgers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from agentd.errors import InputError
from agentd.files import read_plain
from agentd.json_value import json_value
from agentd.ledger.call_fields import from_json
from agentd.ledger.call_id import ALLOWED, is_call_id
from agentd.metering.call import CallRecord
from agentd.project.change import Change
from agentd.project.changes import find_change
from agentd.project.copies import is_taken_up
from agentd.project.workspace import Workspace

MAX_BYTES = 1 << 30


class ImportedLines(NamedTuple):
    """The calls that were written (or would be), by change, and how many were there before."""

    written: Sequence[tuple[Change, Sequence[CallRecord]]]
    there_before: int


def import_lines(start: Path, path: Path, *, into: str | None, dry_run: bool) -> ImportedLines:
    """Enter the calls of a file, each into the change that its line names, or all ``into`` one.

    One that its ledger has is left as it is there. Nothing is written unless every line is right
    and every change is there: raises InputError with the line. Raises StateError for a ledger that
    can't be written; those before it are.
    """
    workspace = Workspace.open_to_write(start)
    calls: dict[str, list[CallRecord]] = {}
    for number, change_id, call in _read(path):
        target = into or change_id
        if target is None:
            raise InputError(f"{path}:{number}: no change_id", fix="Name the change: --into ID.")
        calls.setdefault(target, []).append(call)
    changes = [find_change(workspace.project, change_id) for change_id in calls]
    written, there_before = [], 0
    for change, given in zip(changes, calls.values(), strict=True):
        known = change.state.ids if is_taken_up(change) else set()
        new = list({call.id: call for call in given if call.id not in known}.values())
        there_before += len(given) - len(new)
        if new and not dry_run:
            if not is_taken_up(change):
                from agentd.workflow.begin import take_up

                take_up(change)
            new = change.ledger.append_all(new)
        written.append((change, new))
    return ImportedLines(written, there_before)


def _read(path: Path) -> Iterator[tuple[int, str | None, CallRecord]]:
    """Each line with its number; empty ones tell nothing."""
    try:
        text = read_plain(path, max_bytes=MAX_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "is no UTF-8"
        raise InputError(
            f"{path} can't be read: {told}", fix="Name a file that `agentd export` wrote."
        ) from error
    # splitlines() also splits at what a JSON text may hold as it is, such as U+2028.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield number, *_call(line)
        except ValueError as error:
            raise InputError(
                f"{path}:{number}: {error}",
                fix="Expected a line of `agentd export --format jsonl`; nothing was written.",
            ) from error


def _call(line: str) -> tuple[str | None, CallRecord]:
    call, raw = from_json(line), json_value(line)
    if not is_call_id(call.id):
        raise ValueError(f"id is {call.id!r}. {ALLOWED}")
    change_id = raw.get("change_id")
    if change_id is not None and not isinstance(change_id, str):
        raise ValueError(f"change_id is {change_id!r}; expected text")
    return change_id, call
