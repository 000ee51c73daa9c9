"""The requirement blocks of a spec by name, in their order, near misses found at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agentd.specs.model import fold


class NamedBlocks:
    """Blocks by name. A renamed block keeps its place, a new one comes last."""

    def __init__(self, blocks: Iterable[tuple[str, str]]) -> None:
        self._blocks: dict[str, str] = {}
        self._next = 0
        self._places: dict[str, int] = {}
        self._folded: dict[str, dict[str, None]] = {}
        self.doubles: list[str] = []
        for name, text in blocks:
            if name in self._blocks:
                self.doubles.append(name)
            else:
                self.add(name, text)

    def __contains__(self, name: str) -> bool:
        return name in self._blocks

    def __getitem__(self, name: str) -> str:
        return self._blocks[name]

    def __setitem__(self, name: str, text: str) -> None:
        self._blocks[name] = text

    def names(self) -> Iterator[str]:
        """The blocks' names, in no order."""
        return iter(self._blocks)

    def near(self, name: str, *, exempt: str | None = None) -> str:
        """Another name that differs in case or spacing only; "" without one."""
        alike = self._folded.get(fold(name), {})
        return next((other for other in alike if other not in (name, exempt)), "")

    def add(self, name: str, text: str) -> None:
        """Put a new block last."""
        self._insert(name, text, self._next)
        self._next += 1

    def remove(self, name: str) -> None:
        """Take a block away."""
        self._take(name)

    def rename(self, old: str, new: str, text: str) -> None:
        """Give a block another name and text, in its place."""
        self._insert(new, text, self._take(old))

    def in_order(self) -> Iterator[str]:
        """The blocks' texts."""
        return (self._blocks[name] for name in sorted(self._places, key=self._places.__getitem__))

    def _insert(self, name: str, text: str, place: int) -> None:
        self._blocks[name] = text
        self._places[name] = place
        self._folded.setdefault(fold(name), {})[name] = None

    def _take(self, name: str) -> int:
        del self._blocks[name]
        del self._folded[fold(name)][name]
        return self._places.pop(name)
