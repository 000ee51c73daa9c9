"""STATE.yaml, a change's ledger: crash-safe, locked, and never rewritten when it is broken."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from agentd.clock import iso, utc_now
from agentd.errors import StateError
from agentd.files import make_folders, write_atomic
from agentd.ledger import (
    call_fields,
    entries,
    own_grammar,
    pending,
    plain_files,
    reading,
    restarts,
    scalar,
    state,
)
from agentd.ledger.changes import NO_CHANGES, Changes, restart_behind
from agentd.ledger.document import Document
from agentd.ledger.pending import Kept
from agentd.ledger.run_folders import LEDGER_LOCK
from agentd.ledger.source import Malformed, Source
from agentd.ledger.state import State
from agentd.locks import lock
from agentd.metering.call import CallRecord
from agentd.metering.usage import UsageMetrics
from agentd.metering.words import CallStatus
from agentd.own_writes import noted

if TYPE_CHECKING:
    from agentd.ledger.call_fields import Fields
    from agentd.metering.rates import PricingConfig

_NEW = """\
change_id: {change_id}
schema_version: '2.0'
created_at: {now}
updated_at: {now}
phase: {phase}
iteration: 1
last_action: null
session_id: null
checksums: {{}}
validations: []
telemetry:
  calls: []
  total_cost_usd: 0.0
  total_tokens_in: 0
  total_tokens_out: 0
"""


class StateStore:
    """The STATE.yaml of one change. Every write holds the lock of ``runs/.lock`` and reads anew.

    Every method raises StateError when the file, its folder or the disk is at fault; the file is
    then as it was.
    """

    def __init__(self, change_dir: Path | str) -> None:
        self.change_dir = Path(change_dir)
        self.path = self.change_dir / "STATE.yaml"

    @property
    def runs_dir(self) -> Path:
        """Where the change's runs lie."""
        return self.change_dir / "runs"

    def create(self, change_id: str, *, phase: str = "proposed") -> None:
        """Write a new STATE.yaml, with its folder if that is missing."""
        with plain_files.explained(self.change_dir):
            make_folders(self.change_dir.parent)
        plain_files.make_folder(self.change_dir)
        text = _NEW.format(
            change_id=scalar.text(change_id), phase=scalar.text(phase), now=iso(utc_now())
        )
        with self.locked():
            if self.path.exists() or self.path.is_symlink():
                raise StateError(
                    f"{self.path}: is there already", fix="Take another id for a new change."
                )
            write_atomic(self.path, text.encode())

    def read(self) -> State:
        """The state as it stands; writes nothing, takes no lock."""
        return reading.read_state(self.change_dir)

    def read_with_totals(self) -> tuple[State, dict[str, Decimal | None]]:
        """The state, and the totals as the file states them: see ``Document.stated_totals``."""
        with reading.explained(self.path):
            found = reading.read_document(self.path, own_grammar.ALL)[1]
            return state.from_document(found), found.stated_totals()

    def append(self, record: CallRecord, changes: Changes = NO_CHANGES) -> bool:
        """Enter a call and make ``changes`` in one write.

        False, and nothing changes, when a call of its id is there already. When that fails, the
        call is kept in its run's folder and the StateError says so.
        """
        pending.check_call_id(record.id)
        call = Kept(record, changes)
        try:
            return bool(self._enter([call]))
        except StateError as error:
            path = self._keep_after(error, call)
            waits = f"The call is kept in {path}; the next agentd command enters it."
            raise StateError(error.message, fix=f"{error.fix}\n{waits}") from error

    def append_all(self, records: Sequence[CallRecord]) -> list[CallRecord]:
        """Enter those whose ids are not there yet, in one write; returns them."""
        for record in records:
            pending.check_call_id(record.id)
        return [call.record for call in self._enter([Kept(record) for record in records])]

    def amend(self, records: Sequence[CallRecord]) -> list[CallRecord]:
        """Put these in place of the calls with their ids; returns those that are new in anything.

        They say when: ``amended`` is set to now. One whose id is not there is left out. The
        change must be held (``project.hold``): a guard at work on it knows of no such writes.
        """
        with self.locked():
            origin = self._read()[0]
            found = reading.read_document(self.path, own_grammar.ALL)[1]
            there = {call.id: call for call in found.records()}
            now = utc_now()
            new = [
                replace(one, amended=now)
                for one in records
                if one.id in there and _fields(one, there[one.id].amended) != _fields(there[one.id])
            ]
            if new:
                by_id = {one.id: call_fields.to_fields(one) for one in new}
                text = found.replaced(by_id, origin).update(entries.stamped(NO_CHANGES))
                for one in new:  # first: who is killed here corrects both again
                    pending.note_amended(self.runs_dir, one)
                write_atomic(self.path, origin.encode(text))
        return new

    def update(
        self,
        *,
        phase: str | None = None,
        iteration: int | None = None,
        last_action: str | None = None,
        session_id: str | None = None,
        checks: str | None = None,
        approvals: str | None = None,
    ) -> None:
        """Set these keys (None: left as it is) and ``updated_at``; nothing else changes."""
        changes = Changes(phase, iteration, last_action, session_id, checks, approvals=approvals)
        with self.locked():
            origin, found = self._read()
            self._change(origin, found, changes)

    def warn(self, names: Sequence[str]) -> list[str]:
        """Note in ``budget_warned`` that these warnings were given; returns those new to it."""
        with self.locked():
            origin, found = self._read()
            given = found.value("budget_warned").split()
            new = [name for name in dict.fromkeys(names) if name not in given]
            if new:
                self._change(origin, found, Changes(budget_warned=" ".join([*given, *new])))
        return new

    def approve(self, gates: Sequence[str]) -> None:
        """Note in ``approvals`` that a person passes these gates; what is there stays."""
        with self.locked():
            origin, found = self._read()
            given = found.value("approvals").split()
            there = {each.partition("@")[0] for each in given}
            new = [f"{gate}@{iso(utc_now())}" for gate in gates if gate not in there]
            if new:
                self._change(origin, found, Changes(approvals=" ".join([*given, *new])))

    def give_feedback(self, text: str) -> None:
        """Add to ``feedback`` what the next step that mends is to do, unless it was said last."""
        with self.locked():
            origin, found = self._read()
            given = found.value("feedback")
            if f"\n\n{given}".endswith(f"\n\n{text}"):  # as by a command that was killed
                return
            said = "\n\n".join(filter(None, (given, text)))
            self._change(origin, found, Changes(feedback=said))

    def restart_meter(self, *, keep: str) -> None:
        """Let the budget count from the next call on, and the warnings be given again.

        Those whose names begin with ``keep`` are not the change's own and stay given. The others go
        to ``budget_warned_before``, as part of the change's history.
        """
        with self.locked():
            origin, found = self._read()
            given = found.value("budget_warned").split()
            stay = [name for name in given if name.startswith(keep)]
            changes = restart_behind(found.columns["id"])._replace(budget_warned=" ".join(stay))
            if last := changes.budget_reset_after:
                before = restarts.read(found.value("budget_warned_before"))
                before.setdefault(last, []).extend(name for name in given if name not in stay)
                changes = changes._replace(budget_warned_before=restarts.as_text(before))
            self._change(origin, found, changes)

    def mend(self) -> tuple[str, ...]:
        """Unite the calls that conflict markers part, and take out what is there twice.

        Returns what was done. What differs elsewhere keeps its markers.
        """
        from agentd.ledger.conflicts import mend

        with self.locked():
            data = plain_files.read_file(self.path)
            try:
                new, notes = mend(self.path, data or b"")
            except Malformed:
                return ()  # who reads it is told
            if notes:
                write_atomic(self.path, new)
        return notes

    def take_over(self, left: StateStore) -> None:
        """Enter the calls of another ledger of the same change, and remove that ledger."""
        from agentd.ledger.merge import merge
        from agentd.ledger.text_merge import Merging

        with left.locked(), self.locked():
            theirs, (ours, _) = left._read()[0], self._read()
            text = merge(theirs, ours, theirs, Merging(self.change_dir)).text
            write_atomic(self.path, ours.encode(text))
            with noted(left.path, None):
                left.path.unlink()

    def take_out(self, ids: Collection[str]) -> None:
        """Remove these calls, which count in another change."""
        from agentd.ledger.merge import merge
        from agentd.ledger.text_merge import Merging

        with self.locked():
            same = self._read()[0]
            text = merge(same, same, same, Merging(self.change_dir), without=ids).text
            write_atomic(self.path, same.encode(text))

    def keep(self, record: CallRecord, changes: Changes = NO_CHANGES) -> Path:
        """Write the call into its run's folder, to be entered later with its changes.

        Returns the file.

        On a full disk it takes the place of the run's reserve; if even that fails, the error's
        message holds the call.
        """
        return pending.keep(self.runs_dir, Kept(record, changes))

    def keep_unjudged(self, record: CallRecord) -> None:
        """Write into its run's folder what is known of a call before its work is looked at.

        The folders are made again where the CLI has deleted them. Raises as :meth:`keep`.
        """
        pending.keep_unjudged(self.runs_dir, record)

    def enter_kept(self, unread: list[StateError] | None = None) -> list[Kept]:
        """Enter every kept call that is not in STATE.yaml yet; returns all that were kept.

        Why one can't be read goes into ``unread``, or is raised without it; the others are entered.
        """
        plain_files.check_change(self.change_dir)
        if self.runs_dir.is_symlink():
            plain_files.make_folder(self.runs_dir, private=True)  # says what is wrong
        waiting, problem = pending.read_pending(self.runs_dir)
        if waiting:
            self._enter(waiting)
        for call in waiting:
            self.mark_entered(call.record.id)
        if empty := pending.empty_folders(self.runs_dir):
            self._remove_entered(empty)
        if problem is not None:
            if unread is None:
                raise problem
            unread.append(problem)
        return waiting

    def _remove_entered(self, empty: Sequence[Path]) -> None:
        """Remove those whose call is in STATE.yaml: of another a run may be about to begin."""
        try:
            there = self._read()[1].ids()
        except (StateError, Malformed, OSError):  # who reads it for more says what is wrong
            return
        for path in empty:
            with contextlib.suppress(OSError):
                if path.name in there:
                    path.rmdir()

    def mark_entered(self, call_id: str) -> None:
        """Note in the run's folder that its call is in STATE.yaml, if the call was kept there."""
        pending.mark_entered(self.runs_dir, call_id)

    def record_llm_call(
        self,
        step: str,
        model: str,
        tokens: UsageMetrics,
        duration_ms: int,
        pricing: PricingConfig | None,
        *,
        provider: str | None = None,
        status: CallStatus = "ok",
        timestamp: datetime | None = None,
        call_id: str | None = None,
    ) -> CallRecord:
        """Price a call, enter it and return what was entered.

        ``pricing`` None: it costs 0 and counts as unpriced. ``timestamp`` is the start (None:
        ``duration_ms`` ago). Raises StateError; the call is then kept and the error says where.
        """
        from agentd.ledger.call_id import new_call_id
        from agentd.ledger.given_call import given_call

        started_at = timestamp or utc_now() - timedelta(milliseconds=duration_ms)
        started_at = started_at.astimezone(UTC).replace(microsecond=0)
        record = given_call(
            call_id or new_call_id(step, started_at),
            step,
            model,
            tokens,
            pricing,
            provider=provider,
            status=status,
            duration_ms=duration_ms,
            started_at=started_at,
        )
        self.append(record)
        return record

    def _enter(self, waiting: Sequence[Kept]) -> list[Kept]:
        with self.locked():
            origin, found = self._read()
            there = found.ids()
            new = [call for call in waiting if call.record.id not in there]
            if new:
                data = origin.encode(entries.enter(origin, found, new))
                write_atomic(self.path, data, entry=lambda: entries.to_text(new))
        return new

    def _change(self, origin: Source, found: Document, changes: Changes) -> None:
        data = origin.encode(found.update(entries.stamped(changes)))
        write_atomic(self.path, data, entry=lambda: entries.to_text([], changes))

    def _keep_after(self, error: StateError, call: Kept) -> Path:
        try:
            return self.keep(*call)
        except StateError as second:
            raise StateError(f"{error.message}\n{second.message}", fix=error.fix) from error

    def _read(self) -> tuple[Source, Document]:
        return reading.read_document(self.path)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Meanwhile no agentd writes the file. Raises LockHeld after 30 s."""
        plain_files.check_change(self.change_dir)
        plain_files.make_folder(self.runs_dir, private=True)
        with reading.explained(self.path), lock(self.runs_dir / LEDGER_LOCK, mode=0o600):
            yield


def _fields(call: CallRecord, amended: datetime | None = None) -> Fields:
    return call_fields.to_fields(replace(call, amended=amended or call.amended))
