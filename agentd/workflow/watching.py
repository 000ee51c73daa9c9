"""What a call under way tells the one who watches it; what is shown is the watcher's matter."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from agentd.clock import utc_now
from agentd.metering.call import CallRecord
from agentd.runner.activity import Snapshot, Watch
from agentd.state.store import StateStore
from agentd.workflow.choice import Choice
from agentd.workflow.steps import Step
from agentd.workflow.workspace import Workspace


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


def begun(workspace: Workspace, change: Path, step: Step, choice: Choice) -> Begun:
    """The call of a step that begins now."""

    def cost_so_far(seen: Snapshot) -> Decimal | None:
        if seen.usage is None:
            return None
        model = seen.model or choice.model or "unknown"
        call = workspace.prices.price(
            seen.usage, provider=choice.provider, model=model, at=utc_now()
        )
        return None if call.cost_source == "none" else call.cost_usd

    return Begun(
        step=step.name,
        provider=choice.provider,
        model=choice.model,
        spent_usd=StateStore(change).read().total_cost_usd,
        cost_so_far=cost_so_far,
    )
