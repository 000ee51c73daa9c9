"""How the process is started and read, and pointed at a relay."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from agentd.metering.request_json import of_json
from agentd.metering.requests import ApiRequest, usage_of_run
from agentd.metering.usage import UsageMetrics, whole_count
from agentd.providers.activity import Activity
from agentd.providers.base import Cli, Invocation, Parsed
from agentd.providers.failure import Failure, Reason
from agentd.providers.fields import mapping, text
from agentd.providers.http import failures
from agentd.providers.http.options import AT, BASE_URL
from agentd.providers.http.thoughts import without_thoughts
from agentd.providers.pointing import NotPointed, Pointed, Pointing, PointQuery, with_loopback

_REASONS: tuple[Reason, ...] = get_args(Reason)


def argv(invocation: Invocation) -> list[str]:
    """The command line; ``-P``: no file of the project is taken for a part of agentd."""
    model = ("--model", invocation.model) if invocation.model else ()
    module = ("-P", "-m", "agentd.providers.http")
    return [invocation.command, *module, *model, *invocation.extra_args]


class HttpParser:
    """Keeps the answer's text, and what is told of the request."""

    def __init__(self) -> None:
        self._model: str | None = None
        self._texts: list[str] = []
        self._so_far: UsageMetrics | None = None
        self._requests: list[ApiRequest] = []
        self._ended, self._sent = False, True
        self._failure: Failure | None = None

    def feed(self, event: Mapping[str, Any]) -> None:
        """Take one line of the process."""
        match event.get("type"):
            case "start":
                self._model = text(event.get("model"))
            case "text":
                self._texts.append(text(event.get("text")) or "")
            case "so_far":
                self._so_far = UsageMetrics(
                    input_tokens=whole_count(event.get("input_tokens")) or 0,
                    output_tokens=whole_count(event.get("output_tokens")) or 0,
                )
            case "request":
                self._requests.append(of_json(event))
            case "end":
                self._ended, self._sent = True, event.get("sent") is not False
                self._end(mapping(event.get("error")))

    def parsed(self) -> Parsed:
        """The one request; complete once the process has said how it ended."""
        told = any(any(one.usage.counts()) for one in self._requests)
        known = told or not self._sent
        answered = next((one.model for one in self._requests if one.model), None)
        return Parsed(
            usage=usage_of_run(self._requests) if known else None,
            answering=None if self._ended else self._so_far,
            complete=self._ended,
            requests=tuple(self._requests),
            final_text=without_thoughts("".join(self._texts)),
            model=answered or self._model,
            error=self._failure.message if self._failure else None,
            failure=self._failure,
        )

    def _end(self, error: Mapping[str, Any]) -> None:
        if not error:
            return
        told = (known for known in _REASONS if known == error.get("reason"))
        reason: Reason = next(told, "no_result")
        self._failure = Failure(reason=reason, message=text(error.get("message")) or "no reason")


def point(query: PointQuery) -> Pointing | NotPointed:
    """The server that the arguments name; each of its requests passes the relay."""
    given = dict(zip(query.extra_args, query.extra_args[1:], strict=False))
    base = given.get(BASE_URL, "").partition("?")[0]
    if not base:
        return NotPointed("it has no base URL")
    environ = with_loopback(query.environ)

    def at(url: str, _: Path) -> Pointed:
        return Pointed(extra_args=(*query.extra_args, AT, url), environ=environ)

    login = "API key" if "--key-env" in given else "no key"
    return Pointing(upstream=base, login=login, tried=True, environ=environ, at=at)


def activity(event: Mapping[str, Any]) -> Activity | None:
    """The text as it comes."""
    return Activity(text=str(event.get("text"))) if event.get("type") == "text" else None


CLI = Cli(
    point=point,
    user_agents=("agentd/",),
    argv=argv,
    new_parser=HttpParser,
    markers=tuple(
        f'"type": "{kind}"'.encode() for kind in ("start", "text", "so_far", "request", "end")
    ),
    resets_at=failures.resets_at,
    activity=activity,
)
