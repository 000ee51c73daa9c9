"""What a server itself says of a prompt's tokens and of its model's window, where it does.

llama.cpp and vLLM have ``/tokenize`` at their root; the window stands in ``/models``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import aiohttp
from yarl import URL

from agentd.json_value import json_value
from agentd.metering.dialects.fields import items, mapping
from agentd.metering.usage import whole_count
from agentd.providers.http.options import Options
from agentd.providers.network import proxy_of, read_at_most, session_to

_MAX_BYTES = 8 << 20
_TIMEOUT_S, _FIRST_TIMEOUT_S = 10.0, 3.0
_LONG_CHARS = 2000
_WINDOWS = ("max_model_len", "context_length", "context_window", "n_ctx")


async def count(
    options: Options, headers: Mapping[str, str], prompt: str
) -> tuple[int | None, int | None]:
    """The tokens of a prompt, and the model's window; None for what the server does not tell.

    A long prompt is sent only to a server that has counted a word; others are asked nothing else.
    """
    base = options.base_url.partition("?")[0].rstrip("/")
    url = re.sub(r"/v\d+$", "", base) + "/tokenize"

    def asking(text: str) -> dict[str, str]:
        return {"model": options.model, "content": text, "prompt": text}

    async with session_to(base, auto_decompress=True) as session:
        if len(prompt) > _LONG_CHARS:
            found = await _asked(session, url, headers, asking("OK"), _FIRST_TIMEOUT_S)
            if _count(found) is None:
                return None, None
        found = await _asked(session, url, headers, asking(prompt))
        window = whole_count(found.get("max_model_len"))
        if not window:
            models = await _asked(session, f"{base}/models", headers, None)
            window = _window(options.model, models)
    return _count(found), window


def _count(found: Mapping[str, Any]) -> int | None:
    """What vLLM tells as ``count``, llama.cpp as a list; none for 0: no text has no tokens."""
    tokens = found.get("tokens")
    counted = len(tokens) if isinstance(tokens, list) else whole_count(found.get("count"))
    return counted or None


def _window(model: str, models: Mapping[str, Any]) -> int | None:
    """Of the model's row, or of the only one."""
    rows = items(models.get("data"))
    own = [row for row in rows if row.get("id") == model] or (rows if len(rows) == 1 else [])
    for row in own:
        for place in (row, mapping(row.get("meta"))):
            found = (whole_count(place.get(name)) for name in _WINDOWS)
            if window := next((one for one in found if one), None):
                return window
    return None


async def _asked(
    session: aiohttp.ClientSession,
    url: str,
    headers: Mapping[str, str],
    body: Mapping[str, Any] | None,
    timeout_s: float = _TIMEOUT_S,
) -> Mapping[str, Any]:
    """The object that a server answers; {} for whatever else comes of it."""
    try:
        async with session.request(
            "GET" if body is None else "POST",
            URL(url, encoded=True),
            json=body,
            headers={**headers, "accept": "application/json"},
            allow_redirects=False,
            proxy=proxy_of(url),
            timeout=aiohttp.ClientTimeout(total=timeout_s),
        ) as answer:
            if answer.status != 200:
                return {}
            return mapping(json_value(await read_at_most(answer.content, _MAX_BYTES)))
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return {}
