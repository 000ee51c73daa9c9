"""All changes of a project as the page lists them, each read again only after it has changed."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator

from agentd.config.model import BudgetConfig
from agentd.dashboard import entry_cache
from agentd.dashboard.change_row import row_of
from agentd.dashboard.entry import Entry, key_of, read_entry, stamp_of
from agentd.dashboard.ledger_sums import sums_of
from agentd.files import FileStamp, file_stamp
from agentd.ledger.all_rows import counted_once, read_ledger
from agentd.project.change import Change
from agentd.project.changes import archived_changes, open_changes
from agentd.project.layout import Project
from agentd.reports.overview import Limits


class Index:
    """The changes by :func:`key_of`.

    One thread at a time may :meth:`refresh`; others may read ``entries`` meanwhile, which is
    replaced as a whole. ``warnings`` is what is wrong with the config. Nothing is written in the
    project.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.entries: dict[str, Entry] = {}
        self._read_last: dict[str, Entry] = {}
        """The same, with the calls that count in another one."""
        self._limits = Limits()
        self._changes: list[Change] = []
        self._ids: Counter[str] = Counter()
        self._folders: tuple[FileStamp | None, FileStamp | None] = None, None
        self._config: FileStamp | None = None
        self._config_known = False
        self._names: Counter[str] = Counter()
        self._several: set[str] = set()
        self._lock = threading.Lock()

    @property
    def budget(self) -> BudgetConfig | None:
        """The config's limits; None where it has nothing to say of budgets."""
        return self._limits.budget

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with the config."""
        return self._limits.warnings

    def load(self, told: Callable[[int, int], None] = lambda _read, _all: None) -> None:
        """Read all; ``told`` is called with how many of how many changes are read.

        What is read is kept in a cache until the files change.
        """
        with self._lock:
            self._look_at_config()
            self._list()
            kept = entry_cache.load(self.project, self._config)
            entries = {}
            for number, change in enumerate(self._changes):
                entry = kept.get(change) or self._read(change)
                if entry is not None:
                    entries[entry.key] = entry
                    self._count(entry.names)
                if number % 20 == 0:
                    told(number, len(self._changes))
            kept.save(entries.values())
            self._read_last, self.entries = entries, self._once(entries)

    def glance(self) -> frozenset[str] | None:
        """The open changes whose ledger is another one; None where changes came or went.

        It takes two microseconds for each, so that it can be asked all the time.
        """
        if self._folders != self._folder_stamps():
            return None
        open_ = (one for one in self.entries.values() if not one.change.archived_on)
        return frozenset(one.key for one in open_ if file_stamp(one.ledger) != one.stamp[0])

    def refresh(self, among: frozenset[str] | None = None) -> frozenset[str]:
        """Read what has changed ``among`` these keys, None for all; the keys of what did.

        Also of what is gone.
        """
        with self._lock:
            everything = among is None and self._look_at_config()
            if among is None:
                self._list()
            before, entries, changed = self._read_last, dict[str, Entry](), set()
            for change in self._changes:
                key = key_of(change)
                known = before.get(key)
                if known is not None and (among is None or key in among):
                    is_same = not everything and known.stamp == stamp_of(known.change)
                    known = known if is_same else None
                entry = known or self._read(change)
                if entry is not None:
                    entries[key] = entry
                if known is None:
                    changed.add(key)
            changed.update(before.keys() - entries.keys())
            if changed:
                for key in changed:
                    self._names.subtract(before[key].names if key in before else ())
                    self._count(entries[key].names if key in entries else frozenset())
                counted, self.entries = self.entries, self._once(entries)
                self._read_last = entries
                changed.update(_counted_otherwise(counted, self.entries))
            return frozenset(changed)

    def _count(self, names: frozenset[str]) -> None:
        self._names.update(names)
        self._several.update(name for name in names if self._names[name] > 1)

    def _once(self, entries: dict[str, Entry]) -> dict[str, Entry]:
        """With each call in one entry, where merges or imports have left it in several."""
        if not self._several:
            return entries
        several = {name for name in self._several if self._names[name] > 1}
        self._several = several
        shared = [one for one in entries.values() if not several.isdisjoint(one.names)]
        changes = [one.change for one in shared]
        once = counted_once(changes, [read_ledger(change, []) for change in changes])
        found = dict(entries)
        for one in shared:
            if (counting := once.get(str(one.change.folder))) is not None:
                sums = sums_of(counting.rows)
                found[one.key] = one._replace(row={**one.row, **row_of(None, sums)}, sums=sums)
        return found

    def _look_at_config(self) -> bool:
        """Whether the config is another one, and so all is to be read again."""
        stamp = file_stamp(self.project.config_path)
        if self._config_known and stamp == self._config:
            return False
        was, self._config, self._config_known = self._config, stamp, True
        # Where there has never been one (a page of agents alone needs none), none is missed.
        self._limits = Limits.read(self.project.config_path) if stamp or was else Limits()
        return True

    def _folder_stamps(self) -> tuple[FileStamp | None, FileStamp | None]:
        return file_stamp(self.project.changes_dir), file_stamp(self.project.archive_dir)

    def _list(self) -> None:
        self._folders = self._folder_stamps()
        # In this order, a change that is archived meanwhile is not missed.
        found = [*open_changes(self.project), *archived_changes(self.project)]
        known = {change.folder: change for change in self._changes}
        self._changes = [known.get(change.folder, change) for change in found]
        self._ids = Counter(change.id for change in found)

    def _read(self, change: Change) -> Entry | None:
        budget = None if change.archived_on else self.budget
        return read_entry(change, budget, has_copies=self._ids[change.id] > 1)


def _counted_otherwise(before: dict[str, Entry], now: dict[str, Entry]) -> Iterator[str]:
    """The keys of those in which other calls count, though they were not written to."""
    for key, entry in now.items():
        if (known := before.get(key)) is not None and known.sums.totals != entry.sums.totals:
            yield key


def newest(entries: dict[str, Entry]) -> Entry | None:
    """The open change that was written to last."""
    at_work = [one for one in entries.values() if not one.change.archived_on and one.stamp[0]]
    return max(at_work, key=lambda one: one.stamp[0] or (0,), default=None)
