"""Ledgers are read again when they have changed, and only then; finished reports too."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from freezegun import freeze_time
from support.changes import change_at
from support.state_samples import call

from agentd.errors import StateError
from agentd.ledger import cache
from agentd.ledger.all_rows import home_of, is_settled, read_rows, stamps_of
from agentd.ledger.rows import Row
from agentd.ledger.store import StateStore
from agentd.project.change import Change
from agentd.reports.all_changes import sum_ledgers
from agentd.reports.groups import Query
from agentd.reports.model import Sums
from agentd.reports.selection import Bounds

BY_STEP = Query(("step",))


@pytest.fixture(autouse=True)
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "agentd"


@pytest.fixture
def ledgers(tmp_path: Path) -> list[Change]:
    found = []
    for number, change_id in enumerate(("a", "b", "c")):
        store = StateStore(tmp_path / "changes" / change_id)
        store.create(change_id)
        store.append(call(number))
        found.append(change_at(store.change_dir, change_id))
    return found


@pytest.fixture
def an_hour_later() -> Iterator[None]:
    """All files look old enough to be trusted."""
    with freeze_time(datetime.now(UTC) + timedelta(hours=1), tick=True):
        yield


AN_HOUR_LATER = pytest.mark.usefixtures("an_hour_later")


def settle(ledgers: list[Change]) -> None:
    """Wait until the files are old enough to be trusted."""
    while not all(stamp is None or is_settled(stamp) for stamp in stamps_of(ledgers)):
        time.sleep(0.05)


def total(ledgers: list[Change]) -> Sums:
    return sum_ledgers(ledgers, BY_STEP, Bounds()).tally.total


def costs(rows: list[Row]) -> list[tuple[str, Decimal]]:
    return [(row.change_id, row.cost_usd) for row in rows]


def cached(kind: str, ledgers: list[Change]) -> Path:
    return cache.path_of(kind, home_of(ledgers))


def spoil(kind: str, ledgers: list[Change]) -> None:
    """Put something wrong, but sound, into the cache, to see who reads it."""
    path = cached(kind, ledgers)
    data = cache.load(path)
    if kind == "rows":
        key = str(ledgers[0].folder)
        stamp, [row] = data[key]
        data[key] = (stamp, [row._replace(cost_usd=Decimal(777))])
    else:
        found = data[1][BY_STEP]
        wrong = found.tally.total._replace(cost_usd=Decimal(777))
        data[1][BY_STEP] = found._replace(tally=found.tally._replace(total=wrong))
    cache.save(path, data)


def read_total(ledgers: list[Change], kind: str) -> Decimal:
    if kind == "rows":
        return read_rows(ledgers)[0].cost_usd
    return total(ledgers).cost_usd


def true_total(kind: str) -> Decimal:
    costs_usd = [call(number).cost_usd for number in range(3)]
    return costs_usd[0] if kind == "rows" else sum(costs_usd, Decimal(0))


KINDS = pytest.mark.parametrize("kind", ["rows", "reports"])


@AN_HOUR_LATER
@KINDS
def test_nothing_is_read_again_when_nothing_has_changed(ledgers: list[Change], kind: str) -> None:
    assert read_total(ledgers, kind) == true_total(kind)
    spoil(kind, ledgers)
    assert read_total(ledgers, kind) == Decimal(777)


@KINDS
def test_young_ledgers_are_not_trusted(ledgers: list[Change], kind: str) -> None:
    read_total(ledgers, kind)
    assert not cached(kind, ledgers).exists()


@AN_HOUR_LATER
@KINDS
def test_an_appended_call_is_seen_at_once(ledgers: list[Change], kind: str) -> None:
    before = read_total(ledgers, kind)
    StateStore(ledgers[0].folder).append(call(9))
    rows = read_rows(ledgers)
    assert len(rows) == 4
    assert total(ledgers).cost_usd > before


@KINDS
def test_an_edit_of_the_same_size_is_seen(ledgers: list[Change], kind: str) -> None:
    path = ledgers[0].folder / "STATE.yaml"
    text = path.read_text()
    for wait in (False, True):  # young files first, then ones that are in the cache
        if wait:
            path.write_text(text)
            settle(ledgers)
        before = read_total(ledgers, kind)
        found = path.stat()
        path.write_text(text.replace("0.00352315", "0.00352316"))
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
        assert path.stat().st_size == found.st_size
        assert read_total(ledgers, kind) == before + Decimal("0.00000001")


@AN_HOUR_LATER
@KINDS
def test_a_ledger_that_came_or_went_is_noticed(
    ledgers: list[Change], kind: str, tmp_path: Path
) -> None:
    read_total(ledgers, kind)
    assert len(read_rows(ledgers[1:])) == 2
    assert total(ledgers[1:]).calls == 2
    (tmp_path / "changes" / "c" / "STATE.yaml").unlink()
    assert [row.change_id for row in read_rows(ledgers)] == ["a", "b"]
    assert total(ledgers).calls == 2


@AN_HOUR_LATER
def test_reading_some_leaves_the_others_in_the_cache(ledgers: list[Change]) -> None:
    read_rows(ledgers)
    (ledgers[2].folder / "STATE.yaml").touch()
    read_rows(ledgers[1:])
    known = cache.load(cached("rows", ledgers))
    assert set(known) == {str(ledger.folder) for ledger in ledgers}


@AN_HOUR_LATER
def test_a_change_that_is_gone_leaves_the_cache(ledgers: list[Change]) -> None:
    read_rows(ledgers)
    moved = ledgers[2].folder.with_name("20261124-c")
    ledgers[2].folder.rename(moved)
    ledgers[2] = change_at(moved, "c", "20261124")
    read_rows(ledgers)
    assert set(cache.load(cached("rows", ledgers))) == {str(ledger.folder) for ledger in ledgers}


@AN_HOUR_LATER
@KINDS
@pytest.mark.parametrize("damage", ["cut", "flip", "version", "empty"])
def test_a_cache_of_no_use_is_ignored(ledgers: list[Change], kind: str, damage: str) -> None:
    read_total(ledgers, kind)
    spoil(kind, ledgers)
    path = cached(kind, ledgers)
    data = path.read_bytes()
    flipped = data[:-1] + bytes([data[-1] ^ 1])
    damaged = {
        "cut": data[:-9],
        "flip": flipped,
        "version": data.replace(b"agentd 0.", b"agentd 9.", 1),
    }
    path.write_bytes(damaged.get(damage, b""))
    assert read_total(ledgers, kind) == true_total(kind)


@AN_HOUR_LATER
def test_a_cache_of_other_ledgers_with_the_same_name_is_not_used(ledgers: list[Change]) -> None:
    read_total(ledgers, "reports")
    spoil("reports", ledgers)
    renamed = [change_at(ledger.folder, f"{ledger.id}x") for ledger in ledgers]
    assert read_total(renamed, "reports") == true_total("reports")


@AN_HOUR_LATER
@KINDS
def test_a_cache_that_cannot_be_written(ledgers: list[Change], kind: str, cache_home: Path) -> None:
    cache_home.parent.mkdir()
    cache_home.write_text("in the way")
    assert read_total(ledgers, kind) == true_total(kind)
    assert cache_home.read_text() == "in the way"


@AN_HOUR_LATER
def test_different_queries_are_kept_side_by_side(ledgers: list[Change]) -> None:
    queries = [Query(), BY_STEP, Query(("day",), "Asia/Kathmandu"), Query(("status",))]
    fresh = [sum_ledgers(ledgers, query, Bounds()) for query in queries]
    assert [sum_ledgers(ledgers, query, Bounds()) for query in queries] == fresh
    assert len(cache.load(cached("reports", ledgers))[1]) == len(queries)


@AN_HOUR_LATER
def test_the_cache_can_be_read_by_its_owner_only(ledgers: list[Change], cache_home: Path) -> None:
    read_rows(ledgers)
    assert cache_home.stat().st_mode & 0o077 == 0


@AN_HOUR_LATER
def test_a_cache_of_another_user_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a pickle, which runs what its writer wants."""
    cache.save(tmp_path / "cache", [1])
    assert cache.load(tmp_path / "cache") == [1]
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert cache.load(tmp_path / "cache") is None


def test_a_change_without_a_ledger_has_no_calls(tmp_path: Path, ledgers: list[Change]) -> None:
    (tmp_path / "changes" / "d").mkdir()
    new = change_at(tmp_path / "changes" / "d")
    assert read_rows([new]) == []
    assert len(read_rows([*ledgers, new])) == 3
    total([*ledgers, new])
    StateStore(new.folder).create("d")
    StateStore(new.folder).append(call(5))
    assert total([*ledgers, new]).calls == 4


def test_a_ledger_that_cannot_be_read_is_an_error(tmp_path: Path, ledgers: list[Change]) -> None:
    path = ledgers[1].folder / "STATE.yaml"
    path.write_text("telemetry: [")
    for some in (ledgers, ledgers[1:2]):
        with pytest.raises(StateError, match=r"b/STATE\.yaml"):
            read_rows(some)
    with pytest.raises(StateError, match="no such change"):
        read_rows([change_at(tmp_path / "changes" / "gone")])
    path.unlink()
    path.symlink_to(ledgers[0].folder / "STATE.yaml")
    with pytest.raises(StateError, match=r"b/STATE\.yaml"):
        read_rows(ledgers)


def test_two_processes_at_once_leave_a_sound_cache(ledgers: list[Change]) -> None:
    settle(ledgers)
    code = (
        "import sys; from pathlib import Path; from agentd.ledger.all_rows import read_rows\n"
        "from agentd.project.change import Change\n"
        "print(len(read_rows([Change(None, Path(p).name, Path(p)) for p in sys.argv[1:]])))"
    )
    command = [sys.executable, "-c", code, *(str(ledger.folder) for ledger in ledgers)]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(4)]
    assert [run.communicate()[0] for run in runs] == [b"3\n"] * 4
    assert len(cache.load(cached("rows", ledgers))) == 3
    assert len(list(cached("rows", ledgers).parent.iterdir())) == 1


@AN_HOUR_LATER
def test_what_is_told_of_calls_in_two_ledgers_is_told_each_time(ledgers: list[Change]) -> None:
    copy = change_at(ledgers[0].folder.with_name("20261122-a"), "a")
    copy.ledger.create("a")
    copy.ledger.append(call(0))
    for _ in range(2):
        summed = sum_ledgers([copy, *ledgers], BY_STEP, Bounds())
        assert summed.tally.total.calls == 3
        assert "1 call of change a in two ledgers" in summed.notes[0]


def test_what_nobody_has_used_for_long_goes(cache_home: Path) -> None:
    for kind in ("rows", "reports"):
        cache.save(cache.path_of(kind, "gone"), [1])
    old, used = (cache.path_of(kind, "gone") for kind in ("rows", "reports"))
    long_ago = time.time() - cache.UNUSED_S - 60
    os.utime(old, (long_ago, long_ago))
    os.utime(used, (time.time(), long_ago))
    new = cache.path_of("rows", "new")
    cache.save(new, [2])
    assert sorted(cache_home.iterdir()) == sorted([used, new])
