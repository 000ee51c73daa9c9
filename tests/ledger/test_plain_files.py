"""Links, odd files, full disks, read-only folders: a clear error, and nothing lost or misplaced."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.state_samples import CALL, call, exit_codes, in_child, new_store

from agentd.errors import StateError
from agentd.ledger import pending
from agentd.ledger.store import StateStore
from agentd.locks import lock


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def link_state(store: StateStore, away: Path) -> None:
    store.path.rename(away / "STATE.yaml")
    store.path.symlink_to(away / "STATE.yaml")


def link_change(store: StateStore, away: Path) -> None:
    store.change_dir.rename(away / "change")
    store.change_dir.symlink_to(away / "change")


def link_runs(store: StateStore, away: Path) -> None:
    store.runs_dir.rename(away / "runs")
    store.runs_dir.symlink_to(away / "runs")


def link_to_nowhere(store: StateStore, away: Path) -> None:
    store.path.unlink()
    store.path.symlink_to(away / "new.yaml")


@pytest.mark.parametrize("replace", [link_state, link_change, link_runs, link_to_nowhere])
def test_symbolic_links_are_refused(
    tmp_path: Path, replace: Callable[[StateStore, Path], None]
) -> None:
    away = tmp_path / "away"
    away.mkdir()
    store = new_store(tmp_path)
    store.keep(call(7))
    replace(store, away)
    before = snapshot(away)
    for write in (
        lambda: store.append(CALL),
        lambda: store.update(phase="x"),
        store.enter_kept,
        lambda: store.create("add-oauth"),
    ):
        with pytest.raises(StateError):
            write()
    assert snapshot(away) == before
    with pytest.raises(StateError) as raised:
        store.append(CALL)
    assert "ymbolic link" in str(raised.value)


@pytest.mark.parametrize("name", ["runs/{id}", "runs/{id}/call.pending.json", "runs/.lock"])
def test_links_below_runs_are_not_followed(tmp_path: Path, name: str) -> None:
    away = tmp_path / "away"
    (away / "folder").mkdir(parents=True)
    (away / "file").write_text("mine")
    before = snapshot(away)
    store = new_store(tmp_path)
    path = store.change_dir / name.format(id=CALL.id)
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(away / ("folder" if name.endswith("{id}") else "file"))
    for write in (lambda: store.keep(CALL), lambda: store.append(CALL), store.enter_kept):
        with contextlib.suppress(StateError):  # a link in place of call.pending.json is replaced
            write()
    assert snapshot(away) == before


def fifo(store: StateStore) -> None:
    store.path.unlink()
    os.mkfifo(store.path)


def folder_instead(store: StateStore) -> None:
    store.path.unlink()
    store.path.mkdir()


def missing(store: StateStore) -> None:
    store.path.unlink()


def gone(store: StateStore) -> None:
    store.path.unlink()
    (store.runs_dir / ".lock").unlink()
    store.runs_dir.rmdir()
    store.change_dir.rmdir()


def file_instead(store: StateStore) -> None:
    gone(store)
    store.change_dir.write_text("hello")


@pytest.mark.parametrize(
    ("replace", "says"),
    [
        (fifo, "is no plain file"),
        (folder_instead, "is no plain file"),
        (missing, "agentd run add-oauth"),
        (gone, 'agentd run add-oauth "'),
        (file_instead, "is no folder"),
    ],
)
def test_anything_but_a_file_is_refused(
    tmp_path: Path, replace: Callable[[StateStore], None], says: str
) -> None:
    store = new_store(tmp_path)
    replace(store)
    for work in (store.read, lambda: store.update(phase="x"), lambda: store.append(CALL)):
        with pytest.raises(StateError) as raised:
            work()
        assert says in str(raised.value)
    if not store.change_dir.is_dir():  # the call can't be kept: the error holds it
        line = raised.value.message[raised.value.message.index('{"id"') :]
        assert json.loads(line)["id"] == CALL.id


@pytest.mark.parametrize("call_id", ["../x", "", ".", "..", "a/b", "-x", "a\nb", "x" * 129])
def test_an_id_that_names_no_folder_is_refused(tmp_path: Path, call_id: str) -> None:
    from agentd import UsageMetrics

    store = new_store(tmp_path)
    before = snapshot(tmp_path)
    with pytest.raises(StateError, match="not allowed"):
        store.mark_entered(call_id)
    if call_id:
        with pytest.raises(StateError, match="not allowed"):
            store.record_llm_call("merge", "m", UsageMetrics(), 1, None, call_id=call_id)
    assert snapshot(tmp_path) == before


def test_the_lock_of_a_dead_process_does_not_block(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    reader, writer = os.pipe()

    def hold() -> None:
        with lock(store.runs_dir / ".lock"):
            os.write(writer, b"x")
            os.kill(os.getpid(), 9)

    pid = in_child(hold)
    assert os.read(reader, 1) == b"x"
    assert exit_codes([pid]) == {-9}
    assert store.append(CALL)


def test_a_file_size_limit(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    for number in range(10):
        store.append(call(number))
    before = store.path.read_bytes()

    def append() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        with pytest.raises(StateError) as raised:
            store.append(CALL)
        assert "too large" in raised.value.message
        assert "ulimit -f" in raised.value.fix
        assert "kept in" in raised.value.fix

    assert exit_codes([in_child(append)]) == {0}
    assert store.path.read_bytes() == before
    assert not list(store.change_dir.glob(".STATE*"))
    assert [kept.record for kept in store.enter_kept()] == [CALL]


def test_what_cannot_be_kept_is_in_the_message(tmp_path: Path) -> None:
    store = new_store(tmp_path)

    def append() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
        with pytest.raises(StateError) as raised:
            store.append(CALL)
        line = raised.value.message.splitlines()[-1].partition("it was: ")[2]
        assert json.loads(line)["id"] == CALL.id

    assert exit_codes([in_child(append)]) == {0}
    assert store.read().calls == ()


def on_tmpfs(folder: Path, options: str, code: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a mount namespace where a small file system is mounted on ``folder``."""
    folder.mkdir()
    mount = f'mount -t tmpfs -o {options} none "$0" && exec "$1" -c "$2" "$0"'
    path = f"{Path(__file__).parents[1]}:{Path(__file__).parents[2]}"
    prelude = "import sys; from pathlib import Path; from support.state_samples import *\n"
    prelude += "from agentd.errors import StateError; from agentd.ledger import pending\n"
    prelude += "folder = Path(sys.argv[1])\n"
    command = ["unshare", "-rm", "sh", "-c", mount, str(folder), sys.executable, prelude + code]
    try:
        done = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("there is no unshare on this system")
    if "unshare:" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"mount namespaces are not permitted: {done.stderr.strip()}")
    return done


FULL_DISK = """
store = new_store(folder)
run_dir = store.runs_dir / CALL.id
run_dir.mkdir()
if RESERVE:
    pending.reserve(run_dir)
    assert (run_dir / "reserve").stat().st_blocks * 512 >= 65536
with open(folder / "filler", "wb", buffering=0) as filler:
    try:
        while filler.write(bytes(4096)): pass
    except OSError: pass
before = store.path.read_bytes()
try:
    store.append(CALL)
except StateError as error:
    print(str(error))
assert store.path.read_bytes() == before, "the old file is not intact"
assert not list(folder.rglob("*.tmp"))
if RESERVE:
    assert sorted(path.name for path in run_dir.iterdir()) == ["call.pending.json"]
try:
    pending.reserve(run_dir)
except StateError as error:
    print("no reserve:", str(error))
(folder / "filler").unlink()
print(len(store.enter_kept()), "entered")
"""


@pytest.mark.parametrize("reserve", [True, False])
def test_a_full_disk(tmp_path: Path, reserve: bool) -> None:
    done = on_tmpfs(tmp_path / "disk", "size=512k", f"RESERVE = {reserve}\n{FULL_DISK}")
    assert done.returncode == 0, done.stderr
    assert "No space left on device" in done.stdout
    assert "make room" in done.stdout
    if reserve:
        assert "kept in" in done.stdout
        assert "1 entered" in done.stdout
    else:
        assert "no reserve:" in done.stdout
        line = done.stdout[done.stdout.index('{"id"') :].splitlines()[0]
        assert json.loads(line)["id"] == CALL.id
        assert "0 entered" in done.stdout


READ_ONLY = """
import os, subprocess
store = new_store(folder)
store.append(call(1))
before = store.path.read_bytes()
subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
for work in (lambda: store.append(CALL), lambda: store.update(phase="x")):
    try:
        work()
    except StateError as error:
        print(str(error))
assert store.path.read_bytes() == before
assert store.read().calls == (call(1),)
"""


def test_a_read_only_folder(tmp_path: Path) -> None:
    done = on_tmpfs(tmp_path / "disk", "size=512k", READ_ONLY)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Read-only file system") >= 2
    assert "mount it writable" in done.stdout
    assert '{"id": "20261122T054052-proposal-6f1c2a9b"' in done.stdout


def test_the_reserve_goes_when_the_call_is_kept(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    run_dir = store.runs_dir / CALL.id
    run_dir.mkdir()
    pending.reserve(run_dir)
    assert (run_dir / "reserve").stat().st_size == pending.RESERVE_BYTES
    store.keep(CALL)
    assert not (run_dir / "reserve").exists()
