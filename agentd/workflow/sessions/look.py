"""Sessions by hand that no ledger has, looked for again only where something is new."""

from __future__ import annotations

import time
from math import inf
from typing import TYPE_CHECKING

from agentd.errors import ConfigError
from agentd.workflow.sessions.not_imported import (
    NotImported,
    not_imported,
    remember,
    remembered,
)

if TYPE_CHECKING:
    from agentd.config.model import Config
    from agentd.project.layout import Project

_LONGEST_LOOK_S = 1.0


def not_imported_now(project: Project) -> NotImported:
    """What people did by hand that no ledger has.

    What is new in logs and ledgers since a command looked last is read, for a second at most.
    """
    if (known := remembered(project.root)) is not None:
        return known
    try:
        return look(project, until=time.monotonic() + _LONGEST_LOOK_S)
    except TimeoutError:
        return NotImported(all_read=False)
    except ConfigError:  # then nobody can say what they cost
        shown = project.shown(project.config_path)
        return NotImported(all_read=False, problem=f"{shown} can't be read")


def look(
    project: Project,
    config: Config | None = None,
    *,
    begin: float | None = None,
    end: float | None = None,
    until: float = inf,
) -> NotImported:
    """The same of all of a project's sessions: what is new is read now.

    ``config`` is the project's, read where that is needed without it. Raises ConfigError, and
    TimeoutError once the monotonic clock is at ``until``.
    """
    from agentd.workflow.sessions.places import has_logs, roots_of, watched_places

    begun_ns = time.time_ns()
    watched = watched_places(project.root, roots_of(project.root))
    if not has_logs(project.root):  # what reads them is not loaded
        remember(project.root, NotImported(), watched, begun_ns)
        return NotImported()
    from agentd.project.workspace import Workspace
    from agentd.workflow.sessions.discover import manual_calls

    workspace = Workspace(project, config) if config else Workspace.of(project)
    return not_imported(manual_calls(workspace, until=until), begin=begin, end=end)
