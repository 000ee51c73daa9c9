"""Change one value of config.toml and nothing else: comments, order and layout stay."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentd.config.load import load, parse
from agentd.config.table import shown
from agentd.errors import ConfigError
from agentd.files import lock, write_atomic

if TYPE_CHECKING:
    from tomlkit.items import Item

Value = str | bool | int | Decimal | Sequence[str]


def set_value(path: Path, key: str, value: Value) -> None:
    """Set ``key`` (dotted, as in ``steps.review.provider`` or ``pricing.models."gpt-5.5"``).

    Tables on the way are made; a ``[[PROVIDER.models]]`` entry is named by its id, as in
    ``gemini.models.flash.complexity``. Raises ConfigError, the file untouched, when the file is not
    sound before or would not be after, OSError when it cannot be written.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    parts = _parts(key)
    with lock(path.with_name(f".{path.name}.lock")):
        load(path)
        try:
            document = tomlkit.parse(path.read_bytes().decode("utf-8-sig"))
            table = _table(document, parts[:-1], key)
            table[parts[-1]] = _item(value)
            text = tomlkit.dumps(document)
        except TOMLKitError as error:
            raise ConfigError(
                f"{path}: {key} cannot be set: {error}", fix="Edit it by hand."
            ) from error
        parse(text, path)
        write_atomic(path, text.encode())


def _parts(key: str) -> list[str]:
    """The parts of a dotted key, as TOML itself reads it."""
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


def _table(document: Any, parts: list[str], key: str) -> Any:
    import tomlkit

    table = document
    for part in parts:
        if isinstance(table, list):
            entry = next((item for item in table if item.get("id") == part), None)
            if entry is None:
                raise ConfigError(
                    f"{key}: there is no entry with the id {part}", fix="Add it by hand."
                )
            table = entry
            continue
        if part not in table:
            table[part] = tomlkit.table()
        table = table[part]
        if not isinstance(table, dict | list):
            raise ConfigError(f"{key}: {part} is a value, not a table")
    return table


def _item(value: Value) -> Item:
    import tomlkit

    if isinstance(value, Decimal):
        return tomlkit.value(f"{value:f}")  # tomlkit.float_ would round it to a float
    return tomlkit.item(value)
