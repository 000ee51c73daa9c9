"""Who holds a lock: a living process of this user, whatever stands in the file."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.changes import change_at

from agentd import locks
from agentd.errors import InputError, LockHeld
from agentd.locks import Holder, holder_of, lock
from agentd.project.change import Change
from agentd.project.hold import at_work, worker_on

HOLDS = """
import sys
from pathlib import Path
from agentd.locks import lock
with lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
LINUX = Path("/proc/locks").exists()
linux_alone = pytest.mark.skipif(not LINUX, reason="only Linux tells who has taken a lock")


@contextlib.contextmanager
def held(path: Path, *arguments: str) -> Iterator[int]:
    """Another process holds the lock; its id."""
    command = [sys.executable, "-c", HOLDS, str(path), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        try:
            yield process.pid
        finally:
            process.kill()


@pytest.fixture
def change(tmp_path: Path) -> Change:
    (tmp_path / "agentd/changes/add-x/runs").mkdir(parents=True)
    (tmp_path / "agentd/config.toml").write_text('project_name = "x"\n')
    return change_at(tmp_path / "agentd/changes/add-x")


def hold_of(change: Change) -> Path:
    return change.runs_dir / ".work"


@linux_alone
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_lock_names_who_holds_it(tmp_path: Path, kind: str) -> None:
    path = tmp_path if kind == "folder" else tmp_path / "lock"
    with (
        held(path, "--api-key", "s3cret-word\x1b[31m") as pid,
        pytest.raises(LockHeld) as caught,
        lock(path, timeout_s=0.1),
    ):
        raise AssertionError
    told, since = caught.value.message, r"since \d{4}-[\d :-]+ UTC"
    assert re.search(rf": process {pid} \(.+, {since}\) has held this lock for 0 s", told)
    assert f"kill {pid}" in caught.value.fix
    assert "s3cret" not in told


@linux_alone
def test_a_holder_that_died_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with held(path) as pid:
        os.kill(pid, signal.SIGKILL)
    with lock(path, timeout_s=5):
        pass


@linux_alone
@pytest.mark.parametrize("forged", ["1", "99999999999999999999", "0", "-1", "x", "", "²"])
def test_what_stands_in_the_hold_is_not_believed(change: Change, forged: str) -> None:
    with held(hold_of(change)) as pid:
        hold_of(change).write_text(forged)
        with pytest.raises(InputError, match=f"at work on add-x: process {pid} "), at_work(change):
            raise AssertionError
        worker = worker_on(change)
        assert worker
        assert worker.pid == pid


@pytest.mark.parametrize("forged", ["1", "4194304", "99999999999999999999", "0", "x", "", "²"])
def test_without_the_kernels_word_only_an_agentd_is_believed(
    change: Change, forged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_locking", lambda fd: [])
    with held(hold_of(change)):
        hold_of(change).write_text(forged)
        with pytest.raises(InputError, match="its process is not known"), at_work(change):
            raise AssertionError
        assert worker_on(change) == Holder(0)


def test_without_the_kernels_word_an_agentd_that_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_locking", lambda fd: [])
    (tmp_path / "agentd").write_text("import sys\nprint(flush=True)\nsys.stdin.read()\n")
    command = [sys.executable, str(tmp_path / "agentd"), "run", "add-x"]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process,
        (tmp_path / "file").open("w") as file,
    ):
        assert process.stdout
        process.stdout.readline()
        holder = holder_of(file.fileno(), noted=str(process.pid))
        assert holder
        assert holder.command == "agentd run add-x"
        process.kill()
        process.wait()
        assert holder_of(file.fileno(), noted=str(process.pid)) is None


def test_nobody_works_where_the_hold_is_no_file(change: Change) -> None:
    os.mkfifo(hold_of(change))
    assert worker_on(change) is None


PLANTED: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "link": lambda path: path.symlink_to("STATE.yaml"),
    "link to itself": lambda path: path.symlink_to(path.name),
    "link to nothing": lambda path: path.symlink_to("/nonexistent/x"),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_what_stands_in_the_hold_s_place_is_named(change: Change, kind: str) -> None:
    PLANTED[kind](hold_of(change))
    with pytest.raises(InputError, match=r"runs/\.work: is no plain file"), at_work(change):
        raise AssertionError


@pytest.mark.parametrize("kind", [kind for kind in PLANTED if kind.startswith("link")])
def test_a_link_in_the_place_of_the_ledger_s_lock_is_named_before_a_call_is_paid(
    change: Change, kind: str
) -> None:
    PLANTED[kind](change.runs_dir / ".lock")
    with pytest.raises(InputError, match=r"runs/\.lock: is no plain file"), at_work(change):
        raise AssertionError


def test_what_an_older_version_left_goes_but_not_through_a_link(change: Change) -> None:
    elsewhere = change.project.root.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x.json").touch()
    old = change.project.agentd_dir / ".running"
    old.symlink_to(elsewhere)
    with at_work(change):
        assert (elsewhere / "x.json").exists()
    old.unlink()
    old.mkdir()
    (old / "x.json").touch()
    with at_work(change):
        assert not old.exists()
