"""What a tasks.md must hold: checkboxes, references that lead somewhere, requirements."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from agentd.documents.name_key import name_key
from agentd.documents.report import Issue, Severity
from agentd.documents.tasks import Task
from agentd.late_pattern import late_pattern

MAX_TASKS = 1_000
_FIELD = "Write a reference as a field: `Depends on: 1.1`."
_SEPARATORS = late_pattern(r"[,;、，；/]| and ")


def task_issues(tasks: Sequence[Task], path: str) -> Iterator[Issue]:
    """The checkboxes and the references among the tasks."""
    if not tasks:
        yield Issue("error", "no-tasks", path, None, 'there is no task: no line "- [ ] 1.1 ..."')
        return
    if len(tasks) > MAX_TASKS:
        text = f"there are {len(tasks):,} tasks; a change may have {MAX_TASKS:,}"
        yield Issue("error", "too-many-tasks", path, None, text, "Take several changes.")
        return
    seen: dict[str, int] = {}
    for task in tasks:
        if task.mark not in ("", "x", "X"):
            text = f"the mark [{task.mark}] is unknown; the task counts as open"
            yield Issue("warning", "unknown-mark", path, task.line, text, "Write [ ] or [x].")
        if not task.well_formed:
            text = "this checkbox is not in the form `- [ ] 1.1 ...`"
            yield Issue("warning", "checkbox", path, task.line, text, "agentd validate --fix")
        if not task.text:
            yield Issue("warning", "empty-task", path, task.line, "the task says nothing")
        if task.number and (first := seen.setdefault(task.number, task.line)) != task.line:
            text = f"the number {task.number} is there already on line {first}"
            yield Issue("warning", "task-number", path, task.line, text)
    yield from _reference_issues(tasks, path)


def requirement_issues(
    tasks: Sequence[Task],
    path: str,
    changed: Sequence[str],
    known: Collection[str],
) -> Iterator[Issue]:
    """Tasks that name no requirement there is, and changed requirements without a task.

    ``changed`` are the names the change adds or modifies, ``known`` the keys (``name_key``) of all
    that its specs and the main specs have. Where no task names any, that is said once.
    """
    named: set[str] = set()
    for task in tasks:
        for name in task.requirements:
            keys = _keys(name, known)
            named.update(keys)
            if not all(key in known for key in keys):
                text = f'the change has no requirement "{name[:200]}"'
                yield Issue("warning", "unknown-requirement", path, task.line, text)
    if tasks and changed and not named:
        text = "no task says which requirement it serves"
        yield Issue("info", "no-requirement", path, None, text, 'Add "- Requirement: NAME".')
        return
    for name in changed:
        if tasks and name_key(name) not in named:
            text = f'the requirement "{name[:200]}" has no task'
            yield Issue("warning", "no-task", path, None, text)


def _keys(name: str, known: Collection[str]) -> list[str]:
    """The keys of the requirements a text names: one, or several in a list."""
    whole = name_key(name)
    if whole in known:
        return [whole]
    parts = [key for part in _SEPARATORS.split(name) if (key := name_key(part))]
    return parts if any(key in known for key in parts) else [whole]


def _reference_issues(tasks: Sequence[Task], path: str) -> Iterator[Issue]:
    """Every number that a task waits for is a task or a group (1 for 1.1), and none waits in turn.

    What only prose tells is a warning. Of several circles one is told.
    """
    lines = {task.number: task.line for task in reversed(tasks) if task.number}
    waits: dict[str, set[str]] = {number: set() for number in lines}
    for number in lines:
        group = number.rpartition(".")[0]
        if group and group not in lines:
            waits.setdefault(group, set()).add(number)
    for task in tasks:
        for number in task.depends_on:
            if number not in waits:
                text = f"it depends on task {number}, which there is not"
                yield Issue("error", "unknown-task", path, task.line, text)
            elif task.number:
                waits[task.number].add(number)
    circle = _circle(waits)
    severity: Severity = "error"
    for task in tasks:
        for number in task.may_depend_on:
            if number not in waits:
                text = f"it seems to depend on task {number}, which there is not"
                yield Issue("warning", "unknown-task", path, task.line, text, _FIELD)
            elif task.number:
                waits[task.number].add(number)
    if not circle:
        circle, severity = _circle(waits), "warning"
    if circle:
        shown = circle if len(circle) <= 12 else [*circle[:10], "...", circle[-1]]
        line = next(lines[number] for number in circle if number in lines)
        text = f"these tasks wait for each other: {' → '.join(shown)}"
        yield Issue(severity, "task-cycle", path, line, text, "Take one of the dependencies out.")


def _circle(waits: Mapping[str, Collection[str]]) -> list[str]:
    """A circle among those that wait for each other, [] without one."""
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1][::-1]
        return circle
    return []
