"""The rules of every step, word for word as its prompt has them: a message names the broken one."""

from __future__ import annotations

from agentd.config.model import Commits

OWN = "Never touch `STATE.yaml`, agentd's settings, its specs, or another change."
WRITE_ONLY = 'Write only what "Write" names, and nothing outside the current folder.'
GIT = (
    "Leave git's settings, hooks, remotes, branches, tags and stashes as they are; staging is fine."
)
LOSSES = (
    "Do not revert, stash or delete what is not committed or what git ignores, unless you made it: "
    "it is a person's."
)
COMMITS: dict[Commits, str] = {
    "undo": "Do not commit, push, or switch branches.",
    "forbid": "Do not commit, push, or switch branches.",
    "keep": "Do not push, or switch branches.",
}


def all_rules(commits: Commits) -> tuple[str, ...]:
    """What every prompt says."""
    return (WRITE_ONLY, OWN, COMMITS[commits], GIT, LOSSES)
