"""Calls that run at the same time, in one project's budget: none spends what another may."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from freezegun import freeze_time
from support.allowance_box import allowance, dollars, project
from support.budget_box import reserved, spend
from support.workspace import Sandbox

from agentd.budget.allowance import Allowance
from agentd.budget.project_account import ProjectAccount
from agentd.budget.reservations import Reservations
from agentd.clock import utc_now
from agentd.errors import BudgetExceeded, StateError
from agentd.ledger.run_folders import ENTERED
from agentd.ledger.store import StateStore
from agentd.project.workspace import Workspace
from agentd.runner.result import RunResult
from agentd.state_folder import make_state_folder

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def test_within_its_own_part_a_call_is_not_stopped_for_another(tmp_path: Path) -> None:
    box = project(tmp_path, "5.7", "2.5")
    first, second = allowance(box, "a"), allowance(box, "b")
    first.admit()
    second.admit()
    assert (first.reserved.usd, second.reserved.usd) == (Decimal("2.5"), Decimal("0.7"))
    assert not first.meter(dollars("2.4"))
    assert not second.meter(dollars("0.7"))
    assert second.meter(dollars("0.701"))
    assert "$2.500000 reserved by running calls; $0.700000 is left" in second.exceeded[0]
    assert not first.meter(dollars("2.5"))
    (second.request.runs_dir / second.request.call_id).rmdir()  # it was never made
    assert not first.meter(dollars("3.2"))
    assert first.meter(dollars("3.201"))


def test_a_call_that_ends_while_the_ledgers_are_read_counts(tmp_path: Path) -> None:
    box = project(tmp_path, "2.0")
    first = allowance(box, "a")
    first.admit()
    first.meter(dollars("1.5"))
    workspace = Workspace.open(box.root)
    account = ProjectAccount(workspace.project, workspace.config.budget.project, utc_now())
    assert account.now().left_usd() == Decimal("0.5")
    end(box, first, "1.6")
    assert account.now().left_usd() == Decimal("0.4")
    assert account.now().left_usd() == Decimal("0.4")


def test_a_call_whose_change_was_archived_meanwhile_counts(tmp_path: Path) -> None:
    box = project(tmp_path, "2.0")
    first = allowance(box, "a")
    first.admit()
    workspace = Workspace.open(box.root)
    account = ProjectAccount(workspace.project, workspace.config.budget.project, utc_now())
    end(box, first, "1.6")
    archive = box.root / "agentd/archive/20261125-a"
    archive.parent.mkdir()
    box.change("a").rename(archive)
    assert account.now().left_usd() == Decimal("0.4")


def end(box: Sandbox, done: Allowance, cost: str) -> None:
    """Enter the call, as its process does, and give its part back."""
    store = done.change.ledger
    old = StateStore(box.change("old"))
    if not old.read().calls:
        spend(box, "old", "0")
    (sample,) = old.read().calls[:1]
    call = replace(sample, id=done.request.call_id, cost_usd=Decimal(cost), started_at=NOW)
    store.append(call)
    (done.request.runs_dir / done.request.call_id / ENTERED).touch()
    done.release()


def result_of(done: Allowance, cost: str) -> RunResult:
    return RunResult(
        call_id=done.request.call_id,
        step="proposal",
        provider="gemini",
        model="gemini-2.5-pro",
        status="ok",
        usage=dollars(cost),
        accuracy="exact",
        usage_source="stdout",
        duration_ms=1,
        started_at=NOW,
        session_id=None,
        exit_code=0,
        final_text="",
        error=None,
        run_dir=done.request.runs_dir / done.request.call_id,
    )


RACE = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from support.allowance_box import allowance, dollars
from support.workspace import Sandbox
one = allowance(Sandbox(Path({root!r})), sys.argv[1])
one.admit()
Path({root!r}, sys.argv[1] + ".ready").touch()
while not Path({root!r}, "go").exists():
    pass
while (stop := one.meter(dollars("60"))) is None:
    time.sleep(0.001)
print(stop, flush=True)
sys.stdin.read()  # one that ends before its CLI began has set nothing aside
"""


def test_two_processes_that_grow_at_once_do_not_both_get_the_rest(tmp_path: Path) -> None:
    for number in range(5):
        folder = tmp_path / str(number)
        folder.mkdir()
        box = project(folder, "100")
        script = RACE.format(tests=str(Path(__file__).parents[1]), root=str(box.root))
        running = [
            subprocess.Popen(
                [sys.executable, "-c", script, change],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            for change in ("a", "b")
        ]
        deadline = time.monotonic() + 30
        while not all((box.root / f"{change}.ready").exists() for change in ("a", "b")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        (box.root / "go").touch()
        stopped = sorted(process.stdout.readline() for process in running if process.stdout)
        for process in running:
            process.communicate(timeout=30)
        assert stopped == [b"False\n", b"True\n"]


def test_the_first_calls_of_a_project_may_begin_together(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from agentd.budget.reservations import Reservations\n"
        "with Reservations(Path(sys.argv[1])).deciding(): pass"
    )
    for number in range(5):
        folder = tmp_path / f"running-{number}"
        running = [subprocess.Popen([sys.executable, "-c", script, str(folder)]) for _ in range(4)]
        assert [process.wait(30) for process in running] == [0, 0, 0, 0]
        assert not folder.exists()


def test_who_decides_waits_for_no_folder_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone_meanwhile(root: str) -> str:
        monkeypatch.undo()
        return str(tmp_path / "gone")

    monkeypatch.setattr("agentd.budget.reservations.make_state_folder", gone_meanwhile)
    with Reservations(tmp_path).deciding():
        assert (Path(make_state_folder(str(tmp_path))) / "budget.lock").exists()


def test_what_an_agent_finds_in_its_project_reserves_and_frees_nothing(tmp_path: Path) -> None:
    box = project(tmp_path, "10")
    first, second = allowance(box, "a"), allowance(box, "b")
    first.admit()
    first.meter(dollars("9"))
    [file] = reserved(box.root)
    assert not file.is_relative_to(box.root)
    old = box.root / "agentd/.running"  # where version 0.1.0 had them
    old.mkdir()
    (old / "c.json").write_text(file.read_text().replace('"usd": "9"', '"usd": "99"'))
    second.admit()
    assert second.meter(dollars("2"))
    assert "$9.000000 reserved by running calls" in second.exceeded[0]


def test_an_override_goes_beyond_and_says_so(tmp_path: Path) -> None:
    box = project(tmp_path, "1.0", "1.0")
    with pytest.raises(BudgetExceeded, match="the project has spent"):
        allowance(box, "b").admit()
    one = allowance(box, "a", override=True)
    one.admit()
    assert one.overridden
    assert not one.meter(dollars("5"))
    assert one.reserved.usd == 5


def test_of_a_project_limit_no_reset_is_advised(tmp_path: Path) -> None:
    box = project(tmp_path, "1.0", "1.0")
    with pytest.raises(BudgetExceeded) as refused:
        allowance(box, "a").admit()
    assert "cost reset" not in refused.value.fix


def test_a_call_that_begins_and_ends_between_two_looks_counts(tmp_path: Path) -> None:
    box = project(tmp_path, "100")
    first, second = allowance(box, "a"), allowance(box, "b")
    first.admit()
    second.admit()
    assert not second.meter(dollars("60"))
    end(box, second, "60")
    assert not first.meter(dollars("40"))
    assert first.meter(dollars("40.001"))


def test_a_reservation_counts_in_its_period_only(tmp_path: Path) -> None:
    box = project(tmp_path, "10")
    config = box.root / "agentd/config.toml"
    config.write_text(config.read_text().replace('"total"', '"day"'))
    with freeze_time("2026-11-24T23:59:00"):
        first = allowance(box, "a")
        first.admit()
        assert not first.meter(dollars("9"))
    with freeze_time("2026-11-25T00:01:00"):
        second = allowance(box, "b")
        second.admit()
        assert not second.meter(dollars("9"))
        assert not first.meter(dollars("9.5"))  # it is charged to the day it began on


def test_a_growing_call_does_not_wait_for_another_process(tmp_path: Path) -> None:
    box = project(tmp_path, "10")
    first = allowance(box, "a")
    first.admit()
    workspace = Workspace.open(box.root)
    with Reservations(workspace.project.root).deciding():
        assert first.meter(dollars("1")) is None  # to be asked again
    assert first.meter(dollars("1")) is False


def test_what_was_used_at_last_stays_reserved(tmp_path: Path) -> None:
    box = project(tmp_path, "10")
    first, second = allowance(box, "a"), allowance(box, "b")
    first.admit()
    first.judge(result_of(first, "8"))
    second.admit()
    assert second.meter(dollars("2.5"))


def test_one_that_a_power_cut_has_emptied_counts_for_nothing_and_goes(tmp_path: Path) -> None:
    emptied = Path(make_state_folder(str(tmp_path)), "x.reserved")
    emptied.touch()
    assert Reservations(tmp_path).held() == {}
    assert not emptied.exists()


@pytest.mark.parametrize(
    "text",
    ["{}", "[]", "null", '{"run_dir": "../x", "usd": "NaN", "tokens": 1, "period": ""}']
    + [f'{{"run_dir": "../x", "usd": "{usd}", "tokens": 1, "period": ""}}' for usd in ("-5", "x")]
    + ['{"run_dir": "../x", "usd": "1", "tokens": -1, "period": ""}'],
)
def test_a_file_that_agentd_did_not_write_is_named(tmp_path: Path, text: str) -> None:
    Path(make_state_folder(str(tmp_path)), "x.reserved").write_text(text)
    with pytest.raises(StateError, match=r"x\.reserved: is not what agentd wrote there"):
        Reservations(tmp_path).held()


def test_a_call_that_has_ended_is_recorded_though_another_process_holds_the_lock(
    tmp_path: Path,
) -> None:
    box = project(tmp_path, "10")
    first = allowance(box, "a")
    first.admit()
    workspace = Workspace.open(box.root)
    began = time.monotonic()
    with Reservations(workspace.project.root).deciding():
        assert first.judge(result_of(first, "8")).status == "ok"
    assert time.monotonic() - began < 30  # it would wait for a minute
    assert first.reserved.usd == 8


def test_a_call_that_was_never_begun_gives_its_part_back(tmp_path: Path) -> None:
    box = project(tmp_path, "10", "9")
    first = allowance(box, "a")
    first.admit()
    reservations = Reservations(box.root)
    assert list(reservations.held()) == [first.request.call_id]
    first.release()
    assert not reservations.held()
    # Its agentd was killed before it had started the CLI.
    first.admit()
    [file] = reserved(box.root)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    text = file.read_text().replace(f'"pid": {os.getpid()}', f'"pid": {ended.pid}')
    file.write_text(text)
    assert not reservations.held()
    # And after it had: then the next command enters the call.
    first.admit()
    file.write_text(text)
    (first.request.runs_dir / first.request.call_id / "run.json").write_text("{}")
    assert list(reservations.held()) == [first.request.call_id]


def test_another_changes_broken_ledger_does_not_stop_a_call_that_is_paid_for(
    tmp_path: Path,
) -> None:
    box = project(tmp_path, "10", "4")
    first = allowance(box, "a")
    first.admit()
    path = box.change("old") / "STATE.yaml"
    path.write_text("telemetry: {")
    assert first.meter(dollars("6")) is False  # 4 are spent, as was read before
    assert first.meter(dollars("6.001")) is True
    with pytest.raises(StateError, match="old/STATE"):
        allowance(box, "b").admit()


def test_what_could_not_be_set_aside_is_asked_for_again(tmp_path: Path) -> None:
    box = project(tmp_path, "10")
    first = allowance(box, "a")
    first.admit()
    before = first.reserved
    [file] = reserved(box.root)
    written = file.read_bytes()
    file.unlink()
    file.mkdir()
    assert first.meter(dollars("1")) is None
    assert first.reserved == before
    assert first.meter(dollars("10.001")) is True  # a limit holds all the same
    file.rmdir()
    file.write_bytes(written)
    assert first.meter(dollars("1")) is False


def test_what_another_folder_of_the_change_has_spent_must_be_known(tmp_path: Path) -> None:
    box = project(tmp_path, "5.0")
    config = box.root / "agentd/config.toml"
    of_change = "[budget]\nlimit_usd = 2.0\n"
    config.write_text(config.read_text().partition("[budget.project]")[0] + of_change)
    spend(box, "a", "1.0")
    copy = box.root / "agentd/archive/20261101-a"
    shutil.copytree(box.change("a"), copy)
    state = copy / "STATE.yaml"
    text = state.read_text()
    state.write_text(f"<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> b\n")
    with pytest.raises(StateError, match="what change a has spent can't be told"):
        allowance(box, "a").admit()
    allowance(box, "b").admit()
    (box.change("a") / "runs" / "20261125T100000-proposal-a").rmdir()
    told = box.run("cost", "a", "--forecast")
    assert (told.returncode, "what change a has spent" in told.stderr) == (1, True)
    state.unlink()  # no ledger, and nothing that was in one
    allowance(box, "a").admit()
