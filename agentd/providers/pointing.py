"""How one run of a CLI is pointed at a relay, and why it is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agentd.frozen import frozen

_LOOPBACK = ("127.0.0.1", "localhost")


@frozen(kw_only=True)
class PointQuery:
    """The run that is to be pointed: where it works, its environment and its extra arguments."""

    cwd: Path
    environ: Mapping[str, str]
    extra_args: tuple[str, ...] = ()


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
    ``at`` takes the relay's URL, and a private folder in which it may leave a file.
    """

    upstream: str
    login: str
    tried: bool
    at: Callable[[str, Path], Pointed]


@frozen()
class NotPointed:
    """``why`` a run can't be pointed at a relay, in words for a person."""

    why: str


def with_loopback(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment with loopback outside of its proxies; a proxy would break the relay."""
    given = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    hosts = [host for host in given.split(",") if host.strip()]
    exempt = ",".join([*hosts, *(host for host in _LOOPBACK if host not in hosts)])
    return {**environ, "NO_PROXY": exempt, "no_proxy": exempt}


def read_json(path: Path) -> Mapping[str, Any]:
    """A settings file's object; an empty one where there is none, or it can't be read."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
