"""Merging a whole change in memory: what it would make of the specs, or why it is refused."""

from __future__ import annotations

from pathlib import Path

from agentd.frozen import frozen
from agentd.project.layout import Project
from agentd.specs import snapshot
from agentd.specs.apply import merge
from agentd.specs.files import capability_of, change_specs, read_spec, target_of
from agentd.specs.model import Conflict, Delta, MergeResult, Problem, SpecError

_MAX_SHOWN = 4000


@frozen(kw_only=True)
class Target:
    """A spec of the change (``source``), its main spec (``target``) and what would become of it.

    ``before`` is the main spec's text, None where there is none.
    """

    source: str
    target: Path
    before: str | None
    result: MergeResult


@frozen(kw_only=True)
class MergePlan:
    """What merging a change would do; agentd/specs/staging.py writes it."""

    change: Path
    targets: tuple[Target, ...]

    @property
    def problems(self) -> tuple[tuple[str, Problem], ...]:
        """Why the change is refused: the change's spec and what is wrong with it."""
        return tuple((t.source, problem) for t in self.targets for problem in t.result.problems)

    @property
    def conflicts(self) -> tuple[tuple[str, Conflict], ...]:
        """Requirements that moved and clash with the change: its spec and the texts."""
        return tuple((t.source, clash) for t in self.targets for clash in t.result.conflicts)

    @property
    def warnings(self) -> tuple[tuple[str, Problem], ...]:
        """What the user should know of a merge that works."""
        return tuple((t.source, warning) for t in self.targets for warning in t.result.warnings)

    @property
    def ok(self) -> bool:
        """Whether it can be applied."""
        return all(target.result.text is not None for target in self.targets)

    def texts(self) -> dict[Path, str]:
        """The specs that change, with their new texts. Raises SpecError when the plan is not ok.

        It tells every problem and, of conflicts, both texts.
        """
        if not self.ok:
            raise _refusal(self)
        return {
            target.target: target.result.text
            for target in self.targets
            if target.result.text is not None and target.result.text != target.before
        }


def plan_merge(project: Project, change: Path) -> MergePlan:
    """Merge a change's specs in memory. Raises SpecError for files that can't be read at all."""
    base = snapshot.load(project, change)
    return MergePlan(
        change=change,
        targets=tuple(
            _target(project, change, key, delta, base.get(key, {}))
            for key, delta in change_specs(project, change)
        ),
    )


def _target(project: Project, change: Path, key: str, delta: Delta, base: snapshot.Base) -> Target:
    target = target_of(project, key)
    before = read_spec(project, target)
    result = merge(before, delta, base, capability=capability_of(key), change_id=change.name)
    return Target(source=delta.path, target=target, before=before, result=result)


def _refusal(plan: MergePlan) -> SpecError:
    reasons = [(path, problem.line, problem.message) for path, problem in plan.problems]
    reasons += [(path, conflict.line, _shown(conflict)) for path, conflict in plan.conflicts]
    (path, line, first), *others = reasons
    rest = [f"{where}:{at}: {text}" if at else f"{where}: {text}" for where, at, text in others]
    fix = (
        "Mend the change's specs; the main specs are untouched. Where a requirement moved since "
        "the proposal, let the change's text hold both edits, or write the proposal again."
    )
    if plan.conflicts:
        fix += f" Or let a model propose one text: agentd run {plan.change.name} --resolve"
    return SpecError("\n".join([first, *rest]), path=path, line=line, fix=fix)


def _shown(conflict: Conflict) -> str:
    """Both texts, each shortened."""
    ours, theirs = (
        text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}\n[...]"
        for text in (conflict.ours, conflict.theirs)
    )
    return (
        f'"{conflict.name}" was changed by someone else since the proposal, and the edits clash\n'
        f"--- the main spec now:\n{ours}\n--- this change:\n{theirs or '(removes it)'}\n---"
    )
