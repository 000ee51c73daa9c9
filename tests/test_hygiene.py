"""Tests mirror the rooms, stand alone, and are found once."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
FILES = sorted(TESTS.rglob("test_*.py"))
ROOMS = {path.parent.name for path in (TESTS.parent / "agentd").glob("*/__init__.py")}
NO_ROOMS = {"action", "loopback", "real", "release"}


def imported(file: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module)
        elif isinstance(node, ast.Import):
            found += [name.name for name in node.names]
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_test_file_imports_another(file: Path) -> None:
    modules = {path.stem for path in FILES}
    assert [name for name in imported(file) if name.rpartition(".")[2] in modules] == []


def test_tests_lie_in_the_folder_of_their_room() -> None:
    folders = {path.relative_to(TESTS).parts[0] for path in FILES if path.parent != TESTS}
    assert folders - NO_ROOMS <= ROOMS
