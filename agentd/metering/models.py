"""Which model a name stands for."""

from __future__ import annotations

from agentd.metering import catalog
from agentd.metering.names import CLAUDE_ALIASES, forms, newest


def resolve_alias(model: str, provider: str | None = None) -> str:
    """The full name behind an alias of claude: ``sonnet[1m]`` is the newest claude-sonnet.

    "Newest" is by version, in the bundled catalogue, so no table of ours goes stale. Any other
    name, and an alias asked for another ``provider``, comes back as it is.
    """
    alias = forms(model)[-1]
    if provider not in {None, "claude"} or alias not in CLAUDE_ALIASES:
        return model
    return newest(alias, catalog.model_ids("claude")) or model
