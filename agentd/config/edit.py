"""Change values of config.toml, or add a section, and nothing else: comments and layout stay."""

from __future__ import annotations

import codecs
import contextlib
import functools
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentd import min_version
from agentd.config.load import examine, parse, read_text, shown_path
from agentd.config.model import Config
from agentd.config.table import join, nearest, shown
from agentd.errors import ConfigError
from agentd.files import read_plain, write_atomic
from agentd.locks import lock

if TYPE_CHECKING:
    from tomlkit.items import Item


def set_values(path: Path, pairs: Sequence[tuple[str, str]]) -> Config:
    """Set each key (dotted, as in ``steps.review.provider``) to its text; all of them, or none.

    A text is read as TOML where the key takes that, else as it stands, as one text or as a list of
    it. Tables on the way are made; an entry of ``[[PROVIDER.models]]`` is named by its id. Returns
    the new config. Raises ConfigError, the file untouched, for an unknown key or a value that the
    config's reader refuses, OSError when the file cannot be written.
    """
    keys = [split_key(key) for key, _ in pairs]
    names = [dotted(parts) for parts in keys]
    with _editing(path, *keys) as file:
        for parts, (_, text) in zip(keys, pairs, strict=True):
            drafts = [_with(file.text, parts, item, path) for item in _items(text)]
            # An error that another pair will end counts for each draft alike.
            file.text = min(drafts, key=lambda draft: len(examine(draft, path, names)[1].errors))
        problems = examine(file.text, path, names)[1]
        if problems.errors:
            raise ConfigError("\n".join(problems.errors), fix=f"{problems.file} is as it was.")
    return parse(file.text, path)


def unset_value(path: Path, key: str) -> bool:
    """Take a key out of the file; whether it was there. A table is left for an editor.

    Raises ConfigError, the file untouched, when the rest would not be sound.
    """
    from tomlkit.exceptions import TOMLKitError

    parts = split_key(key)
    with _editing(path, parts) as file:
        document = _document(file.text, path)
        try:
            table = _find(document, parts, path)
        except KeyError:
            return False
        if parts[-1] not in table:
            return False
        try:
            del table[parts[-1]]
        except TOMLKitError as error:
            raise ConfigError(f"{path}: {key}: {error}", fix="Edit it by hand.") from error
        file.text = document.as_string()
        parse(file.text, path)
    return True


def add_section(path: Path, name: str, section: str) -> bool:
    """Put a provider's whole section at the end of the file; whether it was missing.

    What is there stays as it is. Raises ConfigError, the file untouched, when the file is not
    sound before or would not be after, OSError when it cannot be written.
    """
    with _editing(path) as file:
        if name in parse(file.text, path).providers:
            return False
        gap = "\n" if file.text.endswith("\n") or not file.text else "\n\n"
        file.text += gap + section
        parse(file.text, path)
    return True


def split_key(key: str) -> list[str]:
    """The parts of a dotted key, as TOML itself reads it. Raises ConfigError for what is none."""
    try:
        data: Any = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError:
        data = {}
    parts = []
    while isinstance(data, dict) and len(data) == 1:
        [(name, data)] = data.items()
        parts.append(name)
    if data != 0 or "\n" in key:
        raise ConfigError(
            f"{shown(key)} is no key",
            fix='Write keys as in steps.review.provider or pricing.models."gpt-5.5".',
        )
    return parts


def dotted(parts: Sequence[str]) -> str:
    """The key of these parts, quoted where TOML wants it."""
    return functools.reduce(join, parts, "")


def entries_of(tables: Iterable[Any]) -> dict[str, Any]:
    """The tables of a list by what they are called."""
    found = (one for one in tables if isinstance(one, dict))
    return {str(one.get("id") or one.get("name") or at): one for at, one in enumerate(found)}


@dataclass
class _File:
    text: str


@contextlib.contextmanager
def _editing(path: Path, *keys: Sequence[str]) -> Iterator[_File]:
    """The file's text; what it is made to be is written when the block ends without an error.

    A file whose ``min_version`` this agentd is too old for can only have that key changed.
    """
    target = path.resolve()  # of a symbolic link, what it points at changes
    with lock(path.with_name(f".{path.name}.lock")):
        before = read_text(path)
        if any(key != ["min_version"] for key in keys or [()]):
            min_version.require(Path(shown_path(path)), min_version.glance(before))
        mark = codecs.BOM_UTF8 if read_plain(path).startswith(codecs.BOM_UTF8) else b""
        file = _File(before)
        yield file
        if file.text != before:
            text = file.text
            if "\r\n" in before and "\n" not in before.replace("\r\n", ""):
                text = text.replace("\r\n", "\n").replace("\n", "\r\n")
            write_atomic(target, mark + text.encode())


def _items(text: str) -> Iterator[Item]:
    """What a text can mean: a TOML value, a text, a list of one text."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    value = None
    with contextlib.suppress(TOMLKitError, ValueError):
        if not isinstance(value := tomlkit.value(text), dict):
            yield value
    yield tomlkit.string(text)
    if not isinstance(value, list):
        yield tomlkit.item([text])


def _with(text: str, parts: list[str], item: Item, path: Path) -> str:
    """The text with one key set."""
    from tomlkit.exceptions import TOMLKitError

    draft = ""
    with contextlib.suppress(TOMLKitError):
        document = _document(text, path)
        try:
            table = _find(document, parts, path)
        except KeyError:
            draft = _with_table(text, parts, item, document)
        else:
            draft = _with_key(text, document, table, parts[-1], item)
    if not _holds(draft, parts, item.unwrap(), path):
        raise ConfigError(
            f"{shown_path(path)}: agentd can't set {dotted(parts)} here", fix="Edit it by hand."
        )
    return draft


def _holds(text: str, parts: list[str], value: object, path: Path) -> bool:
    try:
        table = _find(tomllib.loads(text), parts, path)
    except (tomllib.TOMLDecodeError, KeyError):
        return False
    return repr(table.get(parts[-1])) == repr(value)  # nan is no equal of itself


def _document(text: str, path: Path) -> Any:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    examine(text, path)  # says best what is no TOML
    try:
        return tomlkit.parse(text)
    except TOMLKitError as error:
        raise ConfigError(f"{shown_path(path)}: {error}", fix="Edit it by hand.") from error


def _find(document: Any, parts: list[str], path: Path) -> Any:
    """The table that has, or would have, the last of these ``parts`` as a key.

    Raises KeyError when that table is missing, ConfigError when it or the key is another thing.
    """
    table, file = document, shown_path(path)
    for number, part in enumerate(parts[:-1]):
        if isinstance(table, list):
            table = entries_of(table)
            if part not in table:
                key, near = dotted(parts[:number]), nearest(part, table)
                raise ConfigError(
                    f"{file}: {key} has no entry {shown(part)}; it has {', '.join(table)}",
                    fix=f"Did you mean {join(key, near)}?" if near else f"Add a [[{key}]] by hand.",
                )
        table = table[part]
        if not isinstance(table, dict | list):
            raise ConfigError(f"{file}: {dotted(parts[: number + 1])} is a value, not a table")
    if isinstance(table, list):
        key = dotted(parts[:-1])
        raise ConfigError(
            f"{file}: {key} is a list of tables",
            fix=f"Name an entry and its key, as in {key}.{next(iter(entries_of(table)))}.KEY.",
        )
    value = table.get(parts[-1])
    if isinstance(value, dict) or (isinstance(value, list) and entries_of(value)):
        raise ConfigError(
            f"{file}: {dotted(parts)} is a table",
            fix="Name one of its keys, or edit the file by hand.",
        )
    return table


def _with_table(text: str, parts: list[str], item: Item, document: Any) -> str:
    """The text with a table at its end that holds the key."""
    import tomlkit

    *tables, key = parts
    space = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    new = f"{text}{space}[{dotted(tables)}]\n{_line(key, item)}\n"
    try:
        tomllib.loads(new)
    except tomllib.TOMLDecodeError:  # a table on the way is written as { } or with dotted keys
        table = document
        for part in tables:
            table = table.setdefault(part, tomlkit.inline_table())
        table[key] = item
        return str(document.as_string())
    return new


def _with_key(text: str, document: Any, table: Any, key: str, item: Item) -> str:
    """The text with the key replaced, or behind the last one of its table.

    tomlkit itself would put it behind the comments that follow, and these are often the next
    table's.
    """
    from tomlkit.items import AoT, Table

    has_header = isinstance(table, Table) and table.display_name is not None
    if key in table or (not has_header and table is not document):  # { }, or dotted keys
        table[key] = item
        return str(document.as_string())
    body = (table.value if has_header else table).body
    last = [one for name, one in body if name is not None and not isinstance(one, Table | AoT)]
    if not last and table is document:
        return f"{_line(key, item)}\n{text}"
    place = (last[-1] if last else table).trivia
    line = f"{last[-1].trivia.indent if last else ''}{_line(key, item)}"
    place.trail = f"\n{line}{place.trail}" if place.trail else f"\n{line}\n"
    return str(document.as_string())


def _line(key: str, item: Item) -> str:
    return f"{join('', key)} = {item.as_string()}"
