"""Pointing gemini: the environment beats its .env files. Measured with 0.61.0.

Which variable counts depends on the login; a Google login was not run whole.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentd.frozen import frozen
from agentd.providers.fields import mapping, text
from agentd.providers.pointing import (
    NO_LOGIN,
    NotPointed,
    Pointed,
    Pointing,
    PointQuery,
    dot_env,
    read_json,
    with_loopback,
)


@frozen()
class _Login:
    words: str
    variable: str
    api: str
    tried: bool


_KEY = _Login(
    "API key", "GOOGLE_GEMINI_BASE_URL", "https://generativelanguage.googleapis.com", True
)
_NOBODY = replace(_KEY, words=NO_LOGIN, tried=False)
_VERTEX = _Login("Vertex key", "GOOGLE_VERTEX_BASE_URL", "https://aiplatform.googleapis.com", True)
_GOOGLE = _Login(
    "Google login", "CODE_ASSIST_ENDPOINT", "https://cloudcode-pa.googleapis.com", False
)
_SELECTED = {
    "gemini-api-key": _KEY,
    "vertex-ai": _VERTEX,
    "oauth-personal": _GOOGLE,
    "compute-default-credentials": _GOOGLE,
}
_SYSTEM_SETTINGS = {
    "darwin": "/Library/Application Support/GeminiCli/settings.json",
    "linux": "/etc/gemini-cli/settings.json",
}
_TRUE = ("1", "true")


def refusal(message: str) -> tuple[int, dict[str, Any]]:
    """Where gemini ends at once, without retries (1.0 s, exit 146; measured with 0.61.0)."""
    return 402, {"error": {"code": 402, "message": message, "status": "FAILED_PRECONDITION"}}


def point(query: PointQuery) -> Pointing | NotPointed:
    """The API of a gemini run, by its settings files and its environment."""
    home = Path(query.environ.get("GEMINI_CLI_HOME") or query.environ.get("HOME", ""))
    environ = {**_dot_env(query.cwd, home), **query.environ}
    login = _login(query.cwd, home, environ)
    upstream = environ.get(login.variable) or login.api
    if login is _VERTEX and not environ.get("GOOGLE_API_KEY") and login.variable not in environ:
        return NotPointed("Vertex AI without a key has a host for each location")

    def at(url: str, _: Path) -> Pointed:
        pointed = {**with_loopback({**query.environ, **_proxies(environ)}), login.variable: url}
        return Pointed(extra_args=query.extra_args, environ=pointed)

    own_url = login.variable in environ
    return Pointing(
        upstream=upstream,
        login="base URL of your own" if own_url else login.words,
        tried=login.tried or own_url,
        environ=environ,
        at=at,
    )


def _proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """What exempts hosts from proxies, also where an .env file says so: the run's own beats it."""
    return {name: environ[name] for name in ("NO_PROXY", "no_proxy") if name in environ}


def _login(cwd: Path, home: Path, environ: Mapping[str, str]) -> _Login:
    system = environ.get("GEMINI_CLI_SYSTEM_SETTINGS_PATH") or _SYSTEM_SETTINGS.get(sys.platform)
    files = [Path(system)] if system else []
    files += [folder / ".gemini" / "settings.json" for folder in (cwd, home)]
    for file in files:  # the strongest first
        settings = read_json(file)
        auth = mapping(mapping(settings.get("security")).get("auth"))
        kind = text(auth.get("selectedType")) or text(settings.get("selectedAuthType")) or ""
        if kind in _SELECTED:
            return _SELECTED[kind]
    if environ.get("GOOGLE_GENAI_USE_GCA", "").lower() in _TRUE:
        return _GOOGLE
    if environ.get("GOOGLE_GENAI_USE_VERTEXAI", "").lower() in _TRUE:
        return _VERTEX
    return _KEY if environ.get("GEMINI_API_KEY") else _NOBODY


def _dot_env(cwd: Path, home: Path) -> dict[str, str]:
    """The variables of the first .env file that gemini reads, from the folder upwards."""
    places = [part / name for part in (cwd, *cwd.parents) for name in (".gemini/.env", ".env")]
    places += [home / ".gemini" / ".env", home / ".env"]
    file = next((place for place in places if place.is_file()), None)
    return dot_env(file) if file else {}
