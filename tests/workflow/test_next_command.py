"""Wherever a change stops, the error, `status` and its JSON name the same command."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.loop_box import STREAMS, approving, sandbox, verdict
from support.workflow_box import put_change
from support.workspace import REVIEW, Sandbox

from agentd.ledger.store import StateStore

GEMINI = STREAMS["gemini"]
FEEDBACK = 'agentd run add-x --feedback "WHAT TO CHANGE"'
RUN = ("run", "add-x", "Let users log in")


def _gate(box: Sandbox) -> None:
    config = box.root / "agentd/config.toml"
    config.write_text(config.read_text().replace("[checks]", 'gates = ["plan"]\n[checks]'))


def _budget(box: Sandbox) -> None:
    config = box.root / "agentd/config.toml"
    price = '[pricing.models."gemini-2.5-pro"]\ncost_per_1m_input = 1\ncost_per_1m_output = 1\n'
    config.write_text(f"{config.read_text()}{price}[budget]\nlimit_usd = 0.0001\n")


def _stuck(box: Sandbox) -> None:
    found = {"change/CHALLENGE.md": verdict("NEEDS_REVISION", "vague")}
    box.answers("challenge", (GEMINI, found), (GEMINI, found))


def _rejected(box: Sandbox) -> None:
    box.answers("challenge", (GEMINI, {"change/CHALLENGE.md": verdict("REJECTED", "vague")}))


def _no_verdict(box: Sandbox) -> None:
    box.answers("challenge", (GEMINI, {"change/CHALLENGE.md": "# Challenge\n"}))


def _major(box: Sandbox) -> None:
    approving(box)
    text = REVIEW.replace("[x] APP", "[ ] APP").replace("[ ] MAJ", "[x] MAJ")
    config = box.root / "agentd/config.toml"
    limit = "implementation_iterations = 1\n[checks]"
    config.write_text(config.read_text().replace("[checks]", limit))
    rounds = [text.replace("none", f"### Issue 1: Thing {n}\n- Severity: High") for n in (1, 2)]
    box.answers("review", *((GEMINI, {"change/REVIEW.md": one}) for one in rounds))


def _archive_review(box: Sandbox) -> None:
    approving(box)
    box.answers(
        "archive-review", (GEMINI, {"change/ARCHIVE_REVIEW.md": "## Verdict\n- [x] NEEDS_FIX\n"})
    )
    entry = {"change/merged/CHANGELOG.md": "# Changelog\n\n## 2026-11-22 x\n\nLog in.\n"}
    box.answers("archive-fix", (GEMINI, entry))


def _failing(box: Sandbox) -> None:
    box.answer("challenge", exit=1)


def _wrote_nothing(box: Sandbox) -> None:
    box.answers("challenge", (GEMINI, {}))


STOPS: list[tuple[Callable[[Sandbox], None], int, str, str | None]] = [
    (_gate, 6, "agentd run add-x --approve plan", "the gate after plan"),
    (_budget, 3, "agentd run add-x", None),
    (_stuck, 5, FEEDBACK, "no progress: the challenge found the same issues again"),
    (_rejected, 5, FEEDBACK, "the challenge says REJECTED"),
    (_no_verdict, 6, "agentd run add-x", "the challenge was asked twice"),
    (_major, 5, FEEDBACK, "the review says MAJOR_ISSUES after 2 rounds"),
    (_archive_review, 5, "agentd run add-x", "the archive-review says NEEDS_FIX after 2 rounds"),
    (_failing, 4, "agentd run add-x", None),
    (_wrote_nothing, 4, "agentd run add-x", None),
]


@pytest.mark.parametrize(("prepare", "code", "command", "waits"), STOPS)
def test_errors_and_status_name_one_command(
    tmp_path: Path, prepare: Callable[[Sandbox], None], code: int, command: str, waits: str | None
) -> None:
    box = sandbox(tmp_path, workflow="retry_delay_secs = 0")
    config = box.root / "agentd/config.toml"
    text = re.sub("(?m)^(retry_delay_secs|script_retries) = .*\n", "", config.read_text())
    config.write_text(text.replace("[workflow]\n", "[workflow]\nscript_retries = 0\n"))
    prepare(box)
    for words in (RUN, RUN[:2]):  # again, too
        stopped = box.run(*words)
        assert stopped.returncode == code, stopped.stderr
        assert named(stopped.stderr)[0] == command, stopped.stderr
    shown = box.ok("status", "add-x")
    assert shown.endswith(f"\nNext: {command}\n")
    told = json.loads(box.ok("status", "add-x", "--json"))
    assert told["next"] == command
    if waits is None:
        assert told["waits_for"] is None
        assert "Waits for a person" not in shown
    else:
        assert told["waits_for"].startswith(waits)
        assert f"\nWaits for a person: {waits}" in shown
    refused = box.run("merge", "add-x")  # another step, in the wrong phase
    if told["phase"] != "complete":
        assert named(refused.stderr)[0] == command, refused.stderr


LOST: list[tuple[str, str | None, str, str]] = [
    ("challenged", "challenge", "tasks.md", "git"),
    ("challenged", "challenge", "proposal.md", "git"),
    ("implementing", "implementation", "specs/login.md", "git"),
    ("implementing", "review", "tasks.md", "git"),
    ("implementing", "implementation", "IMPLEMENTATION.md", "agentd implement add-x"),
    ("complete", "review", "proposal.md", "git"),
    ("complete", "review", "tasks.md", "git"),
    ("rejected", "challenge", "tasks.md", "git"),
    ("proposed", "proposal", "tasks.md", 'agentd proposal add-x "DESCRIPTION"'),
    ("proposed", "challenge", "proposal.md", 'agentd proposal add-x "DESCRIPTION"'),
]


@pytest.mark.parametrize("has_git", [True, False])
@pytest.mark.parametrize(("phase", "last", "gone", "command"), LOST)
def test_what_brings_back_a_document_that_is_gone_is_named_before_the_step_fails(
    tmp_path: Path, phase: str, last: str, gone: str, command: str, has_git: bool
) -> None:
    box = sandbox(tmp_path)
    files = {
        "IMPLEMENTATION.md": "# I\n",
        "REVIEW.md": REVIEW if phase == "complete" else verdict("NEEDS_CHANGES", "vague"),
        "CHALLENGE.md": verdict("REJECTED" if phase == "rejected" else "APPROVED"),
    }
    folder = put_change(box, "add-x", phase, files)
    StateStore(folder).update(last_action=last)
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "x")) if has_git else ():
        who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        subprocess.run(["git", *who, *words], cwd=box.root, check=True)
    (folder / gone).unlink()
    if command == "git":
        document = f"agentd/changes/add-x/{gone.partition('/')[0]}"
        command = f"git checkout HEAD -- {document}" if has_git else "agentd delete add-x"
    told = json.loads(box.ok("status", "add-x", "--json"))
    assert told["next"] == command
    assert f"{gone.partition('/')[0]} is gone, which " in told["waits_for"]
    failed = box.run("run", "add-x", *(["--feedback", "mend"] if phase == "rejected" else []))
    assert failed.returncode == 1, failed.stderr
    assert (command if phase != "complete" else "validate add-x") in failed.stderr
    if command.startswith("git "):
        subprocess.run(shlex.split(command), cwd=box.root, check=True)
        assert (folder / gone).is_file()
        assert box.ok("status", "add-x").splitlines()[-1].startswith("Next: agentd run add-x")


def named(text: str) -> list[str]:
    """The commands that go on, in the order in which a text names them."""
    return re.findall(r'agentd run add-x(?: --\w+ (?:"[^"]*"|\w+))?', text)


def test_plan_names_the_gate_that_waits(tmp_path: Path) -> None:
    box = sandbox(tmp_path, workflow='gates = ["plan"]')
    assert box.ok("plan", *RUN[1:]).endswith("\nplanned; next: agentd run add-x --approve plan\n")


def test_a_fillback_goes_on_with_its_path(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    (box.root / "src of it").mkdir()
    (box.root / "src of it/a.py").write_text("a = 1\n")
    box.answer("fillback", exit=1)
    command = "agentd fillback add-x --path 'src of it'"
    stopped = box.run("fillback", "add-x", "--path", "src of it")
    assert f"To go on: {command}\n" in stopped.stderr
    assert box.ok("status").endswith(f"\nNext: {command}\n")


def test_a_description_that_is_not_used_is_told(tmp_path: Path) -> None:
    box = sandbox(tmp_path, workflow='gates = ["plan"]')
    assert "not used" not in box.run(*RUN).stderr
    assert "not used" not in box.run(*RUN).stderr
    told = box.run(*RUN[:2], "Let users log out").stderr
    assert f"the new description is not used. To have it revised: {FEEDBACK}\n" in told
