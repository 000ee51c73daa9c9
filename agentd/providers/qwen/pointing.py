"""Pointing qwen: ``--openai-base-url`` beats its environment and its settings; a model that is
described with a base URL of its own beats that, and only managed settings beat the model.

qwen treats some APIs in their own way, and knows them by their host: Alibaba's it knows behind a
proxy too, the others it would not know behind the relay. Measured with 0.24.4.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agentd.files import write_private
from agentd.providers.fields import mapping, text
from agentd.providers.pointing import (
    NO_LOGIN,
    NotPointed,
    Pointed,
    Pointing,
    PointQuery,
    with_loopback,
)
from agentd.providers.qwen.settings import SYSTEM_VARIABLE, Settings, UnreadableSettings

_FLAG = "--openai-base-url"
_FLAGS = {
    **{_FLAG: "url", "--openaiBaseUrl": "url"},
    **{"--openai-api-key": "key", "--openaiApiKey": "key"},
    **{"--model": "model", "-m": "model", "--auth-type": "login", "--authType": "login"},
}
_LOGIN = "openai"
_ALIBABA = "https://dashscope.aliyuncs.com/compatible-mode/v1"
_OPENAI = "https://api.openai.com/v1"
_PROXY_OF_ALIBABA = "DASHSCOPE_PROXY_BASE_URL"
_ALIBABA_HOSTS = (
    *("dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com", "dashscope-us.aliyuncs.com"),
    *("maas.aliyuncs.com", "alibaba-inc.com", "aliyun-inc.com", "alicloudapi.com"),
)
_KNOWN_HOSTS = (
    *("api.deepseek.com", "z.ai", "bigmodel.cn", "openrouter.ai", "modelscope.cn"),
    *("minimaxi.com", "minimax.io", "api.mistral.ai", "api.cerebras.ai", "api.fireworks.ai"),
    "xiaomimimo.com",
)


class _NotKnown(Exception):
    """Why it can't be told where its requests go."""


def refusal(message: str) -> tuple[int, dict[str, Any]]:
    """Where qwen ends at once, without retries (exit 1; measured with 0.24.4)."""
    kind = "invalid_request_error"
    return 402, {"error": {"message": message, "type": kind, "param": None, "code": None}}


def point(query: PointQuery) -> Pointing | NotPointed:
    """The API of a qwen run, by its model, its settings, its arguments and its environment."""
    try:
        return _pointing(query, Settings.of(query.cwd, query.environ))
    except (_NotKnown, UnreadableSettings) as why:
        return NotPointed(str(why))


def _pointing(query: PointQuery, settings: Settings) -> Pointing:
    given, others = _given(query.extra_args)
    model = given.get("model") or query.model or text(settings.get("model", "name")) or ""
    _check_login(given, settings, model)
    described = _url_of_model(settings, model)
    url = described or given.get("url") or settings.environ.get("OPENAI_BASE_URL")
    url = url or text(settings.get("security", "auth", "baseUrl")) or ""
    upstream = url or (_OPENAI if settings.models(model) else _ALIBABA)
    host = urlsplit(upstream).hostname or ""
    if _is_of(host, _KNOWN_HOSTS):
        raise _NotKnown(f"qwen knows {host} by its name, and would not know it behind the relay")
    if described and settings.has_managed:
        raise _NotKnown("managed settings are there, and nothing else beats its model's base URL")
    has_key = bool(given.get("key") or _keys(settings, model))

    def at(relay: str, file: Path) -> Pointed:
        environ = with_loopback({**query.environ, **_no_proxy(settings)})
        if _is_of(host, _ALIBABA_HOSTS) or upstream == settings.environ.get(_PROXY_OF_ALIBABA):
            environ[_PROXY_OF_ALIBABA] = relay
        if not described:
            return Pointed(extra_args=(*others, _FLAG, relay), environ=environ)
        moved = {"modelProviders": dict(_moved(settings, described, relay))}
        file.unlink(missing_ok=True)
        write_private(file, json.dumps(moved).encode())
        return Pointed(extra_args=query.extra_args, environ={**environ, SYSTEM_VARIABLE: str(file)})

    login = "API key" if has_key else NO_LOGIN
    return Pointing(
        upstream=upstream,
        login="base URL of your own" if url else login,
        tried=bool(url) or has_key,
        environ=settings.environ,
        at=at,
    )


def _check_login(given: Mapping[str, str], settings: Settings, model: str) -> None:
    """Raises _NotKnown for a login of which it was not measured where its requests go."""
    told = text(settings.get("security", "auth", "selectedType"))
    login = given.get("login") or told or _LOGIN
    if login != _LOGIN:
        raise _NotKnown(f"its login {login} was not measured")
    if any(one.get("wireApi") == "responses" for one in settings.models(model)):
        raise _NotKnown("OpenAI's Responses were not measured with it")


def _url_of_model(settings: Settings, model: str) -> str:
    """The base URL that the description of a model has; "" without one."""
    urls = {text(one.get("baseUrl")) or "" for one in settings.models(model)}
    if len(urls) > 1:
        raise _NotKnown(f"its model {model} is described several times, with several base URLs")
    return next(iter(urls), "")


def _keys(settings: Settings, model: str) -> list[str]:
    names = [text(one.get("envKey")) or "" for one in settings.models(model)]
    found = [settings.environ.get(name, "") for name in (*names, "OPENAI_API_KEY")]
    return [key for key in (*found, text(settings.get("security", "auth", "apiKey"))) if key]


def _moved(settings: Settings, old: str, new: str) -> Iterator[tuple[str, object]]:
    """The descriptions of all models, with another base URL for those that have this one."""
    for provider, models in settings.providers().items():
        yield (
            provider,
            [
                {**mapping(one), "baseUrl": new} if mapping(one).get("baseUrl") == old else one
                for one in (models if isinstance(models, list) else [])
            ],
        )


def _no_proxy(settings: Settings) -> dict[str, str]:
    """What exempts hosts from proxies, also where an .env file says so: the run's own beats it."""
    names = ("NO_PROXY", "no_proxy")
    return {name: settings.environ[name] for name in names if name in settings.environ}


def _is_of(host: str, known: tuple[str, ...]) -> bool:
    return any(host == one or host.endswith(f".{one}") for one in known)


def _given(extra_args: tuple[str, ...]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The values of the arguments that count, and all arguments but a base URL."""
    found: dict[str, str] = {}
    others: list[str] = []
    arguments = iter(extra_args)
    for argument in arguments:
        flag, equals, joined = argument.partition("=")
        value = joined if equals or flag not in _FLAGS else next(arguments, "")
        if flag in _FLAGS:
            found[_FLAGS[flag]] = value
        if _FLAGS.get(flag) != "url":
            others += [argument] if equals or flag not in _FLAGS else [argument, value]
    return found, tuple(others)
