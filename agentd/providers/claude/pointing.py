"""Pointing claude: ``--settings`` beats project and user settings and the environment.

Managed settings beat it. Measured with 2.1.332; Bearer tokens and beta headers arrive unchanged.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentd.files import write_private
from agentd.providers.fields import mapping
from agentd.providers.pointing import (
    NotPointed,
    Pointed,
    Pointing,
    PointQuery,
    read_json,
    with_loopback,
)

_API = "https://api.anthropic.com"
_URL = "ANTHROPIC_BASE_URL"
# Without it claude leaves out features (prompt caching scopes) that it uses with its own API alone.
_FIRST_PARTY = "_CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL"
_OTHER_CLOUDS = {
    "CLAUDE_CODE_USE_BEDROCK": "Bedrock signs its requests for its own host",
    "CLAUDE_CODE_USE_VERTEX": "claude on Vertex AI was not measured",
    "CLAUDE_CODE_USE_FOUNDRY": "claude on Foundry was not measured",
}
_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
_FLAG = "--settings"


def refusal(message: str) -> tuple[int, dict[str, Any]]:
    """Where claude ends at once, without retries (0.09 s, exit 1; measured with 2.1.332)."""
    return 402, {"type": "error", "error": {"type": "billing_error", "message": message}}


def point(query: PointQuery) -> Pointing | NotPointed:
    """The API of a claude run, by its settings files, arguments and environment."""
    given, others = _settings_argument(query)
    managed = read_json(_managed_path())
    if _URL in mapping(managed.get("env")):
        return NotPointed("managed settings name the base URL, and nothing beats them")
    home = Path(
        query.environ.get("CLAUDE_CONFIG_DIR") or Path(query.environ.get("HOME", ""), ".claude")
    )
    project = query.cwd / ".claude"
    layers = [  # the strongest last
        read_json(home / "settings.json"),
        read_json(project / "settings.json"),
        read_json(project / "settings.local.json"),
        given,
        managed,
    ]
    environ: dict[str, Any] = dict(query.environ)
    for layer in layers:
        environ.update(mapping(layer.get("env")))
    for name, why in _OTHER_CLOUDS.items():
        if str(environ.get(name, "")).lower() not in ("", "0", "false"):
            return NotPointed(why)
    upstream = str(environ.get(_URL) or _API)
    has_key = any(environ.get(name) for name in _KEYS) or any("apiKeyHelper" in at for at in layers)
    own_url = upstream.rstrip("/") != _API

    def at(url: str, folder: Path) -> Pointed:
        env = {**mapping(given.get("env")), _URL: url}
        if not own_url:
            env[_FIRST_PARTY] = "1"
        settings = folder / "claude-settings.json"  # not as an argument: `ps` shows those
        write_private(settings, json.dumps({**given, "env": env}).encode())
        return Pointed(
            extra_args=(*others, _FLAG, str(settings)), environ=with_loopback(query.environ)
        )

    login = "API key" if has_key else "base URL of your own" if own_url else "claude.ai login"
    return Pointing(upstream=upstream, login=login, tried=has_key or own_url, at=at)


def _settings_argument(query: PointQuery) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """What ``--settings`` of the extra arguments holds, JSON or a file, and the other arguments."""
    found: Mapping[str, Any] = {}
    others: list[str] = []
    arguments = iter(query.extra_args)
    for argument in arguments:
        flag, equals, value = argument.partition("=")
        if flag != _FLAG:
            others.append(argument)
            continue
        value = value if equals else next(arguments, "")
        if value.lstrip().startswith("{"):
            try:
                found = mapping(json.loads(value))
            except ValueError:
                others += [_FLAG, value]  # claude will say what is wrong with it
        else:
            found = read_json(query.cwd / value)
    return found, tuple(others)


def _managed_path() -> Path:
    if sys.platform == "darwin":
        return Path("/Library/Application Support/ClaudeCode/managed-settings.json")
    return Path("/etc/claude-code/managed-settings.json")
