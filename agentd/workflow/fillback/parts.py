"""``fillback``: existing code in parts that fit a context window, and which of them are done."""

from __future__ import annotations

import json
import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from agentd.errors import InputError
from agentd.files import read_json, write_atomic
from agentd.frozen import frozen
from agentd.workflow.fillback import STATE_NAME
from agentd.workflow.fillback.sources import read_sources

# About 45,000 tokens of code: a quarter of the smallest context window in use (200,000), since
# the model also reads the specs of earlier parts, and writes.
MAX_PART_CHARS = 160_000


@frozen()
class Source:
    """A file of a part, its path relative to the project; some of its lines when ``lines`` is set.

    ``lines`` are the first and the last, from 1.
    """

    path: str
    lines: tuple[int, int] | None = None

    def __str__(self) -> str:
        return f"`{self.path}`" + ("" if self.lines is None else " lines {}-{}".format(*self.lines))


@frozen(kw_only=True)
class Part:
    """Code for one call. ``name`` is unique in a plan; ``digest`` changes with the code."""

    name: str
    files: tuple[Source, ...]
    chars: int
    digest: str


@frozen()
class _Piece:
    source: Source
    text: str


def plan_parts(root: Path, path: str, *, max_part_chars: int = MAX_PART_CHARS) -> list[Part]:
    """The code at ``path`` below ``root`` in parts of at most ``max_part_chars``, always the same.

    A folder that fits is one part; a larger one is split along its folders, small neighbours
    together. A file that does not fit is split by lines, each range a part. Raises InputError when
    there is no code.
    """
    pieces = [_Piece(Source(name), text) for name, text in read_sources(root, path)]
    names: Counter[str] = Counter()
    parts = []
    for group in _joined(_split(pieces, 0, max_part_chars), max_part_chars):
        name = _name(group)
        names[name] += 1
        parts.append(_part(name if names[name] == 1 else f"{name}#{names[name]}", group))
    return parts


def file_list(part: Part) -> str:
    """The ``files`` of the prompt: one line a file."""
    return "\n".join(f"- {source}" for source in part.files)


def next_parts(change: Path, parts: Sequence[Part]) -> list[Part]:
    """The parts that are still to be done, or to be done again because their code changed.

    Raises InputError when the record of the parts is broken.
    """
    done = _read_done(change)
    return [part for part in parts if done.get(part.name) != part.digest]


def mark_begun(change: Path, part: Part, calls: int, path: str) -> None:
    """Note that a part of the code at ``path`` is at work.

    ``calls`` is how many the ledger holds before its own.
    """
    begun = {"name": part.name, "digest": part.digest, "calls": calls}
    _write(change, {"path": path, "begun": begun, "done": dict(_read_done(change))})


def mark_done(change: Path, part: Part) -> None:
    """Note that the specs of a part are written, in ``fillback.json`` of the change's folder."""
    done = {**_read_done(change), part.name: part.digest}
    _write(change, {"path": path_of(change) or ".", "done": done})


def adopt(change: Path, part: Part, good: Sequence[bool]) -> bool:
    """Note a part as done whose agentd was killed before it could; False when it is not that part.

    ``good`` tells of each call of the ledger whether it did the work of a part.
    """
    try:
        begun = read_json(change / STATE_NAME)["begun"]
        is_it = (begun["name"], begun["digest"]) == (part.name, part.digest)
        calls = begun["calls"]
        done = is_it and type(calls) is int and calls >= 0 and any(good[calls:])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False
    if done:
        mark_done(change, part)
    return done


def path_of(change: Path) -> str | None:
    """The path of the code that the change was begun for; None where nobody told."""
    try:
        path = read_json(change / STATE_NAME)["path"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return path if isinstance(path, str) else None


def _write(change: Path, content: Mapping[str, object]) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False, sort_keys=True)
    write_atomic(change / STATE_NAME, f"{text}\n".encode())


def _read_done(change: Path) -> Mapping[str, str]:
    path = change / STATE_NAME
    try:
        done = read_json(path)["done"]
        if all(isinstance(digest, str) for digest in done.values()):
            return dict(done)
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise InputError(
        f"{path} does not say which parts are done: it is not as agentd wrote it",
        fix="Restore it, or remove it to do all parts again.",
    )


def _split(pieces: list[_Piece], depth: int, limit: int) -> Iterator[list[_Piece]]:
    """Groups of at most ``limit`` characters; all paths are the same up to ``depth``."""
    if _chars(pieces) <= limit:
        yield pieces
    elif len(pieces) == 1:
        yield from ([piece] for piece in _by_lines(pieces[0], limit))
    else:
        group: list[_Piece] = []
        for unit in _units(pieces, depth):
            if _chars(unit) > limit:
                yield from _split(unit, depth + 1, limit)
                continue
            if _chars(group) + _chars(unit) > limit:
                yield group
                group = []
            group = group + unit
        if group:
            yield group


def _joined(groups: Iterable[list[_Piece]], limit: int) -> Iterator[list[_Piece]]:
    """The groups, small neighbours together: every call costs the same before it reads a line."""
    kept: list[_Piece] = []
    for group in groups:
        ranges = any(piece.source.lines for piece in (*kept, *group))
        if kept and (ranges or _chars(kept) + _chars(group) > limit):
            yield kept
            kept = []
        kept = kept + group
    yield kept


def _units(pieces: list[_Piece], depth: int) -> list[list[_Piece]]:
    """The files of a folder, each by itself, then its folders."""
    units: dict[tuple[bool, str], list[_Piece]] = {}
    for piece in pieces:
        parts = piece.source.path.split("/")
        units.setdefault((len(parts) > depth + 1, parts[depth]), []).append(piece)
    return [units[key] for key in sorted(units)]


def _by_lines(piece: _Piece, limit: int) -> Iterator[_Piece]:
    """A file in ranges of whole lines; only a line that is too long itself exceeds the limit."""
    first, size = 1, 0
    lines = piece.text.removesuffix("\n").split("\n")
    for number, line in enumerate(lines, start=1):
        if size and size + len(line) + 1 > limit:
            yield _Piece(
                Source(piece.source.path, (first, number - 1)),
                "\n".join(lines[first - 1 : number - 1]),
            )
            first, size = number, 0
        size += len(line) + 1
    yield _Piece(Source(piece.source.path, (first, len(lines))), "\n".join(lines[first - 1 :]))


def _name(group: list[_Piece]) -> str:
    """The file, or the folder that holds all of a group."""
    source = group[0].source
    if len(group) == 1:
        return (
            source.path if source.lines is None else "{}:{}-{}".format(source.path, *source.lines)
        )
    return posixpath.commonpath([piece.source.path for piece in group]) or "."


def _part(name: str, group: list[_Piece]) -> Part:
    digest = sha256()
    for piece in group:
        # Each by its length too: no two groups give the same bytes.
        for field in (str(piece.source).encode(), piece.text.encode()):
            digest.update(b"%d:%b" % (len(field), field))
    return Part(
        name=name,
        files=tuple(piece.source for piece in group),
        chars=_chars(group),
        digest=f"sha256:{digest.hexdigest()}",
    )


def _chars(pieces: Sequence[_Piece]) -> int:
    return sum(len(piece.text) for piece in pieces)
