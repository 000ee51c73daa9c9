"""tasks.md while a step codes: a step may tick tasks, and neither drop nor rewrite them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from agentd.documents.name_key import name_key
from agentd.documents.tasks import CHECKBOX, Task, read_tasks
from agentd.files import read_plain, write_atomic, write_private
from agentd.late_pattern import late_pattern
from agentd.project.change import Change
from agentd.text import some_of
from agentd.workflow.step_run import StepRun

_TASKS = "tasks.md"  # in a run's folder: as the run left it, where that was not taken
_BEFORE = "tasks-before-the-run.md"
_DONE = late_pattern(r"(?:\s*(?:[✅✔✓☑]\ufe0f?|\((?:done|completed?)\)))+\s*$", re.IGNORECASE)


def keep_tasks(run: StepRun, run_dir: Path) -> None:
    """Keep tasks.md before a run of a step that may tick in it."""
    text = run.change.text(_TASKS) if _TASKS in run.step.touches else None
    if text is not None:
        write_private(run_dir / _BEFORE, text.encode())


def restore_tasks(change: Change, run_dir: Path) -> str:
    """Bring back the tasks that a run dropped or rewrote, ticked as it ticked them.

    Returns what was done, in a sentence; "" when there was nothing to do. What the run wrote is
    kept in its folder.
    """
    before = run_dir / _BEFORE
    if not before.is_file():
        return ""
    old = read_plain(before).decode()
    new = change.text(_TASKS)
    lost = changed_tasks(old, new or "")
    if not lost:
        return ""
    path = change.folder / _TASKS
    if new is not None:
        write_private(run_dir / _TASKS, new.encode())
    elif path.is_symlink() or path.exists():
        path.rename(run_dir / _TASKS)
    write_atomic(path, with_ticks(old, read_tasks(new or "")).encode())
    change.forget()
    named = some_of([task.number or f'"{task.text[:60]}"' for task in lost])
    kept = f"; what it wrote: {change.project.shown(run_dir / _TASKS)}"
    what = f"tasks.md: {named} dropped or rewritten, and brought back: a step may only tick tasks"
    return what + (kept if (run_dir / _TASKS).exists() else "")


def ticked_since(change: Change, run_dir: Path) -> list[Task]:
    """The tasks that a run has ticked; none where it was not to tick any."""
    before = run_dir / _BEFORE
    if not before.is_file():
        return []
    old = {_identity(task) for task in read_tasks(read_plain(before).decode()) if not task.done}
    now = read_tasks(change.text(_TASKS) or "")
    return [task for task in now if task.done and _identity(task) in old]


def changed_tasks(old: str, new: str) -> list[Task]:
    """The tasks of ``old`` that ``new`` does not have, or has with another text.

    How a text is set is no other text: case, markup, dashes, quotes, a mark that it is done. Its
    tests may become more.
    """
    there: dict[tuple[object, ...], set[str]] = {}
    for task in read_tasks(new):
        there.setdefault(_identity(task), set()).update(map(name_key, task.tests))
    return [
        task
        for task in read_tasks(old)
        if _identity(task) not in there
        or not {*map(name_key, task.tests)} <= there[_identity(task)]
    ]


def with_ticks(old: str, new: Iterable[Task]) -> str:
    """``old``, with the tasks ticked that are done in ``new``, by their numbers, else their texts.

    Everything else stays byte for byte.
    """
    done = {task.number or _plain(task.text) for task in new if task.done}
    parts = re.split(r"(\r\n|\r|\n)", old)
    for task in read_tasks(old):
        place = 2 * (task.line - 1)
        box = CHECKBOX.match(parts[place].lstrip("\ufeff"))
        if box and not task.done and (task.number or _plain(task.text)) in done:
            start = len(parts[place]) - len(parts[place].lstrip("\ufeff"))
            first, last = box.span("mark")
            line = parts[place]
            parts[place] = f"{line[: start + first]}x{line[start + last :]}"
    return "".join(parts)


def _identity(task: Task) -> tuple[object, ...]:
    requirements = tuple(map(name_key, task.requirements))
    return task.number, _plain(task.text), requirements, task.depends_on


def _plain(text: str) -> str:
    """A task's text but for how it is set, and for a mark that it is done."""
    return name_key(_DONE.sub("", text.replace("~~", "")))
