"""Pointing opencode: OPENCODE_CONFIG_CONTENT beats its files. Measured with 1.18.33.

The API is that of the model's provider; a relay stands before one API, so a config whose models
have several providers is not pointed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from agentd.frozen import frozen
from agentd.late_pattern import late_pattern
from agentd.providers.fields import mapping, text
from agentd.providers.opencode.places import (
    UnreadableConfig,
    agent_models,
    cache_folder,
    config_of,
    data_folder,
    given_config,
    managed_config,
    merged,
)
from agentd.providers.pointing import (
    NO_LOGIN,
    NotPointed,
    Pointed,
    Pointing,
    PointQuery,
    read_json,
    with_loopback,
)

_GIVEN = "OPENCODE_CONFIG_CONTENT"
_MODEL_FLAGS = ("-m", "--model")
_VARIABLE = late_pattern(r"\{env:([^}]+)\}|\$\{([^}]+)\}")


@frozen(kw_only=True)
class _Api:
    """A provider's API: its base URL, the variable that names another, and those of its key."""

    url: str
    variable: str = ""
    keys: tuple[str, ...]
    tried: bool = False


_APIS = {
    "anthropic": _Api(
        url="https://api.anthropic.com/v1",
        variable="ANTHROPIC_BASE_URL",
        keys=("ANTHROPIC_API_KEY",),
        tried=True,
    ),
    "openai": _Api(
        url="https://api.openai.com/v1",
        variable="OPENAI_BASE_URL",
        keys=("OPENAI_API_KEY",),
        tried=True,
    ),
    "google": _Api(
        url="https://generativelanguage.googleapis.com/v1beta",
        keys=("GOOGLE_GENERATIVE_AI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"),
    ),
}


def refusal(message: str) -> tuple[int, dict[str, Any]]:
    """Where opencode ends at once, without retries; the body is that of all APIs."""
    kind = "invalid_request_error"
    error = {"type": kind, "message": message, "code": 402, "status": "FAILED_PRECONDITION"}
    return 402, {"type": "error", "error": error}


def point(query: PointQuery) -> Pointing | NotPointed:
    """The API of an opencode run, by its model, its config, its logins and its environment."""
    try:
        return _pointing(query)
    except UnreadableConfig as error:
        return NotPointed(f"its config {error} can't be read")
    except _NotKnown as why:
        return NotPointed(str(why))


class _NotKnown(Exception):
    """Why it can't be told where its requests go."""


def _pointing(query: PointQuery) -> Pointing:
    config, given = config_of(query.cwd, query.environ), given_config(query.environ)
    managed = managed_config()
    name = _one_provider(query, merged(config, managed))
    if _options(managed, name).get("baseURL"):
        raise _NotKnown("a managed config names the base URL, and nothing beats it")
    auth = _login(query.environ, name)
    if auth.get("type") not in (None, "api"):
        raise _NotKnown(f"a login of {name} by {auth['type']} may bypass any base URL")
    api, own = _APIS.get(name), _url(config, name, query.environ)
    upstream = own or (api.url if api else "") or _url_of_catalog(query.environ, name)
    if not upstream or "{" in upstream:
        raise _NotKnown(f"the base URL of its provider {name} is not known")
    if not _options(config, name).get("baseURL") and _of_models(config, query, name) - {upstream}:
        raise _NotKnown(f"models of its provider {name} have base URLs of their own")
    has_key = bool(auth) or "apiKey" in _options(config, name)
    has_key |= any(map(query.environ.get, api.keys if api else ()))

    def at(url: str, _: object) -> Pointed:
        pointed = merged(given, {"provider": {name: {"options": {"baseURL": url}}}})
        return Pointed(
            extra_args=query.extra_args,
            environ=with_loopback({**query.environ, _GIVEN: json.dumps(pointed)}),
        )

    login = f"API key of {name}" if has_key else NO_LOGIN
    return Pointing(
        upstream=upstream,
        login="base URL of your own" if own else login,
        tried=bool(own or (has_key and api and api.tried)),
        environ=query.environ,
        at=at,
    )


def _one_provider(query: PointQuery, config: Mapping[str, Any]) -> str:
    """The provider of all models that the run may use. Raises _NotKnown without exactly one."""
    models = {query.model or "", *_models(query.extra_args, config)} - {""}
    models |= {*agent_models(query.cwd, query.environ)}
    names = sorted({model.partition("/")[0] for model in models})
    if not names:
        raise _NotKnown("its model, and so its API, is not known; config.toml can name one")
    if len(names) > 1:
        raise _NotKnown(f"its models are of several providers ({', '.join(names)})")
    return names[0]


def _models(extra_args: tuple[str, ...], config: Mapping[str, Any]) -> Iterator[str]:
    """The models that a run may use besides the one that it is told, as the config has them."""
    arguments = iter(extra_args)
    for argument in arguments:
        flag, equals, joined = argument.partition("=")
        if flag in _MODEL_FLAGS:
            yield joined if equals else next(arguments, "")
    places = [config, *_sections(config, "agent"), *_sections(config, "mode")]
    for place in places:
        yield from (str(place[key]) for key in ("model", "small_model") if place.get(key))


def _sections(config: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    return [mapping(one) for one in mapping(config.get(name)).values()]


def _provider(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return mapping(mapping(config.get("provider")).get(name))


def _options(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return mapping(_provider(config, name).get("options"))


def _login(environ: Mapping[str, str], name: str) -> Mapping[str, Any]:
    folder = data_folder(environ)
    return mapping(read_json(folder / "auth.json").get(name)) if folder else {}


def _url(config: Mapping[str, Any], name: str, environ: Mapping[str, str]) -> str:
    """The base URL that its user has set; "" where that is nobody."""
    set_ = text(_options(config, name).get("baseURL")) or text(_provider(config, name).get("api"))
    variable = _APIS[name].variable if name in _APIS else ""
    url = set_ or environ.get(variable, "")
    return _VARIABLE.sub(lambda found: environ.get(found[1] or found[2], ""), url)


def _of_models(config: Mapping[str, Any], query: PointQuery, name: str) -> set[str]:
    """The base URLs that single models of a provider have; they beat the provider's ``api``."""
    places = (_provider(config, name), _in_catalog(query.environ, name))
    models = [mapping(one) for place in places for one in mapping(place.get("models")).values()]
    return {url for one in models if (url := text(mapping(one.get("provider")).get("api")))}


def _in_catalog(environ: Mapping[str, str], name: str) -> Mapping[str, Any]:
    """A provider in what opencode has fetched of all."""
    folder = cache_folder(environ)
    return mapping(read_json(folder / "models.json").get(name)) if folder else {}


def _url_of_catalog(environ: Mapping[str, str], name: str) -> str:
    url = text(_in_catalog(environ, name).get("api")) or ""
    return _VARIABLE.sub(lambda part: environ.get(part[1] or part[2], ""), url)
