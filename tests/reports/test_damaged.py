"""One damaged change keeps nobody from the rest of the project, whatever the damage is."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.state_samples import CALL, new_store

from agentd.cli import run

GB = 1 << 30
RUN = "runs/20261122T054052-review-6f1c2a9b"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with two changes; add-oauth is to be damaged."""
    monkeypatch.chdir(tmp_path)
    changes = tmp_path / "agentd" / "changes"
    changes.mkdir(parents=True)
    (tmp_path / "agentd" / "config.toml").write_text("[budget]\nlimit_usd = 5\n[claude]\n")
    new_store(changes).append(CALL)
    shutil.copytree(changes / "add-oauth", changes / "sound")
    (changes / "add-oauth" / "proposal.md").write_text("# Add OAuth\n")
    yield tmp_path
    deep = changes / "add-oauth" / "specs"
    if deep.is_dir():
        remove_deep(deep)


def remove_deep(folder: Path) -> None:
    """pytest can't."""
    from agentd.files import remove_tree

    remove_tree(folder)


def pipes(*names: str) -> Callable[[Path], None]:
    def make(change: Path) -> None:
        for name in names:
            path = change / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            os.mkfifo(path)

    return make


def huge(*names: str) -> Callable[[Path], None]:
    def make(change: Path) -> None:
        for name in names:
            path = change / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.truncate(GB)

    return make


def state(text: str) -> Callable[[Path], None]:
    return lambda change: (change / "STATE.yaml").write_text(text) and None


def nested(change: Path) -> None:
    """1,500 folders in each other, with a spec at the bottom."""
    back = os.open(".", os.O_RDONLY)
    (change / "specs").mkdir()
    os.chdir(change / "specs")
    for _ in range(1500):
        os.mkdir("d")  # noqa: PTH102 - no path can be so long
        os.chdir("d")
    Path("x.md").write_text("# x\n")
    os.fchdir(back)
    os.close(back)


BOMB = "a: &a0 [x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)
)
DAMAGE: dict[str, Callable[[Path], None]] = {
    "its ledger is a named pipe": pipes("STATE.yaml"),
    "its documents are": pipes("proposal.md", "tasks.md", "REVIEW.md", "specs/a.md"),
    "the files of a run are": pipes(*(f"{RUN}/{n}" for n in ("run.json", "stdout", "prompt"))),
    "a call that waits is": pipes(f"{RUN}/call.pending.json", f"{RUN}/lock"),
    "its locks are": pipes("runs/.work", "runs/.lock", "runs/.gitignore"),
    "its ledger is huge": huge("STATE.yaml"),
    "its documents are huge": huge("proposal.md", "tasks.md", "REVIEW.md", "specs/a.md"),
    "the files of a run are huge": huge(f"{RUN}/run.json", f"{RUN}/requests.jsonl"),
    "aliases grow without end": state(BOMB + "phase: proposed\n"),
    "an anchor holds itself": state("phase: &a [*a]\ntelemetry: &b {calls: *b}\n"),
    "a number is endless": state(f"telemetry: {{calls: [{{step: a, tokens_in: {'9' * 5000}}}]}}\n"),
    "a count is endless": state(f"phase: proposed\niteration: {'9' * 5000}\n"),
    "the count of a reset is": state(f"phase: proposed\nbudget_reset_calls: {'9' * 5000}\n"),
    "it is nested": nested,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_rest_is_told(damage: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    DAMAGE[damage](project / "agentd" / "changes" / "add-oauth")
    began = time.process_time()
    for command in (["status", "sound"], ["list"], ["cost", "--all"], ["cost", "--all", "--json"]):
        assert run(command) in (0, 1)
        out, err = capsys.readouterr()
        assert re.search(r"0\.0035|0\.0070", out), (command, err)
        assert "Traceback" not in err
    for command in (["status", "add-oauth"], ["validate", "add-oauth"], ["log", "add-oauth"]):
        assert run(command) in (0, 1)
        assert "Traceback" not in capsys.readouterr().err
    assert time.process_time() - began < 10


@pytest.mark.parametrize("value", ["1e999999", "1e99999999999999999999", "9" * 5000, "1e-999999"])
def test_a_limit_beyond_all_numbers_is_a_wrong_value(
    value: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = project / "agentd" / "config.toml"
    config.write_text(f"[budget]\nlimit_usd = {value}\n[claude]\n")
    for command in (["status", "sound"], ["list"], ["cost", "--all"]):
        assert run(command) in (0, 1)
        assert "Traceback" not in capsys.readouterr().err
    assert run(["doctor"]) == 1
    assert "config.toml" in capsys.readouterr().out


@pytest.mark.parametrize("zone", ["UTC+25", "Nowhere/City", "/etc/passwd"])
def test_a_time_zone_that_is_none(
    zone: str, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for command in (["cost", "--by", "day"], ["cost", "--since", "7d"], ["status", "sound"]):
            assert run(command) in (0, 1)
            assert "Traceback" not in capsys.readouterr().err
        from agentd.clock import local_time

        assert len(local_time()) == 8
    finally:
        monkeypatch.undo()
        time.tzset()
