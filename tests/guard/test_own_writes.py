"""What agentd writes while a step runs stays, in whatever process; what the CLI writes does not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path

import pytest
from support.guards import git, guarding, python, step_running
from support.slices import part_of
from support.state_samples import call, exit_codes, in_child
from support.workflow_box import STREAM, box_with, calls_of, put_change, put_plan, state_of
from support.workspace import Sandbox

from agentd.files import write_atomic
from agentd.guard import Allowed, Guard
from agentd.guard.write_log import WriteLog
from agentd.ledger.store import StateStore
from agentd.metering.pricing import PricingConfig
from agentd.metering.usage import UsageMetrics
from agentd.own_writes import noted
from agentd.state_folder import hash_of, state_folder_of

CHALLENGE = "# Challenge: x\n\n## Issues\nnone\n\n## Verdict\n- [x] APPROVED\n"
USAGE = UsageMetrics(input_tokens=100, output_tokens=10)
PRICES = PricingConfig(cost_per_1m_input=Decimal(1), cost_per_1m_output=Decimal(2))
WRITERS = 4
RECORDS = part_of(10_000)
STEPS = part_of(40)
KILLS = part_of(100)


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    box = box_with(tmp_path)
    put_change(box, "add-x", "proposed")
    put_change(box, "add-y", "proposed")
    box.answer("challenge", STREAM, {"change/CHALLENGE.md": CHALLENGE})
    return box


def store_of(box: Sandbox, change_id: str) -> StateStore:
    return StateStore(box.change(change_id))


def record(store: StateStore, call_id: str | None = None) -> str:
    return store.record_llm_call("api", "m", USAGE, 5, PRICES, call_id=call_id).id


@pytest.mark.reliability
def test_no_record_of_many_processes_is_lost_while_steps_run(box: Sandbox) -> None:
    changes = ["add-x", "add-y", *(f"step-{number}" for number in range(STEPS))]
    for name in changes[2:]:
        put_change(box, name, "proposed")
    put_plan(box, "challenge", shell="sleep 0.3")

    def write(writer: int) -> None:
        for number in range(RECORDS // WRITERS):
            name = ["add-x", changes[2], "add-y", changes[3]][number % 4]
            record(store_of(box, name), f"{name}-{writer}-{number}")

    pids = [in_child(lambda writer=writer: write(writer)) for writer in range(WRITERS)]
    steps = [box.run("challenge", name) for name in changes[2:]]
    assert exit_codes(pids) == {0}
    assert [step.returncode for step in steps] == [0] * len(steps), steps[0].stderr
    found = [entry.id for name in changes for entry in store_of(box, name).read().calls]
    assert len(found) == len(set(found)) == RECORDS + len(steps)
    names = {f"{name}-{w}-{n}" for w in range(WRITERS) for n in range(RECORDS // WRITERS)
             for name in [["add-x", changes[2], "add-y", changes[3]][n % 4]]}  # fmt: skip
    assert names <= set(found)


@pytest.mark.parametrize("name", ["add-x", "add-y"])
def test_what_other_commands_write_stays(box: Sandbox, name: str) -> None:
    store = store_of(box, name)
    store.keep(call(7))
    tasks = box.change(name) / "tasks.md"
    tasks.write_text(tasks.read_text() + "- [X] 1.2 More   \n")
    with step_running(box, "add-x"):
        record(store, "by-the-api")
        box.ok("cost", "reset", name)
        box.ok("status", name)  # enters the kept call
        box.run("validate", name, "--fix")
        box.ok("config", "set", "workflow.script_retries", "1")
        mended = tasks.read_bytes()
    assert tasks.read_bytes() == mended
    assert b"[x] 1.2 More\n" in mended
    assert "script_retries = 1" in (box.root / "agentd/config.toml").read_text()
    entered = {entry.id for entry in store.read().calls}
    assert {call(7).id, "by-the-api"} <= entered
    assert state_of(box, name)["budget_reset_calls"] == 2
    assert state_of(box, "add-x")["phase"] == "challenged"
    assert state_folder_of(str(box.root)) is None


def test_a_merge_driver_that_init_registers_meanwhile_is_no_deed_of_the_agent(
    box: Sandbox,
) -> None:
    git(box.root, "init", "-q")
    with step_running(box, "add-x") as said:
        shown = box.ok("init")
        assert "registered agentd's merge driver" in shown
    assert "merge-driver" in git(box.root, "config", "merge.agentd.driver")
    assert (box.root / "agentd/.gitattributes").is_file()
    assert "may not" not in "".join(said)
    assert "config" not in "".join(said)


def test_a_change_that_is_made_meanwhile_stays(box: Sandbox) -> None:
    with step_running(box, "add-x"):
        store_of(box, "add-new").create("add-new")
        record(store_of(box, "add-new"), "first")
    assert [entry.id for entry in store_of(box, "add-new").read().calls] == ["first"]


CHEAPER = "sed -i 's/cost_usd: [0-9.]*/cost_usd: 0.0/' agentd/changes/{}/STATE.yaml"


@pytest.mark.parametrize("name", ["add-x", "add-y"])
@pytest.mark.parametrize("when", ["before", "after", "between", "alone"])
def test_telemetry_that_the_cli_edits_comes_back_with_what_agentd_entered(
    box: Sandbox, name: str, when: str
) -> None:
    store = store_of(box, name)
    record(store, "old")
    cost = store.read().calls[0].cost_usd
    edit = CHEAPER.format(name)
    put_plan(
        box,
        "challenge",
        shell=edit if when in ("before", "alone") else None,
        after=edit if when in ("after", "between") else None,
    )
    with step_running(box, "add-x", exit_code=4) as said:
        if when != "alone":
            record(store, "new")
            store.update(session_id="kept")
        if when == "between":
            subprocess.run(edit, shell=True, cwd=box.root, check=True)
            record(store, "newer")
    assert f"may not touch: agentd/changes/{name}/STATE.yaml" in said[1]
    state = store.read()
    paid = {entry.id: entry.cost_usd for entry in state.calls if entry.step == "api"}
    new = {"alone": [], "between": ["new", "newer"]}.get(when, ["new"])
    assert paid == dict.fromkeys(["old", *new], cost)
    assert state.session_id == (None if when == "alone" else "kept")
    (kept,) = box.change("add-x").glob(f"runs/*/forbidden/agentd/changes/{name}/STATE.yaml")
    assert "cost_usd: 0.0\n" in kept.read_text()


def test_a_ledger_of_another_change_at_work_is_no_exception(box: Sandbox) -> None:
    record(store_of(box, "add-y"), "old")
    put_plan(box, "challenge", after=CHEAPER.format("add-y"))
    hold = (
        "import sys; from pathlib import Path; from agentd.project.hold import at_work\n"
        "from agentd.project.change import Change\n"
        "from agentd.project.layout import Project\n"
        "folder = Path(sys.argv[1])\n"
        "with at_work(Change(Project(folder.parents[2]), folder.name, folder)):\n"
        " print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(box.change("add-y"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with step_running(box, "add-x", exit_code=4) as said:
            record(store_of(box, "add-y"), "new")
        other.communicate()
    assert "add-y/STATE.yaml" in said[1]
    assert all(entry.cost_usd for entry in store_of(box, "add-y").read().calls)


def test_a_document_written_on_top_of_the_clis_edit_is_left_and_told(box: Sandbox) -> None:
    tasks = box.change("add-y") / "tasks.md"
    put_plan(box, "challenge", shell="echo '- [X] 9.9 x  ' >> agentd/changes/add-y/tasks.md")
    with step_running(box, "add-x", exit_code=4) as said:
        box.run("validate", "add-y", "--fix")
    assert "may not touch: agentd/changes/add-y/tasks.md" in said[1]
    assert "as they were, but for agentd/changes/add-y/tasks.md." in said[1]
    assert "- [x] 9.9 x\n" in tasks.read_text()


def test_a_document_edited_after_agentd_mended_it_is_as_agentd_left_it(box: Sandbox) -> None:
    tasks = box.change("add-y") / "tasks.md"
    tasks.write_text(tasks.read_text() + "- [X] 1.2 More   \n")
    put_plan(box, "challenge", after="echo '- [ ] 9.9 x' >> agentd/changes/add-y/tasks.md")
    with step_running(box, "add-x", exit_code=4):
        box.run("validate", "add-y", "--fix")
        mended = tasks.read_bytes()
    assert b"- [x] 1.2 More\n" in mended
    assert tasks.read_bytes() == mended


def test_what_agentd_mends_is_not_taken_for_the_work_of_the_step(box: Sandbox) -> None:
    proposal = box.change("add-x") / "proposal.md"
    (box.change("add-x") / "CHALLENGE.md").write_text(CHALLENGE)
    change = box.change("add-x")
    with guarding(change, Allowed(documents=(proposal,))) as guard:
        write_atomic(proposal, proposal.read_bytes() + b"mended\n")
        assert guard.after().written == ()
        proposal.write_text(proposal.read_text() + "of the CLI\n")
        assert guard.after().written == (proposal,)


FORGERY = """
import base64, hashlib, json, os, sys
from pathlib import Path
from agentd.own_writes import noted
from agentd.state_folder import hash_of
state = Path("agentd/changes/add-x/STATE.yaml")
old = state.read_bytes()
new = {change}
sha = lambda data: hashlib.sha256(data).hexdigest()
(log,) = Path(os.environ["XDG_STATE_HOME"], "agentd").glob(f"{{hash_of(os.getcwd())}}/*.writes")
note = dict(id="1", path=str(state), before=sha(old), after=sha(new), content=None, entry={entry!r})
with log.open("ab") as file:
    file.write(json.dumps(note).encode() + b'\\n{{"id": "1", "outcome": "done"}}\\n')
state.write_bytes(new)
"""


@pytest.mark.parametrize(
    ("change", "entry"),
    [
        ("old.replace(b'cost_usd: 0.00012', b'cost_usd: 0.0')", ""),
        ("old.replace(b'cost_usd: 0.00012', b'cost_usd: 0.0')", '{"phase": "complete"}'),
        ("old.replace(b'  - id: old', b'  - id: other')", "[1"),
        ("b'phase: complete\\n'", ""),
    ],
)
def test_no_forged_note_lets_a_recorded_call_change(box: Sandbox, change: str, entry: str) -> None:
    store = store_of(box, "add-x")
    record(store, "old")
    before = store.read().calls
    put_plan(box, "challenge", shell=python(box, FORGERY.format(change=change, entry=entry)))
    done = box.run("challenge", "add-x")
    assert done.returncode == 4, done.stderr
    assert "STATE.yaml" in done.stderr
    assert store.read().calls[:1] == before


def logs_of(box: Sandbox) -> str:
    return f"{os.environ['XDG_STATE_HOME']}/agentd/{hash_of(str(box.root))}"


@pytest.mark.parametrize(
    "vandalism",
    [
        "rm $LOGS/*.writes; rm -r $LOGS",
        "for f in $LOGS/*.writes; do printf '[]\\n{\"id\": []}\\n1\\n\\377' >> $f; done",
        "mv $LOGS/*.writes $LOGS/x.writes",
    ],
)
def test_a_log_that_the_cli_damages_brings_no_step_down(box: Sandbox, vandalism: str) -> None:
    store = store_of(box, "add-x")
    put_plan(box, "challenge", after=f"LOGS={logs_of(box)}; {vandalism}; {CHEAPER.format('add-x')}")
    with step_running(box, "add-x", exit_code=4):
        record(store, "new")
    first = store.read().calls[0]
    assert (first.id, bool(first.cost_usd)) == ("new", True)
    assert calls_of(box, "add-x")[1:] == [("challenge", "ok")]


@pytest.mark.reliability
def test_a_writer_killed_at_any_moment_makes_no_step_fail(box: Sandbox) -> None:
    store = store_of(box, "add-x")
    for kill in range(KILLS):
        with guarding(box.change("add-y"), Allowed(documents=())) as guard:
            pid = in_child(lambda kill=kill: [record(store, f"{kill}-{n}") for n in range(1000)])
            time.sleep(0.02 + kill % 7 * 0.003)
            os.kill(pid, 9)
            exit_codes([pid])
            assert guard.after().forbidden == ()
            record(store, f"after-{kill}")
            assert guard.after().forbidden == ()
    assert not list(box.change("add-x").glob(".*.tmp"))


def test_a_write_that_failed_is_no_write(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_of(box, "add-x")
    with guarding(box.change("add-y"), Allowed(documents=())) as guard:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
            with pytest.raises(Exception, match="full"):
                store.update(phase="complete")
        assert guard.after().forbidden == ()
        record(store, "after")
        assert guard.after().forbidden == ()
        store.path.write_text(store.path.read_text().replace("proposed", "complete"))
        found = guard.after()
        assert guard.restore(found) == [store.path]
    state = store.read()
    assert state.phase == "proposed"
    assert [entry.id for entry in state.calls] == ["after"]


def test_a_guard_that_begins_during_a_write_is_told_of_it(box: Sandbox) -> None:
    path = box.change("add-x") / "proposal.md"
    with noted(path, b"new"):
        log = WriteLog.begin(box.root)
        path.write_bytes(b"new")
    [write] = log.read()["agentd/changes/add-x/proposal.md"]
    assert (write.content, write.outcome) == (b"new", "done")
    log.remove()


def test_a_note_that_is_being_written_counts_once_it_is_whole(box: Sandbox) -> None:
    log = WriteLog.begin(box.root)
    with noted(box.root / "a", b"x"):
        pass
    [file] = Path(logs_of(box)).glob("*.writes")
    notes = file.read_bytes()
    file.write_bytes(notes[:40])
    assert log.read() == {}
    file.write_bytes(notes)
    assert [write.outcome for write in log.read()["a"]] == ["done"]
    log.remove()


def test_two_guards_that_put_the_same_back_lose_nothing(box: Sandbox) -> None:
    store = store_of(box, "add-x")
    record(store, "old")
    nothing = Allowed(documents=())
    with (
        guarding(box.change("add-x"), nothing) as first,
        guarding(box.change("add-y"), nothing) as second,
    ):
        record(store, "one")
        store.path.write_text(store.path.read_text().replace("id: old", "id: evil"))
        record(store, "two")
        for guard in (first, second):
            guard.restore(guard.after())
            record(store, f"after-{id(guard)}")
    ids = [entry.id for entry in store.read().calls]
    assert ids[:3] == ["old", "one", "two"]
    assert len(ids) == 5


def test_putting_back_waits_for_a_writer_of_the_ledger(box: Sandbox) -> None:
    store = store_of(box, "add-x")
    record(store, "old")
    with guarding(box.change("add-y"), Allowed(documents=())) as guard:
        text = store.path.read_text()
        store.path.write_text(text.replace("id: old", "id: evil"))
        found = guard.after()
        entered = threading.Event()

        def restore() -> None:
            guard.restore(found)
            entered.set()

        with store.locked():
            thread = threading.Thread(target=restore)
            thread.start()
            assert not entered.wait(0.2)
        thread.join(timeout=30)
    assert [entry.id for entry in store.read().calls] == ["old"]


def test_a_project_within_the_project_has_its_writes_noted_too(box: Sandbox) -> None:
    inner = box.root / "packages/shop"
    (inner / "agentd").mkdir(parents=True)
    (inner / "agentd/config.toml").write_text("[gemini]\n")
    store = StateStore(inner / "agentd/changes/add-z")
    store.create("add-z")
    with guarding(box.change("add-x"), Allowed(documents=())) as guard:
        record(store)
        assert guard.after().forbidden == ()
        store.path.write_text(store.path.read_text().replace("proposed", "complete"))
        assert [entry.path for entry in guard.after().forbidden] == [store.path]


def test_the_log_of_a_killed_guard_stays_until_it_is_judged(box: Sandbox) -> None:
    store = store_of(box, "add-x")
    record(store, "old")

    def die() -> None:
        guarding(box.change("add-x"), Allowed(documents=()))
        store.path.write_text(store.path.read_text().replace("id: old", "id: evil"))
        os._exit(9)

    assert exit_codes([in_child(die)]) == {9}
    record(store, "new")
    [guard] = Guard.left(box.root)
    assert Guard.left(box.root) == []
    with guard:
        assert guard.restore(guard.after()) == [store.path]
    assert [entry.id for entry in store.read().calls] == ["old", "new"]
    assert state_folder_of(str(box.root)) is None


def test_what_a_guard_left_that_never_began_is_removed(box: Sandbox) -> None:
    def die() -> None:
        WriteLog.begin(box.root)
        os._exit(9)

    assert exit_codes([in_child(die)]) == {9}
    assert Guard.left(box.root) == []
    assert state_folder_of(str(box.root)) is None


def test_what_was_written_while_a_guard_began_is_no_change(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_of(box, "add-x")
    begin = WriteLog.begin

    def begin_late(root: Path) -> WriteLog:
        log = begin(root)
        record(store, "one")
        record(store, "two")
        return log

    monkeypatch.setattr(WriteLog, "begin", begin_late)
    with guarding(box.change("add-y"), Allowed(documents=())) as guard:
        record(store, "three")
        assert guard.after().forbidden == ()


def test_each_note_is_read_once_however_many_files_are_judged(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [box.change("add-y") / f"{number}.md" for number in range(20)]
    with guarding(box.change("add-x"), Allowed(documents=())) as guard:
        for path in made:
            write_atomic(path, b"by agentd")
        read: list[object] = []
        loads = json.loads
        with monkeypatch.context() as patch:
            patch.setattr("json.loads", lambda line: (read.append(line), loads(line))[1])
            assert guard.after().forbidden == ()
    notes = [line for line in read if line[:5] == b'{"id"']
    assert len(notes) == len({*notes}) == 2 * len(made)  # what begins, what ends
