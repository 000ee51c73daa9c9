"""A baseline on disk: what is kept in it is there again in another process, or nothing is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.state_samples import exit_codes, in_child

from agentd.guard.baseline import Baseline
from agentd.guard.tree import Look


def make(tmp_path: Path) -> Baseline:
    baseline = Baseline.new(tmp_path / "x.baseline")
    (tmp_path / "small").write_bytes(b"small\n")
    (tmp_path / "big").write_bytes(b"big" * 100)
    (tmp_path / "link").symlink_to("nowhere\udcff")
    (tmp_path / "odd\udcff\n").write_bytes(b"")
    for name in ("small", "big", "link", "odd\udcff\n", "absent"):
        baseline.keep(tmp_path / name, up_to=10)
    baseline.note(tmp_path / "tracked", Look("file", 0o644, 7, inode=3))
    baseline.keep_bytes("ignored", b"\0\xff" * 3)
    baseline.facts["call"] = {"id": "1", "documents": ["a", "b"]}
    return baseline


def check(tmp_path: Path) -> None:
    found = Baseline.open(tmp_path / "x.baseline")
    assert found is not None
    assert found.facts == {"call": {"id": "1", "documents": ["a", "b"]}}
    assert found.kept_bytes("ignored") == b"\0\xff" * 3
    assert found.kept_bytes("other") is None
    assert found.data(tmp_path / "small") == b"small\n"
    assert found.data(tmp_path / "odd\udcff\n") == b""
    assert [found.data(tmp_path / name) for name in ("big", "link", "absent", "tracked")] == [
        None
    ] * 4
    assert found.entries[tmp_path / "tracked"].inode == 3
    assert found.entries[tmp_path / "link"].digest == b"nowhere\xff"
    stat = (tmp_path / "small").stat()
    look = found.entries[tmp_path / "small"]
    assert look.stamp[2:] == (6, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
    assert found.entries == make_looks(tmp_path)
    found.delete()
    assert not (tmp_path / "x.baseline").exists()


def make_looks(tmp_path: Path) -> dict[Path, Look]:
    (tmp_path / "again").mkdir()
    other = make(tmp_path / "again")
    other.close()
    return {tmp_path / path.name: look for path, look in other.entries.items()}


def test_what_is_kept_is_there_in_another_process(tmp_path: Path) -> None:
    make(tmp_path).seal()
    check(tmp_path)


def test_what_is_kept_can_be_read_before_and_after_it_is_sealed(tmp_path: Path) -> None:
    baseline = make(tmp_path)
    assert baseline.data(tmp_path / "small") == b"small\n"
    baseline.seal()
    assert baseline.data(tmp_path / "small") == b"small\n"
    assert baseline.kept_bytes("ignored") == b"\0\xff" * 3


def test_it_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make(tmp_path)
    finally:
        os.umask(before)
    assert (tmp_path / "x.baseline").stat().st_mode & 0o777 == 0o600


def test_one_that_was_never_sealed_is_none(tmp_path: Path) -> None:
    def die() -> None:
        make(tmp_path)
        os._exit(9)

    assert exit_codes([in_child(die)]) == {9}
    assert Baseline.open(tmp_path / "x.baseline") is None


@pytest.mark.parametrize("damage", ["cut", "changed", "longer", "empty"])
def test_one_that_is_damaged_is_none(tmp_path: Path, damage: str) -> None:
    make(tmp_path).seal()
    path = tmp_path / "x.baseline"
    data = path.read_bytes()
    damaged = {
        "cut": data[:-1],
        "changed": data.replace(b"documents", b"dOcuments"),
        "longer": data + b"\n",
        "empty": b"",
    }
    path.write_bytes(damaged[damage])
    assert Baseline.open(path) is None
