"""One TOML table, read key by key: each wrong value is collected with key and expectation."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_MAX_INTEGER = 1_000_000_000_000  # keeps every time limit and sum far from an overflow
_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Problems:
    """What is wrong with (``errors``) or odd about (``warnings``) the file shown as ``file``.

    A key of ``must_know`` that turns out to be unknown is an error.
    """

    file: str
    must_know: Collection[str] = ()
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def error(self, text: str) -> None:
        self.errors.append(f"{self.file}: {text}")

    def warn(self, text: str) -> None:
        self.warnings.append(f"{self.file}: {text}")

    def unknown(self, key: str, hint: str, *, refused: bool) -> None:
        """Report an unknown key: a table's name stands for all keys in it."""
        if refused or any(f"{name}.".startswith(f"{key}.") for name in self.must_know):
            self.error(f"unknown key {key}{hint}")
        else:
            self.warn(f"unknown key {key} is ignored{hint}")


class Table:
    """A TOML table and its full key, iterated over the keys that the file has, in its order.

    A wrong value is reported and then read like a missing one.
    """

    def __init__(self, data: Mapping[str, object], problems: Problems, key: str = "") -> None:
        self._data = data
        self._problems = problems
        self._key = key
        self._known: list[str] = []

    def path(self, key: str) -> str:
        """The full key, quoted where TOML wants it: ``pricing.models."gpt-5.5"``."""
        return join(self._key, key)

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def text(self, key: str, expected: str, *, pattern: str = r".*\S.*") -> str | None:
        """A string that matches ``pattern`` as a whole, None when missing."""
        value = self._get(key)
        if isinstance(value, str) and "\0" not in value and re.fullmatch(pattern, value, re.DOTALL):
            return value
        self._unless_missing(key, expected)
        return None

    def choice(self, key: str, names: Sequence[str]) -> str | None:
        """One of ``names``, None when missing."""
        value = self._get(key)
        if isinstance(value, str) and value in names:
            return value
        self._unless_missing(key, f"one of {', '.join(names)}")
        return None

    def integer(self, key: str, minimum: int) -> int | None:
        """A whole number of at least ``minimum``, None when missing."""
        value = self._get(key)
        if type(value) is int and minimum <= value <= _MAX_INTEGER:
            return value
        self._unless_missing(key, f"a whole number from {minimum} to {_MAX_INTEGER}")
        return None

    def number(self, key: str, expected: str, *, maximum: int | None = None) -> Decimal | None:
        """A finite number of at least 0, exactly as written; None when missing."""
        value = self._get(key)
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            number = Decimal(value)
            if number.is_finite() and number >= 0 and (maximum is None or number <= maximum):
                return number
        self._unless_missing(key, expected)
        return None

    def texts(self, key: str, expected: str) -> tuple[str, ...]:
        """A list of strings, empty when missing."""
        value = self._get(key)
        if isinstance(value, list) and all(isinstance(v, str) and "\0" not in v for v in value):
            return tuple(value)
        self._unless_missing(key, expected)
        return ()

    def choices(self, key: str, names: Sequence[str]) -> tuple[str, ...]:
        """A list of some of ``names``, each at most once; empty when missing."""
        expected = f"a list of {', '.join(names)}, each at most once"
        values = self.texts(key, expected)
        if set(values) <= set(names) and len(set(values)) == len(values):
            return values
        self.wrong(key, expected)
        return ()

    def table(self, key: str) -> Table:
        """The table ``[key]``, an empty one when missing."""
        value = self._get(key)
        if value is None or isinstance(value, dict):
            return Table(value or {}, self._problems, self.path(key))
        self.wrong(key, f"a table: [{self.path(key)}]")
        return Table({}, self._problems, self.path(key))

    def tables(self, key: str, label: str) -> list[Table]:
        """The tables ``[[key]]``, each named by its text ``label`` or else by its number from 0."""
        value = self._get(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.wrong(key, f"a list of tables: [[{self.path(key)}]]")
            return []
        found = []
        for number, item in enumerate(value):
            name = item.get(label)
            full = join(self.path(key), name) if isinstance(name, str) and name else None
            found.append(Table(item, self._problems, full or f"{self.path(key)}[{number}]"))
        return found

    def require(self, key: str, value: str | None, expected: str) -> str:
        """``value``; when the key is missing that is reported, and "" returned."""
        if key not in self._data:
            self._problems.error(f"{self.path(key)} is missing; expected {expected}")
        return value or ""

    def wrong(self, key: str, expected: str) -> None:
        """Report the value of ``key`` as wrong."""
        self._problems.error(f"{self.path(key)} is {shown(self._data[key])}; expected {expected}")

    def finish(self, *, strict: bool = False, guarded: Collection[str] = ()) -> None:
        """Warn about every key that was never asked for, with the nearest one that was.

        ``strict``: it is an error, and so it is within two letters of a key that is ``guarded``. A
        limit that is misspelt must not leave the money unguarded.
        """
        for key in self._data:
            if key not in self._known:
                near = nearest(key.lower(), self._known)
                hint = f"; did you mean {join(self._key, near)}?" if near else ""
                refused = strict or any(_letters_apart(key.lower(), one) <= 2 for one in guarded)
                self._problems.unknown(self.path(key), hint, refused=refused)

    def _unless_missing(self, key: str, expected: str) -> None:
        if key in self._data:
            self.wrong(key, expected)

    def _get(self, key: str) -> object:
        self._known.append(key)
        return self._data.get(key)


def join(table: str, key: str) -> str:
    """The dotted key of ``key`` in ``table``."""
    quoted = key if _BARE_KEY.fullmatch(key) else shown(key)
    return f"{table}.{quoted}" if table else quoted


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that ``name`` may have been meant to be."""
    import difflib

    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)


def _letters_apart(one: str, other: str) -> int:
    """How many letters must be put in, taken out or replaced (Levenshtein's distance)."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, 1):
        above, row = row, [number]
        for place, wanted in enumerate(other):
            changed = above[place] + (letter != wanted)
            row.append(min(above[place + 1] + 1, row[-1] + 1, changed))
    return row[-1]


def shown(value: object) -> str:
    """A TOML value for a message, shortened."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        text = "[" + ", ".join(shown(item) for item in value[:10]) + "]"
    elif isinstance(value, str):
        text = f'"{value}"' if value.isprintable() else repr(value)
    elif isinstance(value, Decimal) and not value.is_finite():
        text = str(value).replace("Infinity", "inf").replace("NaN", "nan")
    else:
        text = str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
