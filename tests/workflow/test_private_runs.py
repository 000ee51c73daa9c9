"""What agentd keeps of its runs is for the eyes of their owner alone."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback.scenario import Step
from loopback.server import LoopbackApi
from support.loop_box import sandbox
from support.workflow_box import STREAM, box_with, put_change, put_plan
from support.workspace import Sandbox

from agentd.metering.usage import ModelUsage

ASKING_CLI = Path(__file__).parents[1] / "standins" / "asking_cli.py"
CHALLENGE = {"change/CHALLENGE.md": "## Verdict\n- [x] APPROVED\n"}


@pytest.fixture(params=[0o000, 0o022], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    return [
        f"{path.relative_to(folder.parent)} {path.lstat().st_mode & 0o777:o}"
        for path in (folder, *folder.rglob("*"))
        if path.lstat().st_mode & 0o077
    ]


@pytest.mark.usefixtures("umask")
def test_all_runs_of_a_change(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    box.ok("run", "log-in", "Let users in.")
    (archived,) = (box.root / "agentd/archive").iterdir()
    assert len(list((archived / "runs").glob("*/stdout"))) >= 5
    assert open_to_others(archived / "runs") == []


@pytest.mark.usefixtures("umask")
def test_a_relayed_run(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    put_change(box, "add-x", "proposed")
    script = box.root.parent / "gemini"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ASKING_CLI}" "$@"\n')
    change = "agentd/changes/add-x"
    files = {f"{change}/CHALLENGE.md": CHALLENGE["change/CHALLENGE.md"]}
    (tmp_path / "asking.json").write_text(json.dumps({"requests": 1, "files": files}))
    usage = ModelUsage(input_tokens=900, output_tokens=40)
    with LoopbackApi([Step(text="hello", usage=usage, stays=True)]) as api:
        environ = {"GEMINI_API_KEY": "not-a-key", "GOOGLE_GEMINI_BASE_URL": api.url}
        done = box.run("challenge", "add-x", "--model", "gemini-2.5-pro", **environ)
    assert done.returncode == 0, done.stderr
    runs = box.change("add-x") / "runs"
    assert list(runs.glob("*/requests.jsonl"))
    assert list(runs.glob("*/meter.log"))
    assert open_to_others(runs) == []


def test_what_tools_leave_in_the_run_s_folder(tmp_path: Path) -> None:
    box = challenged_box(tmp_path, shell="echo x > $(ls -d agentd/changes/add-x/runs/*/)report")
    assert list((box.change("add-x") / "runs").glob("*/report"))
    assert open_to_others(box.change("add-x") / "runs") == []


def test_an_old_project_is_closed_by_its_next_run(tmp_path: Path) -> None:
    box = challenged_box(tmp_path)
    runs = box.change("add-x") / "runs"
    for path in (runs, *runs.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    told = box.run("doctor").stdout
    assert "other users of this machine may read agentd/changes/add-x/runs/" in told
    assert box.run("challenge", "add-x").returncode == 0
    assert open_to_others(runs) == []
    assert "other users" not in box.run("doctor").stdout


def challenged_box(folder: Path, **plan: object) -> Sandbox:
    box = box_with(folder)
    put_change(box, "add-x", "proposed")
    box.answer("challenge", STREAM, CHALLENGE)
    put_plan(box, "challenge", **plan)
    box.ok("challenge", "add-x")
    return box
