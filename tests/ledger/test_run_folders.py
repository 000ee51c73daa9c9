"""Runs that are another user's: their ledger can be read, they can't."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.changes import change_at
from support.state_samples import exit_codes, in_child

from agentd.errors import InputError
from agentd.ledger.run_folders import is_closed, run_dirs
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


def test_what_another_user_sees(change: Change) -> None:
    def look() -> None:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        assert run_dirs(change.runs_dir) == []
        assert is_closed(change.runs_dir)
        assert worker_on(change) is None
        (note,) = enter_unentered(change).notes
        assert note.startswith("change add-x: its runs are another user's")
        with pytest.raises(InputError, match="is another user's, who alone works on add-x here"):
            at_work(change).__enter__()

    assert exit_codes([in_child(look)]) == {0}
    assert [path.name for path in run_dirs(change.runs_dir)] == ["1"]


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
