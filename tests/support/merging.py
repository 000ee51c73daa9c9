"""Merging a change into the main specs as `agentd archive` does, and children killed on the way."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from agentd.ledger.store import StateStore
from agentd.project.layout import Project, find_project
from agentd.specs.plan import plan_merge
from agentd.specs.staging import journal_of, merged_dir, publish, stage
from support.workflow_box import MAIN, block, modified, put_change, tasks_for
from support.workspace import Sandbox

_LOUD = modified(block("Greet", "The system SHALL greet loudly.", "hello", "it says HELLO"))
_NEW = "# New\n\n## ADDED Requirements\n\n" + block("Sing", "It SHALL sing.", "song", "it sings")


def put_complete_changes(box: Sandbox) -> None:
    """Two changes; ``one`` modifies a main spec and adds another."""
    (find_project(box.root).specs_dir / "login.md").write_text(MAIN)
    put_change(box, "two", "complete")
    files = {
        "specs/login.md": _LOUD,
        "specs/area/new/spec.md": _NEW,
        "tasks.md": tasks_for("Greet"),
    }
    put_change(box, "one", "complete", files)


def put_reviewed_changes(box: Sandbox) -> None:
    """The same; the archive review of ``one`` approves, and nothing is published yet."""
    put_complete_changes(box)
    project, change = find_project(box.root), box.change("one")
    stage(project, change, plan_merge(project, change).texts())
    (merged_dir(change) / "CHANGELOG.md").write_text("# Changelog\n\n## one\n\nLouder.\n")
    (change / "ARCHIVE_REVIEW.md").write_text("# Archive review\n\n## Verdict\n- [x] APPROVED\n")
    StateStore(change).update(last_action="archive-review")


def published(project: Project, change: Path) -> None:
    """Stage and publish the change's specs; they can still be taken back."""
    if not (change / "STATE.yaml").exists():
        StateStore(change).create(change.name, phase="complete")
    stage(project, change, plan_merge(project, change).texts())
    publish(project, change)


def merge_and_settle(project: Project, change: Path) -> None:
    """The same, and it stands."""
    published(project, change)
    journal_of(project, change).forget()


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Whether ``work`` in a child was killed before its ``number``-th fsync, rename or removal.

    False: it made fewer of them, and finished.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, 1)
            _die_at(number)
            work()
            code = 0
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    assert status == 0 or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL)
    return os.WIFSIGNALED(status)


def _die_at(number: int) -> None:
    count = 0

    def deadly(real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **keys: object) -> object:
            nonlocal count
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **keys)

        return call

    for name in ("fsync", "rename", "replace", "unlink", "rmdir"):
        setattr(os, name, deadly(getattr(os, name)))
