"""Regular expressions of the package: none is compiled before it is used, and each can be."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

import agentd
from agentd.late_pattern import late_pattern

ROOT = Path(agentd.__file__).parent


def test_it_is_compiled_when_first_used(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    real = re.compile
    monkeypatch.setattr(re, "compile", lambda *given: compiled.append(given[0]) or real(*given))
    word = late_pattern("[a-z]+", re.IGNORECASE)
    assert not compiled
    assert word.match("Tea")
    assert not word.match("")
    assert word.sub("x", "1 Tea") == "1 x"
    assert set(compiled) == {"[a-z]+"}
    assert late_pattern(rb"\d").fullmatch(b"7")


def test_no_module_compiles_one_when_it_is_loaded() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in ROOT.rglob("*.py")
        for node in at_load(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "re.compile"
    }
    assert not found


def test_each_can_be_compiled() -> None:
    kind = type(late_pattern(""))
    found = 0
    for path in ROOT.rglob("*.py"):
        if "late_pattern(" not in path.read_text():
            continue
        module = import_module(".".join(("agentd", *path.relative_to(ROOT).with_suffix("").parts)))
        for value in vars(module).values():
            if isinstance(value, kind):
                assert value.pattern is not None, module
                found += 1
    assert found > 100


def at_load(node: ast.AST) -> list[ast.AST]:
    """What runs when a module is loaded."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return []
    return [node, *(each for child in ast.iter_child_nodes(node) for each in at_load(child))]
