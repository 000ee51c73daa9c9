"""One change as the page lists it."""

from __future__ import annotations

import contextlib
from typing import Any, NamedTuple

from agentd.config.model import BudgetConfig
from agentd.dashboard.accounts import Budget, budgets_of
from agentd.dashboard.change_row import row_of
from agentd.dashboard.ledger_sums import LedgerSums, bound_of, sums_of
from agentd.errors import ConfigError, StateError
from agentd.files import FileStamp, file_stamp
from agentd.late_pattern import late_pattern
from agentd.ledger.all_rows import read_ledger
from agentd.project.change import Change
from agentd.project.copies import copies_of
from agentd.project.layout import STATE_FILE
from agentd.reports.overview import Limits
from agentd.reports.status import listed
from agentd.workflow.leftovers import NOTHING

_DATED = late_pattern(r"\d{8}-|\d{4}-\d{2}-\d{2}-")
_TRIES = 3  # its row and its budgets are read one after the other; one is not to be newer
Stamp = tuple[FileStamp | None, FileStamp | None, FileStamp | None]


class Entry(NamedTuple):
    """A change as it was read last; ``row`` is its line on the page, for JSON."""

    key: str
    change: Change
    stamp: Stamp
    sums: LedgerSums
    row: dict[str, Any]
    budgets: tuple[Budget, ...] = ()

    @property
    def ledger(self) -> str:
        """The path of its STATE.yaml."""
        return f"{self.change.folder}/{STATE_FILE}"

    @property
    def names(self) -> frozenset[str]:
        """The ids of the change and of its calls."""
        return self.sums.ids | {self.change.id}


def key_of(change: Change) -> str:
    """What names a change on the page: the name of its folder, archived ones with their date.

    An open one whose id looks like that of an archived folder is told apart from it.
    """
    key = change.folder.name
    return f"open:{key}" if not change.archived_on and _DATED.match(key) else key


def stamp_of(change: Change) -> Stamp:
    """What tells that a change is as it was: its ledger, its tasks, and which documents it has."""
    folder = str(change.folder)
    state = file_stamp(f"{folder}/{STATE_FILE}")
    if change.archived_on:
        return state, None, None
    return state, file_stamp(f"{folder}/tasks.md"), file_stamp(folder)


def read_entry(change: Change, budget: BudgetConfig | None, *, has_copies: bool) -> Entry | None:
    """A change as it is now, with its budgets where it has any; None for one that is gone."""
    for _ in range(_TRIES):
        entry = _read(change, budget, has_copies=has_copies)
        if entry is None or entry.stamp == stamp_of(change):
            break
    return entry


def _read(change: Change, budget: BudgetConfig | None, *, has_copies: bool) -> Entry | None:
    stamp, key = stamp_of(change), key_of(change)
    budgets: tuple[Budget, ...] = ()
    try:
        sums = sums_of(read_ledger(change, []))
        view = listed(change, Limits(), copies_of(change) if has_copies else [], lambda _: NOTHING)
        row = {"key": key, **row_of(view, sums)}
        with contextlib.suppress(StateError, ConfigError):
            if budget is not None:
                budgets = tuple(
                    one._replace(bound=bound_of(one.cells_of(sums)))
                    for one in budgets_of(budget, change, key, change.state)
                )
    except OSError:  # archived, or deleted, meanwhile
        return None
    finally:
        change.forget()
    if not change.folder.is_dir():
        return None
    return Entry(key, change, stamp, sums, row, budgets)
