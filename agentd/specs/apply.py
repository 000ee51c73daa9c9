"""Merging a change's deltas into a main spec: renamed, removed, modified, added; all or nothing."""

from __future__ import annotations

from collections.abc import Mapping

from agentd.specs.check import delta_problems, main_problems, readable_purpose
from agentd.specs.mains import parse_main
from agentd.specs.model import Delta, MergeResult, Problem
from agentd.specs.operations import Operations


def merge(
    main_text: str | None,
    delta: Delta,
    base: Mapping[str, str | None],
    *,
    capability: str,
    change_id: str,
) -> MergeResult:
    """``delta`` merged into the main spec, as OpenSpec's archive does it, or the reasons why not.

    ``main_text`` None: a new capability. ``base`` holds the blocks as they were when the proposal
    was made, by name (None: it was not there). A block without an entry is taken as unmoved.
    """
    problems = delta_problems(delta)
    if problems:
        return _refused(problems)
    if delta.whole:
        return _whole(main_text, delta)
    warnings = [*delta.stray]
    if main_text is None:
        if delta.modified or delta.renamed:
            line = delta.modified[0].line if delta.modified else delta.renamed[0].line
            text = "there is no main spec yet: it can only have ADDED requirements"
            return _refused((Problem(text, line),))
        text = _skeleton(delta, capability, change_id, warnings)
    else:
        text = main_text
    spec = parse_main(text, delta.path)
    if spec.problems:
        shown = (f"in the main spec, line {p.line}: {p.message}" for p in spec.problems)
        return _refused(tuple(Problem(message) for message in shown))
    run = Operations(spec, delta, base, warnings)
    run.rename()
    run.remove()
    run.modify()
    run.add()
    return run.result(main_text)


def _refused(problems: tuple[Problem, ...]) -> MergeResult:
    return MergeResult(text=None, problems=problems, counts={})


def _whole(main_text: str | None, delta: Delta) -> MergeResult:
    if main_text is not None:
        text = (
            "this is a whole spec, and the main spec exists; write what changes under "
            '"## ADDED Requirements", "## MODIFIED Requirements" and so on'
        )
        return _refused((Problem(text),))
    problems = main_problems(delta.text, delta.path)
    if problems:
        return _refused(problems)
    text = delta.text.removeprefix("\ufeff")
    return MergeResult(text=text, counts={"added": len(delta.added)})


def _skeleton(delta: Delta, capability: str, change_id: str, warnings: list[Problem]) -> str:
    if delta.removed:
        text = f"{len(delta.removed)} REMOVED: there is no main spec to remove them from"
        warnings.append(Problem(text, delta.removed[0].line))
    if delta.purpose:
        text = _new_spec(capability, delta.purpose)
        if readable_purpose(text):
            return text
        text = "the Purpose would make the new spec unreadable; a placeholder stands in for it"
        warnings.append(Problem(text))
    purpose = f"TBD - created by archiving change {change_id}. Update Purpose after archive."
    return _new_spec(capability, purpose)


def _new_spec(capability: str, purpose: str) -> str:
    """The spec of a new capability, still without requirements, as OpenSpec writes it."""
    return f"# {capability} Specification\n\n## Purpose\n{purpose}\n\n## Requirements\n"
