"""Taking a change into the archive: merge its specs, write the changelog, review, move."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agentd.clock import utc_now
from agentd.errors import InputError, LoopEnded
from agentd.files import write_atomic
from agentd.state.store import StateStore
from agentd.workflow import specs
from agentd.workflow.engine import Order, StepOutcome, check_ready, run_step
from agentd.workflow.steps import STEPS
from agentd.workflow.workspace import Workspace


def merge(workspace: Workspace, change: Path, order: Order) -> Iterator[StepOutcome]:
    """Merge each spec of the change: a call where the main spec exists, a copy where it is new."""
    check_ready(change, STEPS["merge"], StateStore(change).read().phase)
    folder = change / "specs"
    for spec in sorted(folder.rglob("*.md")):
        target = workspace.project.specs_dir / spec.relative_to(folder)
        if target.exists():
            yield run_step(
                workspace,
                change,
                STEPS["merge"],
                order,
                spec=workspace.shown(spec),
                target=workspace.shown(target),
            )
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(target, specs.as_main_spec(spec.read_text(encoding="utf-8")).encode())


def archive(workspace: Workspace, change: Path, order: Order) -> Iterator[StepOutcome]:
    """Merge, changelog entry, archive review; then move the change to the archive.

    Raises LoopEnded (exit 5) when the review does not approve: the change stays where it is.
    """
    target = archive_dir(workspace, change)
    if StateStore(change).read().phase != "archived":
        yield from merge(workspace, change, order)
        yield run_step(workspace, change, STEPS["archive"], order)
        review = run_step(workspace, change, STEPS["archive-review"], order)
        yield review
        if review.verdict != "APPROVED":
            raise LoopEnded(
                f"the archive review says {review.verdict or 'no verdict'}; {change.name} is "
                "not archived",
                fix=f"Read {workspace.shown(change)}/ARCHIVE_REVIEW.md, mend the specs (`git diff` "
                f"shows what the merge changed), then: agentd archive {change.name}",
            )
        StateStore(change).update(phase="archived")
    target.parent.mkdir(parents=True, exist_ok=True)
    change.rename(target)


def archive_dir(workspace: Workspace, change: Path) -> Path:
    """Where the change goes. Raises InputError when a change of that id went there today."""
    day = utc_now().strftime("%Y%m%d")
    target = workspace.project.archive_dir / f"{day}-{change.name}"
    if target.exists():
        raise InputError(
            f"{workspace.shown(target)} exists already",
            fix="Rename that folder, then run the command again.",
        )
    return target
