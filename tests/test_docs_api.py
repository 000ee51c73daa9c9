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


def test_a_type_checker_sees_every_public_name() -> None:
    source = Path(agentd.__file__).read_text()
    for name in agentd.__all__:
        assert f" import {name} as {name}\n" in source
        assert getattr(agentd, name)


def test_an_argument_of_another_type_is_named() -> None:
    with pytest.raises(TypeError, match="'claude'; expected an LlmProvider"):
        agentd.parse_usage_from_output("", "claude")
    with pytest.raises(TypeError, match="NoneType; expected PricingConfig or str"):
        agentd.calculate_cost(1000, None)
