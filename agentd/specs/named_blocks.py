"""The requirement blocks of a spec by name, in their order, near misses found at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

from agentd.specs.model import fold


class NamedBlocks(dict[str, str]):
    """Blocks by name; ``doubles`` are names that came twice. A new block comes last."""

    def __init__(self, blocks: Iterable[tuple[str, str]]) -> None:
        super().__init__()
        self._next_place = count()
        self._places: dict[str, int] = {}
        self._folded: dict[str, dict[str, None]] = {}
        self.doubles: list[str] = []
        for name, text in blocks:
            if name in self:
                self.doubles.append(name)
            else:
                self.add(name, text)

    def near(self, name: str, *, exempt: str | None = None) -> str:
        """Another name that differs in case or spacing only; "" without one."""
        alike = self._folded.get(fold(name), {})
        return next((other for other in alike if other not in (name, exempt)), "")

    def add(self, name: str, text: str, place: int | None = None) -> None:
        """Put a new block last, or in a ``place`` that was taken away."""
        self[name] = text
        self._places[name] = next(self._next_place) if place is None else place
        self._folded.setdefault(fold(name), {})[name] = None

    def take_away(self, name: str) -> int:
        """Take a block away; its place."""
        del self[name]
        del self._folded[fold(name)][name]
        return self._places.pop(name)

    def in_order(self) -> Iterator[str]:
        """The blocks' texts."""
        return (self[name] for name in sorted(self._places, key=self._places.__getitem__))
