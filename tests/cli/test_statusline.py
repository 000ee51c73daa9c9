"""``agentd statusline``: one line for Claude Code, whatever is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest
from support.cost_box import CONFIG, add, call
from support.warm_start import run_agentd
from support.workspace import Sandbox, make_sandbox


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    box = make_sandbox(tmp_path, f"{CONFIG}\n[budget]\nlimit_usd = 0.5\n")
    add(box, "old", call(9), archived=True)
    add(box, "add-oauth", call(1, cost_usd=Decimal("0.46")))
    return box


def line(cwd: Path, told: object = None, *arguments: str) -> str:
    """What it prints; it always ends well, and says nothing on stderr."""
    stdin = told if isinstance(told, bytes) else json.dumps(told).encode()
    done = run_agentd(*arguments, "statusline", cwd=cwd, stdin=stdin)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == bool(done.stdout)
    return done.stdout.decode().removesuffix("\n")


def test_change_phase_and_dollars(box: Sandbox, tmp_path: Path) -> None:
    shown = "add-oauth: proposed, $0.46 of $0.50 (92 %, $0.04 left)"
    assert line(box.root) == shown
    below = box.root / "src"
    below.mkdir()
    for told in (
        {"workspace": {"current_dir": str(below), "project_dir": "/"}},
        {"workspace": {"current_dir": "/no/such", "project_dir": str(box.root)}},
    ):
        assert line(tmp_path, told) == shown
    assert line(tmp_path, None, "-C", str(box.root)) == shown


def test_what_a_cost_is(box: Sandbox) -> None:
    config = box.root / "agentd" / "config.toml"
    config.write_text(config.read_text().replace("limit_usd = 0.5", ""))
    assert line(box.root) == "add-oauth: proposed, $0.46"
    box.ok("status")
    add(box, "cut", call(2, accuracy="heuristic", why="answer cut"))
    assert line(box.root) == "cut: proposed, at least $0.01"
    free = {"cost_usd": Decimal(0), "cost_source": "none"}
    add(box, "free", call(3, model="who-knows", **free))
    assert line(box.root) == "free: proposed, unpriced"
    add(box, "some", call(4), call(5, model="who-knows", **free))
    assert line(box.root) == "some: proposed, $0.01 +unpriced"
    add(box, "none")
    assert line(box.root) == "none: proposed, $0.00"


@pytest.mark.parametrize(
    "told", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"workspace": 1}', b"[" * 9999]
)
def test_odd_input_is_none(box: Sandbox, told: bytes) -> None:
    assert line(box.root, told).startswith("add-oauth: ")


def test_no_error_reaches_the_editor(box: Sandbox, tmp_path: Path) -> None:
    assert line(tmp_path) == ""
    state = box.change("add-oauth") / "STATE.yaml"
    whole = state.read_text()
    state.write_text("{")
    assert line(box.root) == "add-oauth: see agentd status"
    state.write_text(whole)
    (box.root / "agentd" / "config.toml").write_text("[budget]\nlimit_usd = -1\n")
    assert line(box.root) == "add-oauth: proposed, $0.46; config: see agentd status"
    before = sorted(box.root.rglob("*"))
    line(box.root)
    assert sorted(box.root.rglob("*")) == before


def test_stdin_that_stays_open_and_a_reader_that_is_gone(box: Sandbox) -> None:
    command = [sys.executable, "-m", "agentd", "statusline"]
    began = time.monotonic()
    with subprocess.Popen(
        command, cwd=box.root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ
    ) as process:
        assert process.stdout is not None
        assert process.stdout.read().startswith(b"add-oauth: ")
        assert process.wait() == 0
    assert time.monotonic() - began < 30
    source, target = os.pipe()
    os.close(source)
    done = subprocess.run(
        command, cwd=box.root, input=b"", stdout=target, stderr=subprocess.PIPE, check=False
    )
    os.close(target)
    assert (done.returncode, done.stderr) == (0, b"")
