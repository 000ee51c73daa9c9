"""Values out of a JSON text, whatever its blocks: the same as reading it whole."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agentd.metering.dialects.json_parts import JsonParts, Path

PATHS: tuple[Path, ...] = (("usage",), ("a", "usage"), ("id",), ("a", "b", "id"))
keys = st.sampled_from(["a", "b", "usage", "id", 'q"x', "r\\"])
texts = st.text(max_size=6) | st.sampled_from(['"', "\\", '\\"', "{[,:]}", "\\\\"])
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=30,
)


def found(value: Any, wanted: Path, above: Path = ()) -> list[Any]:
    """All values at a path, in order, arrays passed through."""
    if isinstance(value, list):
        return [each for item in value for each in found(item, wanted, above)]
    if not isinstance(value, dict):
        return []
    return [
        each
        for key, inner in value.items()
        for each in ([inner] if (*above, key) == wanted else found(inner, wanted, (*above, key)))
    ]


@given(documents, st.sampled_from([1, 2, 5, 1000]), st.sampled_from([None, 2]), st.booleans())
def test_the_same_as_the_whole(document: Any, size: int, indent: int | None, ascii_: bool) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_).encode()
    last, every = JsonParts(PATHS), JsonParts((), PATHS)
    for place in range(0, len(text), size):
        last.feed(text[place : place + size])
        every.feed(text[place : place + size])
    for path in PATHS:
        expected = found(document, path)
        inner: Any = last.document()
        collected: Any = every.document()
        for key in path:
            inner = inner.get(key, "absent") if isinstance(inner, dict) else "absent"
            collected = collected.get(key, []) if isinstance(collected, dict) else []
        if len(path) == 1:  # a longer path may lie below one of the others
            assert inner == (expected[-1] if expected else "absent")
            assert collected == expected


@given(st.binary(max_size=200))
def test_anything_else_is_silence(data: bytes) -> None:
    parts = JsonParts(PATHS)
    parts.feed(data)
    parts.document()


def test_depth_is_bounded() -> None:
    parts = JsonParts(PATHS)
    for _ in range(100):
        parts.feed(b"[" * 100_000)
    assert parts.document() == {}
