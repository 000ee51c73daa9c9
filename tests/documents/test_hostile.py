"""Documents that want to hang, crash or talk agentd round: an answer soon, never an approval."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from support.workflow_box import STREAM, box_with, calls_of, put_change, put_plan, state_of
from support.workspace import REVIEW, SPEC, Sandbox

from agentd.documents.verdict import read_verdict

APPROVED = "# Challenge: x\n\n## Verdict\n- [x] APPROVED\n"
FOLDER = "agentd/changes/add-x"
SECONDS = 20  # one answer takes less than one; machines that run tests are slow


def timed(box: Sandbox, *arguments: str) -> tuple[int, str]:
    started = time.monotonic()
    done = box.run(*arguments)
    assert time.monotonic() - started < SECONDS
    assert done.returncode not in (70, -9, -11), done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


# What a judge may have written, as a program that makes it.
HOSTILE = {
    "10 MB and an approval": "t={approved!r} + 'x y\\n' * 2_500_000",
    "10 MB before an approval": "t='x y\\n' * 2_500_000 + {approved!r}",
    "one line of 10 MB": "t='x' * 10_000_000 + '\\n' + {approved!r}",
    "binary": "t='\\0\\1\\2' * 1000 + {approved!r}",
    "approved with a NUL": "t={approved!r} + '\\0'",
    "30,000 boxes": "t={approved!r} + '- [x] APPROVED\\n' * 30_000",
}


def write(expression: str, name: str) -> str:
    code = expression.replace("{approved!r}", repr(APPROVED))
    return f"\"$(command -v python3)\" - <<'EOF'\n{code}\nopen('{name}', 'w').write(t)\nEOF\n"


@pytest.mark.parametrize("case", HOSTILE)
def test_challenge_that_cannot_be_read_is_no_approval(tmp_path: Path, case: str) -> None:
    box = box_with(tmp_path)
    put_change(box, "add-x", "proposed")
    box.answer("challenge", STREAM)
    put_plan(box, "challenge", shell=write(HOSTILE[case], f"{FOLDER}/CHALLENGE.md"))
    code, said = timed(box, "challenge", "add-x")
    assert state_of(box, "add-x")["phase"] == "proposed", said
    assert calls_of(box, "add-x") == [("challenge", "ok")]
    assert "APPROVED" not in said
    code, said = timed(box, "plan", "add-x")
    assert code in (1, 4, 5, 6)
    assert state_of(box, "add-x")["phase"] == "proposed"
    assert timed(box, "validate", "add-x")[0] == 1
    assert timed(box, "status", "add-x")[0] == 0


def test_review_of_10_mb_with_an_approval_is_none(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    put_change(box, "add-x", "implementing", {"IMPLEMENTATION.md": "# Implementation\n"})
    box.answer("review", STREAM, {"change/REVIEW.md": REVIEW + "x y z\n" * 2_000_000})
    timed(box, "review", "add-x")
    assert state_of(box, "add-x")["phase"] == "implementing"
    code, _ = timed(box, "impl", "add-x")
    assert code in (1, 4, 6)
    assert state_of(box, "add-x")["phase"] == "implementing"


PLANNED = {
    "proposal of 10 MB": ("proposal.md", b"# Proposal\n" + b"x y\n" * 2_500_000),
    "binary proposal": ("proposal.md", b"\0\xff\xfe" * 10_000),
    "tasks of 10 MB": ("tasks.md", b"# Tasks\n\n" + b"- [ ] 1.1 x\n" * 800_000),
    "15,000 tasks": ("tasks.md", b"# Tasks\n\n" + b"- [ ] 1.1 x\n" * 15_000),
    "tasks that wait for each other": (
        "tasks.md",
        b"# Tasks\n\n"
        + b"".join(b"- [ ] 1.%d x\n  - Depends on: 1.%d\n" % (n, n + 1) for n in range(5000)),
    ),
    "spec of 10 MB": ("specs/login.md", SPEC.encode() + b"x y\n" * 2_500_000),
    "binary spec": ("specs/login.md", b"\xff\x00" * 1000),
    "9,000 requirements": (
        "specs/login.md",
        b"## ADDED Requirements\n" + b"".join(b"### Requirement: R%d\n" % n for n in range(9000)),
    ),
    "spaces": ("specs/login.md", b"#" + b" " * 19_000 + b"x\n" + SPEC.encode()[:99]),
    "pipes": ("proposal.md", b"|" * 19_000 + b"\n" + b"[" * 19_000 + b"\n"),
}


@pytest.mark.parametrize("case", PLANNED)
@pytest.mark.parametrize("command", ["plan", "status"])
def test_planned_documents_get_an_answer(tmp_path: Path, case: str, command: str) -> None:
    box = box_with(tmp_path)
    change = put_change(box, "add-x", "proposed")
    name, data = PLANNED[case]
    (change / name).write_bytes(data)
    box.answer("challenge", STREAM, {"change/CHALLENGE.md": APPROVED})
    box.answer("reproposal", STREAM)  # leaves all as it is
    code, said = timed(box, command, "add-x")
    assert code == {"status": 0, "plan": 4}[command], said[-2000:]
    assert state_of(box, "add-x")["phase"] == "proposed"
    report = change / "CHALLENGE.md"
    assert not report.exists() or report.stat().st_size < 100_000
    assert len(said) < 1_000_000


@pytest.mark.parametrize("name", ["tasks.md", "specs/login.md", "CHALLENGE.md"])
@pytest.mark.parametrize("command", ["plan", "status"])
def test_fifo_or_link_in_place_of_a_document_does_not_hang(
    tmp_path: Path, name: str, command: str
) -> None:
    for number, make in enumerate((os.mkfifo, lambda path: path.symlink_to("/dev/zero"))):
        folder = tmp_path / str(number)
        folder.mkdir()
        box = box_with(folder)
        change = put_change(box, "add-x", "proposed")
        (change / name).unlink(missing_ok=True)
        make(change / name)
        box.answer("challenge", STREAM)
        box.answer("reproposal", STREAM)
        code, said = timed(box, command, "add-x")
        assert code in (0, 1, 4, 6), said
        assert state_of(box, "add-x")["phase"] == "proposed"


@pytest.mark.parametrize(
    "line",
    [
        "# " + " " * 19_000 + "x",
        "## Verdict" + " #" * 9_000 + "x",
        "A" + "_" * 19_000 + "?",
        "- [x] A" + "_. " * 6_000 + "?",
        " " * 19_000 + "x",
        "**Verdict**" + " " * 19_000 + "x",
        "_" * 19_000 + "Verdict" + "_" * 19_000 + ":",
        "- [x] APPROVED" + "`" * 19_000 + "(" + "x" * 19_000,
        "- [" + " " * 300_000 + "x",
        "| APPROVED " * 30_000,
    ],
)
def test_verdict_of_a_long_line_is_read_in_no_time(line: str) -> None:
    started_s = time.process_time()
    read_verdict(f"## Verdict\n{line}\n", ("APPROVED", "REJECTED"))
    assert time.process_time() - started_s < 1
