"""Files replaced as a whole: several writers at once, and what killed ones leave."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from support.state_samples import exit_codes, in_child

from agentd import files
from agentd.files import move_over, write_atomic


def test_writers_that_race_never_mix(tmp_path: Path) -> None:
    """They share no temporary name; one of them wins."""
    path = tmp_path / "file"
    texts = [str(number).encode() * 300_000 for number in range(4)]

    def work(text: bytes) -> None:
        for _ in range(30):
            write_atomic(path, text)

    pids = [in_child(lambda text=text: work(text)) for text in texts]
    while not path.exists():
        time.sleep(0.001)
    for _ in range(200):
        assert path.read_bytes() in texts
    assert exit_codes(pids) == {0}
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", [".file.tmp", ".file.0123abcd.tmp"])
def test_what_a_killed_writer_left_is_removed(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("half")
    (tmp_path / ".files.tmp").write_text("another's")
    write_atomic(tmp_path / "file", b"whole")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".files.tmp", "file"]


def test_permissions_stay(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"1")
    path.chmod(0o640)
    write_atomic(path, b"2")
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="is no regular file"):
        move_over(tmp_path / "pipe", tmp_path / "x")


def test_a_move_is_on_disk_where_it_came_to_before_where_it_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(files, "sync_folder", synced.append)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "a/x").touch()
    move_over(tmp_path / "a/x", tmp_path / "b/x")
    assert synced == [tmp_path / "b", tmp_path / "a"]
