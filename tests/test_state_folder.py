"""Where agentd keeps what an agent must not reach."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.command import agentd

from agentd import state_folder
from agentd.errors import StateError
from agentd.files import write_atomic
from agentd.locks import lock
from agentd.own_writes import tidy


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "repo/sub").mkdir(parents=True)
    return tmp_path / "repo/sub"


def mode(path: str | Path) -> int:
    return Path(path).stat().st_mode & 0o777


def test_it_lies_outside_the_project_and_is_private(root: Path) -> None:
    assert state_folder.state_folder_of(str(root)) is None
    before = os.umask(0)
    try:
        made = state_folder.make_state_folder(str(root))
    finally:
        os.umask(before)
    assert Path(made).parent == root.parents[1] / "state/agentd"
    assert (mode(made), mode(Path(made).parent)) == (0o700, 0o700)
    assert state_folder.state_folder_of(str(root)) == made
    assert state_folder.make_state_folder(str(root)) == made


def test_a_project_has_one_however_it_is_reached(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    made = state_folder.make_state_folder(str(tmp_path / "link"))
    assert state_folder.state_folder_of(str(root)) == made
    around = list(state_folder.state_folders_around(f"{tmp_path}/link/agentd/changes/x/STATE.yaml"))
    assert around == [(f"{tmp_path}/link", made)]
    assert list(state_folder.state_folders_around(f"{root}-2/x")) == []


@pytest.mark.parametrize("instead", ["file", "link", "not writable", "nothing can be made"])
def test_without_it_the_git_folder_is_used(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instead: str
) -> None:
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-C", str(tmp_path / "repo")]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    subprocess.run([*git, "worktree", "add", "-q", str(tmp_path / "tree")], check=True)
    match instead:
        case "file":
            (tmp_path / "state").write_text("")
        case "link":
            (tmp_path / "state").mkdir()
            (tmp_path / "state/agentd").symlink_to(tmp_path)
        case "not writable":  # root may write anywhere
            (tmp_path / "state/agentd").mkdir(parents=True)
            monkeypatch.setattr(os, "access", lambda path, mode: f"{tmp_path}/state" not in path)
        case _:
            os.environ["XDG_STATE_HOME"] = "/dev/null/none"  # the fixture puts it back
    for project in (root, tmp_path / "tree"):
        made = state_folder.make_state_folder(str(project))
        assert Path(made).parent == tmp_path / "repo/.git/agentd"
        assert state_folder.state_folder_of(str(project)) == made
        assert list(state_folder.state_folders_around(f"{project}/a/b")) == [(str(project), made)]


def test_one_in_the_git_folder_does_not_count_where_the_other_can_be_used(
    root: Path, tmp_path: Path
) -> None:
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (root / ".git/agentd" / state_folder.hash_of(str(root))).mkdir(parents=True)
    assert state_folder.state_folder_of(str(root)) is None


def test_one_that_tells_of_another_project_is_not_used(root: Path, tmp_path: Path) -> None:
    """Nobody finds two paths with one name; but who copies folders about may mix them up."""
    (root / ".git").write_text("gitdir: /dev/null/none\n")
    made = state_folder.make_state_folder(str(root))
    assert (Path(made) / "root").read_text() == str(root)
    (Path(made) / "root").write_text(str(tmp_path))
    assert state_folder.state_folder_of(str(root)) is None
    assert list(state_folder.state_folders_around(f"{root}/a/b")) == []
    with pytest.raises(StateError, match="is of another project"):
        state_folder.make_state_folder(str(root))


def test_readers_and_writers_agree_where_it_is(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else nobody tells a guard what agentd writes, such as where the disk of the one is full."""
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (tmp_path / "state/agentd").mkdir(parents=True)

    real = os.mkdir

    def full(path: str, mode: int = 0o777) -> None:
        if path.startswith(str(tmp_path / "state")):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        real(path, mode)

    monkeypatch.setattr(os, "mkdir", full)
    with pytest.raises(StateError, match="No space left"):
        state_folder.make_state_folder(str(root))
    assert not (root / ".git/agentd").exists()


@pytest.mark.parametrize("call", ["lstat", "access", "open", "replace"])
def test_one_that_goes_while_it_is_asked_for_is_made_again(
    root: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Its last user takes it away, at any of the system calls of the next one."""
    made = state_folder.make_state_folder(str(root))
    (Path(made) / "root").unlink()
    real, times = getattr(os, call), []

    def gone_meanwhile(path: str, *arguments: Any, **keys: Any) -> Any:
        if str(path).startswith(made) and len(times) < 3:
            times.append(path)
            subprocess.run(["rm", "-r", made], check=False, stderr=subprocess.DEVNULL)
        return real(path, *arguments, **keys)

    monkeypatch.setattr(os, call, gone_meanwhile)
    assert state_folder.make_state_folder(str(root)) == made
    assert len(times) == 3
    assert (Path(made) / "root").read_text() == str(root)


@pytest.mark.parametrize("planted", ["a folder", "a link", "half a path of a torn write"])
def test_a_root_that_is_no_path_brings_nothing_down(
    root: Path, tmp_path: Path, planted: str
) -> None:
    made = Path(state_folder.make_state_folder(str(root)))
    match planted:
        case "a folder":
            (made / "root").unlink()
            (made / "root").mkdir()
        case "a link":
            (made / "root").unlink()
            (made / "root").symlink_to(tmp_path)
        case _:
            (made / "root").rename(made / "1.root")
    is_torn = planted.startswith("half")
    assert (state_folder.state_folder_of(str(root)) is None) is not is_torn
    assert bool(list(state_folder.state_folders_around(f"{root}/x"))) is is_torn
    if is_torn:
        state_folder.make_state_folder(str(root))
        tidy(str(made))
        assert not made.exists()


def test_its_name_is_the_same_in_every_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids of imported calls hang on it; some Pythons have no hash but those of OpenSSL."""
    expected = hashlib.sha256(b"/a/b").hexdigest()[:32]
    assert state_folder.hash_of("/a/b") == expected
    for module in ("_sha2", "_sha256"):
        monkeypatch.setitem(sys.modules, module, None)
    assert state_folder.hash_of("/a/b") == expected


def test_those_of_projects_that_are_gone_go_unless_a_run_is_to_be_judged(
    root: Path, tmp_path: Path
) -> None:
    roots = [tmp_path / "a", tmp_path / "b"]
    for one in roots:
        one.mkdir()
    kept, gone = map(state_folder.make_state_folder, map(str, roots))
    for one in roots:
        one.rmdir()
    (Path(kept) / "1.baseline").touch()
    (Path(gone) / state_folder.LEFT_BY_STEPS).touch()
    just_made = Path(kept).with_name("0" * 32)  # by another agentd, which has not named it yet
    just_made.mkdir()
    made = state_folder.make_state_folder(str(root))
    there = {str(path) for path in Path(made).parent.iterdir() if path.is_dir()}
    assert there == {kept, made, str(just_made)}


def test_projects_in_which_a_step_has_run_are_listed_until_they_are_gone(
    root: Path, tmp_path: Path
) -> None:
    names = [str(tmp_path / name) for name in ("one", "two words ü", "three")]
    for name in names:
        Path(name).mkdir()
        for _ in range(2):
            made = state_folder.make_state_folder(name)
            shutil.rmtree(made)  # as the end of a step does
    assert state_folder.known_roots() == []
    assert state_folder.roots_worked_in() == names
    Path(names[1]).rmdir()
    assert list(state_folder.state_folders_around(f"{names[0]}/x")) == []
    shutil.rmtree(state_folder.make_state_folder(str(root)))
    assert state_folder.roots_worked_in() == [names[0], names[2], str(root.resolve())]
    home = Path(made).parent
    for wrong in (b"\xff", b"not/a/path\0/a"):
        (home / "projects").write_bytes(wrong)
        assert state_folder.roots_worked_in() == [one for one in ["/a"] if b"/a" in wrong]
    (home / "projects").unlink()
    os.mkfifo(home / "projects")
    assert state_folder.roots_worked_in() == []


@pytest.mark.parametrize("name", ["add-x.work", "budget.lock"])
def test_it_stays_while_somebody_is_at_work_and_its_lock_goes_last(
    root: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    made = state_folder.make_state_folder(str(root))
    with lock(Path(made, name)):
        tidy(made)
    assert {"root", "lock", name} == {path.name for path in Path(made).iterdir()}
    gone: list[str] = []
    real = os.unlink
    monkeypatch.setattr(os, "unlink", lambda path, **at: (gone.append(path), real(path, **at)))
    tidy(made)
    assert not Path(made).exists()
    assert gone[-1] == f"{made}/lock"


def test_a_write_asks_for_it_with_few_system_calls(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every write of agentd's, and mostly nobody watches."""
    asked: list[str] = []
    for name in ("stat", "lstat", "access", "listdir", "readlink", "open"):
        real = getattr(os, name)

        def ask(*arguments: Any, real: Any = real, name: str = name, **keys: Any) -> Any:
            asked.append(name)
            return real(*arguments, **keys)

        monkeypatch.setattr(os, name, ask)
    path = f"{root}/deep/agentd/changes/add-x/STATE.yaml"
    depth = path.count("/")
    assert list(state_folder.state_folders_around(path)) == []
    assert len(asked) < 8 + depth  # of which some look for the first folder that is there
    (tmp_path / "other").mkdir()
    state_folder.make_state_folder(str(tmp_path / "other"))
    asked.clear()
    assert list(state_folder.state_folders_around(path)) == []
    assert len(asked) < 8 + depth


@pytest.mark.parametrize("planted", ["a named pipe", "an empty file", "a folder behind a link"])
def test_what_is_no_git_folder_holds_nobody_up(root: Path, planted: str) -> None:
    place = root / "agentd/changes/x/.git"
    place.parent.mkdir(parents=True)
    match planted:
        case "a named pipe":
            os.mkfifo(place)
        case "an empty file":
            place.touch()
        case _:
            place.symlink_to(root)
    made = state_folder.make_state_folder(str(root))
    file = place.with_name("STATE.yaml")
    assert list(state_folder.state_folders_around(str(file))) == [(str(root), made)]
    write_atomic(file, b"phase: proposed\n")
    assert file.exists()


def test_where_nothing_can_be_written_it_says_so(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null/none")
    (root / ".git").write_text("gitdir: /dev/null/none\n")
    with pytest.raises(StateError, match="/dev/null/none") as error:
        state_folder.make_state_folder(str(root))
    assert "XDG_STATE_HOME" in str(error.value.fix)


@pytest.mark.parametrize(
    "left",
    [
        ["add-x.work", "lock", "12.root"],
        ["1-a.making", "add-x.work"],
        ["1-a.baseline"],
        ["1-a.ended", "lock"],
        [".left-by-steps.json.01234567.tmp", ".1.reserved.01234567.tmp"],
    ],
    ids=lambda left: left[0],
)
def test_what_a_killed_agentd_left_goes_with_the_next_command(root: Path, left: list[str]) -> None:
    folder = Path(state_folder.make_state_folder(str(root)))
    for name in left:
        (folder / name).write_text("1\n")
    agentd("list", cwd=root, env=dict(os.environ))
    assert not folder.exists()


def test_what_somebody_holds_stays_whatever_commands_read(root: Path) -> None:
    folder = Path(state_folder.make_state_folder(str(root)))
    with lock(folder / "add-x.work"):
        agentd("list", cwd=root, env=dict(os.environ))
        assert (folder / "add-x.work").exists()
