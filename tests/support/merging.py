"""Merging a change into the main specs as `agentd archive` does, and children killed on the way."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from agentd.ledger.store import StateStore
from agentd.project.layout import Project
from agentd.specs.plan import plan_merge
from agentd.specs.staging import journal_of, publish, stage


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
