"""How many tests failed, by what their runners print last."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentd.workflow.checks.counts import count_of, found_none

_FILE = Path(__file__).parents[2] / "fixtures/checks/outputs.jsonl"
OUTPUTS = {
    row["tool"]: (row["output"], row["count"])
    for row in map(json.loads, _FILE.read_text().splitlines())
}


@pytest.mark.parametrize("tool", OUTPUTS)
def test_failures_are_counted_by_what_their_runner_prints(tool: str) -> None:
    output, expected = OUTPUTS[tool]
    count = count_of(output, is_whole=True)
    assert (count and str(count)) == expected


def test_what_stands_last_counts_and_no_output_of_others_in_it() -> None:
    captured = "---- Captured stdout ----\n9 failed in 0.10s\n"
    assert str(count_of(f"{captured}1 failed, 2 passed in 3.00s\n", is_whole=True)) == "1 failed"


def test_what_adds_up_is_not_known_where_the_middle_is_left_out() -> None:
    go, pytest_ = OUTPUTS["go"][0], OUTPUTS["pytest"][0]
    assert count_of(go, is_whole=False) is None
    assert count_of("x\n" * 400 + go, is_whole=True) is None
    assert str(count_of(pytest_, is_whole=False)) == "3 failed"


@pytest.mark.parametrize(
    ("command", "exit_code", "output", "expected"),
    [
        ("pytest -q", 5, "", True),
        ("pytest -q", 1, "no tests ran in 0.01s", False),
        ("make test", 2, "= no tests ran in 0.01s =\nmake: *** [Makefile:2: test] Error 5", True),
        ("make test", 2, "= no tests ran in 0.01s =\nmake: *** [Makefile:2: test] Error 4", False),
        ("make test", 2, "make: *** [Makefile:2: test] Error 5", False),
        ("tox -e py", 5, "no tests ran in 0.01s\npy: exit 5 (0.35 seconds) /x> pytest pid=9", True),
        ("nox -s tests", 1, "no tests ran in 0.0s\nnox > Command pytest failed with code 5", True),
        ("python -m unittest", 5, "Ran 0 tests in 0.000s\n\nNO TESTS RAN", True),
        ("python -m unittest", 0, "Ran 0 tests in 0.000s\n\nNO TESTS RAN", False),
        ("go test ./...", 5, "", False),
    ],
)  # fmt: skip
def test_no_tests_are_told_from_tests_that_fail(
    command: str, exit_code: int, output: str, expected: bool
) -> None:
    assert found_none(command, exit_code, output) == expected
