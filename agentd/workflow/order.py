"""What a person asked for on the command line, for every step that it makes run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from agentd.frozen import frozen
from agentd.metering.call import CallRecord
from agentd.providers.activity import Snapshot, Watch
from agentd.workflow.notify.outbox import Outbox
from agentd.workflow.otel.tracing import Tracing

if TYPE_CHECKING:
    from agentd.errors import AgentdError
    from agentd.providers.failure import Failure


@frozen(kw_only=True)
class Begun:
    """A call that begins; ``spent_usd`` is what the change has cost before it.

    ``why`` says why this model was chosen, ``round`` which of how many rounds of a loop it is in.

    ``cost_so_far`` prices what a snapshot shows, None when nothing of it has a price. Its first
    use may load the price catalogue.
    """

    step: str
    provider: str
    model: str | None
    why: str
    round: tuple[int, int] | None
    spent_usd: Decimal
    cost_so_far: Callable[[Snapshot], Decimal | None]


@dataclass(slots=True, kw_only=True)
class Watched:
    """How a call is watched; ``record`` is what came of it, set when it is in the ledger."""

    watch: Watch | None = None
    live_text: bool = False
    record: CallRecord | None = None


Watching = Callable[[Begun], AbstractContextManager[Watched]]


@contextlib.contextmanager
def nobody_watches(_: Begun) -> Iterator[Watched]:
    """No display at all."""
    yield Watched()


class TimedOut(NamedTuple):
    """A run that was followed until its time was over; another provider may go on with its step.

    ``error`` ends a command that is about another step.
    """

    provider: str
    failure: Failure
    error: AgentdError


@frozen(kw_only=True)
class Order:
    """What a person asked for on the command line; None leaves it to the config.

    ``wait``: sleep until a rate limit is lifted. ``override_budget``: begin and go on with calls
    beyond their budget. ``no_checks``: the project's checks don't run, and decide nothing.
    ``note`` is told in a line what happens, ``warn`` what a person must see, ``watching`` shows
    each call while it runs. ``timed_out`` fills, by step, while earlier runs are followed,
    ``replaced`` with the providers of which it is told that another one is used, ``uncounted`` with
    the servers that count no tokens, so that none is asked twice.
    ``outbox`` has what is on its way to a webhook or a collector, ``tracing`` tells the latter.
    """

    provider: str | None = None
    model: str | None = None
    session_id: str | None = None
    wait: bool = False
    override_budget: bool = False
    no_checks: bool = False
    note: Callable[[str], None] = field(default=lambda _: None)
    warn: Callable[[str], None] = field(default=lambda _: None)
    watching: Watching = nobody_watches
    timed_out: dict[str, TimedOut] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)
    uncounted: set[str] = field(default_factory=set)
    outbox: Outbox = field(default_factory=Outbox)
    tracing: Tracing = field(default_factory=Tracing)
