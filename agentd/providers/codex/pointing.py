"""Pointing codex: ``-c`` beats its config.toml; the environment is ignored. Measured with 0.171.0.

A ChatGPT login bypasses any base URL.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentd.files import read_plain
from agentd.providers.fields import mapping, text
from agentd.providers.pointing import (
    NO_LOGIN,
    NotPointed,
    Pointed,
    Pointing,
    PointQuery,
    Telling,
    read_json,
    with_loopback,
)

_API = "https://api.openai.com/v1"
_BUILT_IN = "openai"
_SYSTEM = Path("/etc/codex")
_NAMING_A_URL = {"openai_base_url", "model_provider", "model_providers", "profile", "profiles"}
_KEY = "CODEX_API_KEY"  # OPENAI_API_KEY alone is not used (0.169.0)
_TELEMETRY_DELAY = "OTEL_BLRP_SCHEDULE_DELAY"


def refusal(message: str) -> tuple[int, dict[str, Any]]:
    """Where codex ends at once, without retries (0.07 s, exit 1; measured with 0.171.0)."""
    kind = "invalid_request_error"
    return 400, {"error": {"message": message, "type": kind, "param": None, "code": None}}


def point(query: PointQuery) -> Pointing | NotPointed:
    """The API of a codex run, by its config.toml, auth.json and arguments."""
    home = _home(query)
    config = _effective(home, query.extra_args)
    name = text(config.get("model_provider")) or _BUILT_IN
    if file := _project_file_with_url(query, home, config):
        return NotPointed(f"{file} names a base URL, which codex takes or leaves by its version")
    if "--oss" in query.extra_args:
        return NotPointed("--oss has codex choose the local API by itself")
    if name == _BUILT_IN:
        if _login(query, home) == "chatgpt":
            return NotPointed("a ChatGPT login bypasses any base URL")
        upstream = text(config.get("openai_base_url")) or _API
        key, login = "openai_base_url", "API key" if _login(query, home) else NO_LOGIN
    else:
        upstream = _base_url(config, name)
        if not upstream or "." in name:  # -c splits its key at every point, quoted or not
            return NotPointed("the base URL of its provider is not known")
        key, login = f"model_providers.{name}.base_url", "provider of your own"
    managed = _read(_SYSTEM / "managed_config.toml")
    if "openai_base_url" in managed or _base_url(managed, name):
        return NotPointed("a managed config names the base URL, and nothing beats it")

    def at(url: str, _: Path) -> Pointed:
        return Pointed(
            extra_args=(*query.extra_args, "-c", f"{key}={json.dumps(url)}"),
            environ=with_loopback(query.environ),
        )

    return Pointing(
        upstream=upstream, login=login, tried=login != NO_LOGIN, environ=query.environ, at=at
    )


def tell(query: PointQuery) -> Telling | NotPointed:
    """How codex's own telemetry is sent to the meter, where its user sends it nowhere else."""
    home = _home(query)
    config = _effective(home, query.extra_args)
    if mapping(config.get("otel")).get("exporter", "none") != "none":
        return NotPointed("its telemetry has settings of your own")
    if not _login(query, home) and not _base_url(config, text(config.get("model_provider")) or ""):
        return NotPointed(NO_LOGIN)

    def at(url: str, _: Path, pointed: Pointed) -> Pointed:
        receiver = f'{{endpoint={json.dumps(f"{url}/v1/logs")},protocol="json"}}'
        return Pointed(
            extra_args=(*pointed.extra_args, "-c", f"otel.exporter={{otlp-http={receiver}}}"),
            # Each batch is sent at once.
            environ=with_loopback({_TELEMETRY_DELAY: "10", **pointed.environ}),
        )

    return Telling(at=at)


def _home(query: PointQuery) -> Path:
    return Path(query.environ.get("CODEX_HOME") or Path(query.environ.get("HOME", ""), ".codex"))


def _login(query: PointQuery, home: Path) -> str | None:
    """``key`` or ``chatgpt``; None where neither stands in a file: nobody, or in a keyring."""
    auth = read_json(home / "auth.json")
    if query.environ.get(_KEY):
        return "key"
    if auth.get("auth_mode") == "chatgpt" or (
        auth.get("tokens") and not auth.get("OPENAI_API_KEY")
    ):
        return "chatgpt"
    return "key" if auth.get("OPENAI_API_KEY") else None


def _base_url(config: Mapping[str, Any], provider: str) -> str:
    of_provider = mapping(mapping(config.get("model_providers")).get(provider))
    return text(of_provider.get("base_url")) or ""


def _project_file_with_url(query: PointQuery, home: Path, config: Mapping[str, Any]) -> str | None:
    """The config.toml of a trusted project that sets a base URL or who provides the model.

    0.169.0 leaves such keys of it out; a version that takes them would go past the relay's API.
    """
    above = [query.cwd, *query.cwd.parents]
    root = next((place for place, folder in enumerate(above) if (folder / ".git").exists()), 0)
    folders = above[: root + 1]
    trust = mapping(config.get("projects"))
    if not any(mapping(trust.get(str(one))).get("trust_level") == "trusted" for one in folders):
        return None
    for folder in folders:
        file = folder / ".codex" / "config.toml"
        if file.parent != home and not _NAMING_A_URL.isdisjoint(_read(file)):
            return f"{file.relative_to(above[root])} of the trusted project"
    return None


def _effective(home: Path, extra_args: tuple[str, ...]) -> Mapping[str, Any]:
    """config.toml with the profile and the ``-c`` of the arguments laid over it."""
    config: dict[str, Any] = {**_read(_SYSTEM / "config.toml"), **_read(home / "config.toml")}
    given, profile = _given(extra_args)
    profile = profile or text(config.get("profile")) or ""
    config.update(mapping(mapping(config.get("profiles")).get(profile)))
    for name, value in given:
        _put(config, name, value)
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_plain(path).decode())
    except (OSError, ValueError, RecursionError):
        return {}


def _given(extra_args: tuple[str, ...]) -> tuple[list[tuple[list[str], Any]], str]:
    """The values of ``-c KEY=VALUE``, and the profile of ``-p``."""
    found, profile = [], ""
    arguments = iter(extra_args)
    for argument in arguments:
        flag, equals, joined = argument.partition("=")
        if flag in ("-c", "--config"):
            value = joined if equals and flag == "--config" else next(arguments, "")
            name, _, text_value = value.partition("=")
            found.append(([part.strip('" ') for part in name.split(".")], _value(text_value)))
        elif flag in ("-p", "--profile"):
            profile = joined if equals else next(arguments, "")
    return found, profile


def _value(given: str) -> Any:
    try:
        return tomllib.loads(f"x = {given}")["x"]
    except ValueError:
        return given  # codex takes what is no TOML as text


def _put(config: dict[str, Any], name: list[str], value: Any) -> None:
    *above, last = name
    for part in above:
        inner = config.get(part)
        config[part] = dict(inner) if isinstance(inner, dict) else {}
        config = config[part]
    config[last] = value
