"""``min_version`` of config.toml: an agentd that is older only reads."""

from __future__ import annotations

import re
from pathlib import Path

from agentd.errors import ConfigError
from agentd.version import __version__

PATTERN = r"[0-9]{1,6}(?:\.[0-9]{1,6}){0,2}"
UPGRADE = "Upgrade it as you installed it, for example with `pip install --upgrade agentd`."
_LINE = rf"""(?m)^min_version\s*=\s*["']({PATTERN})["']"""


def complaint(wanted: str | None, version: str = __version__) -> str | None:
    """What is wrong when ``version`` is older than ``wanted``, None when it is not."""
    if wanted is None or _numbers(wanted) <= _numbers(version):
        return None
    return f"min_version is {wanted}, but this is agentd {version}"


def require(path: Path, wanted: str | None) -> None:
    """Raise ConfigError when this agentd is too old to write in the project of this config."""
    if (problem := complaint(wanted)) is not None:
        raise ConfigError(f"{path}: {problem}, which can only read here", fix=UPGRADE)


def glance(text: str) -> str | None:
    """The ``min_version`` of a config.toml, without the time that reading TOML takes."""
    if "\nmin_version" not in f"\n{text}":
        return None  # without the time that its patterns take to compile
    found = re.search(_LINE, re.split(r"(?m)^\s*\[", text, maxsplit=1)[0])
    return found[1] if found else None


def _numbers(version: str) -> list[int]:
    """Its release, three numbers: a release candidate counts as what it is one of."""
    found = re.findall(r"[0-9]+", re.match(r"[0-9.]*", version)[0])  # type: ignore[index]
    return [*map(int, found), 0, 0][:3]
