"""Values: dataclasses that nobody changes, made in a tenth of the usual time.

A step makes more than a hundred of them before it does anything. ``dataclass`` writes and compiles
seven methods for each; here ``__init__`` alone is, in fewer words, and that a value does not change
is left to the type checker.

Every value of the package is made so. What the Python API takes or gives is ``guarded``: programs
without a type checker are refused a change. Classes with a ``cached_property`` need a ``__dict__``:
they have no ``slots``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, dataclass, field
from operator import attrgetter
from typing import Any, NoReturn, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(
    *, kw_only: bool = False, guarded: bool = False, slots: bool = True
) -> Callable[[type[T]], type[T]]:
    """Make a class what ``dataclass(frozen=True, slots=True)`` makes it."""

    def make(cls: type[T]) -> type[T]:
        if hasattr(cls, "__post_init__"):
            raise TypeError(f"{cls.__qualname__}: frozen() calls no __post_init__")
        cls.__doc__ = cls.__doc__ or cls.__name__  # else dataclass asks inspect for a signature
        # In texts it would look for ClassVar, of which there is none: half of its time.
        told = cls.__annotations__
        cls.__annotations__ = dict.fromkeys(told, object)
        made: Any = dataclass(init=False, slots=slots, kw_only=kw_only, eq=False, repr=False)(cls)
        made.__annotations__ = told
        for name, text in told.items():
            made.__dataclass_fields__[name].type = text
        made.__init__ = _init(made, _GUARDED) if guarded else _late_init(made)
        if guarded:
            made.__setattr__ = made.__delattr__ = _refuse
            made.__setstate__ = _set_state
        names = [name for name, each in made.__dataclass_fields__.items() if each.compare]
        parts = attrgetter(*names)  # of one name not a tuple, but as good to compare

        def equal(self: object, other: object) -> bool:
            return parts(self) == parts(other) if other.__class__ is made else NotImplemented

        made.__eq__ = equal
        made.__hash__ = lambda self: hash(parts(self))
        made.__repr__ = _repr
        return made  # type: ignore[no-any-return]

    return make


_PLAIN, _GUARDED = "self.{name} = {value}", "_set(self, {name!r}, {value})"


def _late_init(made: Any) -> Any:
    """The ``__init__`` that is written with the first value: many classes get none."""

    def __init__(self: object, *values: object, **named: object) -> None:
        made.__init__ = _init(made, _PLAIN)
        made.__init__(self, *values, **named)

    return __init__


def _init(made: Any, assignment: str) -> Any:
    """The ``__init__`` that dataclass would write, without its annotations."""
    parameters, lines = ["self"], ["pass"]
    values = {"_MISSING": MISSING, "_set": object.__setattr__}
    for name, each in sorted(made.__dataclass_fields__.items(), key=lambda item: item[1].kw_only):
        if each.kw_only and "*" not in parameters:
            parameters.append("*")
        value = name
        if each.default_factory is not MISSING:
            values[f"_make_{name}"] = each.default_factory
            value = f"{name} if {name} is not _MISSING else _make_{name}()"
            parameters.append(f"{name}=_MISSING")
        elif each.default is not MISSING:
            values[f"_default_{name}"] = each.default
            parameters.append(f"{name}=_default_{name}")
        else:
            parameters.append(name)
        lines.append(assignment.format(name=name, value=value))
    exec(f"def __init__({', '.join(parameters)}): {'; '.join(lines)}", values)  # noqa: S102
    made_init: Any = values["__init__"]
    made_init.__qualname__ = f"{made.__qualname__}.__init__"
    return made_init


def _refuse(self: object, name: str, value: object = None) -> NoReturn:
    raise FrozenInstanceError(f"{type(self).__qualname__} does not change: {name}")


def _set_state(self: object, state: tuple[None, dict[str, Any]]) -> None:
    """What ``pickle`` and ``copy`` give back."""
    for name, value in state[1].items():
        object.__setattr__(self, name, value)


def _repr(self: Any) -> str:
    names = [name for name, each in self.__dataclass_fields__.items() if each.repr]
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
    return f"{type(self).__qualname__}({shown})"
