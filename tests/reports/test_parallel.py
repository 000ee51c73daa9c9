"""Work shared between processes: complete, in order, and safe when a process dies."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest
from support.changes import change_at
from support.state_samples import call

from agentd.errors import StateError
from agentd.ledger.store import StateStore
from agentd.reports import all_changes, parallel
from agentd.reports.all_changes import sum_ledgers
from agentd.reports.groups import Query
from agentd.reports.parallel import in_processes
from agentd.reports.selection import Bounds

HERE = os.getpid()


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(parallel, "_cores", lambda: 4)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize("sizes", [[1] * 10, [100, 1, 1, 1], [1, 1, 1, 100], [0, 0, 9], [40], []])
@pytest.mark.parametrize("share", [1, 3, 1000])
def test_every_item_is_worked_on_once_and_in_order(sizes: list[int], share: int) -> None:
    items = list(range(len(sizes)))
    parts = in_processes(lambda part: items[part], sizes, share)
    assert [item for part in parts for item in part] == items


def test_the_parts_are_done_by_different_processes() -> None:
    pids = in_processes(lambda _: os.getpid(), [1] * 8, 2)
    assert len(set(pids)) == 4
    assert pids[0] == HERE


def test_little_work_stays_here() -> None:
    assert in_processes(lambda _: os.getpid(), [1] * 8, 5) == [HERE]


def test_a_process_that_dies_is_replaced() -> None:
    def work(part: slice) -> list[int]:
        if os.getpid() != HERE:
            os.kill(os.getpid(), signal.SIGKILL)
        return [part.start]

    assert in_processes(work, [1] * 4, 1) == [[0], [1], [2], [3]]


def test_an_error_is_raised_as_if_there_was_one_process() -> None:
    def work(part: slice) -> int:
        if part.start:
            raise StateError(f"part {part.start}")
        return 0

    with pytest.raises(StateError, match="part 1"):
        in_processes(work, [1] * 2, 1)


def test_beside_other_threads_nothing_is_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    go_on = threading.Event()
    other = threading.Thread(target=go_on.wait)
    other.start()
    try:
        assert in_processes(lambda _: os.getpid(), [1] * 8, 1) == [HERE]
    finally:
        go_on.set()
        other.join()


@pytest.mark.parametrize("by", [(), ("model",), ("change", "day"), ("step", "status")])
def test_ledgers_add_up_alike_in_one_process_and_in_four(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: tuple[str, ...]
) -> None:
    ledgers = []
    for number in range(9):
        store = StateStore(tmp_path / "changes" / f"c{number}")
        store.create(f"c{number}")
        for place in range(number):
            store.append(call(10 * number + place))
        ledgers.append(change_at(store.change_dir))
    (ledgers[4].folder / "STATE.yaml").write_text("telemetry: [")
    alone = sum_ledgers(ledgers, Query(by), Bounds())
    monkeypatch.setattr(all_changes, "_SHARE_BYTES", 1)
    together = sum_ledgers(ledgers, Query(by), Bounds())
    assert together.tally == alone.tally
    assert alone.tally.total.calls == sum(range(9)) - 4
    assert [str(error) for error in together.problems] == [str(error) for error in alone.problems]
    assert ["c4/STATE.yaml" in str(error) for error in together.problems] == [True]


@pytest.mark.parametrize(("owner", "other"), [(0, 1), (0, 7), (3, 7), (6, 7)])
def test_a_call_of_two_ledgers_counts_once_whichever_process_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: int, other: int
) -> None:
    ledgers = []
    for number in range(8):
        store = StateStore(tmp_path / "changes" / f"c{number}")
        store.create(f"c{number}")
        for place in (number, 10 + number):
            store.append(call(place))
        if number == other:
            store.append(call(owner))
        ledgers.append(change_at(store.change_dir))
    alone = sum_ledgers(ledgers, Query(("change",)), Bounds())
    monkeypatch.setattr(all_changes, "_SHARE_BYTES", 1)
    together = sum_ledgers(ledgers, Query(("change",)), Bounds())
    assert together == alone
    assert together.tally.total.calls == 16
    (told,) = together.notes
    assert f"1 call of change c{other} in change c{owner} too; counted once, there" in told
