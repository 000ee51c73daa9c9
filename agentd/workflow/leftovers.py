"""What earlier commands left, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from agentd.errors import AgentdError, StateError
    from agentd.metering.call import CallRecord


class Settled(NamedTuple):
    """A call that an earlier command could not enter; ``done``: its step's work is there too.

    ``in_doubt`` are files of agentd that its run may have changed, or somebody after it.
    ``followed``: its CLI still worked, and was followed to its end; ``stopped`` is the error that
    ends the command when it was stopped meanwhile.
    """

    record: CallRecord
    done: bool
    in_doubt: tuple[str, ...] = ()
    followed: bool = False
    stopped: AgentdError | None = None


class Leftovers(NamedTuple):
    """What earlier commands left: the calls that are ``entered`` now, and what can't be.

    ``notes``: what such runs did that they may not, and runs that wait: for a newer agentd, for a
    config by which they can be priced, or to be judged. ``problems``: those whose ``run.json`` or
    kept call is damaged, or that must be judged before a step begins and can't be. ``orphans`` are
    the processes of runs that still work although their agentd is gone; a note tells of each run.
    """

    entered: Sequence[Settled] = ()
    notes: Sequence[str] = ()
    problems: Sequence[StateError] = ()
    orphans: Sequence[int] = ()


NOTHING = Leftovers()
