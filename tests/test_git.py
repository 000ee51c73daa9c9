"""git is started in one place, asked about the project's own repository, and never waits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import agentd
from agentd import git


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git.output(tmp_path, "init", "-q")
    return tmp_path


def stand_in(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program ``git`` in a PATH of its own."""
    folder.mkdir()
    (folder / "git").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")


def test_the_repository_is_that_around_the_folder(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a hook git sets GIT_DIR for what it starts."""
    monkeypatch.setenv("GIT_DIR", "/nowhere/.git")
    monkeypatch.setenv("GIT_WORK_TREE", "/nowhere")
    top = git.output(repository, "rev-parse", "--show-toplevel")
    assert Path(top.decode().strip()) == repository.resolve()


def test_settings_of_the_environment_count_unless_they_must_not(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "agentd.test")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "here")
    assert git.output(repository, "config", "agentd.test") == b"here\n"
    assert git.run(repository, "config", "agentd.test", own_settings=False).returncode == 1


def test_a_repository_starts_no_program(repository: Path) -> None:
    (repository / "monitor").write_text("#!/bin/sh\ntouch started\n")
    (repository / "monitor").chmod(0o755)
    git.output(repository, "config", "core.fsmonitor", str(repository / "monitor"))
    (repository / ".git/hooks").mkdir(exist_ok=True)
    (repository / ".git/hooks/reference-transaction").symlink_to(repository / "monitor")
    git.output(repository, "status")
    blob = git.run(repository, "hash-object", "-w", "--stdin", send=b"x").stdout.decode().strip()
    git.output(repository, "update-ref", "refs/tags/x", blob)
    assert not (repository / "started").exists()


def test_why_git_could_not_be_asked(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(git.GitFailed, match="Needed a single revision"):
        git.output(repository, "rev-parse", "--verify", "nothing")
    with pytest.raises(git.GitFailed, match="No such file"):
        git.run(tmp_path / "gone", "status")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(git.NoGit):
        git.run(repository, "status")


def test_a_git_that_hangs_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path / "bin", "exec sleep 60", monkeypatch)
    monkeypatch.setattr(git, "TIMEOUT_S", 0.2)
    with pytest.raises(git.GitFailed, match="timed out"):
        git.run(tmp_path, "status")


def test_no_other_module_starts_git() -> None:
    package = Path(agentd.__file__).parent
    starts = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if (text := path.read_text())
        and re.search(r"\bsubprocess\b|\bos\.(exec|spawn|posix_spawn)", text)
        and re.search(r"""["']git["'],|which\(["']git["']\)""", text)
    ]
    assert starts == ["git.py"]
