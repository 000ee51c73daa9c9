"""Calls of which something was not known, read once more: their log may have it by now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from agentd.errors import StateError
from agentd.frozen import frozen
from agentd.metering.call import CallRecord
from agentd.metering.words import MANUAL
from agentd.project.change import Change
from agentd.project.changes import all_changes, find_change
from agentd.project.hold import at_work
from agentd.project.workspace import Workspace
from agentd.providers import provider_of
from agentd.runner import recovery
from agentd.runner.result import read_again
from agentd.runner.run_folder import RunFolder
from agentd.workflow.leftovers import Leftovers
from agentd.workflow.priced_call import priced_call
from agentd.workflow.session import prior_usage
from agentd.workflow.sessions.discover import manual_calls
from agentd.workflow.sessions.importing import grown_in
from agentd.workflow.unentered import enter_unentered


@frozen(kw_only=True)
class Corrected:
    """A call as it was recorded, and as its log has it."""

    change: Change
    before: CallRecord
    now: CallRecord


@frozen(kw_only=True)
class Reconciled:
    """``corrected`` are the calls of which more is known, ``looked_at`` how many were read again.

    ``waiting`` is what is not entered yet, ``problems`` are the ledgers that can't be read.
    """

    corrected: tuple[Corrected, ...]
    looked_at: int
    waiting: tuple[Leftovers, ...]
    problems: tuple[StateError, ...]


def reconcile(start: Path, change_id: str | None, *, dry_run: bool = False) -> Reconciled:
    """Read the runs and sessions of a change, or of all, once more and correct their calls.

    A call that is exact stays as it is, and so does one whose log has less. Raises InputError when
    there is no such change, or another agentd is at work on one that is to be corrected.
    """
    workspace = Workspace.open_to_write(start)
    project = workspace.project
    changes = [find_change(project, change_id)] if change_id else all_changes(project)
    by_hand = manual_calls(workspace)
    corrected: list[Corrected] = []
    waiting, problems = [], []
    looked_at = 0
    for each in changes:
        change = Change(
            project, each.id, each.folder, archived_on=each.archived_on, workspace=workspace
        )
        if not (change.folder / "STATE.yaml").exists():
            continue
        try:
            waiting.append(enter_unentered(change))
            change.forget()
            calls = change.state.calls
        except StateError as error:
            problems.append(error)
            continue
        again = [*_read_again(change, calls), *grown_in(change, by_hand)]
        looked_at += len(again)
        better = {one.id: one for one in again}
        found = [
            Corrected(change=change, before=call, now=better[call.id])
            for call in calls
            if call.id in better and _knows_more(better[call.id], call)
        ]
        if found and not dry_run:
            with at_work(change):
                change.ledger.amend([one.now for one in found])
        corrected += found
    return Reconciled(
        corrected=tuple(corrected),
        looked_at=looked_at,
        waiting=tuple(waiting),
        problems=tuple(problems),
    )


def _read_again(change: Change, calls: Sequence[CallRecord]) -> Iterator[CallRecord]:
    """The calls of this change that are not exact, as their runs' folders and logs have them."""
    for number, call in enumerate(calls):
        folder = RunFolder(change.runs_dir / call.id) if call.id else None
        if call.accuracy == "exact" or call.step == MANUAL or not folder:
            continue
        if call.started_at is None or not (folder.run_json.is_file() and folder.stdout.is_file()):
            continue
        try:
            info = folder.info()
            if recovery.still_running(folder):
                continue
        except StateError:
            continue  # `cost audit` names a damaged run.json
        provider = provider_of(call.provider, info.base)
        if provider is None:
            continue
        outcome = read_again(
            folder,
            info,
            provider.cli(),
            prior_usage=prior_usage(calls[:number], info.provider, info.resume_session_id),
            environ=change.workspace.environ_of(info.provider),
        )
        yield priced_call(call, outcome, change.workspace.prices_of(call.provider))


def _knows_more(now: CallRecord, before: CallRecord) -> bool:
    """Whether a call is to be corrected: more was used, or what was is sure by now."""
    if now.usage_source == "estimated":
        return False
    is_found = before.usage_source == "estimated" and now.accuracy == "exact"
    return is_found or now.usage.total_tokens > before.usage.total_tokens
