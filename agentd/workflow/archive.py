"""Into the archive: merge by rule, changelog, review; only then do the main specs change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from agentd.clock import utc_now
from agentd.documents.tasks import progress, tasks_of
from agentd.documents.validate import validate_change
from agentd.errors import InputError
from agentd.files import make_folders, remove_tree, sync_folder
from agentd.project.change import Change
from agentd.project.changes import archive_dir, archived_as
from agentd.project.layout import Project
from agentd.project.phases import read_phase
from agentd.specs.plan import plan_merge
from agentd.specs.staging import (
    is_staged,
    journal_of,
    merged_dir,
    publish,
    stage,
    take_back,
)
from agentd.workflow.can_run import check_can_run
from agentd.workflow.checks.deciding import before_archive
from agentd.workflow.decide import ARCHIVE
from agentd.workflow.loop import drive
from agentd.workflow.merge_conflicts import resolve
from agentd.workflow.order import Order
from agentd.workflow.step import StepOutcome, check_ready
from agentd.workflow.steps import STEPS
from agentd.workflow.unentered import settle_before_step


def merge(change: Change, order: Order, *, resolving: bool = False) -> Iterator[StepOutcome]:
    """Merge the change's specs, by rule, into its folder ``merged/``; a call for conflicts only.

    Raises SpecError when the merge is refused; of a conflict it shows both texts.
    """
    project, folder = change.project, change.folder
    settle_before_step(change, order)
    check_ready(change, STEPS["merge"])
    if is_staged(project, folder):
        return
    plan = plan_merge(project, folder)
    texts: dict[Path, str] = {}
    if plan.conflicts and resolving:
        yield from resolve(change, plan, order, texts)
    else:
        texts = plan.texts()
    stage(project, folder, texts)
    if change.state.last_action in (ARCHIVE.judge, ARCHIVE.mend):
        # What was reviewed is not what there is now.
        change.ledger.update(last_action=ARCHIVE.first)


def archive(
    change: Change,
    order: Order,
    *,
    resolving: bool = False,
    before_publishing: Callable[[], None] = lambda: None,
) -> Iterator[StepOutcome]:
    """Validate, merge, changelog entry, archive review (and fix); then specs and change move.

    Until the review approves, the main specs are as they were; ``before_publishing`` may raise to
    stop there. Raises LoopEnded (exit 5) when it does not approve or a required check is red,
    InputError when the change is not valid.
    """
    project = change.project
    target = archive_dir(change)
    if read_phase(change.state.phase) != "archived":
        take_back(project, change.folder)
        _check_valid(change)
        settle_before_step(change, order)
        check_ready(change, STEPS["merge"])
        check_can_run(change.workspace, [*resolving * ["merge"], *ARCHIVE.steps], order)
        before_archive(change, order)
        if change.state.feedback:
            order.note(
                f"warning: feedback waits that no step of the archive takes; {change.go_on} gives "
                "it to resolve first"
            )
        done, tasks = progress(tasks_of(change))
        if done < tasks:
            order.note(f"warning: {tasks - done} of {tasks} tasks in tasks.md are not ticked")
        yield from merge(change, order, resolving=resolving)
        yield from drive(change, ARCHIVE, order)
        before_publishing()
        publish(project, change.folder)
        change.ledger.update(phase="archived")
    journal_of(project, change.folder).forget()
    remove_tree(merged_dir(change.folder))
    if merged_dir(change.folder).exists():
        raise InputError(
            f"{project.shown(merged_dir(change.folder))} can't be removed",
            fix="Remove it, then run the command again: all else is done.",
        )
    for folder in (change.runs_dir, change.folder):  # what is removed there must not come back
        sync_folder(folder)
    make_folders(target.parent)
    change.folder = change.folder.rename(target)
    sync_folder(target.parent)
    sync_folder(project.changes_dir)


def archived(project: Project, change_id: str, *, described: bool) -> Change | None:
    """The archived change of this id that a command means, if there is no new one of its id.

    ``described``: it has a description, so that it means a new change, unless the one that was
    archived today: then it is the command that was just over, run again.
    """
    if project.change_dir(change_id).exists():
        return None
    found = archived_as(project, change_id)
    if found is not None and found.is_deleted:
        return None
    today = project.archived_dir(change_id, utc_now())
    return found if found and (not described or found.folder == today) else None


def _check_valid(change: Change) -> None:
    report = validate_change(change.project, change.folder, change.workspace.config)
    # A conflict is told by the merge, with both texts, or resolved.
    errors = [issue for issue in report.errors if issue.code != "conflict"]
    if errors:
        first = errors[0]
        raise InputError(
            f"change {change.id} is not valid: {first.place}: {first.message}"
            + (f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""),
            fix=f"See all: agentd validate {change.id}",
        )
