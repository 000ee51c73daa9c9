"""Pointing codex: ``-c`` beats its config.toml; the environment is ignored. Measured with 0.171.0.

A ChatGPT login bypasses any base URL.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentd.providers.fields import mapping, text
from agentd.providers.pointing import (
    NotPointed,
    Pointed,
    Pointing,
    PointQuery,
    read_json,
    with_loopback,
)

_API = "https://api.openai.com/v1"
_BUILT_IN = "openai"
_KEYS = ("CODEX_API_KEY", "OPENAI_API_KEY")


def refusal(message: str) -> tuple[int, dict[str, Any]]:
    """Where codex ends at once, without retries (0.07 s, exit 1; measured with 0.171.0)."""
    kind = "invalid_request_error"
    return 400, {"error": {"message": message, "type": kind, "param": None, "code": None}}


def point(query: PointQuery) -> Pointing | NotPointed:
    """The API of a codex run, by its config.toml, auth.json and arguments."""
    home = Path(query.environ.get("CODEX_HOME") or Path(query.environ.get("HOME", ""), ".codex"))
    config = _effective(home, query.extra_args)
    name = text(config.get("model_provider")) or _BUILT_IN
    auth = read_json(home / "auth.json")
    if name == _BUILT_IN:
        has_key = any(query.environ.get(key) for key in _KEYS)
        if not has_key and auth.get("auth_mode") == "chatgpt":
            return NotPointed("a ChatGPT login bypasses any base URL")
        upstream = text(config.get("openai_base_url")) or _API
        key, login = "openai_base_url", "API key"
    else:
        provider = mapping(mapping(config.get("model_providers")).get(name))
        upstream = text(provider.get("base_url")) or ""
        if not upstream or "." in name:  # -c splits its key at every point, quoted or not
            return NotPointed(f"the base URL of codex's provider {name} is not known")
        key, login = f"model_providers.{name}.base_url", f"provider {name}"

    def at(url: str, _: Path) -> Pointed:
        return Pointed(
            extra_args=(*query.extra_args, "-c", f"{key}={json.dumps(url)}"),
            environ=with_loopback(query.environ),
        )

    return Pointing(upstream=upstream, login=login, tried=True, at=at)


def _effective(home: Path, extra_args: tuple[str, ...]) -> Mapping[str, Any]:
    """config.toml with the profile and the ``-c`` of the arguments laid over it."""
    try:
        config: dict[str, Any] = tomllib.loads((home / "config.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        config = {}
    given, profile = _given(extra_args)
    profile = profile or text(config.get("profile")) or ""
    config.update(mapping(mapping(config.get("profiles")).get(profile)))
    for name, value in given:
        _put(config, name, value)
    return config


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
