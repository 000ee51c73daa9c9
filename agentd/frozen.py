"""Values: dataclasses that nobody changes, made in a quarter of the usual time.

A step makes ninety of them before it does anything. ``dataclass`` writes and compiles seven methods
for each; here it does so for ``__init__`` alone, and that a value does not change is left to the
type checker.

Every value of the package is made so, but for two kinds that stay ``dataclass(frozen=True)``: what
the Python API takes or gives, as programs without a type checker are to be refused a change, and
classes with a ``cached_property``, which need a ``__dict__``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(*, kw_only: bool = False) -> Callable[[type[T]], type[T]]:
    """Make a class what ``dataclass(frozen=True, slots=True)`` makes it."""

    def make(cls: type[T]) -> type[T]:
        made: Any = dataclass(slots=True, kw_only=kw_only, eq=False, repr=False)(cls)
        names = [name for name, each in made.__dataclass_fields__.items() if each.compare]
        parts = attrgetter(*names)  # of one name not a tuple, but as good to compare

        def equal(self: object, other: object) -> bool:
            return parts(self) == parts(other) if other.__class__ is made else NotImplemented

        made.__eq__ = equal
        made.__hash__ = lambda self: hash(parts(self))
        made.__repr__ = _repr
        return made  # type: ignore[no-any-return]

    return make


def _repr(self: Any) -> str:
    names = [name for name, each in self.__dataclass_fields__.items() if each.repr]
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
    return f"{type(self).__qualname__}({shown})"
