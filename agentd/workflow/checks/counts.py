"""How many tests failed, or what else a tool counts, from the last lines it prints."""

from __future__ import annotations

import re
from typing import NamedTuple

from agentd.frozen import frozen
from agentd.late_pattern import late_pattern
from agentd.text import counted

_READ_LINES, _READ_CHARS, _END_LINES = 400, 500, 20
_MAX_DIGITS = 9
_ERROR = "error"
_NO_TESTS = 5  # pytest, Exit codes; unittest since Python 3.12
_PYTEST = late_pattern(r"(?:^|[\s/])(?:pytest|py\.test)(?:\s|$)")
_FIVE = late_pattern(r"\b(?:Error|exit|code|exited with)[: ]+5\b")
# How pytest, unittest, go, RSpec, jest, vitest and deno tell of tests that they can't load.
_UNLOADED = late_pattern(
    r"^!+ Interrupted: \d+ errors? during collection"
    r"|Failed to import test module: |^FAIL[ \t].*\[(?:build|setup) failed\]"
    r"|occurred outside of examples|Test suite failed to run|Failed Suites \d+|\(uncaught error\)$",
    re.MULTILINE,
)
_STOPPED = late_pattern(r"^!+ (?:Interrupted: )?stopping after ", re.MULTILINE)
# A test that failed: of pytest's short summary, unittest, go, cargo, jest, vitest, node's own
# runner and TAP, mocha with RSpec and PHPUnit, dotnet, Gradle, Maven. Numbers may shift.
_FAILING = late_pattern(
    r"^(?:(?:FAILED|ERROR) (?P<pytest>\S+\.py\b.*?)(?: - .*)?"
    r"|(?:FAIL|ERROR): (?P<unittest>\w+ \(.+)"
    r"|[ \t]*--- FAIL: (?P<go>\S+).*"
    r"|test (?P<cargo>\S+) \.\.\. FAILED"
    r"|  ● (?P<jest>\S.*)| FAIL  (?P<vitest>\S.*)"
    r"| *✖ (?P<node>\S.*) \(\d[\d.]*m?s\)|[ \t]*not ok \d+ (?:- )?(?P<tap>[^#\n]*\S)"
    r"| *\d{1,6}\) (?P<numbered>\S.*?):?"
    r"|  Failed (?P<dotnet>\S.*) \[[^\]\n]*\]|(?P<gradle>\S+ > \S.*) FAILED"
    r"|\[ERROR\] (?P<maven>\S.*?)(?: --|  ) ?Time elapsed: .*<<< (?:FAILURE|ERROR)!)[ \t]*$",
    re.MULTILINE,
)
# One letter a test, while they run: of pytest and unittest.
_PROGRESS = late_pattern(r"^(?:\S+\.py )?([.FEsxX]+)(?: +\[ *\d+%\])?$", re.MULTILINE)
_NONE_RAN = late_pattern(r"^=* ?no tests ran\b|^NO TESTS RAN\b", re.MULTILINE)


class Count(NamedTuple):
    """What a check counts: ``3 failed``, ``2 errors``; ``noun`` is failed or error."""

    number: int
    noun: str

    def __str__(self) -> str:
        if self.noun == _ERROR:
            return counted(self.number, _ERROR)
        return f"{self.number} {self.noun}"


@frozen()
class _Tool:
    """How a tool sums up what it found.

    ``summary`` finds its line, ``numbers`` those in it that count; without it each line is one.
    ``adds_up``: there is a line for each part of the project, otherwise the last one has it all.
    """

    summary: re.Pattern[str]
    numbers: re.Pattern[str] | None
    noun: str = "failed"
    adds_up: bool = False


def _tool(summary: str, numbers: str = "", noun: str = "failed", *, adds_up: bool = False) -> _Tool:
    found = late_pattern(numbers) if numbers else None
    return _Tool(late_pattern(summary), found, noun, adds_up)


_FAILED = r"(\d+) (?:failed|errors?)\b"
_TOOLS = {
    "pytest": _tool(r"^=* ?(?:\d+ [a-z]+(?:, )?)+ in \d+\.\d+s", _FAILED),
    "unittest": _tool(r"^FAILED \(", r"(?:failures|errors|unexpected successes)=(\d+)"),
    "jest, vitest, pest": _tool(
        r"^ *Tests:? +(?=.*\b(?:failed|passed|skipped|todo)\b)", r"(\d+) failed"
    ),
    "jest, vitest that can't load": _tool(r"^ *Test (?:Suites|Files):? +", r"(\d+) failed"),
    "mocha": _tool(r"^ *\d+ failing\b", r"(\d+) failing"),
    "bun": _tool(r"^ *\d+ fail$", r"(\d+) fail"),
    "ava": _tool(r"^ *\d+ tests? failed$", r"(\d+) tests?"),
    "node, tape, tap": _tool(r"^(?:#|ℹ) fail +\d+$", r"(\d+)$"),
    "deno": _tool(r"^(?:ok|FAILED) \| ", r"(\d+) failed"),
    "go": _tool(r"^--- FAIL: |^FAIL[ \t].*\[(?:build|setup) failed\]", adds_up=True),
    "cargo": _tool(r"^test result: ", r"(\d+) failed", adds_up=True),
    "surefire": _tool(
        r"Tests run: \d+(?!.*(?:Time elapsed| in ))", r"(?:Failures|Errors): (\d+)", adds_up=True
    ),
    "gradle": _tool(r"^\d+ tests? completed, ", r"(\d+) failed", adds_up=True),
    "dotnet": _tool(
        r"^(?:Failed|Passed)! +- Failed: |^Test summary: ", r"[Ff]ailed: +(\d+)", adds_up=True
    ),
    "phpunit": _tool(r"^Tests: \d+, Assertions: ", r"(?:Failures|Errors): (\d+)"),
    "rspec": _tool(r"^\d+ examples?, ", r"(\d+) (?:failures?|errors? occurred)"),
    "minitest, test-unit": _tool(
        r"^\d+ (?:runs|tests), \d+ assertions, ", r"(\d+) (?:failures|errors)"
    ),
    "ruff, mypy": _tool(r"^Found \d+ errors?\b", r"Found (\d+)", _ERROR),
    "eslint": _tool(r"^✖ \d+ problems?\b", r"\((\d+) errors?", _ERROR),
}


def count_of(output: str, *, is_whole: bool) -> Count | None:
    """What the tool that printed last counts in ``output``; None for a tool that is not known.

    Not ``is_whole``: its middle was left out, so what stands in many places is not known.
    """
    lines = output.splitlines()
    is_whole = is_whole and len(lines) <= _READ_LINES
    lines = [line[:_READ_CHARS] for line in lines[-_READ_LINES:]]
    for line in reversed(lines):
        for tool in _TOOLS.values():
            if tool.summary.search(line) is None:
                continue
            if tool.adds_up and not is_whole:
                return None
            counting = filter(tool.summary.search, lines) if tool.adds_up else (line,)
            if number := sum(_number(tool, each) for each in counting):
                return Count(number, tool.noun)
    return None


def unloaded(output: str) -> int:
    """How often a tool says that it can't load tests, so that none of them can fail."""
    return len(_UNLOADED.findall(output))


def failing(output: str) -> set[str]:
    """The names of the tests that failed, as far as a tool that is known tells them."""
    return {match[match.lastgroup or 0] for match in _FAILING.finditer(output)}


def failed_so_far(output: str) -> int:
    """How many tests failed before the end, as far as pytest or unittest shows it."""
    return sum(each.count("F") + each.count("E") for each in _PROGRESS.findall(output))


def stopped_early(output: str) -> bool:
    """Whether pytest ran no more tests after one that failed."""
    return _STOPPED.search(output) is not None


def found_none(command: str, exit_code: int | None, output: str) -> bool:
    """Whether a runner of tests found none: exit 5 of pytest and unittest.

    What runs it (make, tox, nox) has an exit code of its own, and prints this one.
    """
    if exit_code == _NO_TESTS and _PYTEST.search(command):
        return True
    end = "\n".join(output.splitlines()[-_END_LINES:])
    is_five = exit_code == _NO_TESTS or bool(exit_code and _FIVE.search(end))
    return is_five and _NONE_RAN.search(end) is not None


def _number(tool: _Tool, line: str) -> int:
    if tool.numbers is None:
        return 1
    return sum(int(each[-_MAX_DIGITS:]) for each in tool.numbers.findall(line))
