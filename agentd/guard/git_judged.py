"""What is found of git's own state after a run, gathered bit by bit."""

from __future__ import annotations

from pathlib import Path

from agentd.guard.ended import Ended
from agentd.guard.findings import Forbidden, Told
from agentd.guard.rules import GIT


class GitJudged:
    """What fails the step, and what is told, of a run that has ``ended``.

    ``is_broken``: git can't be asked any more. ``is_unfinished``: something could not be written,
    and is left to the next command.
    """

    def __init__(self, ended: Ended) -> None:
        self.ended = ended
        self.forbidden: list[Forbidden] = []
        self.told: list[Told] = []
        self.is_broken = False
        self.is_unfinished = False

    def forbid(self, path: Path, what: str, diff: str = "", rule: str = GIT) -> None:
        """Let the step fail by what became of ``path``."""
        self.forbidden.append(Forbidden(path, what, rule=rule, diff=diff))

    def is_the_runs(self, path: Path, name: str) -> bool:
        """Whether the run did it, as far as times can tell; in doubt it stays, and is told."""
        whose = self.ended.whose(path)
        if whose == "in doubt":
            self.told.append(Told(f"Left as it is, by the step or by somebody after it: {name}"))
        return whose == "the run's"
