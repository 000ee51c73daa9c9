"""Folders and files that nobody but their owner may look into."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentd.files import make_private, make_private_folder, write_atomic, write_private


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return path.lstat().st_mode & 0o777


@pytest.mark.usefixtures("umask")
def test_new_ones_are_their_owner_s_alone(tmp_path: Path) -> None:
    folder = tmp_path / "above/runs"
    make_private_folder(folder)
    write_private(folder / "stdout")
    write_atomic(folder / "run.json", b"{}")
    assert [mode(path) for path in (folder, *sorted(folder.iterdir()))] == [0o700, 0o600, 0o600]


def test_elsewhere_the_umask_decides(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    before = os.umask(0o002)
    try:
        write_atomic(tmp_path / "STATE.yaml", b"")
        assert mode(tmp_path / "STATE.yaml") == 0o664
    finally:
        os.umask(before)


def test_old_ones_are_closed_to_others(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    (runs / "1").mkdir(parents=True)
    (runs / "1/tool").write_text("#!/bin/sh\n")
    (runs / "1/tool").chmod(0o755)
    (runs / "1/stdout").write_text("")
    (runs / "1/stdout").chmod(0o644)
    os.mkfifo(runs / "1/pipe")
    make_private_folder(runs)
    found = {path.name: mode(path) for path in (runs, *runs.rglob("*"))}
    assert found.pop("pipe") & 0o077 == 0
    assert found == {"runs": 0o700, "1": 0o700, "tool": 0o700, "stdout": 0o600}


def test_nothing_elsewhere_is_touched(tmp_path: Path) -> None:
    for name in ("linked", "named twice"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o644)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "linked")
    (folder / "name").hardlink_to(tmp_path / "named twice")
    make_private(folder)
    assert mode(tmp_path / "linked") == mode(tmp_path / "named twice") == 0o644


def test_a_thousand_folders_deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(1500):
        os.mkdir("d")  # noqa: PTH102 - its whole path is too long for the kernel
        os.chdir("d")
    os.chdir(tmp_path)
    try:
        make_private(tmp_path)
        assert mode(tmp_path / "d/d/d") == 0o700
    finally:
        subprocess.run(["rm", "-r", "d"], check=True)  # it is too deep for pytest to remove
