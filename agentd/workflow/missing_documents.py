"""Documents that a step reads and that are gone: which command brings them back."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from agentd import git
from agentd.documents.owed import missing
from agentd.project.change import Change
from agentd.project.phases import read_phase
from agentd.workflow.decide import ARCHIVE, PLAN
from agentd.workflow.steps import STEPS


def command_for(change: Change, gone: Sequence[str]) -> str:
    """The command that brings missing documents back: a step, or git.

    What a proposal left is written once: where git has no copy, the change begins anew.
    """
    phase, missed = read_phase(change.state.phase), {*gone}
    first = STEPS[PLAN.first]
    if phase not in first.phases and not missed.isdisjoint(first.writes):
        return _from_git(change, gone) or f"agentd delete {change.id}"
    for step in STEPS.values():
        reads_it = not missed.isdisjoint(step.reads)
        if phase in step.phases and not reads_it and not missed.isdisjoint(step.writes):
            words = ' "DESCRIPTION"' if step is first else ""
            return f"agentd {step.command} {change.id}{words}"
    return f"agentd status {change.id}"


def how_to_get(change: Change, gone: Sequence[str]) -> str:
    """The same as advice."""
    command = command_for(change, gone)
    if command.startswith("git "):
        return f"Restore it: {command}\nOr begin anew: agentd delete {change.id}"
    if command == f"agentd delete {change.id}":
        return f"Restore it from a copy of yours, or begin anew: {command}"
    return f"Run the step that writes it first: {command}"


def lacked(change: Change, step: str) -> tuple[str, ...]:
    """The documents that are needed from a step on, and that are not there.

    Whatever it reads itself, a change without one that its proposal wrote is not valid.
    """
    own = () if step in ARCHIVE.steps else STEPS[step].reads  # what was merged is merged again
    return missing(change, dict.fromkeys((*STEPS[PLAN.first].writes, *own)))


def _from_git(change: Change, gone: Sequence[str]) -> str:
    """The command that has git restore documents; "" where its last commit has not all of them."""
    root, folder = change.project.root, change.folder
    if not folder.is_relative_to(root):
        return ""
    names = [(folder.relative_to(root) / name).as_posix() for name in gone]
    try:
        if any(git.run(root, "cat-file", "-e", f"HEAD:./{name}").returncode for name in names):
            return ""
    except git.GitFailed:
        return ""
    return f"git checkout HEAD -- {shlex.join(names)}"
