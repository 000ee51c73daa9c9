"""Filters that a step has planted in git's settings of its user: agentd's own git runs none.

git starts what ``filter.NAME.clean`` says for a mere ``git status``, and Git LFS what its
extensions say. Which file of settings got one in a step is noted in agentd's state folder, with the
file's stamp: once a person has changed that file, what stands there counts.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from agentd.files import FileStamp, file_stamp, read_json, write_atomic
from agentd.late_pattern import late_pattern
from agentd.state_folder import PLANTED, home_of_user

_FILTER = late_pattern(r"filter\..*\.(?:clean|smudge|process)|lfs\.extension\..*\.(?:clean|smudge)")
# What `git lfs install` writes, with --skip-smudge too (Git LFS 2.0 to 3.7).
_OF_LFS = frozenset(
    (
        "filter.lfs.clean\ngit-lfs clean -- %f",
        "filter.lfs.smudge\ngit-lfs smudge -- %f",
        "filter.lfs.smudge\ngit-lfs smudge --skip -- %f",
        "filter.lfs.process\ngit-lfs filter-process",
        "filter.lfs.process\ngit-lfs filter-process --skip",
    )
)
_FILTERS_OF_LFS = ("filter.lfs.clean", "filter.lfs.smudge", "filter.lfs.process")


def is_filter(key: str) -> bool:
    """Whether git, or Git LFS, starts what the setting of this key says for a file."""
    return _FILTER.fullmatch(key) is not None


def is_of_lfs(entry: str, new: Collection[str]) -> bool:
    """Whether a setting (its key, a line end, its value) is as harmless as git itself.

    That is one which `git lfs install` writes, where git-lfs lies beside git: whoever can write
    there can replace git as well. None of the ``new`` settings may tell Git LFS what to do.
    """
    git, lfs = shutil.which("git"), shutil.which("git-lfs")
    if entry not in _OF_LFS or git is None or lfs is None:
        return False
    is_beside = os.path.dirname(os.path.abspath(git)) == os.path.dirname(os.path.abspath(lfs))  # noqa: PTH100, PTH120
    return is_beside and not any(each.startswith("lfs.") for each in new)


def planted() -> frozenset[str]:
    """The keys of filters that a step has planted, and that no person has looked after since."""
    return frozenset(key for _, keys in _noted() for key in keys)


def note(found: Mapping[str, Collection[str]]) -> None:
    """Note the keys that a step has planted, by the file they stand in, as that is now.

    What was noted of other files stays. Raises OSError.
    """
    place = _place()
    new = {os.path.realpath(origin): sorted(keys) for origin, keys in found.items()}
    if place is None or not new:
        return
    told = {
        origin: {"stamp": file_stamp(origin), "keys": [*keys]}
        for origin, keys in {**dict(_noted()), **new}.items()
    }
    import json

    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomic(place, json.dumps(told).encode())


def overrides(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The variables that keep git from running them, besides the settings that ``environ`` has."""
    keys = planted()
    if not keys:
        return {}
    if any(key.startswith("lfs.") for key in keys):  # Git LFS itself would start it
        keys = keys.union(_FILTERS_OF_LFS)
    names = {key.rpartition(".")[0] for key in keys if key.startswith("filter.")}
    lines = [(key, "") for key in sorted(keys)]
    lines += [(f"{name}.required", "false") for name in sorted(names)]
    return _as_variables(lines, environ)


def _as_variables(
    lines: Iterable[tuple[str, str]], environ: Mapping[str, str]
) -> Mapping[str, str]:
    count = environ.get("GIT_CONFIG_COUNT", "")
    number = int(count) if count.isdecimal() else 0
    found: dict[str, str] = {}
    for key, value in lines:
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        number += 1
    return {**found, "GIT_CONFIG_COUNT": str(number)}


def _place() -> Path | None:
    home = home_of_user()
    return Path(home, PLANTED) if home else None


def _noted() -> Iterator[tuple[str, Collection[str]]]:
    place = _place()
    if place is None or not os.path.lexists(place):
        return
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        for origin, told in read_json(place).items():
            if file_stamp(origin) == FileStamp(*told["stamp"]):
                yield origin, [str(key) for key in told["keys"]]
