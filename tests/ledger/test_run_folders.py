"""Runs that are another user's: their ledger can be read, they can't."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import pytest
from support.changes import change_at
from support.state_samples import CALL, exit_codes, in_child

from agentd.cli import run
from agentd.errors import InputError
from agentd.ledger.run_folders import is_closed, run_dirs
from agentd.ledger.store import StateStore
from agentd.project.change import Change
from agentd.project.hold import at_work, worker_on
from agentd.workflow.unentered import enter_unentered

NOBODY = 65534
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")


@pytest.fixture
def change() -> Iterator[Change]:
    """It lies where others may go."""
    root = Path(tempfile.mkdtemp(prefix="agentd-shared-"))
    root.chmod(0o755)
    runs = root / "agentd/changes/add-x/runs"
    runs.mkdir(parents=True)
    (runs / "1").mkdir()
    runs.chmod(0o700)
    (root / "agentd/config.toml").write_text('project_name = "x"\n')
    yield change_at(runs.parent)
    shutil.rmtree(root)


def become_nobody() -> None:
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def test_what_another_user_sees(change: Change) -> None:
    def look() -> None:
        become_nobody()
        assert run_dirs(change.runs_dir) == []
        assert is_closed(change.runs_dir)
        assert worker_on(change) is None
        (note,) = enter_unentered(change).notes
        assert note.startswith("change add-x: its runs are another user's")
        with pytest.raises(InputError, match="is another user's, who alone works on add-x here"):
            at_work(change).__enter__()

    assert exit_codes([in_child(look)]) == {0}
    assert [path.name for path in run_dirs(change.runs_dir)] == ["1"]


@pytest.mark.parametrize(
    "command", ["status add-x", "list", "cost add-x", "log add-x --requests", "validate add-x"]
)
def test_what_another_user_can_run(
    change: Change, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(change.project.root)
    store = StateStore(change.folder)
    store.create(change.id)
    store.append(CALL)
    store.path.chmod(0o644)

    def look() -> None:
        first = run(command.split())  # loads what another user may not be let to read
        become_nobody()
        with redirect_stderr(StringIO()) as told:
            assert run(command.split()) == first
        assert "denied" not in told.getvalue()
        assert "its runs are another user's" in told.getvalue() or "validate" in command

    assert exit_codes([in_child(look)]) == {0}


def test_a_folder_of_ones_own_that_is_closed_is_no_empty_one(
    change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(_: Path) -> None:
        raise PermissionError

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", closed)
        patched.setattr(os, "access", lambda *_: False)
        with pytest.raises(PermissionError):
            run_dirs(change.runs_dir)
