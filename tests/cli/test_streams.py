"""Standard streams that are closed, full, or that nobody reads to their end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agentd.cli import run

AGENTD = f"{sys.executable} -m agentd"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert run(["init"]) == 0
    return tmp_path


def shell(line: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-o", "pipefail", "-c", line.replace("agentd", AGENTD, 1)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("command", ["doctor", "cost --all --json"])
@pytest.mark.parametrize(
    ("stream", "codes"),
    [
        *((">&-", (0, 1)), ("2>&-", (0, 1)), ("<&- >&- 2>&-", (0, 1))),
        *((">/dev/full", (1,)), ("2>/dev/full", (0, 1)), ("| head -c 1", (0, 1))),
    ],
)
def test_it_ends_without_a_traceback(
    command: str, stream: str, codes: tuple[int, ...], project: Path
) -> None:
    done = shell(f"agentd {command} {stream}", project)
    assert done.returncode in codes
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_pipe_wants_both(project: Path) -> None:
    for closed in ("<&-", ">&-"):
        done = shell(f"agentd pipe --model gpt-4o {closed}", project)
        assert done.returncode == 1
        assert "stdin or stdout is closed" in done.stderr


@pytest.mark.parametrize("arguments", ["status", "cost --json", "init"])
def test_a_folder_that_is_gone_is_said(tmp_path: Path, arguments: str) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    done = subprocess.run(
        ["sh", "-c", f"rmdir ../gone; {sys.executable} -m agentd {arguments}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "the current folder is gone" in done.stdout + done.stderr
