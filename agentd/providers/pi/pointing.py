"""Pointing pi: an extension of ours sets the base URL, and beats models.json. Measured with 1.6.0.

Nothing of its folder is copied or changed, its logins least of all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentd import files
from agentd.frozen import frozen
from agentd.late_pattern import late_pattern
from agentd.providers.fields import mapping, text
from agentd.providers.pointing import (
    NO_LOGIN,
    NotPointed,
    Pointed,
    Pointing,
    PointQuery,
    json_with_comments,
    with_loopback,
)
from agentd.providers.provider import folder_of

_EXTENSION = Path(__file__).with_name("relay.js")
_RELAY = "AGENTD_PI_RELAY"
_VARIABLE = late_pattern(r"\$\{(\w+)\}|\$(\w+)")
_FLAGS = {"--provider": "provider", "--model": "model", "--api-key": "key"}


@frozen(kw_only=True)
class _Api:
    """A provider's API: its base URL as pi has it, and the variables of its key."""

    url: str
    keys: tuple[str, ...]


_APIS = {
    "anthropic": _Api(
        url="https://api.anthropic.com",
        keys=("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    ),
    "openai": _Api(url="https://api.openai.com/v1", keys=("OPENAI_API_KEY",)),
}


class _NotKnown(Exception):
    """Why it can't be told where its requests go."""


def refusal(message: str) -> tuple[int, dict[str, Any]]:
    """Where pi ends at once, without retries; the body is that of all APIs."""
    kind = "invalid_request_error"
    return 402, {"type": "error", "error": {"type": kind, "message": message, "code": 402}}


def point(query: PointQuery) -> Pointing | NotPointed:
    """The API of a pi run, by its model, its settings and its logins."""
    try:
        return _pointing(query)
    except _NotKnown as why:
        return NotPointed(str(why))


def _pointing(query: PointQuery) -> Pointing:
    home = folder_of(query.environ, "PI_CODING_AGENT_DIR", ".pi/agent") or Path()
    given = _given(query.extra_args)
    provider, model = _model(query, home, given)
    told = mapping(mapping(_read(home / "models.json").get("providers")).get(provider))
    api, own = _APIS.get(provider), _url(told, model, query.environ)
    upstream = own or (api.url if api else "")
    if not upstream:
        raise _NotKnown(f"the base URL of its provider {provider} is not known")
    login = mapping(_read(home / "auth.json").get(provider))
    has_key = "key" in given or "apiKey" in told or login.get("type") == "api_key"
    has_key |= any(map(query.environ.get, api.keys if api else ()))
    if login.get("type") == "oauth":
        words, has_key = f"login of {provider}", False
    else:
        words = f"API key of {provider}" if has_key else NO_LOGIN

    def at(url: str, _: object) -> Pointed:
        relay = json.dumps({"provider": provider, "baseUrl": url})
        return Pointed(
            extra_args=(*query.extra_args, "-e", str(_EXTENSION)),
            environ=with_loopback({**query.environ, _RELAY: relay}),
        )

    return Pointing(
        upstream=upstream,
        login="base URL of your own" if own else words,
        tried=bool(own) or (has_key and api is not None),
        environ=query.environ,
        at=at,
    )


def _model(query: PointQuery, home: Path, given: Mapping[str, str]) -> tuple[str, str]:
    """The provider and the name of the model. Raises _NotKnown where that is pi's own choice."""
    settings = _read(home / "settings.json")
    name = given.get("model") or query.model or text(settings.get("defaultModel")) or ""
    before, slash, after = name.partition("/")
    named = given.get("provider") or (before if slash else "")
    if not named and name == settings.get("defaultModel"):
        named = text(settings.get("defaultProvider")) or ""
    if not named:
        raise _NotKnown("its model names no provider (anthropic/...), so its API is not known")
    return named, after if before == named else name


def _url(told: Mapping[str, Any], model: str, environ: Mapping[str, str]) -> str:
    """The base URL that its user has set for a model; "" where that is nobody."""
    models = told.get("models")
    own = [mapping(one) for one in models] if isinstance(models, list) else []
    places = [one for one in own if one.get("id") == model.partition(":")[0]]
    places += [mapping(mapping(told.get("modelOverrides")).get(model)), told]
    url = next((url for place in places if (url := text(place.get("baseUrl")))), "")
    return _VARIABLE.sub(lambda found: environ.get(found[1] or found[2], ""), url)


def _given(extra_args: tuple[str, ...]) -> dict[str, str]:
    """The values of the arguments that count."""
    found: dict[str, str] = {}
    arguments = iter(extra_args)
    for argument in arguments:
        flag, equals, joined = argument.partition("=")
        if flag in _FLAGS:
            found[_FLAGS[flag]] = joined if equals else next(arguments, "")
    return found


def _read(file: Path) -> Mapping[str, Any]:
    try:
        return mapping(json_with_comments(files.read_plain(file).decode().lstrip("\ufeff")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _NotKnown(f"its {file} can't be read") from error
