"""What was red before the change's first code: it is told, and blocks only if it gets worse."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from support.check_box import OFF, box_of, steps_of, whole
from support.workflow_box import STREAM, put_change, state_of
from support.workspace import REVIEW, Sandbox

from agentd.workflow.checks.check_output import LEFT_OUT
from agentd.workflow.checks.counts import count_of
from agentd.workflow.checks.detect import LocalCheck
from agentd.workflow.checks.kept import is_no_worse
from agentd.workflow.checks.run_checks import CheckResult

COUNTED = f'test = "cat result; grep -q failed result && exit 1 || exit 0"\n{OFF}'


UNLOADED = "!!!! Interrupted: 1 error during collection !!!!"
STOPPED = "!!!! stopping after 1 failures !!!!"


# As they print it: node 20's two reporters, jest 29, vitest 2 and mocha 10 were run for it, the
# rest is of their documentation.
NAMED = (
    ("not ok 1 - adds", "# fail 1"),
    ("  ✖ adds (8.980713ms)", "ℹ fail 1"),
    ("  ● suite › adds", "Tests:       1 failed, 1 passed, 3 total"),
    (" FAIL  v/a.test.ts > suite > adds", "      Tests  1 failed | 1 passed (3)"),
    ("      2) adds", "  1 failing"),
    ("  1) Calculator adds", "2 examples, 1 failure"),
    ("1) Tests\\CalcTest::adds", "Tests: 2, Assertions: 2, Failures: 1."),
    ("  Failed Calc.Tests.adds [12 ms]", "Failed!  - Failed:     1, Passed:     1"),
    ("CalcTest > adds() FAILED", "2 tests completed, 1 failed"),
    ("[ERROR] a.CalcTest.adds -- Time elapsed: 0.01 s <<< FAILURE!", "Tests run: 2, Failures: 1"),
    ("[ERROR] adds(a.CalcTest)  Time elapsed: 0.01 s  <<< ERROR!", "Tests run: 2, Errors: 1"),
)


def summed(failed: int) -> str:
    return f"{failed} failed, 1 passed in 0.10s" if failed else "1 passed in 0.10s"


def implemented(box: Sandbox, before: str, after: str) -> str:
    """What is said where the check's file becomes another one with the implementation."""
    (box.root / "result").write_text(f"{before}\n")
    whole(box, "x")
    box.plan["implementation"][0]["files"]["result"] = f"{after}\n"
    box.plan["resolve"] = [
        {
            "stdout": box.plan["archive"]["stdout"],
            "files": {"change/IMPLEMENTATION.md": "# R\n", "result": "1 passed in 0.10s\n"},
        }
    ]
    box.write_plan()
    put_change(box, "add-x", "challenged")
    done = box.run("impl", "add-x")
    assert done.returncode == 0, done.stderr
    return done.stderr


def ended(output: str, exit_code: int | None = 1) -> CheckResult:
    return CheckResult(
        check=LocalCheck("test", "x"),
        exit_code=exit_code,
        output=f"{output}\n",
        timed_out=exit_code is None,
        duration_ms=1,
        count=count_of(output, is_whole=True),
    )


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (ended(summed(2)), ended(summed(2)), True),
        (ended(summed(2)), ended(summed(1)), True),
        (ended(summed(2)), ended(summed(3)), False),
        (ended(summed(0), 0), ended(summed(1)), False),
        (ended(summed(2)), ended("it does not begin"), False),
        (ended("it does not begin"), ended(summed(2)), False),
        (ended("a: no, in 3 s"), ended("a: no, in 5 s"), True),
        (ended("a: no, in 0.31"), ended("a: no, in 0.5"), True),
        (ended("a: no"), ended("b: no"), False),
        (ended("a.py:3:4 no"), ended("a.py:5:1 no"), False),
        (ended("a: no", 1), ended("a: no", 2), False),
        (ended("a: no", -9), ended("a: no", -9), True),
        (ended("a", 127), ended("a", 127), False),
        (ended("a", None), ended("b", None), True),
        (ended("a", 1), ended("a", None), False),
        (replace(ended("a", None), duration_ms=9000), ended("a", None), False),
        (ended("t/test_a.py ..F.", None), ended("t/test_a.py ..F..", None), True),
        (ended("t/test_a.py ....", None), ended("t/test_a.py ..F.", None), False),
        (ended("not ok 1 - a\n# fail 1"), ended("not ok 4 - a\n# fail 1"), True),
        *(
            (ended(f"{one}\n{end}"), ended(f"{one.replace('adds', 'breaks')}\n{end}"), False)
            for one, end in NAMED
        ),
        *((ended(f"{one}\n{end}"), ended(f"{one}\n{end}"), True) for one, end in NAMED),
        (ended("1 error in 0.01s", 2), ended("Found 1 error.", 2), False),
        (ended(summed(5)), ended(f"{UNLOADED}\n1 error in 0.10s", 2), False),
        (ended(f"{UNLOADED}\n1 error in 0.10s", 2), ended(f"{UNLOADED}\n1 error in 0.2s", 2), True),
        (ended(summed(1)), ended(f"{STOPPED}\n1 failed in 0.10s"), False),
        (ended(f"{STOPPED}\n{summed(1)}"), ended(f"{STOPPED}\n1 failed in 0.10s"), False),
        (ended(f"{STOPPED}\n{summed(1)}"), ended(f"{STOPPED}\n{summed(1)}"), True),
        (
            ended(f"FAILED t.py::b - no\nFAILED t.py::a[x y]\n{summed(2)}"),
            ended(f"FAILED t.py::a[x y] - ah\n{summed(1)}"),
            True,
        ),
        (
            ended(f"FAILED t.py::a\n{summed(1)}"),
            ended(f"ERROR    root:t.py:3 no\nFAILED t.py::a\n{summed(1)}"),
            True,
        ),
        (ended(f"FAILED t.py::a\n{summed(1)}"), ended(f"FAILED t.py::b\n{summed(1)}"), False),
        (ended(f"{LEFT_OUT}\n{summed(1)}"), ended(f"FAILED t.py::b\n{summed(1)}"), True),
        (
            ended(f"--- FAIL: TestA\n{LEFT_OUT}\nFAIL"),
            ended(f"--- FAIL: TestA\n--- FAIL: TestB\n{LEFT_OUT}\nFAIL"),
            False,
        ),
        (ended(f"FAILED t.py::a\n{summed(1)}"), ended(f"ERROR t.py - no\n{summed(1)}"), False),
        (
            ended("FAIL: test_a (t.T.test_a)\nFAILED (failures=1)"),
            ended("ERROR: test_b (t.T.test_b)\nFAILED (errors=1)"),
            False,
        ),
        (ended("--- FAIL: TestA (0.00s)\nFAIL"), ended("--- FAIL: TestB (0.00s)\nFAIL"), False),
        (ended("--- FAIL: TestA (0.00s)\nFAIL"), ended("--- FAIL: TestA (0.10s)\nFAIL"), True),
        (
            ended("test a::b ... FAILED\ntest result: FAILED. 1 passed; 1 failed;"),
            ended("test a::c ... FAILED\ntest result: FAILED. 1 passed; 1 failed;"),
            False,
        ),
        (
            ended("FAILED (failures=5)"),
            ended("ImportError: Failed to import test module: t\nFAILED (errors=1)"),
            False,
        ),
        (
            ended("--- FAIL: TestA\n--- FAIL: TestB\nFAIL"),
            ended("FAIL\tx [build failed]\nFAIL"),
            False,
        ),
    ],
)
def test_what_is_no_worse_than_before(
    before: CheckResult, after: CheckResult, expected: bool
) -> None:
    assert is_no_worse(before, after) == expected


@pytest.mark.parametrize(("before", "is_resolved"), [(2, False), (0, True), (1, True)])
def test_what_was_red_before_blocks_only_when_it_is_worse(
    tmp_path: Path, before: int, is_resolved: bool
) -> None:
    box = box_of(tmp_path, COUNTED)
    told = implemented(box, summed(before), summed(2))
    assert steps_of(box) == ["implementation", *["resolve"] * is_resolved, "review"]
    red = "test: FAILED (exit 1), 2 failed, in 0 s"
    assert (f"{red}, before the change: it counts only if it gets worse" in told) != is_resolved
    assert (f"{red}, no worse than before the change ({red})" in told) != is_resolved
    worse = f"{red}, worse than before the change (test: FAILED (exit 1), 1 failed, in 0 s)\n"
    assert (worse in told) == (before == 1)


def test_tests_that_are_gone_are_no_tests_that_pass(tmp_path: Path) -> None:
    box = box_of(tmp_path, f'test = "cat result; grep -q ran result && exit 5 || exit 0"\n{OFF}')
    told = implemented(box, summed(0), "no tests ran in 0.01s")
    assert steps_of(box) == ["implementation", "resolve", "review"]
    assert "test: no tests found, in 0 s, where there were some before" in told


@pytest.mark.parametrize(
    ("shell", "told"),
    [
        ("touch broken", "test: not found: .venv/bin/pytest, unlike before"),
        ("rm -r .venv", "test: not found: pytest, unlike before"),
        ("rm pytest.ini", "test: FAILED (none is known any more), before the change: "),
    ],
)
def test_a_check_found_before_that_is_not_found_any_more_is_red(
    tmp_path: Path, shell: str, told: str
) -> None:
    box = box_of(tmp_path, OFF)
    (box.root / "pytest.ini").write_text("[pytest]\n")
    script = box.root / ".venv/bin/pytest"
    script.parent.mkdir(parents=True)
    script.write_text("#!/bin/sh\n! test -e broken || exit 127\n")
    script.chmod(0o755)
    shutil.copytree(box.root / ".venv", tmp_path / "kept")
    whole(box, "x", "y")
    box.plan["implementation"][0]["shell"] = shell
    box.plan["resolve"][0]["shell"] = (
        "rm -f broken; touch pytest.ini; test -e .venv || cp -r ../kept .venv"
    )
    box.write_plan()
    put_change(box, "add-x", "challenged")
    done = box.run("impl", "add-x", PATH=f"{tmp_path}/bin:/usr/bin:/bin")
    assert steps_of(box) == ["implementation", "resolve", "review"], done.stderr
    assert told in done.stderr


def test_the_baseline_is_of_before_the_first_code_also_when_that_failed(tmp_path: Path) -> None:
    box = box_of(tmp_path, f'test = "test ! -e login.py"\n{OFF}')
    whole(box, "x")
    good = box.plan["implementation"][0]
    # It writes code, and a spec that it may not touch: the step fails, and runs again.
    forbidden = {"login.py": "x\n", "agentd/specs/login.md": "# gone\n"}
    box.plan["implementation"] = [{**good, "files": forbidden}, good]
    box.plan["resolve"] = [
        {**good, "files": {"change/IMPLEMENTATION.md": "# R\n"}, "shell": "rm login.py"}
    ]
    box.write_plan()
    put_change(box, "add-x", "challenged")
    assert box.run("impl", "add-x").returncode == 4
    box.ok("impl", "add-x")
    assert steps_of(box) == ["implementation", "implementation", "resolve", "review"]
    [kept] = box.change("add-x").glob("runs/*/checks-before.json")
    assert json.loads(kept.read_bytes())["checks"][0]["exit_code"] == 0


def test_without_checks_none_run_and_the_ledger_says_so(tmp_path: Path) -> None:
    box = box_of(tmp_path, f'test = "echo x >> ../ran; exit 1"\n{OFF}')
    whole(box, "x")
    done = box.run("run", "add-x", "Log in", "--no-checks")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()
    assert "checks: skipped (--no-checks)" in done.stderr
    assert state_of(box, "add-x")["checks"] == "skipped"
    assert "Checks: skipped\n" in box.ok("status", "add-x")
    assert (
        "None: agentd knows no checks of this project, or ran none."
        in next(box.root.glob("agentd/archive/*/runs/*T??????-review-*/prompt")).read_text()
    )


@pytest.mark.parametrize("command", ["archive", "run"])
def test_what_was_approved_without_checks_waits_for_a_persons_word(
    tmp_path: Path, command: str
) -> None:
    """Nothing is paid for, and the approval stays: both ways are named."""
    box = box_of(tmp_path, f'test = "exit 1"\n{OFF}')
    whole(box, "x", "y")
    put_change(box, "add-x", "implementing", {"IMPLEMENTATION.md": "# I\n"})
    box.ok("review", "add-x", "--no-checks")
    review = (box.change("add-x") / "REVIEW.md").read_text()
    done = box.run(command, "add-x")
    assert done.returncode == 5
    assert "was approved with --no-checks, and is not archived: test: FAILED" in done.stderr
    assert "agentd archive add-x --no-checks" in done.stderr
    assert "agentd review add-x" in done.stderr
    state = state_of(box, "add-x")
    assert (state["phase"], state["checks"]) == ("complete", "skipped")
    assert (box.change("add-x") / "REVIEW.md").read_text() == review
    assert steps_of(box) == ["review"]
    if command == "run":
        assert "verdict: NEEDS_CHANGES" in box.ok("review", "add-x")
    else:
        box.ok("archive", "add-x", "--no-checks")


def test_what_was_approved_without_checks_is_archived_where_they_pass(tmp_path: Path) -> None:
    box = box_of(tmp_path, f'test = "exit 0"\n{OFF}')
    whole(box, "x")
    put_change(box, "add-x", "implementing", {"IMPLEMENTATION.md": "# I\n"})
    box.ok("review", "add-x", "--no-checks")
    box.ok("archive", "add-x")
    assert state_of(box, "add-x")["checks"] == "passed"


def test_the_checks_that_will_run_are_told_at_the_start(tmp_path: Path) -> None:
    box = box_of(tmp_path, 'test = "exit 0"\nlint = "true"\naudit = ""')
    whole(box, "x")
    put_change(box, "add-x", "challenged")
    told = box.run("impl", "add-x").stderr
    assert told.startswith("check test (required): exit 0\ncheck lint: true\n")


@pytest.mark.parametrize(
    ("checks", "told"),
    [
        (OFF, "check test: none is known, so it holds nothing back (see agentd doctor)\n"),
        (f'test = ""\n{OFF}', "checks: none\n"),
    ],
)
def test_that_no_check_is_known_is_told(tmp_path: Path, checks: str, told: str) -> None:
    box = box_of(tmp_path, checks)
    whole(box, "x")
    box.answer("review", STREAM, {"change/REVIEW.md": REVIEW})
    put_change(box, "add-x", "challenged")
    assert box.run("impl", "add-x").stderr.startswith(told)


def test_who_codes_can_forge_no_baseline(tmp_path: Path) -> None:
    box = box_of(tmp_path, f'test = "! grep bad login.py"\n{OFF}')
    whole(box, "bad")
    kept = "agentd/changes/add-x/runs/*/checks-before.json"
    forging = f'sed -i \'s/"exit_code": 0/"exit_code": 1/\' {kept}'
    box.plan["implementation"][0]["shell"] = forging
    box.write_plan()
    put_change(box, "add-x", "challenged")
    done = box.run("impl", "add-x")
    assert done.returncode == 4
    assert "what step implementation may not touch" in done.stderr
    [path] = box.root.glob(kept)
    assert json.loads(path.read_bytes())["checks"][0]["exit_code"] == 0
