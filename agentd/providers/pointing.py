"""How one run of a CLI is pointed at agentd's meter: at the wire, by its telemetry; and why not."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agentd import files
from agentd.frozen import frozen
from agentd.json_value import json_value
from agentd.late_pattern import late_pattern

_LOOPBACK = ("127.0.0.1", "localhost")
_COMMENT = late_pattern(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_LAST_COMMA = late_pattern(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])')


@frozen(kw_only=True)
class PointQuery:
    """The run that is to be pointed: where it works, its environment and its extra arguments.

    ``model`` is the one it is told to take, None where that is the CLI's own choice.
    """

    cwd: Path
    environ: Mapping[str, str]
    extra_args: tuple[str, ...] = ()
    model: str | None = None


@frozen(kw_only=True)
class Pointed:
    """A run's extra arguments and environment when the API stands behind a relay."""

    extra_args: tuple[str, ...]
    environ: Mapping[str, str]


@frozen(kw_only=True)
class Pointing:
    """The API that a run would call, and how to point it elsewhere.

    ``upstream`` is the base URL to which the relay appends what the CLI asks for. ``login`` says in
    words how the CLI is logged in. ``tried``: a relay was measured to work with that login.
    ``environ`` is what the CLI takes for its environment: its proxy and authorities stand there.
    ``at`` takes the relay's URL, and the path of a private file that it may write.
    """

    upstream: str
    login: str
    tried: bool
    environ: Mapping[str, str]
    at: Callable[[str, Path], Pointed]


@frozen(kw_only=True)
class Telling:
    """How a run's own telemetry is sent to the receiver of its meter.

    ``at`` takes the receiver's URL, the path of the private file, and the run as it is pointed by
    then. ``tells_threads``: it tells side calls apart, which can't be seen at the wire.
    """

    at: Callable[[str, Path, Pointed], Pointed]
    tells_threads: bool = False


@frozen()
class NotPointed:
    """``why`` a run can't be pointed at a relay, or does not tell it; in words for a person."""

    why: str


NO_LOGIN = "no login was found"


def with_loopback(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment with loopback outside of its proxies; a proxy would break the relay."""
    exempt = no_proxy(environ)
    return {**environ, "NO_PROXY": exempt, "no_proxy": exempt}


def no_proxy(environ: Mapping[str, str]) -> str:
    """The value of ``NO_PROXY`` that exempts loopback too."""
    given = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    hosts = [host for host in given.split(",") if host.strip()]
    return ",".join([*hosts, *(host for host in _LOOPBACK if host not in hosts)])


def unusable_proxy(pointing: Pointing) -> str | None:
    """Why the relay could not take the CLI's proxy towards its API; None when it can."""
    scheme = urlsplit(pointing.upstream).scheme
    names = (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY")
    proxy = next((value for name in names if (value := pointing.environ.get(name))), "")
    kind, separator, _ = proxy.partition("://")
    if separator and kind.lower() not in ("http", "https"):
        return f"its proxy is a {kind} proxy; the relay takes HTTP proxies alone"
    return None


def read_json(path: Path) -> Mapping[str, Any]:
    """A settings file's object; an empty one where there is none, or it can't be read."""
    try:
        found = files.read_json(path)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def dot_env(path: Path) -> dict[str, str]:
    """The variables of an .env file; none where it can't be read."""
    try:
        lines = files.read_plain(path).decode(errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.removeprefix("export ").partition("=") for line in lines if "=" in line)
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs}


def json_with_comments(text: str) -> Any:
    """The value of JSON with comments and with commas behind the last of a list, as CLIs read it.

    Raises ValueError.
    """
    for noise in (_COMMENT, _LAST_COMMA):
        text = noise.sub(lambda found: found[1] or "", text)
    return json_value(text)
