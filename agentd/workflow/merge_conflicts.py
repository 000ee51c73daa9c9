"""Real conflicts of a merge: a model proposes one text for a requirement, which is then checked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from agentd.errors import InputError, ProviderError
from agentd.files import read_plain, write_atomic
from agentd.project.change import Change
from agentd.project.layout import Project
from agentd.specs import snapshot
from agentd.specs.apply import merge
from agentd.specs.check import main_problems
from agentd.specs.files import capability_of, change_specs, read_spec
from agentd.specs.mains import parse_main
from agentd.specs.model import Conflict, Delta
from agentd.specs.plan import MergePlan, Target
from agentd.specs.staging import merged_dir
from agentd.workflow.order import Order
from agentd.workflow.step import StepOutcome, run_step
from agentd.workflow.step_run import StepRun
from agentd.workflow.steps import STEPS


def resolve(
    change: Change, plan: MergePlan, order: Order, texts: dict[Path, str]
) -> Iterator[StepOutcome]:
    """Ask for a resolution of each spec in conflict; ``texts`` gets what all specs become.

    Raises ProviderError when a proposal touches more than the requirement in conflict, SpecError
    when the plan is refused for another reason.
    """
    clear = tuple(target for target in plan.targets if not target.result.conflicts)
    texts |= replace(plan, targets=clear).texts()
    deltas = dict(change_specs(change.project, change.folder))
    for target in plan.targets:
        if not target.result.conflicts:
            continue
        place = merged_dir(change.folder) / target.target.relative_to(change.project.specs_dir)
        answer = _answer(change, target, place)
        if answer is None:
            place.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(place, (target.before or "").encode())
            write_atomic(_asked(change, target), _question(target))
            values = {
                "spec": target.source,
                "target": change.project.shown(place),
                "conflict": "\n\n".join(map(_shown, target.result.conflicts)),
            }
            yield run_step(StepRun(change=change, step=STEPS["merge"], order=order, values=values))
            answer = read_spec(change.project, place) or ""
        texts[target.target] = _merged(change, target, answer, place, deltas)
        # What is written over the answer has the other deltas too, and may be half there.
        write_atomic(_asked(change, target), _question(target) + b"\n" + answer.encode())


def _answer(change: Change, target: Target, place: Path) -> str | None:
    """The sound answer to just this conflict that is there: paid for, or a person's."""
    asked = _asked(change, target)
    question, _, kept = (read_plain(asked) if asked.is_file() else b"").partition(b"\n")
    if question != _question(target):
        return None
    for text in (read_spec(change.project, place), kept.decode(errors="replace")):
        if text and text != target.before:
            with contextlib.suppress(ProviderError):
                _only_these_changed(change.project, target, text, place)
                return text
    return None


def _asked(change: Change, target: Target) -> Path:
    return change.runs_dir / f"resolving-{sha256(target.source.encode()).hexdigest()[:12]}"


def _question(target: Target) -> bytes:
    texts = [target.before or "", *map(_shown, target.result.conflicts)]
    return sha256("\0".join(texts).encode()).hexdigest().encode()


def _merged(
    change: Change, target: Target, proposed: str, place: Path, deltas: dict[str, Delta]
) -> str:
    """The proposal with the rest of the deltas applied by rule."""
    names = {conflict.name for conflict in target.result.conflicts}
    blocks = _only_these_changed(change.project, target, proposed, place)
    key = target.target.relative_to(change.project.specs_dir).as_posix()
    delta = deltas[key]
    rest = replace(
        delta,
        modified=tuple(
            replace(block, text=blocks[block.name]) if block.name in names else block
            for block in delta.modified
            if block.name not in names or block.name in blocks
        ),
        removed=tuple(entry for entry in delta.removed if entry.name not in names),
    )
    if rest.empty:
        return proposed
    base = snapshot.load(change.project, change.folder).get(key, {})
    result = merge(proposed, rest, base, capability=capability_of(key), change_id=change.id)
    if result.text is None:
        problems = "; ".join(problem.message for problem in result.problems)
        raise InputError(
            f"{change.project.shown(place)}: the proposed resolution can't be merged: {problems}",
            fix=f"Mend it by hand, or try again: {change.go_on} --resolve",
        )
    return result.text


def _only_these_changed(
    project: Project, target: Target, proposed: str, place: Path
) -> dict[str, str]:
    """The proposal's blocks by name. Raises ProviderError for more than was asked, or no spec."""
    names = {conflict.name for conflict in target.result.conflicts}
    before, after = (parse_main(text, "") for text in (target.before or "", proposed))
    old = {block.name: block.text for block in before.requirements}
    new = {block.name: block.text for block in after.requirements}
    strange = [
        name for name in {**old, **new} if name not in names and old.get(name) != new.get(name)
    ]
    strange += [
        part
        for part in ("before", "header", "preamble", "after")
        if getattr(before, part).strip() != getattr(after, part).strip()
    ]
    unsound = main_problems(proposed, "") or "\n<<<<<<< " in proposed
    wrong = "is no sound spec" if unsound else ""
    if strange:
        wrong = f"changes more than was asked: {', '.join(strange)}"
    if wrong:
        raise ProviderError(
            f"the proposed resolution {wrong}",
            fix=f"Mend {project.shown(place)} by hand, or run the command again.",
        )
    return new


def _shown(conflict: Conflict) -> str:
    return (
        f"Requirement: {conflict.name}\n\nWhat both started from:\n\n{conflict.base or '(nothing)'}"
        f"\n\nIn the main spec now:\n\n{conflict.ours}\n\nIn this change:\n\n"
        f"{conflict.theirs or '(it removes the requirement)'}"
    )
