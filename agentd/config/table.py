"""One TOML table, read key by key: each wrong value is collected with key and expectation."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import field, fields
from decimal import Decimal
from typing import Any, TypeVar

from agentd.frozen import frozen
from agentd.late_pattern import late_pattern

T = TypeVar("T")
Accept = Callable[[Any], object]
"""The value that one of the file stands for, None for a wrong one; ValueError for one with why."""

_BARE_KEY = late_pattern(r"[A-Za-z0-9_-]+")
_SHOWN_CHARACTERS = 80


@frozen()
class Problems:
    """What is wrong with (``errors``) or odd about (``warnings``) the file shown as ``file``.

    A key of ``must_know`` that turns out to be unknown is an error. ``own_providers`` are the names
    that the file itself gives to providers. ``limits`` are keys that guard money in a table of
    their own, with their full keys: in another table they are errors.
    """

    file: str
    must_know: Collection[str] = ()
    own_providers: Collection[str] = ()
    limits: Mapping[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def error(self, text: str) -> None:
        self.errors.append(f"{self.file}: {text}")

    def wrong(self, key: str, value: object, expected: str) -> None:
        """Report the value of a full ``key``."""
        self.error(f"{key} is {shown(value)}; expected {expected}")

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

    A wrong value is reported and then read like a missing one. ``strict``: an unknown key is an
    error. ``guards``, as a strict one does: so is a key that is nearly a known one.
    """

    def __init__(
        self,
        data: Mapping[str, object],
        problems: Problems,
        key: str = "",
        *,
        strict: bool = False,
        guards: bool = False,
    ) -> None:
        self._data = data
        self._problems = problems
        self._key = key
        self._strict = strict
        self._guards = guards or strict
        self._known: dict[str, bool] = {}  # the keys asked for, and whether they guard money

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def read(self, kind: type[T], **usual: object) -> T:
        """The table as a dataclass whose fields are ``kinds``; ``usual`` are its defaults here."""
        found: dict[str, object] = {}
        for key in fields(kind):  # type: ignore[arg-type]
            read = key.metadata.get("read")
            if read and (value := read(self, key.name, found)) is not None:
                found[key.name] = value
        self.finish()
        return kind(**{**usual, **found})

    @property
    def own_providers(self) -> Collection[str]:
        """The names that the file itself gives to providers."""
        return self._problems.own_providers

    def take(
        self, key: str, expected: str, accept: Accept, *, needed: bool = False, guards: bool = False
    ) -> Any:
        """The value of ``key`` as ``accept`` gives it; None for one that is missing or wrong.

        ``guards``: a key that is nearly this one is an error.
        """
        self._known[key] = guards or self._guards
        if key not in self._data:
            if needed:
                self._problems.error(f"{self.path(key)} is missing; expected {expected}")
            return None
        why = ""
        try:
            if (value := accept(self._data[key])) is not None:
                return value
        except ValueError as error:
            why = f": {error}" if str(error) else ""
        self._problems.wrong(self.path(key), self._data[key], expected + why)
        return None

    def refuse(self, key: str, expected: str) -> None:
        """Report a ``key`` that can't be here, without its value: that may be a secret."""
        self._known[key] = False
        self._problems.error(f"{self.path(key)} can't be set; expected {expected}")

    def table(self, key: str, *, strict: bool = False, guards: bool = False) -> Table:
        """The table ``[key]``, an empty one when missing."""
        expected = f"a table: [{self.path(key)}]"
        accept: Accept = lambda value: value if isinstance(value, dict) else None  # noqa: E731
        data = self.take(key, expected, accept, guards=guards or strict)
        return Table(
            data or {},
            self._problems,
            self.path(key),
            strict=strict or self._strict,
            guards=guards or self._guards,
        )

    def tables(self, key: str, label: str) -> list[Table]:
        """The tables ``[[key]]``, each named by its text ``label`` or else by its number from 0."""
        expected = f"a list of tables: [[{self.path(key)}]]"
        found = []
        for number, item in enumerate(self.take(key, expected, _tables) or ()):
            name = item.get(label)
            full = join(self.path(key), name) if isinstance(name, str) and name else None
            found.append(Table(item, self._problems, full or f"{self.path(key)}[{number}]"))
        return found

    def path(self, key: str) -> str:
        """The full key, quoted where TOML wants it: ``pricing.models."gpt-5.5"``."""
        return join(self._key, key)

    def warn_if_missing(self, key: str, so: str) -> None:
        """Warn that ``key`` is not there, and what follows from it."""
        if key not in self._data:
            self._problems.warn(f"{self.path(key)} is missing, {so}")

    def finish(self) -> None:
        """Warn about every key that was never asked for, with the nearest one that was.

        It is an error in a strict table, and within two letters of one that guards money: a limit
        or a price that is misspelt, or stands in the wrong table, must not leave the money
        unguarded.
        """
        for key in self._data:
            if key not in self._known:
                near = nearest(key.lower(), self._known)
                meant = join(self._key, near) if near else None
                guarded = [name for name, guards in self._known.items() if guards]
                refused = self._strict or any(_nearly(name, key.lower()) for name in guarded)
                if not refused and (limit := self._problems.limits.get(key.lower())):
                    meant, refused = limit, True
                hint = f"; did you mean {meant}?" if meant else ""
                self._problems.unknown(self.path(key), hint, refused=refused)


def _tables(value: object) -> object:
    tables = isinstance(value, list) and all(isinstance(item, dict) for item in value)
    return value if tables else None


def join(table: str, key: str) -> str:
    """The dotted key of ``key`` in ``table``."""
    quoted = key if _BARE_KEY.fullmatch(key) else shown(key)
    return f"{table}.{quoted}" if table else quoted


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that ``name`` may have been meant to be."""
    import difflib

    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)


def _nearly(name: str, key: str) -> bool:
    """Whether at most two letters must be put in, taken out or replaced."""
    import regex

    return regex.fullmatch(rf"(?:{regex.escape(name)}){{e<=2}}", key) is not None


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
