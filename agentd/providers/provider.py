"""What agentd knows of a coding CLI before it runs: one row of literals, cheap to load."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from agentd.frozen import frozen

if TYPE_CHECKING:
    from agentd.providers.base import Cli
    from agentd.providers.session_files import SessionFiles

Version = tuple[int, int, int]
Work = Literal["write", "judge", "code"]
"""What a step does: it writes documents, judges what others wrote, or changes the code."""


@frozen(kw_only=True)
class BudgetFlag:
    """The option that holds a CLI to a budget in USD, and the version that has it first."""

    name: str
    since: Version


@frozen(kw_only=True)
class Provider:
    """One coding CLI; its folder is named like it and holds its part of the config's template.

    ``title`` is its product's name, ``cli`` loads what a run needs of it, ``install`` is the shell
    command that installs its newest version. From version ``exact_since`` on its usage is exact
    (docs/clis.md), ``older_lacks`` says what is missing before. ``maker`` is who makes its models,
    as price catalogues name it, "" where each model's name has to tell. ``default_model`` is the
    one it takes when it is told none. ``reports_costs``: it has figures of its own, real for its
    maker's models. ``usual_for``: the work that it does where the config names no provider.
    ``session_files`` loads what reads all its session logs, None where agentd can read none.
    """

    name: str
    title: str
    cli: Callable[[], Cli]
    install: str = ""
    exact_since: Version | None = None
    older_lacks: str = ""
    maker: str = ""
    default_model: str | None = None
    reports_costs: bool = False
    budget_flag: BudgetFlag | None = None
    usual_for: tuple[Work, ...] = ()
    session_files: Callable[[], SessionFiles] | None = None
