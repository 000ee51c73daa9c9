"""codex's own telemetry: ``api_request`` as an answer begins, its usage as it ends (0.169.0)."""

from __future__ import annotations

from collections.abc import Mapping

from agentd.metering.requests import ApiRequest
from agentd.metering.usage import ModelUsage
from agentd.providers.telemetry import Heard, Value, count, malformed, moment

_OK = 200
_FIELDS = {
    "input_tokens": ("input_token_count", "cached_token_count", "cache_write_token_count"),
    "output_tokens": ("output_token_count", "reasoning_token_count"),
}


def read(name: str, attributes: Mapping[str, Value]) -> Heard | None:
    """What an event tells of a request; cached and reasoning tokens are parts."""
    conversation, model = (str(attributes.get(key, "")) for key in ("conversation.id", "model"))
    at = moment(attributes)
    if name == "codex.api_request":
        answered = count(attributes, "http.response.status_code") == _OK
        billed = str(attributes.get("endpoint", "")).startswith("/responses")
        begun = ApiRequest(model=model, started_at=at)
        return Heard(conversation=conversation, request=begun) if answered and billed else None
    if (
        attributes.get("event.kind") != "response.completed"
        or "input_token_count" not in attributes
    ):
        return None
    usage = ModelUsage(
        input_tokens=count(attributes, "input_token_count"),
        output_tokens=count(attributes, "output_token_count"),
        cache_read_input_tokens=count(attributes, "cached_token_count"),
        cache_creation_input_tokens=count(attributes, "cache_write_token_count"),
        reasoning_output_tokens=count(attributes, "reasoning_token_count"),
    )
    unsure = malformed(attributes, _FIELDS)
    ended = ApiRequest(model=model, usage=usage, estimated=unsure, ended_at=at, ended=True)
    return Heard(conversation=conversation, request=ended)
