"""What the process is told by its arguments: all but the prompt and the keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Literal, get_args
from urllib.parse import urlsplit

from agentd.frozen import frozen

Api = Literal["chat", "responses", "messages"]
APIS: tuple[Api, ...] = get_args(Api)
BASE_URL = "--base-url"
AT = "--at"
"""The base URL that the requests go to in fact: that of the run's relay."""


@frozen(kw_only=True)
class Options:
    """One server, and one request to it.

    ``name`` is the provider's in the config. ``key_env`` is the variable that holds the key, ""
    where it takes none; ``header_envs`` those of more headers, by the header's name. ``at`` is the
    relay of the run, "" without one. ``count``: only ask how many tokens the prompt has.
    """

    name: str = "http"
    base_url: str
    api: Api = "chat"
    model: str
    key_env: str = ""
    header_envs: Mapping[str, str] = field(default_factory=dict)
    include_usage: bool = True
    stream: bool = True
    max_output_tokens: int | None = None
    timeout_secs: int = 1800
    at: str = ""
    count: bool = False

    @property
    def section(self) -> str:
        """Its section of the config, as messages name it."""
        return f"[http.{self.name}]"

    @property
    def host(self) -> str:
        """The server's host and port."""
        return urlsplit(self.base_url).netloc

    def url(self, path: str, base: str = "") -> str:
        """Where a request goes: through the relay if there is one; a query of the base stays."""
        base = base or self.base_url
        parts = urlsplit(base)
        front = (self.at or base.partition("?")[0]).rstrip("/")
        return f"{front}{path}" + (f"?{parts.query}" if parts.query else "")


def arguments(options: Options) -> list[str]:
    """The arguments that :func:`parse` makes the same options of; without ``model`` and ``at``."""
    found = ["--name", options.name, BASE_URL, options.base_url, "--api", options.api]
    found += ["--timeout-secs", str(options.timeout_secs)]
    if options.key_env:
        found += ["--key-env", options.key_env]
    for header, variable in options.header_envs.items():
        found += ["--header-env", f"{header}={variable}"]
    if options.max_output_tokens is not None:
        found += ["--max-output-tokens", str(options.max_output_tokens)]
    if not options.include_usage:
        found.append("--no-include-usage")
    if not options.stream:
        found.append("--no-stream")
    return found


def parse(argv: Sequence[str]) -> Options:
    """The options of a command line; what it can't understand ends the process with 2."""
    import argparse  # here: the config makes options and parses none

    parser = argparse.ArgumentParser(prog="python -m agentd.providers.http", allow_abbrev=False)
    parser.add_argument("--name", default="http")
    parser.add_argument(BASE_URL, required=True)
    parser.add_argument("--api", choices=APIS, default="chat")
    parser.add_argument("--model", default="")
    parser.add_argument("--key-env", default="")
    parser.add_argument("--header-env", action="append", default=[])
    parser.add_argument("--no-include-usage", dest="include_usage", action="store_false")
    parser.add_argument("--no-stream", dest="stream", action="store_false")
    parser.add_argument("--max-output-tokens", type=int)
    parser.add_argument("--timeout-secs", type=int, default=1800)
    parser.add_argument(AT, default="")
    parser.add_argument("--count", action="store_true")
    given = vars(parser.parse_args(argv))
    pairs = (one.partition("=") for one in given.pop("header_env"))
    return Options(**given, header_envs={name: variable for name, _, variable in pairs})
