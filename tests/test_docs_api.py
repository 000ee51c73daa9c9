"""The examples of docs/api.md print what the page says, and the page names all there is."""

from __future__ import annotations

import doctest
import logging
from pathlib import Path

import pytest

import agentd

PAGE = Path(__file__).parent.parent / "docs" / "api.md"


def test_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logging.root, "handlers", [])
    result = doctest.testfile(
        str(PAGE), module_relative=False, encoding="utf-8", optionflags=doctest.ELLIPSIS
    )
    assert result.failed == 0
    assert result.attempted > 30


def test_every_public_name_is_told() -> None:
    names = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    told = {part.strip("`, ") for line in names for part in line.split("|")[1].split("`")}
    assert told - {""} == set(agentd.__all__)
