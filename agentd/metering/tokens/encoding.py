"""The encodings whose tokens are counted exactly, and which engine counts a text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

from agentd.metering.tokens.bpe import PythonEngine
from agentd.metering.tokens.fast import ToktokEngine, load_fast, unsure

# Up to here the Python engine is done before the fast one is loaded (benchmarks/bench_tokens.py).
ONCE_CHARS = 50_000

T = TypeVar("T")


class Encoding:
    """The encoding ``name``: exactly tiktoken's tokens, offline.

    Special tokens such as ``<|endoftext|>`` are plain text. Threads may share it; what it needs is
    loaded at the first count. Raises TypeError for what is no str.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._python: _Once[PythonEngine] = _Once(lambda: PythonEngine(name))
        self._fast: _Once[ToktokEngine | None] = _Once(lambda: load_fast(name))

    def count(self, text: str) -> int:
        """How many tokens the text has."""
        return self._engine(text).count(text)

    def encode(self, text: str) -> list[int]:
        """The ids of the text's tokens."""
        return self._engine(text).encode(text)

    def count_batch(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has."""
        if isinstance(texts, str):
            raise TypeError("texts is a str; expected a sequence of them")
        return [self.count(text) for text in texts]

    def count_once(self, text: str) -> int:
        """As ``count``, for a process that counts nothing else: a short text needs less loaded."""
        if isinstance(text, str) and len(text) <= ONCE_CHARS:
            return self._python.get().count(text)
        return self.count(text)

    def _engine(self, text: str) -> PythonEngine | ToktokEngine:
        if not isinstance(text, str):
            raise TypeError(f"text is of type {type(text).__name__}; expected str")
        fast = self._fast.get()
        return self._python.get() if fast is None or unsure(text) else fast


class _Once(Generic[T]):
    """A value made when it is first asked for, by one thread."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: tuple[T] | None = None
        self._lock = Lock()

    def get(self) -> T:
        if self._made is None:
            with self._lock:
                if self._made is None:
                    self._made = (self._make(),)
        return self._made[0]


ENCODINGS = {"cl100k_base": Encoding("cl100k_base"), "o200k_base": Encoding("o200k_base")}
