"""A change as an object: what is read of it is kept until it is another, and no longer."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.changes import change_at

import agentd
from agentd.errors import StateError
from agentd.ledger import document
from agentd.ledger.store import StateStore
from agentd.project.change import Change
from agentd.project.changes import all_changes, find_change, open_changes


@pytest.fixture
def change(tmp_path: Path) -> Change:
    folder = tmp_path / "agentd/changes/add-x"
    StateStore(folder).create("add-x")
    return change_at(folder)


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []
    read = document.read

    def counted(source: document.Source, *keys: object) -> document.Document:
        seen.append(source.text)
        return read(source, *keys)  # type: ignore[arg-type]

    monkeypatch.setattr(document, "read", counted)
    return seen


def test_the_state_is_read_once(change: Change, parses: list[str]) -> None:
    assert change.state is change.state
    assert len(parses) == 1


def test_what_agentd_writes_is_seen(change: Change) -> None:
    assert change.state.phase == "proposed"
    change.ledger.update(phase="challenged")
    assert change.state.phase == "challenged"


def test_what_another_process_writes_is_seen(change: Change) -> None:
    assert change.state.phase == "proposed"
    StateStore(change.folder).update(phase="challenged")
    assert change.state.phase == "challenged"


def test_an_edit_in_place_is_seen(change: Change) -> None:
    assert change.state.phase == "proposed"
    path = change.folder / "STATE.yaml"
    found = path.stat()
    path.write_text(path.read_text().replace("proposed", "complete"))
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))  # nor does its size tell
    assert change.state.phase == "complete"


def test_a_state_that_is_gone_is_an_error_though_it_was_read(change: Change) -> None:
    assert change.state.phase == "proposed"
    (change.folder / "STATE.yaml").unlink()
    with pytest.raises(StateError, match="is missing"):
        _ = change.state


def test_after_a_run_all_is_read_anew(change: Change, parses: list[str]) -> None:
    _ = change.state
    change.forget()
    _ = change.state
    assert len(parses) == 2


def test_a_text_is_read_once_and_again_when_it_is_another(
    change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agentd.project import text_file

    read, seen = text_file.read_text, []

    def counted(path: Path) -> tuple[str, str]:
        seen.append(path.name)
        return read(path)

    monkeypatch.setattr(text_file, "read_text", counted)
    assert change.text("tasks.md") is None
    (change.folder / "tasks.md").write_text("- [ ] 1.1 a\n")
    assert change.text("tasks.md") == change.text("tasks.md") == "- [ ] 1.1 a\n"
    assert seen == ["tasks.md"]
    (change.folder / "tasks.md").write_text("- [x] 1.1 a\n- [x] 1.2 b\n")
    assert change.text("tasks.md") == "- [x] 1.1 a\n- [x] 1.2 b\n"
    (change.folder / "tasks.md").write_bytes(b"\xff")
    assert change.text("tasks.md") is None


def test_a_change_loads_no_config_until_it_is_asked(change: Change) -> None:
    script = (
        "import sys; from pathlib import Path; from agentd.project.change import Change\n"
        "from agentd.project.layout import Project\n"
        f"c = Change(Project(Path({str(change.project.root)!r})), 'add-x', "
        f"Path({str(change.folder)!r}))\n"
        "c.state, c.text('x'), c.documents('specs')\n"
        "print([m for m in sys.modules if m.startswith(('tomllib', 'agentd.config'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_outside_its_room_a_ledger_is_made_in_one_place() -> None:
    root = Path(agentd.__file__).parent
    made = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "StateStore"
    }
    assert {name for name in made if not name.startswith("ledger/")} == {"project/change.py"}


@pytest.mark.parametrize("waits", [False, True])
def test_runs_that_git_leaves_of_a_change_that_came_in_archived_are_no_change(
    change: Change, waits: bool
) -> None:
    """A merge moves what it tracks, and runs/ is ignored; a call that waits there keeps it."""
    run = change.runs_dir / "20261130T101010-proposal-15c97f56"
    run.mkdir(parents=True)
    if not waits:
        (run / "call.json").write_text("{}")
    archived = change.project.archive_dir / "20261130-add-x"
    archived.mkdir(parents=True)
    (change.folder / "STATE.yaml").rename(archived / "STATE.yaml")
    expected = change.folder if waits else archived
    assert find_change(change.project, "add-x").folder == expected
    assert [each.folder for each in open_changes(change.project)] == [change.folder] * waits
    assert len(all_changes(change.project)) == 1 + waits
    (archived / "STATE.yaml").unlink()
    assert find_change(change.project, "add-x").folder == change.folder
