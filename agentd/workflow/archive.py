"""Into the archive: merge by rule, changelog, review; only then do the main specs change."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from agentd.clock import utc_now
from agentd.documents.tasks import progress
from agentd.documents.validate import validate_change
from agentd.documents.verdict import read
from agentd.errors import InputError
from agentd.ledger.store import StateStore
from agentd.project.phases import read_phase
from agentd.project.workspace import Workspace
from agentd.specs.plan import plan_merge
from agentd.specs.staging import (
    is_staged,
    journal_of,
    merged_dir,
    publish,
    stage,
    take_back,
)
from agentd.workflow.decide import ARCHIVE
from agentd.workflow.loop import drive
from agentd.workflow.merge_conflicts import resolve
from agentd.workflow.order import Order
from agentd.workflow.recording import settle_before_step
from agentd.workflow.step import StepOutcome, check_ready
from agentd.workflow.steps import STEPS


def merge(
    workspace: Workspace, change: Path, order: Order, *, resolving: bool = False
) -> Iterator[StepOutcome]:
    """Merge the change's specs, by rule, into its folder ``merged/``; a call for conflicts only.

    Raises SpecError when the merge is refused; of a conflict it shows both texts.
    """
    project = workspace.project
    settle_before_step(workspace, change, order)
    store = StateStore(change)
    check_ready(change, STEPS["merge"], store.read().phase)
    if is_staged(project, change):
        return
    plan = plan_merge(project, change)
    texts = {}
    if plan.conflicts and resolving:
        for item in resolve(workspace, change, plan, order):
            if isinstance(item, StepOutcome):
                yield item
            else:
                texts = item
    else:
        texts = plan.texts()
    stage(project, change, texts)
    if store.read().last_action in (ARCHIVE.judge, ARCHIVE.mend):
        store.update(last_action=ARCHIVE.first)  # what was reviewed is not what there is now


def archive(
    workspace: Workspace,
    change: Path,
    order: Order,
    *,
    resolving: bool = False,
    before_publishing: Callable[[], None] = lambda: None,
) -> Iterator[StepOutcome]:
    """Validate, merge, changelog entry, archive review (and fix); then specs and change move.

    Until the review approves, the main specs are as they were; ``before_publishing`` may raise to
    stop there. Raises LoopEnded (exit 5) when it
    does not, InputError when the change is not valid.
    """
    project = workspace.project
    target = archive_dir(workspace, change)
    if read_phase(StateStore(change).read().phase) != "archived":
        take_back(project, change)
        _check_valid(workspace, change)
        done, tasks = progress(read(change / "tasks.md") or "")
        if done < tasks:
            order.note(f"warning: {tasks - done} of {tasks} tasks in tasks.md are not ticked")
        yield from merge(workspace, change, order, resolving=resolving)
        yield from drive(workspace, change, ARCHIVE, order)
        before_publishing()
        publish(project, change)
        StateStore(change).update(phase="archived")
    journal_of(project, change).forget()
    shutil.rmtree(merged_dir(change), ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    change.rename(target)


def archived_today(workspace: Workspace, change_id: str) -> Path | None:
    """Where a change went today, if it did and there is no new one of its id."""
    target = workspace.project.archived_dir(change_id, utc_now())
    there = workspace.project.change_dir(change_id).exists()
    return target if target.is_dir() and not there else None


def archive_dir(workspace: Workspace, change: Path) -> Path:
    """Where the change goes. Raises InputError when a change of that id went there today."""
    target = workspace.project.archived_dir(change.name, utc_now())
    if target.exists():
        raise InputError(
            f"{workspace.shown(target)} exists already",
            fix="Rename that folder, then run the command again.",
        )
    return target


def _check_valid(workspace: Workspace, change: Path) -> None:
    report = validate_change(workspace.project, change, workspace.config)
    # A conflict is told by the merge, with both texts, or resolved.
    errors = [issue for issue in report.errors if issue.code != "conflict"]
    if errors:
        first = errors[0]
        raise InputError(
            f"change {change.name} is not valid: {first.place}: {first.message}"
            + (f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""),
            fix=f"See all: agentd validate {change.name}",
        )
