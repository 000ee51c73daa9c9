"""Recording what people did in the CLIs by hand, and correcting what the logs know better."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from agentd.errors import AgentdError, InputError, StateError
from agentd.frozen import frozen
from agentd.metering.call import CallRecord
from agentd.project.change import Change
from agentd.project.changes import all_changes, find_change
from agentd.project.copies import is_taken_up
from agentd.project.hold import at_work
from agentd.project.workspace import Workspace
from agentd.workflow.sessions.discover import manual_calls
from agentd.workflow.sessions.manual_call import ManualCall


@frozen(kw_only=True)
class Wanted:
    """Which sessions to import: those that fit all that is given.

    ``sessions`` are beginnings of session ids, ``branches`` git branches; ``days`` is the first and
    the last day (UTC, ``2026-11-30``), "" for open.
    """

    sessions: Sequence[str] = ()
    branches: Sequence[str] = ()
    days: tuple[str, str] = ("", "")

    def holds(self, one: ManualCall) -> bool:
        """Whether a call is wanted."""
        first, last = self.days
        day = f"{one.first_at:%Y-%m-%d}"
        return (
            (not self.sessions or str(one.call.session_id).startswith(tuple(self.sessions)))
            and (not self.branches or one.branch in self.branches)
            and (not first or day >= first)
            and (not last or day <= last)
        )


@frozen(kw_only=True)
class Placed:
    """A call by hand, and the change it belongs into; None where nothing names one.

    ``is_correction``: the change has it already, and the log has more by now.
    """

    found: ManualCall
    change: Change | None
    is_correction: bool = False


@frozen(kw_only=True)
class Import:
    """What is to be imported, and how many calls are imported as they are."""

    placed: tuple[Placed, ...]
    imported: int


def find_imports(start: Path, wanted: Wanted, *, into: str | None = None) -> Import:
    """What there is to import in the project around ``start``, and where it belongs.

    That is ``into``, else the change that the git branch names. Raises InputError when there is no
    such change, or no session that begins as wanted.
    """
    workspace = Workspace.open_to_write(start)
    target = find_change(workspace.project, into) if into else None
    calls = manual_calls(workspace)
    for name in wanted.sessions:
        if not any(str(one.call.session_id).startswith(name) for one in calls):
            raise InputError(
                f"no session by hand begins with {name}",
                fix="`agentd import` shows those that are not imported yet.",
            )
    changes = {change.id: change for change in all_changes(workspace.project)}
    calls = [one for one in calls if wanted.holds(one)]
    placed = []
    for one in calls:
        if one.imported is None:
            change = target or _named_by(one.branch, changes)
            placed.append(Placed(found=one, change=change))
        elif one.has_grown:
            placed.append(Placed(found=one, change=one.imported.change, is_correction=True))
    return Import(
        placed=tuple(placed),
        imported=sum(one.imported is not None and not one.has_grown for one in calls),
    )


def record(placed: Iterable[Placed], problems: list[AgentdError]) -> list[CallRecord]:
    """Enter these calls, and correct those that have grown; returns what was written.

    Those without a change are left alone. A change that no step has worked on is taken up. One that
    can't be written, or whose calls another agentd keeps from being corrected, is left out and
    added to ``problems``.
    """
    written: list[CallRecord] = []
    for change, of_change in _by_change(placed):
        new = [one.found.call for one in of_change if not one.is_correction]
        grown = [one.found.call for one in of_change if one.is_correction]
        try:
            if not is_taken_up(change):
                from agentd.workflow.begin import take_up

                take_up(change)
            written += change.ledger.append_all(new)
            if grown:
                with at_work(change):
                    written += change.ledger.amend(grown)
        except (StateError, InputError) as error:
            problems.append(error)
    return written


def grown_in(change: Change, calls: Iterable[ManualCall]) -> list[CallRecord]:
    """The imported calls of a change of which the logs have more by now."""
    return [
        replace(one.call, amended=one.imported.call.amended)
        for one in calls
        if one.imported is not None
        and one.imported.change.folder == change.folder
        and one.has_grown
    ]


def _named_by(branch: str | None, changes: Mapping[str, Change]) -> Change | None:
    """The change whose id is a branch, or its end: ``jane/feature/add-oauth``."""
    while branch:
        if branch in changes:
            return changes[branch]
        branch = branch.partition("/")[2]
    return None


def _by_change(placed: Iterable[Placed]) -> Iterable[tuple[Change, list[Placed]]]:
    found: dict[Path, tuple[Change, list[Placed]]] = {}
    for one in placed:
        if one.change is not None:
            found.setdefault(one.change.folder, (one.change, []))[1].append(one)
    return found.values()
