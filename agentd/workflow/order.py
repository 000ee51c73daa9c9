"""What a person asked for on the command line, for every step that it makes run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from agentd.workflow.watching import Watching, nobody_watches


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
