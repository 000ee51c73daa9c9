"""What a person asked for on the command line, for every step that it makes run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from agentd.clock import utc_now
from agentd.ledger.store import StateStore
from agentd.metering.call import CallRecord
from agentd.project.workspace import Workspace
from agentd.providers import maker_of
from agentd.providers.activity import Snapshot, Watch
from agentd.workflow.model_choice import Choice
from agentd.workflow.steps import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A call that begins; ``spent_usd`` is what the change has cost before it.

    ``cost_so_far`` prices what a snapshot shows, None when nothing of it has a price. Its first
    use may load the price catalogue.
    """

    step: str
    provider: str
    model: str | None
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a person asked for on the command line; None leaves it to the config.

    ``wait``: sleep until a rate limit is lifted. ``override_budget``: begin and go on with calls
    beyond their budget. ``note`` is told in a line what happens, ``warn`` what a person must see,
    ``watching`` shows each call while it runs.
    """

    provider: str | None = None
    model: str | None = None
    session_id: str | None = None
    wait: bool = False
    override_budget: bool = False
    note: Callable[[str], None] = field(default=lambda _: None)
    warn: Callable[[str], None] = field(default=lambda _: None)
    watching: Watching = nobody_watches


def begun(workspace: Workspace, change: Path, step: Step, choice: Choice) -> Begun:
    """The call of a step that begins now."""

    def cost_so_far(seen: Snapshot) -> Decimal | None:
        if seen.usage is None:
            return None
        model = seen.model or choice.model or "unknown"
        call = workspace.prices.price(
            seen.usage, maker=maker_of(choice.provider), model=model, at=utc_now()
        )
        return None if call.cost_source == "none" else call.cost_usd

    return Begun(
        step=step.name,
        provider=choice.provider,
        model=choice.model,
        spent_usd=StateStore(change).read().total_cost_usd,
        cost_so_far=cost_so_far,
    )
