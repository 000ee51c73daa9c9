"""Tail against the plain way: split the whole text, decode the lines with a marker."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentd.runner import tail
from agentd.runner.tail import Tail

MARKERS = (b'"a"', b'"bcd"')
LINES = st.sampled_from(
    [
        b'{"a": 1}',
        b'{"bcd": 2, "a": 3}',
        b'{"x": "padding padding padding padding", "bcd": [4]}',
        b'{"x": "no marker in here at all, and long"}',
        b'{"a": "' + b"long " * 12 + b'"}',
        b"noise",
        b"",
        b'"a',
        b"\xff\xfe",
    ]
)


def _plain(output: bytes) -> list[Any]:
    found = []
    for line in output.split(b"\n"):
        if any(marker in line for marker in MARKERS):
            text = line.decode("utf-8", errors="replace")
            found.append(json.loads(text[text.index("{") :]))
    return found


@settings(max_examples=300)
@given(
    pieces=st.lists(st.tuples(LINES, st.booleans()), max_size=12),
    ended=st.booleans(),
    chunk=st.integers(1, 40),
)
def test_any_chunks_and_any_pauses(
    tmp_path_factory: pytest.TempPathFactory,
    pieces: list[tuple[bytes, bool]],
    ended: bool,
    chunk: int,
) -> None:
    path = tmp_path_factory.getbasetemp() / "growing"
    path.write_bytes(b"")
    found: list[Mapping[str, Any]] = []
    with pytest.MonkeyPatch.context() as patch, path.open("ab", buffering=0) as out:
        patch.setattr(tail, "CHUNK_BYTES", chunk)
        reader = Tail(path, MARKERS, found.append)
        for number, (line, pause) in enumerate(pieces):
            out.write(line[: len(line) // 2])
            if pause:
                reader.drain()
            out.write(line[len(line) // 2 :])
            if ended or number < len(pieces) - 1:
                out.write(b"\n")
        reader.finish()
        reader.close()
    output = path.read_bytes()
    assert found == _plain(output)


@pytest.mark.parametrize(
    ("output", "saw"),
    [(b"", False), (b"{", True), (b"Usage: cli\n", False), (b"x {\n", False), (b"x\n{}\n", True)],
)
def test_saw_object(tmp_path: Path, output: bytes, saw: bool) -> None:
    (tmp_path / "out").write_bytes(output)
    reader = Tail(tmp_path / "out", MARKERS, lambda event: None)
    reader.finish()
    reader.close()
    assert reader.saw_object is saw


@pytest.mark.parametrize(
    ("output", "too_long_bytes", "found"),
    [
        (b'{"a": "%s"}\n{"a": 1}\n' % (b"x" * 91), 0, 2),
        (b'{"a": "%s"}\n{"a": 1}\n' % (b"x" * 92), 101, 1),
        (b'{"x": "%s"}\n{"a": 1}\n' % (b"x" * 92), 0, 1),
        (b'{"a": 1}\n{"a": "%s"}' % (b"x" * 92), 101, 1),
    ],
)
def test_a_line_that_is_too_long(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    output: bytes,
    too_long_bytes: int,
    found: int,
) -> None:
    monkeypatch.setattr(tail, "CHUNK_BYTES", 16)
    monkeypatch.setattr(tail, "MAX_LINE_BYTES", 100)
    (tmp_path / "out").write_bytes(output)
    events: list[Mapping[str, Any]] = []
    reader = Tail(tmp_path / "out", MARKERS, events.append)
    reader.finish()
    reader.close()
    assert (reader.too_long_bytes, len(events)) == (too_long_bytes, found)


def test_drain_ends_though_the_file_grows_all_the_while(tmp_path: Path) -> None:
    path = tmp_path / "out"
    found: list[Mapping[str, Any]] = []

    def grow(event: Mapping[str, Any]) -> None:
        found.append(event)
        assert len(found) < 100
        with path.open("ab") as out:
            out.write(b'{"a": 1}\n')

    path.write_bytes(b'{"a": 1}\n' * 3)
    reader = Tail(path, MARKERS, grow)
    reader.drain()
    assert len(found) == 3
    reader.close()
