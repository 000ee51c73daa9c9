"""`agentd status` and `agentd list`: what is there, what is done, who works on it, what is next."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from support.changes import change_at
from support.state_samples import CALL
from support.workspace import PROPOSAL, REVIEW, SPEC, Sandbox, make_sandbox

from agentd.documents.placeholders import SKELETONS
from agentd.ledger.store import StateStore
from agentd.project.hold import at_work, worker_on

TASKS = "# Tasks\n\n- [x] 1.1 a\n- [x] 1.2 b\n- [ ] 1.3 c\n- [ ] 1.4 d\n"


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    return make_sandbox(tmp_path, 'project_name = "test"\n')


def change(
    box: Sandbox,
    change_id: str = "add-x",
    phase: str = "proposed",
    last_action: str | None = None,
    **documents: str,
) -> Path:
    """A change with these documents (``tasks_md="..."``)."""
    folder = box.change(change_id)
    store = StateStore(folder)
    store.create(change_id)
    store.update(phase=phase, last_action=last_action)
    for name, text in PROPOSAL.items() if documents.pop("proposed", "yes") == "yes" else ():
        path = folder.joinpath(*name.split("/")[1:])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name, text in documents.items():
        (folder / name.replace("_md", ".md")).write_text(text)
    return folder


def verdict(name: str) -> str:
    return f"# X\n\n## Verdict\n- [x] {name}\n"


def marks(text: str) -> dict[str, str]:
    """The lines of the artifacts: name to (mark and what is told)."""
    lines = [line for line in text.splitlines() if line.startswith("  ")]
    return {line[4:18].strip(): f"{line[2]} {line[18:].strip()}".strip() for line in lines}


def test_marks_bar_and_contract_lines(box: Sandbox) -> None:
    change(
        box,
        phase="implementing",
        last_action="review",
        tasks_md=TASKS,
        CHALLENGE_md=verdict("APPROVED"),
        IMPLEMENTATION_md="# I\n",
        REVIEW_md=verdict("NEEDS_CHANGES"),
    )
    text = box.ok("status")
    assert marks(text) == {
        "proposal": "✓",
        "tasks": "✓ " + "█" * 10 + "░" * 10 + " 2/4",
        "specs": "✓ 1",
        "challenge": "✓ APPROVED",
        "implementation": "✓",
        "review": "✗ NEEDS_CHANGES",
        "archive review": "·",
    }
    assert "\nTotal Cost: $0.0000\n" in text
    assert "\nTokens: In: 0, Out: 0\n" in text
    assert text.endswith("\nNext: agentd run add-x\n")


def test_verdicts_that_need_a_second_look(box: Sandbox) -> None:
    change(
        box,
        phase="implementing",
        last_action="reproposal",
        CHALLENGE_md=verdict("NEEDS_REVISION"),
        ARCHIVE_REVIEW_md="# nothing said\n",
    )
    shown = marks(box.ok("status"))
    assert shown["challenge"] == "✗ NEEDS_REVISION, mended since"
    assert shown["archive review"] == "✗ no verdict"


ROW = "| Log in by name | known user | login.py:1 | test_login.py |\n"
SKELETON = (SKELETONS / "review.md").read_text()


@pytest.mark.parametrize(
    ("review", "shown"),
    [
        (REVIEW, "✓ APPROVED"),
        (verdict("APPROVED"), "✗ no verdict"),
        (REVIEW.replace(ROW, ""), "✗ no verdict"),
        (REVIEW.replace(ROW, f"<!-- {ROW.strip()} -->\n"), "✗ no verdict"),
        (REVIEW.replace("test_login.py", "MISSING"), "✗ NEEDS_CHANGES"),
        (SKELETON, "✗ no verdict"),
        (SKELETON.replace("- [ ] APPROVED", "- [x] APPROVED"), "✗ no verdict"),
        (REVIEW.replace("- [x] APPROVED", "<!-- - [x] APPROVED -->"), "✗ no verdict"),
        (REVIEW.replace("- [x] APPROVED", "~~~\n- [x] APPROVED\n~~~"), "✗ no verdict"),
    ],
)
def test_a_review_is_read_as_the_loop_reads_it(box: Sandbox, review: str, shown: str) -> None:
    change(box, phase="implementing", last_action="review", REVIEW_md=review)
    assert marks(box.ok("status"))["review"] == shown
    config = 'project_name = "test"\n[workflow]\nscript_retries = 0\n[claude]\n'
    (box.root / "agentd" / "config.toml").write_text(f'{config}command = "false"\n')
    done = box.run("impl", "add-x")
    assert (done.returncode == 0) == (shown == "✓ APPROVED"), done.stderr


def test_ascii_where_stdout_can_do_no_more(box: Sandbox) -> None:
    change(box, tasks_md=TASKS, CHALLENGE_md=verdict("REJECTED"))
    done = box.run("status", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "  [x] proposal\n" in done.stdout
    assert f"  [x] tasks           {'#' * 10}{'-' * 10} 2/4\n" in done.stdout
    assert "  [!] challenge       REJECTED\n" in done.stdout
    assert "  [ ] review\n" in done.stdout


def test_what_is_partial_has_a_line_below_the_totals(box: Sandbox) -> None:
    folder = change(box)
    store = StateStore(folder)
    exact = replace(CALL, id="c1", cost_usd=Decimal("0.01"))
    store.append(exact)
    assert "least" not in box.ok("status")
    why = "answer cut after 348 tokens"
    cut = replace(exact, id="c2", step="review", accuracy="heuristic", why=why)
    store.append(cut)
    lines = box.ok("status").splitlines()
    assert lines[2] == "Total Cost: $0.0200"
    assert lines[3].startswith("Tokens: In: ")
    assert lines[5] == "at least $0.0200: 1 call is partial (answer cut after 348 tokens)"
    rows = {line.split()[0]: line for line in lines if "$0.010000" in line}
    assert rows["review"].endswith("$0.010000 at least")
    assert rows[CALL.step].endswith("$0.010000")
    store.append(replace(cut, id="c3", why="relay bypassed"))
    told = "at least $0.0300: 2 calls are partial (answer cut: 1, relay bypassed: 1)\n"
    assert told in box.ok("status")
    document = json.loads(box.ok("status", "--json"))
    assert document["partial"] == 2
    assert document["partial_because"] == {"answer cut": 1, "relay bypassed": 1}
    assert document["by_step"]["review"]["partial"] == 2


def test_json_has_all_of_it(box: Sandbox) -> None:
    change(box, tasks_md=TASKS, CHALLENGE_md=verdict("NEEDS_REVISION"))
    document = json.loads(box.ok("status", "--json"))
    artifacts = {artifact["name"]: artifact for artifact in document["artifacts"]}
    assert artifacts["challenge"] == {
        "name": "challenge",
        "files": 1,
        "judges": True,
        "verdict": "NEEDS_REVISION",
        "revised": False,
        "done": False,
    }
    assert (artifacts["specs"]["files"], artifacts["review"]["done"]) == (1, False)
    assert document["tasks"] == {"done": 2, "total": 4}
    assert document["at_work"] is None
    assert document["next"] == "agentd run add-x"


@pytest.mark.parametrize(
    ("phase", "proposed", "following"),
    [
        ("proposed", "no", 'agentd run add-x "DESCRIPTION"'),
        ("proposed", "yes", "agentd run add-x"),
        ("challenged", "yes", "agentd run add-x"),
        ("rejected", "yes", "agentd run add-x"),
        ("implementing", "yes", "agentd run add-x"),
        ("complete", "yes", "agentd run add-x"),
        ("archived", "yes", "agentd run add-x"),  # stopped before its folder moved
        ("testing", "yes", "agentd run add-x"),  # a phase of the original agentd
    ],
)
def test_next_command_is_always_told(
    box: Sandbox, phase: str, proposed: str, following: str
) -> None:
    change(box, phase=phase, proposed=proposed)
    assert box.ok("status").splitlines()[-1] == f"Next: {following}"


def test_archived_change_has_nothing_next(box: Sandbox) -> None:
    folder = change(box, phase="archived")
    (box.root / "agentd/archive").mkdir()
    folder.rename(box.root / "agentd/archive/20261122-add-x")
    assert "Next:" not in box.ok("status")
    assert json.loads(box.ok("status", "--json"))["next"] is None


HOLD = """
import pathlib, sys
from agentd.project.changes import find_open_change
from agentd.project.hold import at_work
from agentd.project.workspace import Workspace
folder = pathlib.Path(sys.argv[1])
with at_work(find_open_change(Workspace.open(folder), folder.name)):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_who_is_at_work_now(box: Sandbox) -> None:
    folder = change(box)
    before = sorted(folder.rglob("*"))
    assert "At work" not in box.ok("status")
    assert sorted(folder.rglob("*")) == before
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert f"\nAt work on it now: agentd, process {holder.pid} (" in box.ok("status")
        assert json.loads(box.ok("status", "--json"))["at_work"] == holder.pid
        holder.kill()
    assert "At work" not in box.ok("status")
    assert json.loads(box.ok("list", "--json"))["changes"][0]["at_work"] is None
    with at_work(change_at(folder)):  # nobody was left holding it
        assert worker_on(change_at(folder)) is not None


def test_list_warns_of_two_changes_of_one_requirement(box: Sandbox) -> None:
    change(box, "add-x")
    done = box.run("list")
    assert (done.returncode, done.stderr) == (0, "")
    change(box, "add-y")
    done = box.run("list")
    assert done.returncode == 0
    (warning,) = done.stderr.splitlines()
    assert warning == (
        "warning: add-x and add-y both touch the requirement Log in by name of login"
    )
    assert json.loads(box.ok("list", "--json"))["warnings"] == [warning.removeprefix("warning: ")]
    (box.change("add-y") / "specs/login.md").write_text(SPEC.replace("Log in by name", "Log out"))
    assert box.run("list").stderr == ""


HEAVY = (
    "ruamel",
    "tomllib",
    "genai_prices",
    "agentd.config.load",
    "agentd.config.model",
    "agentd.runner",
    "agentd.specs",
)


def test_plain_status_loads_no_more_than_it_shows(box: Sandbox) -> None:
    change(box, CHALLENGE_md=verdict("APPROVED"))
    code = (
        "import sys\nfrom agentd.cli import run\nrun(['status', 'add-x'])\n"
        f"print([name for name in sys.modules if name.startswith({HEAVY!r})], file=sys.stderr)"
    )
    for _ in range(2):  # the first looks for sessions by hand
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=box.root, capture_output=True, text=True, check=True
        )
    assert done.stderr == "[]\n"


def test_a_change_without_a_ledger_is_not_taken_up(box: Sandbox) -> None:
    """So OpenSpec makes one: that is no broken ledger, and its documents are shown."""
    change(box)
    change(box, "made-by-hand").joinpath("STATE.yaml").unlink()
    listed = box.run("list", "--json")
    assert listed.returncode == 0, listed.stderr
    assert "missing" not in listed.stderr
    (document,) = [
        one for one in json.loads(listed.stdout)["changes"] if one["change_id"] == "made-by-hand"
    ]
    assert "problem" not in document
    assert document["phase"] is None
    assert document["next"] == "agentd run made-by-hand"
    assert document["tasks"] == {"done": 0, "total": 1}
    text = box.ok("status", "made-by-hand")
    assert "Phase: not taken up\nTotal Cost: $0.0000\nTokens: In: 0, Out: 0\n" in text
    assert marks(text)["proposal"] == "✓"


def test_a_ledger_that_is_gone_while_its_runs_are_there_is_told(box: Sandbox) -> None:
    """Another branch of git leaves the ignored runs, so that it is no error."""
    folder = change(box)
    (folder / "STATE.yaml").unlink()
    (folder / "runs/20260101-1").mkdir(parents=True)
    (folder / "runs/20260101-1/call.json").touch()
    for command in (("list",), ("status", "add-x")):
        done = box.run(*command)
        assert done.returncode == 0
        told = "agentd/changes/add-x/STATE.yaml is missing, but runs/ holds 1 of its runs"
        assert f"warning: {told}" in done.stderr


def test_calls_that_a_budget_ended_are_told_apart(box: Sandbox) -> None:
    folder = change(box)
    store = StateStore(folder)
    for number, status in enumerate(("ok", "failed", "budget_stopped")):
        store.append(replace(CALL, id=f"call-{number}", status=status))
    assert "Calls: 3, failed: 2 (1 budget-stopped), unpriced: 0\n" in box.ok("status", "add-x")
    document = json.loads(box.ok("status", "add-x", "--json"))
    assert (document["failed"], document["budget_stopped"]) == (2, 1)
