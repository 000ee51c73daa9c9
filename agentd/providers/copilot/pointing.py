"""Pointing copilot: ``COPILOT_PROVIDER_BASE_URL`` is the API of your own. Measured with 1.0.102.

Without that variable GitHub's login chooses the API by itself, and nothing points that elsewhere.
"""

from __future__ import annotations

from typing import Any

from agentd.providers.pointing import (
    NotPointed,
    Pointed,
    Pointing,
    PointQuery,
    with_loopback,
)

_URL = "COPILOT_PROVIDER_BASE_URL"
_KEYS = ("API_KEY", "API_KEY_COMMAND", "BEARER_TOKEN", "HEADERS")
_TRIED = ("openai", "anthropic")


def refusal(message: str) -> tuple[int, dict[str, Any]]:
    """Where copilot ends at once, without retries; the body is that of both APIs."""
    kind = "invalid_request_error"
    return 402, {"type": "error", "error": {"type": kind, "message": message, "code": None}}


def point(query: PointQuery) -> Pointing | NotPointed:
    """The API of a copilot run, by its environment."""
    environ = query.environ
    upstream = environ.get(_URL)
    kind = (environ.get("COPILOT_PROVIDER_TYPE") or "openai").lower()
    if not upstream:
        return NotPointed(f"{_URL} is not set, and GitHub's own login chooses its API by itself")
    if kind not in _TRIED:
        return NotPointed(f"a provider of type {kind} was not measured")
    if (environ.get("COPILOT_PROVIDER_TRANSPORT") or "http").lower() != "http":
        return NotPointed("its transport is no HTTP (COPILOT_PROVIDER_TRANSPORT)")

    def at(url: str, _: object) -> Pointed:
        return Pointed(extra_args=query.extra_args, environ=with_loopback({**environ, _URL: url}))

    has_key = any(environ.get(f"COPILOT_PROVIDER_{name}") for name in _KEYS)
    return Pointing(
        upstream=upstream,
        login="API key" if has_key else "base URL of your own",
        tried=True,
        environ=environ,
        at=at,
    )
