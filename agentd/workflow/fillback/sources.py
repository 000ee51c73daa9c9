"""Which files of a project are code that people wrote, and their texts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from agentd.errors import InputError
from agentd.files import files_below, read_plain
from agentd.git import GitFailed, output
from agentd.late_pattern import late_pattern

# Other people's code, tracked or not.
_VENDORED = late_pattern(
    r"(^|/)(node_modules|bower_components|vendor|third_party|site-packages|Pods|Carthage)/"
)
# What git would ignore, where there is no git to ask. Folders with a dot are left out there too.
_IGNORED = late_pattern(
    r"build|dist|target|out|obj|bin|coverage|htmlcov|venv|env|__pycache__|tmp|\..*"
)
# agentd's and OpenSpec's own documents.
_OWN = late_pattern(
    r"(agentd|openspec)/((specs|changes|archive|templates)/|(config\.toml|\.gitignore|\w+\.md)$)"
)
_LOCK_FILE = late_pattern(
    r"(^|/)(package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|bun\.lockb|go\.sum"
    r"|Package\.resolved|packages\.lock\.json|gradle\.lockfile|deno\.lock)$"
)
_NO_CODE = late_pattern(
    r"\.(lock|map|min\.\w+|svg|csv|tsv|jsonl|ndjson|log|snap|po|pot|pem|key|crt|patch|diff"
    r"|pb\.go|pb\.cc|pb\.h|g\.dart|freezed\.dart|designer\.cs|generated\.\w+|gen\.\w+)$"
    r"|_pb2(_grpc)?\.pyi?$|(^|/)\.env(\.|$)",
    re.IGNORECASE,
)
_DATA = late_pattern(r"\.(json|ya?ml|xml|toml|txt|html|sql)$", re.IGNORECASE)
_GENERATED = late_pattern(r"@generated|\bDO NOT EDIT\b|\bautomatically generated\b", re.IGNORECASE)

_MAX_BYTES = 4_000_000
_MAX_DATA_CHARS = 20_000
_MAX_MEAN_LINE_CHARS = 300


def read_sources(root: Path, path: str) -> list[tuple[str, str]]:
    """The code at ``path``, a file or folder below ``root``: each file's path and text, sorted.

    Paths are relative to ``root``. Left out are what git ignores (without git: the usual folders),
    binaries, lock files, vendored and generated files, data, symbolic links, empty files. A file
    that is named itself is only left out when it is binary or empty. Raises InputError when nothing
    is left.
    """
    start = _below(root, path)
    if (root / start).is_file():
        text = _text(root / start)
        found = [(str(start), text)] if text else []
    else:
        names = _git_files(root, start) or list(_walk(root, start))
        found = sorted(_readable(root, start, names))
    if not found:
        raise InputError(
            f"there is no code to describe in {path}",
            fix="Binaries, lock files, vendored, generated and git-ignored files do not count.",
        )
    return found


def _below(root: Path, path: str) -> PurePosixPath:
    try:
        inside = Path(os.path.normpath(root / path)).relative_to(os.path.normpath(root))
    except ValueError as error:
        raise InputError(f"{path} is not in the project {root}") from error
    return PurePosixPath(inside.as_posix())


def _readable(root: Path, start: PurePosixPath, names: list[str]) -> Iterator[tuple[str, str]]:
    for name in set(names):
        # A name with a line break, or one that is no UTF-8, can't stand in a prompt.
        if not name.isprintable() or _left_out(name, start):
            continue
        file = root / name
        if file.is_symlink() or not file.is_file() or file.stat().st_size > _MAX_BYTES:
            continue
        text = _text(file)
        if text and not _looks_generated(name, text):
            yield name, text


def _left_out(name: str, start: PurePosixPath) -> bool:
    """Whether the name alone says that it is no code; ``start`` itself was asked for."""
    below = PurePosixPath(name).relative_to(start).as_posix()
    return bool(
        _VENDORED.search(below)
        or _LOCK_FILE.search(name)
        or _NO_CODE.search(name)
        or _OWN.match(name)
    )


def _looks_generated(name: str, text: str) -> bool:
    return (
        bool(_GENERATED.search("\n".join(text[:2000].split("\n")[:5])))
        or (bool(_DATA.search(name)) and len(text) > _MAX_DATA_CHARS)
        or (len(text) > 5000 and len(text) / (text.count("\n") + 1) > _MAX_MEAN_LINE_CHARS)
    )


def _text(file: Path) -> str:
    """The text of a file, "" for a binary one (a NUL in its first 8,000 bytes, as git has it)."""
    try:
        data = read_plain(file, max_bytes=_MAX_BYTES)
    except OSError as error:
        raise InputError(
            f"{file} can't be read: {error.strerror}", fix="Make it readable, or ignore it in git."
        ) from error
    text = "" if b"\0" in data[:8000] else data.decode("utf-8", "replace")
    return text if text.strip() else ""


def _git_files(root: Path, start: PurePosixPath) -> list[str]:
    """The files git tracks or would track; none without git, or where git ignores all of it."""
    command = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    try:
        listed = output(root, *command, "--", f":(literal){start}")
    except GitFailed:
        return []
    return [os.fsdecode(name) for name in listed.split(b"\0") if name]


def _walk(root: Path, start: PurePosixPath) -> Iterator[str]:
    for path in files_below(root / start, "", enters=lambda name: not _IGNORED.fullmatch(name)):
        yield path.relative_to(root).as_posix()
