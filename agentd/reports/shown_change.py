"""What a change says: its proposal, tasks, deltas and verdicts; and what the main specs say."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from agentd.documents.review_issues import issues_of
from agentd.documents.tasks import Task, tasks_of
from agentd.documents.verdict import verdict_of
from agentd.errors import InputError
from agentd.frozen import frozen
from agentd.project.change import Change
from agentd.project.changes import asked_change
from agentd.project.layout import find_project
from agentd.specs.files import capability_of, change_specs, main_specs
from agentd.specs.mains import parse_main, purpose_section
from agentd.specs.model import Delta, SpecError
from agentd.specs.plan import plan_merge
from agentd.workflow.steps import STEPS


class ShownDelta(NamedTuple):
    """One requirement that a change touches; ``former`` is its old name where it is RENAMED."""

    capability: str
    operation: str
    requirement: str
    former: str | None = None
    text: str | None = None


class ShownVerdict(NamedTuple):
    """What a judge's document says, None for no verdict, and the titles of its open issues."""

    document: str
    verdict: str | None
    issues: tuple[str, ...]


class ShownDiff(NamedTuple):
    """What a change would make of one main spec, as a unified diff."""

    path: str
    diff: str


@frozen(kw_only=True)
class ShownChange:
    """A change's documents, read. ``problem`` says why its specs can't be, None where they can.

    ``diffs`` is None where they were not asked for.
    """

    change: Change
    proposal: str | None
    tasks: tuple[Task, ...]
    deltas: tuple[ShownDelta, ...]
    verdicts: tuple[ShownVerdict, ...]
    problem: str | None = None
    diffs: tuple[ShownDiff, ...] | None = None


class ShownSpec(NamedTuple):
    """A main spec: what it is for, and the names of its requirements."""

    capability: str
    path: str
    purpose: str
    requirements: tuple[str, ...]


def open_shown(start: Path, change_id: str | None, *, with_diffs: bool) -> ShownChange:
    """The change of this id in the project around ``start``; without one, the latest open one.

    Raises InputError where there is none; with ``with_diffs`` also for an archived one, and
    SpecError where its specs can't be merged.
    """
    change = asked_change(find_project(start), change_id)
    problem: str | None = None
    deltas: list[ShownDelta] = []
    try:
        for key, delta in change_specs(change.project, change.folder):
            deltas += _deltas(capability_of(key), delta)
    except SpecError as error:
        problem = str(error)
    return ShownChange(
        change=change,
        proposal=change.text("proposal.md"),
        tasks=tuple(tasks_of(change)),
        deltas=tuple(deltas),
        verdicts=tuple(_verdicts(change)),
        problem=problem,
        diffs=tuple(_diffs(change)) if with_diffs else None,
    )


def list_specs(start: Path) -> list[ShownSpec]:
    """The main specs of the project around ``start``, by their paths. Raises SpecError."""
    project = find_project(start)
    found = []
    for key, text in main_specs(project):
        path = project.shown(project.specs_dir / key)
        names = tuple(requirement.name for requirement in parse_main(text, path).requirements)
        found.append(ShownSpec(capability_of(key), path, purpose_section(text), names))
    return found


def _deltas(capability: str, delta: Delta) -> Iterator[ShownDelta]:
    for one in delta.added:
        yield ShownDelta(capability, "ADDED", one.name, text=one.text)
    for one in delta.modified:
        yield ShownDelta(capability, "MODIFIED", one.name, text=one.text)
    for gone in delta.removed:
        yield ShownDelta(capability, "REMOVED", gone.name, text=gone.reason)
    for renamed in delta.renamed:
        yield ShownDelta(capability, "RENAMED", renamed.new, former=renamed.old)


def _verdicts(change: Change) -> Iterator[ShownVerdict]:
    for step in STEPS.values():
        if step.judgement and (text := change.text(step.judgement.document)) is not None:
            issues = tuple(one.title for one in issues_of(text) if not one.is_closed)
            yield ShownVerdict(step.judgement.document, verdict_of(change, step.judgement), issues)


def _diffs(change: Change) -> Iterator[ShownDiff]:
    if change.archived_on:
        raise InputError(
            f"change {change.id} is archived: the specs say already what it changed",
            fix=f"See git: git log -p -- {change.project.shown(change.project.specs_dir)}",
        )
    plan = plan_merge(change.project, change.folder)
    texts = plan.texts()
    for target in plan.targets:
        if target.target in texts:
            path = change.project.shown(target.target)
            before, after = (target.before or ""), texts[target.target]
            lines = difflib.unified_diff(
                before.splitlines(),
                after.splitlines(),
                path if target.before is not None else "/dev/null",
                path,
                lineterm="",
            )
            yield ShownDiff(path, "\n".join(lines))
