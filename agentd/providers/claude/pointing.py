"""Pointing claude: ``--settings`` beats project and user settings and the environment.

Managed settings beat it. Measured with 2.1.332; Bearer tokens and beta headers arrive unchanged.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from agentd.files import read_json as read_json_file
from agentd.files import write_private
from agentd.frozen import frozen
from agentd.json_value import json_value
from agentd.providers.fields import mapping
from agentd.providers.pointing import (
    NO_LOGIN,
    NotPointed,
    Pointed,
    Pointing,
    PointQuery,
    Telling,
    no_proxy,
    read_json,
    with_loopback,
)

_API = "https://api.anthropic.com"
_URL = "ANTHROPIC_BASE_URL"
# Without it claude leaves out features (prompt caching scopes) that it uses with its own API alone.
_FIRST_PARTY = "_CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL"
_NOT_MEASURED = "claude on {} was not measured"
_OTHER_CLOUDS = {
    "CLAUDE_CODE_USE_BEDROCK": "Bedrock signs its requests for its own host",
    "CLAUDE_CODE_USE_MANTLE": "Bedrock signs its requests for its own host",
    "CLAUDE_CODE_USE_ANTHROPIC_AWS": _NOT_MEASURED.format("AWS"),
    "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD": _NOT_MEASURED.format("Google Cloud"),
    "CLAUDE_CODE_USE_VERTEX": _NOT_MEASURED.format("Vertex AI"),
    "CLAUDE_CODE_USE_FOUNDRY": _NOT_MEASURED.format("Foundry"),
    "CLAUDE_CODE_USE_GATEWAY": _NOT_MEASURED.format("a gateway login"),
}
_FALSE = ("", "0", "false")
_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
_FLAG = "--settings"
_SOURCES_FLAG = "--setting-sources"
# Its own exporter for the logs alone; each batch is sent at once.
_TELEMETRY = {
    "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
    "OTEL_LOGS_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "http/json",
    "OTEL_LOGS_EXPORT_INTERVAL": "20",
}
_TELEMETRY_URL = "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"


def refusal(message: str) -> tuple[int, dict[str, Any]]:
    """Where claude ends at once, without retries (0.09 s, exit 1; measured with 2.1.332)."""
    return 402, {"type": "error", "error": {"type": "billing_error", "message": message}}


def point(query: PointQuery) -> Pointing | NotPointed:
    """The API of a claude run, by its settings files, arguments and environment."""
    settings = _Settings.of(query)
    if isinstance(settings, NotPointed):
        return settings
    environ = settings.environ
    if _URL in settings.managed:
        return NotPointed("managed settings name the base URL, and nothing beats them")
    if cloud := settings.cloud():
        return NotPointed(_OTHER_CLOUDS[cloud])
    if environ.get("CLAUDE_CODE_CLIENT_CERT"):
        return NotPointed("its client certificate is for the API itself")
    upstream = environ.get(_URL) or _API
    own_url = upstream.rstrip("/") != _API

    def at(url: str, file: Path) -> Pointed:
        env = {_URL: url, "NO_PROXY": no_proxy(environ), "no_proxy": no_proxy(environ)}
        if not own_url:
            env[_FIRST_PARTY] = "1"
        return Pointed(
            extra_args=settings.with_env(env, file), environ=with_loopback(query.environ)
        )

    login = "claude.ai login" if settings.has_login() else NO_LOGIN
    login = "API key" if settings.has_key() else login
    return Pointing(
        upstream=upstream,
        login="base URL of your own" if own_url else login,
        tried=settings.has_key() or own_url,
        environ=environ,
        at=at,
    )


def tell(query: PointQuery) -> Telling | NotPointed:
    """How claude's own telemetry is sent to the meter, where its user sends it nowhere else."""
    settings = _Settings.of(query)
    if isinstance(settings, NotPointed):
        return settings
    environ = settings.environ
    if (
        any(name.startswith("OTEL_") for name in environ)
        or "CLAUDE_CODE_ENABLE_TELEMETRY" in environ
    ):
        return NotPointed("its telemetry has settings of your own")
    if not (settings.has_key() or settings.cloud() or settings.has_login() or _URL in environ):
        return NotPointed(NO_LOGIN)

    def at(url: str, file: Path, pointed: Pointed) -> Pointed:
        again = _Settings.of(
            PointQuery(cwd=query.cwd, environ=query.environ, extra_args=pointed.extra_args)
        )
        if isinstance(again, NotPointed):
            return pointed
        env = {**_TELEMETRY, _TELEMETRY_URL: f"{url}/v1/logs"}
        return Pointed(extra_args=again.with_env(env, file), environ=with_loopback(pointed.environ))

    return Telling(at=at, tells_threads=True)


@frozen(kw_only=True)
class _Settings:
    """A run's settings: the files' and the arguments', and what of the environment they make.

    ``given`` is what ``--settings`` holds, ``others`` are the arguments beside it.
    """

    layers: tuple[Mapping[str, Any], ...]
    environ: Mapping[str, str]
    managed: Mapping[str, Any]
    given: Mapping[str, Any]
    others: tuple[str, ...]
    account: Mapping[str, Any]
    credentials: Path

    @classmethod
    def of(cls, query: PointQuery) -> _Settings | NotPointed:
        """Those of ``query``; why not, where an argument can't be read."""
        values, others = _arguments(query.extra_args)
        given = _read_argument(values[_FLAG], query.cwd) if _FLAG in values else {}
        if given is None:
            return NotPointed(f"its argument {_FLAG} can't be read")
        own = query.environ.get("CLAUDE_CONFIG_DIR")
        house = Path(own or query.environ.get("HOME", ""))
        home, project = house if own else house / ".claude", query.cwd / ".claude"
        sources = values.get(_SOURCES_FLAG, "user,project,local").split(",")
        files = {
            "user": home / "settings.json",
            "project": project / "settings.json",
            "local": project / "settings.local.json",
        }
        managed = list(_managed())
        layers = (  # the strongest last
            *(read_json(file) for source, file in files.items() if source in sources),
            given,
            *managed,
        )
        environ = dict(query.environ)
        for layer in layers:
            environ.update(_env(layer))
        return cls(
            layers=layers,
            environ=environ,
            managed={name: value for layer in managed for name, value in _env(layer).items()},
            given=given,
            others=others,
            account=read_json(house / ".claude.json"),
            credentials=home / ".credentials.json",
        )

    def cloud(self) -> str | None:
        """The variable that sends it to another cloud."""
        on = (name for name in _OTHER_CLOUDS if self.environ.get(name, "").lower() not in _FALSE)
        return next(on, None)

    def has_key(self) -> bool:
        """Whether it has an API key: as a variable, from a helper, or of its login."""
        helper = any("apiKeyHelper" in layer for layer in self.layers)
        return helper or "primaryApiKey" in self.account or any(map(self.environ.get, _KEYS))

    def has_login(self) -> bool:
        """Whether somebody has logged in."""
        token = self.environ.get("CLAUDE_CODE_OAUTH_TOKEN")
        return bool(token) or "oauthAccount" in self.account or self.credentials.is_file()

    def with_env(self, env: Mapping[str, str], file: Path) -> tuple[str, ...]:
        """The arguments with ``env`` in the settings, which go into ``file``: `ps` shows those."""
        content = {**self.given, "env": {**mapping(self.given.get("env")), **env}}
        file.unlink(missing_ok=True)
        write_private(file, json.dumps(content).encode())
        return (*self.others, _FLAG, str(file))


def _env(layer: Mapping[str, Any]) -> dict[str, str]:
    pairs = mapping(layer.get("env")).items()
    return {name: str(value) for name, value in pairs if value is not None}


def _arguments(extra_args: Iterable[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The values of the two arguments that count, and all arguments but ``--settings``."""
    found: dict[str, str] = {}
    others: list[str] = []
    arguments = iter(extra_args)
    for argument in arguments:
        flag, equals, value = argument.partition("=")
        if flag not in (_FLAG, _SOURCES_FLAG):
            others.append(argument)
            continue
        found[flag] = value if equals else next(arguments, "")
        if flag == _SOURCES_FLAG:
            others += [flag, found[flag]]
    return found, tuple(others)


def _read_argument(value: str, cwd: Path) -> Mapping[str, Any] | None:
    """What ``--settings`` holds, JSON or a file; None when that can't be read: claude tells why."""
    try:
        is_json = value.lstrip().startswith("{")
        found = json_value(value) if is_json else read_json_file(cwd / value)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _managed() -> Iterator[Mapping[str, Any]]:
    folder = (
        Path("/Library/Application Support/ClaudeCode")
        if sys.platform == "darwin"
        else Path("/etc/claude-code")
    )
    yield read_json(folder / "managed-settings.json")
    yield from map(read_json, sorted((folder / "managed-settings.d").glob("*.json")))
