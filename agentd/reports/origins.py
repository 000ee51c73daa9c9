"""Where the calls of a project come from: what the sums' rows don't tell of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from agentd.errors import StateError
from agentd.ledger.all_rows import HasLedger
from agentd.ledger.reading import read_state
from agentd.reports.dimensions import NOWHERE, OF_GIT, Origins


def origins_of(root: Path, changes: Iterable[HasLedger], by: Sequence[str]) -> Origins:
    """What grouping these changes' calls ``by`` some dimensions takes.

    Raises InputError when git can't read the history that it has.
    """
    origins = NOWHERE
    if not set(OF_GIT).isdisjoint(by):
        from agentd.reports.git_origins import read_origins

        origins = read_origins(root, with_branches="branch" in by)
    sessions: dict[str, str | None] = {}
    for change in changes if "session" in by else ():
        try:
            document = read_state(change.folder).document
        except StateError:
            continue  # who reads its calls says so
        if document is not None:
            columns = document.columns
            sessions |= zip(columns["id"], columns["session_id"], strict=True)
    return origins._replace(sessions=sessions, project=str(root))
