"""claude's own telemetry: an ``api_request`` for each finished request, side calls too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from agentd.metering.requests import ApiRequest, Thread
from agentd.metering.usage import ModelUsage
from agentd.providers.telemetry import Heard, Value, count, malformed, moment

# ``query_source`` of the conversation itself: headless, and as a person sees it.
_MAIN = ("sdk", "repl_main_thread")
_FIELDS = {
    "input_tokens": ("input_tokens", "cache_read_tokens", "cache_creation_tokens"),
    "output_tokens": ("output_tokens",),
    "cache_creation_1h_input_tokens": ("cache_creation_1h_tokens",),
}


def read(name: str, attributes: Mapping[str, Value]) -> Heard | None:
    """What an event tells of a request; the input stands beside the cached tokens."""
    if name.removeprefix("claude_code.") != "api_request":
        return None
    cached, written = (count(attributes, f"cache_{kind}_tokens") for kind in ("read", "creation"))
    usage = ModelUsage(
        input_tokens=count(attributes, "input_tokens") + cached + written,
        output_tokens=count(attributes, "output_tokens"),
        cache_read_input_tokens=cached,
        cache_creation_input_tokens=written,
        cache_creation_1h_input_tokens=count(attributes, "cache_creation_1h_tokens"),
    )
    ended_at = moment(attributes)
    request = ApiRequest(
        model=str(attributes.get("model", "")).removesuffix("[1m]"),
        usage=usage,
        variants=(("speed", "fast"),) if attributes.get("speed") == "fast" else (),
        estimated=malformed(attributes, _FIELDS),
        started_at=_before(ended_at, count(attributes, "duration_ms")),
        ended_at=ended_at,
        ended=True,
        thread=_thread(str(attributes.get("query_source", ""))),
    )
    return Heard(conversation=str(attributes.get("session.id", "")), request=request)


def _before(moment: datetime | None, ms: int) -> datetime | None:
    try:
        return moment - timedelta(milliseconds=ms) if moment else None
    except OverflowError:  # before all years
        return None


def _thread(source: str) -> Thread:
    if source.startswith("agent:"):
        return "subagent"
    return "main" if not source or source.startswith(_MAIN) else "side"
