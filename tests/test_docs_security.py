"""docs/security.md promises nothing that no test shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text()
ROWS = [
    line for line in PAGE.splitlines() if line.startswith("| ") and "agentd promises" not in line
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[2:40])
def test_a_promise_names_tests_that_are_there(row: str) -> None:
    promise, shown_by = row.strip("| ").split(" | ")
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", shown_by)
    assert promise
    assert named
    assert re.sub(r"`[^`]+`|[, ]", "", shown_by) == ""
    for file, function in named:
        assert f"def {function}" in (ROOT / file).read_text()


def test_the_page_is_linked() -> None:
    assert len(ROWS) > 20
    assert "docs/security.md" in (ROOT / "README.md").read_text()
