"""A refused merge in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from agentd.workflow.specs.model import Conflict, SpecError

if TYPE_CHECKING:
    from agentd.workflow.specs.plan import MergePlan

_MAX_SHOWN = 4000


def refusal(plan: MergePlan) -> SpecError:
    """Every problem of the plan, one a line, and both texts of every conflict."""
    (path, line, first), *others = _reasons(plan)
    rest = [f"{where}:{at}: {text}" if at else f"{where}: {text}" for where, at, text in others]
    return SpecError(
        "\n".join([first, *rest]),
        path=path,
        line=line,
        fix="Mend the change's specs; the main specs are untouched. Where a requirement moved "
        "since the proposal, let the change's text hold both edits, or write the proposal again."
        + (
            f" Or let a model propose one text: agentd archive {plan.change.name} --resolve"
            if plan.conflicts
            else ""
        ),
    )


def _reasons(plan: MergePlan) -> Iterator[tuple[str, int | None, str]]:
    for path, problem in plan.problems:
        yield path, problem.line, problem.message
    for path, conflict in plan.conflicts:
        yield path, conflict.line, _shown(conflict)


def _shown(conflict: Conflict) -> str:
    parts = (
        f'"{conflict.name}" was changed by someone else since the proposal, and the edits clash',
        "--- the main spec now:",
        _cut(conflict.ours),
        "--- this change:",
        _cut(conflict.theirs) or "(removes it)",
        "---",
    )
    return "\n".join(parts)


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "\n[...]"
