"""What an agent did that killed its agentd: judged and put back by the next command."""

from __future__ import annotations

import errno
import fcntl
import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from standins.running import until
from support.guards import ASIDE, make_project, put, told, tree, watching
from support.state_samples import exit_codes, in_child
from support.workflow_box import STREAM, box_with, calls_of, put_change, put_plan, state_of
from support.workspace import Sandbox

from agentd.cli import run
from agentd.guard import Guard
from agentd.runner.recovery import living
from agentd.runner.run_folder import RunFolder
from agentd.state_folder import state_folder_of
from agentd.workflow.left_guards import judge_left_guards

CHALLENGE = "# Challenge: x\n\n## Issues\nnone\n\n## Verdict\n- [x] APPROVED\n"
# What is killed must be known before all is deleted.
AGENTD = "A=$(sed -n 's/.*\"agentd_pid\": \\([0-9]*\\).*/\\1/p' agentd/changes/*/runs/*/run.json)"
KILL = "kill -9 $A"
WAITS = "for _ in $(seq 1500); do test -e ../go && break; sleep 0.02; done"


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    box = box_with(tmp_path)
    put_change(box, "add-x", "proposed")
    put_change(box, "add-y", "proposed")
    (box.root / "agentd/specs").mkdir(exist_ok=True)
    (box.root / "agentd/specs/login.md").write_text("# Login\n")
    box.answer("challenge", STREAM, {"change/CHALLENGE.md": CHALLENGE})
    return box


def files(root: Path) -> dict[str, bytes]:
    """agentd's files but for what lies in runs/."""
    return {
        str(path.relative_to(root)): os.fsencode(path.readlink())
        if path.is_symlink()
        else path.read_bytes()
        for path in sorted((root / "agentd").rglob("*"))
        if (path.is_symlink() or path.is_file()) and not {"runs", ".running"} & set(path.parts)
    }


def kill_agentd(box: Sandbox, evil: str, *, then: str = "sleep 0.1") -> None:
    """A step whose agent does this, kills its agentd, and works on."""
    put_plan(box, "challenge", shell=f"{AGENTD}; {evil}; {KILL}; {then}")
    step = subprocess.run(
        [sys.executable, "-m", "agentd", "challenge", "add-x"],
        cwd=box.root,
        env={**os.environ, "HOME": str(box.root.parent)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    assert step.returncode == -9


def killed_step(box: Sandbox, evil: str) -> None:
    """The same, once its end is noted."""
    kill_agentd(box, evil)
    until(lambda: ends(box))


def ends(box: Sandbox) -> list[Path]:
    return list(Path(state_folder_of(str(box.root)) or "/dev/null").glob("*.ended"))


DEEDS = {
    "config": "echo evil >> agentd/config.toml",
    "the config is gone": "rm agentd/config.toml",
    "a spec": "echo evil > agentd/specs/login.md; echo new > agentd/specs/new.md",
    "another change is gone": "rm -r agentd/changes/add-y",
    "ledger": "sed -i 's/proposed/complete/' agentd/changes/add-x/STATE.yaml",
    "no ledger": "rm agentd/changes/add-x/STATE.yaml",
    "the ledger is a link": "cd agentd/changes/add-x; mv STATE.yaml s; ln -s s STATE.yaml; cd -",
    "the change is moved away": "mv agentd/changes/add-x stolen",
    "a link for a folder": "mv agentd/changes c; ln -s ../c agentd/changes",
    "all is gone": "rm -rf agentd",
    "a broken ledger": "echo '{' > agentd/changes/add-x/STATE.yaml",
}


@pytest.mark.parametrize("deed", DEEDS)
def test_what_an_agent_did_before_it_killed_agentd_is_put_back(box: Sandbox, deed: str) -> None:
    before = files(box.root)
    killed_step(box, DEEDS[deed])
    assert files(box.root) != before
    done = box.run("status", "add-x")
    assert "whose agentd was killed, changed what it may not touch: " in done.stderr
    after = files(box.root)
    ledger = "agentd/changes/add-x/STATE.yaml"
    document = "agentd/changes/add-x/CHALLENGE.md"
    for each in (before, after):
        each.pop(document, None)
    assert state_of(box, "add-x")["phase"] == "proposed"
    assert [step for step, _ in calls_of(box, "add-x")] == ["challenge"]
    assert before.pop(ledger).split(b"telemetry:")[0] in after.pop(ledger)
    assert after == before
    assert state_folder_of(str(box.root)) is None


def test_the_next_step_does_not_take_the_work_of_such_a_run(box: Sandbox) -> None:
    killed_step(box, "echo evil >> agentd/config.toml")
    put_plan(box, "challenge", shell=None)
    done = box.run("challenge", "add-x")
    assert done.returncode == 0, done.stderr
    assert "changed what it may not touch: agentd/config.toml" in done.stderr
    assert len(calls_of(box, "add-x")) == 2


def test_what_a_person_does_after_the_run_is_theirs(box: Sandbox) -> None:
    killed_step(box, "echo evil > agentd/specs/new.md")
    time.sleep(0.05)
    config = box.root / "agentd/config.toml"
    config.write_text(config.read_text() + "# a person's\n")
    (box.root / "agentd/specs/mine.md").write_text("# Mine\n")
    box.ok("status", "add-x")
    assert config.read_text().endswith("# a person's\n")
    assert (box.root / "agentd/specs/mine.md").exists()
    assert not (box.root / "agentd/specs/new.md").exists()


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="its monotonic clock goes on")
def test_a_machine_that_was_suspended_was_not_started_anew(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the run of before a boot that never was would have made what a person did since."""
    killed_step(box, "true")
    [mark] = ends(box)
    mark.unlink()
    config = box.root / "agentd/config.toml"
    config.write_text(config.read_text() + "# a person's\n")
    since = time.clock_gettime_ns
    stands_still = time.CLOCK_MONOTONIC
    monkeypatch.setattr(time, "clock_gettime_ns", lambda c: 0 if c == stands_still else since(c))
    told = list(judge_left_guards(box.root))
    assert any("both are kept" in each for each in told), told
    assert config.read_text().endswith("# a person's\n")


def test_a_judgement_that_another_command_makes_is_waited_for(box: Sandbox) -> None:
    """Else the step would count before it is known that its run broke the rules."""
    killed_step(box, "echo evil > agentd/specs/login.md")
    other = os.open(box.root, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    told: list[str] = []
    judging = threading.Thread(target=lambda: told.extend(judge_left_guards(box.root)))
    judging.start()
    judging.join(0.3)
    assert judging.is_alive()
    os.close(other)
    judging.join(20)
    assert any("agentd/specs/login.md" in each for each in told)


def test_after_a_power_cut_what_was_changed_before_it_is_in_doubt(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows how long the run went on, and a person may have worked until then."""
    killed_step(box, "true")
    [mark] = ends(box)
    mark.unlink()
    time.sleep(0.05)
    config = box.root / "agentd/config.toml"
    before = config.read_text()
    config.write_text(before + "# whose?\n")
    time.sleep(0.05)
    monkeypatch.setattr(time, "clock_gettime_ns", lambda _: 0)  # started just now
    [told] = judge_left_guards(box.root)
    assert "both are kept" in told
    assert config.read_text() == before + "# whose?\n"
    [kept] = box.change("add-x").glob("runs/*/forbidden/agentd/config.toml")
    assert kept.read_text() == before
    put_plan(box, "challenge", shell=None)
    assert box.run("challenge", "add-x").returncode == 6


def test_where_nobody_saw_the_end_both_are_kept_and_a_person_decides(box: Sandbox) -> None:
    killed_step(box, "true")
    [mark] = ends(box)
    mark.unlink()
    time.sleep(0.05)
    login = box.root / "agentd/specs/login.md"
    login.write_text("# Whose?\n")
    put_plan(box, "challenge", shell=None)
    done = box.run("challenge", "add-x")
    assert done.returncode == 6, done.stderr
    assert "agentd/specs/login.md" in done.stderr
    assert login.read_text() == "# Whose?\n"
    [kept] = box.change("add-x").glob("runs/*/forbidden/agentd/specs/login.md")
    assert kept.read_text() == "# Login\n"
    box.ok("challenge", "add-x")


def fail(*_: object) -> None:
    raise OSError(errno.EIO, "Input/output error")


def test_a_judgement_that_fails_is_told_and_made_by_the_next_command(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    killed_step(box, "echo evil > agentd/specs/login.md")
    monkeypatch.chdir(box.root)
    with monkeypatch.context() as patch:
        patch.setattr(Guard, "after", fail)
        run(["list"])
    assert "can't be judged now ([Errno 5] Input/output error)" in capsys.readouterr().err
    assert "changed what it may not touch: agentd/specs/login.md" in box.run("list").stderr


def test_a_run_that_cant_be_judged_stays_kept_and_fails_no_report(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    killed_step(box, "echo evil > agentd/specs/login.md")
    monkeypatch.chdir(box.root)
    with monkeypatch.context() as patch:
        patch.setattr(Guard, "after", fail)
        for command in (["status", "add-x"], ["cost", "add-x"], ["log", "add-x"]):
            assert run(command) == 0
            assert "can't be judged now ([Errno 5] Input/output error)" in capsys.readouterr().err
        assert run(["challenge", "add-x"]) == 1
        assert "Mend that" in capsys.readouterr().err
        assert calls_of(box, "add-x") == []
    assert list(box.change("add-x").glob("runs/*/call.unjudged.json"))
    done = box.run("status", "add-x")
    assert "changed what it may not touch: agentd/specs/login.md" in done.stderr
    assert len(calls_of(box, "add-x")) == 1


def test_a_run_that_still_works_is_left(box: Sandbox) -> None:
    kill_agentd(box, "echo evil > agentd/specs/login.md", then=WAITS)
    assert "changed what it may not touch" not in box.run("status", "add-x").stderr
    assert (box.root / "agentd/specs/login.md").read_text() == "evil\n"
    put_plan(box, "challenge", shell=None)
    (box.root.parent / "go").touch()
    done = box.run("challenge", "add-x")  # follows it, should it not have ended yet
    assert "changed what it may not touch: agentd/specs/login.md" in done.stderr
    assert (box.root / "agentd/specs/login.md").read_text() == "# Login\n"


def test_a_state_folder_that_the_agent_deletes_brings_nothing_down(box: Sandbox) -> None:
    put_plan(box, "challenge", shell=f"rm -rf {os.environ['XDG_STATE_HOME']}/agentd")
    done = box.run("challenge", "add-x")
    assert done.returncode in (0, 4), done.stderr
    assert calls_of(box, "add-x") == [("challenge", "ok")]
    kill_agentd(box, f"rm -rf {os.environ['XDG_STATE_HOME']}/agentd")
    until(lambda: not any(living(RunFolder(run)) for run in box.change("add-x").glob("runs/*-*")))
    assert box.run("status", "add-x").returncode == 0
    assert json.loads(box.ok("status", "add-x", "--json"))


def test_putting_back_that_is_killed_is_finished_by_the_next_command(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    before = tree(project.agentd_dir)
    steps = 0
    while True:  # at each n-th rename, until there are no more
        guard = watching(project)
        shutil.rmtree(project.changes_dir / "other")
        put(project.specs_dir / "login.md", f"evil {steps}\n")
        put(project.config_path)

        def restore(guard: Guard = guard, last: int = steps) -> None:
            renames = itertools.count()

            def rename(source: Path, target: Path) -> Path:
                if next(renames) == last:
                    os._exit(9)
                os.replace(source, target)  # noqa: PTH105
                return target

            Path.replace = rename  # type: ignore[method-assign, assignment]
            guard.restore(guard.after())
            os._exit(0)

        [code] = exit_codes([in_child(restore)])
        guard.let_go()
        [taken_over] = Guard.left(project.root)
        with taken_over:
            taken_over.restore(taken_over.after())
        assert tree(project.agentd_dir) == before
        aside = project.changes_dir / "add-x" / ASIDE
        kept = [path.read_text() for path in aside.rglob("login.md*")]
        assert f"evil {steps}\n" in kept
        if code == 0:
            break
        steps += 1
    assert steps > 3


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_what_a_full_disk_keeps_from_coming_back_comes_back_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    project = make_project(tmp_path)
    before = tree(project.agentd_dir)
    guard = watching(project)
    shutil.rmtree(project.changes_dir / "other")
    put(project.specs_dir / "login.md")

    def full(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch, guard:
        patch.setattr("agentd.guard.backup.write_atomic", full)
        assert guard.restore(guard.after()) == []
        assert guard.is_to_be_finished
    [left] = Guard.left(project.root)
    with left:
        left.restore(left.after())
    assert tree(project.agentd_dir) == before
    assert Guard.left(project.root) == []


def test_a_project_that_is_made_anew_at_its_place_is_left_alone(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    watching(project).let_go()
    project.root.rename(tmp_path / "old")
    make_project(tmp_path / "project")
    put(project.config_path, "[claude]\n")
    assert Guard.left(project.root) == []
    assert project.config_path.read_text() == "[claude]\n"
    assert state_folder_of(str(project.root)) is None


@pytest.mark.parametrize("place", [ASIDE, "runs/1", "runs", "runs/1/before"])
@pytest.mark.parametrize("renames", [1, 2])
def test_what_was_moved_out_of_the_way_is_named_by_the_next_command(
    tmp_path: Path, place: str, renames: int
) -> None:
    """agentd is killed after the first or the second of its renames."""
    project = make_project(tmp_path)
    change = project.changes_dir / "add-x"
    guard = watching(project)
    evil = change / place
    if evil.exists():
        shutil.rmtree(evil)
    put(evil, "evil\n")

    def judge() -> None:
        left = iter(range(renames - 1))

        def rename(source: Path | str, target: Path | str) -> None:
            os.replace(source, target)  # noqa: PTH105
            next(left, None) is None and os._exit(9)

        Path.rename = os.rename = rename  # type: ignore[method-assign, assignment]
        guard.after()
        os._exit(9)

    assert exit_codes([in_child(judge)]) == {9}
    guard.let_go()
    [taken_over] = Guard.left(project.root)
    with taken_over:
        found = taken_over.after()
        taken_over.restore(found)
    named = told(found) + repr(found.forbidden)
    assert f"agentd/changes/add-x/{place}" in named, named
    assert not [*project.root.rglob(".*.in-the-way")]
    kept = [path.read_text() for path in (change / ASIDE).rglob("*") if path.is_file()]
    assert "evil\n" in kept
