"""What is too large, or too much, has no copy: named before, and each change of it is seen."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.guards import forbidden, make_project, put, told, watching

from agentd.files import move_over, remove_tree, write_atomic
from agentd.guard import Guard
from agentd.guard.own_places import OwnPlaces
from agentd.project.layout import Project
from agentd.runner.run_folder import TO_BE_PUT_BACK
from agentd.state_folder import state_folder_of
from agentd.workflow.steps import STEPS

NOTES = "agentd/changes/other/notes.md"
EARLIER = "agentd/changes/other/runs/1"
GB = 1 << 30


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """One with a document of 1 GB."""
    project = make_project(tmp_path / "shop")
    put(project.root / NOTES, "a")
    os.truncate(project.root / NOTES, GB)
    return project


@pytest.fixture
def crowded(tmp_path: Path) -> Project:
    """One with 400 files in an earlier run's folder, some of them in folders."""
    project = make_project(tmp_path / "shop")
    for number in range(350):
        put(project.root / EARLIER / f"{number:03}", "a")
    for number in range(50):
        put(project.root / EARLIER / f"folder/{number % 5}/{number:03}", "a")
    put(project.root / EARLIER / "run.json", "{}")
    return project


def baseline_of(project: Project) -> Path:
    folder = state_folder_of(str(project.root))
    assert folder is not None
    (found,) = Path(folder).glob("*.baseline")
    return found


def left(project: Project) -> Guard:
    """The guard of a killed agentd, as the next command takes it over."""
    (guard,) = Guard.left(project.root)
    return guard


CHANGED: dict[str, Callable[[Path], object]] = {
    "size": lambda path: os.truncate(path, GB - 1),
    "a byte, with its time put back": lambda path: (
        edit(path, b"b"),
        os.utime(path, ns=(0, 0)),
    ),
    "permissions": lambda path: path.chmod(0o600),
    "deleted": lambda path: path.unlink(),
    "another file": lambda path: (path.unlink(), put(path, "a"), os.truncate(path, GB)),
}


def edit(path: Path, data: bytes) -> None:
    with path.open("r+b") as file:
        file.write(data)


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("change", CHANGED)
def test_a_document_of_1_gb_has_no_copy_and_is_seen(
    project: Project, change: str, killed: bool
) -> None:
    path = project.root / NOTES
    os.utime(path, ns=(0, 0))
    guard = watching(project)
    assert guard.uncopied == NOTES
    assert baseline_of(project).stat().st_size < 1_000_000
    CHANGED[change](path)
    if killed:
        guard.let_go()
        guard = left(project)
    with guard:
        changes = guard.after()
        assert [*forbidden(changes, project)] == [NOTES]
        assert told(changes) == f"Not put back, as agentd kept no copy: {NOTES}"
        assert guard.restore(changes) == []


def test_one_that_nobody_touched_is_not_told(project: Project) -> None:
    with watching(project) as guard:
        changes = guard.after()
    assert (changes.forbidden, changes.told) == ((), ())


def test_a_small_document_that_became_huge_is_put_back(project: Project) -> None:
    path = project.root / "agentd/specs/login.md"
    with watching(project) as guard:
        os.truncate(path, GB)
        changes = guard.after()
        assert guard.restore(changes) == [path]
    assert path.read_text() == "# Login\n"


def test_an_own_document_of_that_size_is_written_when_it_changed(project: Project) -> None:
    path = project.changes_dir / "add-x/REVIEW.md"
    put(path, "a")
    os.truncate(path, GB)
    for is_edited in (False, True):
        with watching(project) as guard:
            if is_edited:
                edit(path, b"b")
            assert guard.after().written == (path,) * is_edited


def test_the_ledger_is_kept_whatever_its_size(project: Project) -> None:
    path = project.root / "agentd/changes/other/STATE.yaml"
    put(path, "phase: proposed\n" + "# x\n" * 5_000_000)
    before = path.read_bytes()
    with watching(project) as guard:
        put(path)
        assert guard.restore(guard.after()) == [path]
    assert path.read_bytes() == before


def test_there_is_room_for_so_much_in_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentd.guard.backup._KEPT_IN_ALL", 1000)
    project = make_project(tmp_path / "shop")
    names = [f"agentd/archive/20250101-old/{number}.md" for number in range(9)]
    for name in names:
        put(project.root / name, "x" * 200)
    with watching(project) as guard:
        assert guard.uncopied.startswith("agentd/archive/20250101-old/")
        assert baseline_of(project).stat().st_size < 1000 + 10_000
        shutil.rmtree(project.root / "agentd/archive")
        shutil.rmtree(project.root / "agentd/changes/other")
        changes = guard.after()
        assert {*names} < {*forbidden(changes, project)}
        guard.restore(changes)
    assert (project.root / "agentd/changes/other/STATE.yaml").exists()
    assert not (project.root / names[-1]).exists()


CROWDED: dict[str, tuple[str, str]] = {
    "a file one by one": ("echo b > 000", "put back"),
    "what agentd reads later": ("echo b > run.json", "put back"),
    "one of the crowd": ("echo b > 349", "told"),
    "one of the crowd, its time put back": (
        "touch -r 349 t; echo b > 349; touch -r t 349; rm t",
        "told",
    ),
    "one in a folder of it": ("echo b > folder/4/049", "told"),
    "one is new": ("echo b > folder/4/new", "told"),
    "one is gone": ("rm folder/4/049", "told"),
    "a link in a file's place": ("ln -sf 000 349", "told"),
    "the folder is gone": ("rm -r ../1", "told"),
    "a link in the folder's place": ("mv ../1 ../../moved; ln -s ../moved ../1", "told"),
}


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("change", CROWDED)
def test_many_files_of_a_run_are_looked_at_as_one(
    crowded: Project, change: str, killed: bool
) -> None:
    command, outcome = CROWDED[change]
    guard = watching(crowded)
    assert guard.uncopied == EARLIER
    subprocess.run(["sh", "-ec", command], cwd=crowded.root / EARLIER, check=True)
    if killed:
        guard.let_go()
        guard = left(crowded)
    with guard:
        changes = guard.after()
        assert all(name.startswith("agentd/changes/other") for name in forbidden(changes, crowded))
        assert changes.forbidden
        guard.restore(changes)
    assert (crowded.root / EARLIER / "000").read_text() == "a"
    assert (crowded.root / EARLIER / "run.json").read_text() == "{}"
    assert ("Not put back, as agentd kept no copy" in told(changes)) == (outcome == "told")


@pytest.mark.parametrize("killed", [False, True])
def test_what_agentd_writes_where_many_files_are_is_no_agent_s_work(
    crowded: Project, killed: bool
) -> None:
    run = crowded.root / EARLIER
    put(run / "call.pending.json", "{}")
    put(run / ".stdout.0123abcd.tmp", "")
    guard = watching(crowded)
    write_atomic(run / "checks.json", b"{}")
    move_over(run / "call.pending.json", run / "call.json")
    put(run / "lock", "")
    (run / ".stdout.0123abcd.tmp").unlink()
    put(run / ".run.json.0123abcd.tmp", "")
    if killed:
        guard.let_go()
        guard = left(crowded)
    with guard:
        changes = guard.after()
    assert (changes.forbidden, changes.told) == ((), ())


@pytest.mark.parametrize("name", ["call.pending.json", "run.json", "CHALLENGE.md.before"])
def test_what_agentd_would_believe_is_put_aside_where_many_files_are(
    crowded: Project, name: str
) -> None:
    path = crowded.root / EARLIER / name
    path.unlink(missing_ok=True)
    with watching(crowded) as guard:
        put(path, "forged")
        changes = guard.after()
        assert forbidden(changes, crowded) == {f"{EARLIER}/{name}": "new"}
        assert guard.restore(changes) == [path]
    assert not path.exists()


def test_a_link_called_like_a_file_that_is_being_written_is_seen(crowded: Project) -> None:
    with watching(crowded) as guard:
        (crowded.root / EARLIER / ".run.json.0123abcd.tmp").symlink_to("000")
        assert forbidden(guard.after(), crowded) == {EARLIER: "changed"}


def test_all_that_the_next_command_moves_back_into_a_change_is_looked_at_by_itself(
    crowded: Project,
) -> None:
    places = OwnPlaces(crowded, None)
    for step in STEPS.values():
        if step.verdicts:
            name = f"{step.writes[0]}{TO_BE_PUT_BACK}"
            assert places.is_vital(crowded.root / EARLIER / name)


def test_many_files_that_nobody_touched_are_not_told(crowded: Project) -> None:
    with watching(crowded) as guard:
        changes = guard.after()
    assert (changes.forbidden, changes.told) == ((), ())


def test_the_rest_of_many_is_not_kept(crowded: Project) -> None:
    guard = watching(crowded)
    assert len(guard._own._backup.entries) < 400
    guard.drop()
    with guard:
        pass


def test_1500_folders_in_each_other_are_no_trouble(tmp_path: Path) -> None:
    project = make_project(tmp_path / "shop")
    deep = project.root / "agentd/changes/other"
    with watching(project) as guard:
        here = os.open(deep, os.O_RDONLY)
        for _ in range(1500):
            os.mkdir("d", dir_fd=here)
            here, above = os.open("d", os.O_RDONLY, dir_fd=here), here
            os.close(above)
        os.close(os.open("x", os.O_CREAT, dir_fd=here))
        os.close(here)
        assert [*forbidden(guard.after(), project)] == [f"agentd/changes/other/{'d/' * 1500}x"]
    remove_tree(deep)  # pytest's own way of removing recurses
