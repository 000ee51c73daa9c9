"""Webhooks: what is sent, and that nothing of it delays, fails or gives away anything."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from support.budget_box import APPROVED, PRICED, configure
from support.webhook import webhook
from support.workflow_box import STREAM, box_with, put_change
from support.workspace import Sandbox

from agentd.workflow.notify.notices import Notice, body_of
from agentd.workflow.notify.outbox import Outbox

NOTIFY = '\n[notify]\nurl_env = "HOOK"\n'
NOTICE = Notice(
    event="end",
    project="shop",
    change_id="add-x",
    phase="challenged",
    text="a <b> & sk-ant-api03-abcdefghijklmnop1234\x1b[31m",
    at=datetime(2026, 11, 30, tzinfo=UTC),
    spent_usd=Decimal("1.191"),
)


def plan_box(folder: Path, more: str) -> Sandbox:
    """A change that one call challenges, for $1.191."""
    box = box_with(folder, workflow="planning_iterations = 1")
    configure(box, f"{PRICED}{more}")
    box.answer("challenge", STREAM, APPROVED)
    put_change(box, "add-x", "proposed")
    return box


def test_a_mark_and_the_end_are_told(tmp_path: Path) -> None:
    box = plan_box(tmp_path, f"[budget]\nlimit_usd = 1.2\n{NOTIFY}")
    with webhook() as hook:
        done = box.run("plan", "add-x", HOOK=hook.url)
        assert done.returncode == 0, done.stderr
        mark, end = sorted(hook.wait_for(2), key=lambda one: str(one["event"]), reverse=True)
    assert "SECRETPATH" not in done.stdout + done.stderr
    assert mark == {
        "event": "threshold",
        "project": "test",
        "change_id": "add-x",
        "phase": "challenged",
        "text": mark["text"],
        "fix": None,
        "exit_code": None,
        "spent_usd": 1.191,
        "at": mark["at"],
    }
    assert not mark["text"].startswith("[")
    assert "$1.19" in mark["text"]
    assert mark["text"] in done.stderr
    assert (end["event"], end["text"], end["exit_code"]) == ("end", "done", 0)
    assert hook.kinds == ["application/json"] * 2


def test_only_what_is_asked_for_and_nothing_without_a_url(tmp_path: Path) -> None:
    box = plan_box(tmp_path, f'[budget]\nlimit_usd = 1.2\n{NOTIFY}on = ["gate"]\n')
    with webhook() as hook:
        box.run("plan", "add-x", HOOK=hook.url)
        time.sleep(0.3)
        assert hook.sent == []
    other = plan_box(tmp_path / "other", NOTIFY)
    done = other.run("plan", "add-x")
    assert done.returncode == 0
    assert done.stderr.count("warning: HOOK of [notify] is not set: nothing is sent") == 1


def test_a_gate_and_what_ends_a_loop_are_told(tmp_path: Path) -> None:
    box = box_with(tmp_path, workflow='gates = ["plan"]\nplanning_iterations = 1')
    configure(box, f'{PRICED}{NOTIFY}form = "slack"\n')
    box.answer("challenge", STREAM, APPROVED)
    put_change(box, "add-x", "proposed")
    with webhook() as hook:
        paused = box.run("run", "add-x", HOOK=hook.url)
        assert paused.returncode == 6, paused.stderr
        box.answer("challenge", STREAM, {"change/CHALLENGE.md": "## Verdict\n- [x] REJECTED\n"})
        put_change(box, "add-y", "proposed")
        rejected = box.run("plan", "add-y", HOOK=hook.url)
        assert rejected.returncode in (5, 6), rejected.stderr
        gate, end = hook.wait_for(2)
    assert gate.keys() == {"text"}
    assert gate["text"].startswith("*test/add-x*: add-x: the gate after plan waits for a person (")
    assert "agentd run add-x --approve plan" in gate["text"]
    assert end["text"].startswith("*test/add-y*: ")


def plan(box: Sandbox, change_id: str, hook: str) -> subprocess.Popen[str]:
    """A loop that can be stopped."""
    return subprocess.Popen(
        [sys.executable, "-m", "agentd", "plan", change_id],
        cwd=box.root,
        env={**os.environ, "HOOK": hook},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_what_a_person_stops_is_not_told(tmp_path: Path) -> None:
    box = plan_box(tmp_path, NOTIFY)
    box.answer("challenge", STREAM, APPROVED, shell="touch ../begun; sleep 60")
    with webhook() as hook:
        agentd = plan(box, "add-x", hook.url)
        deadline = time.monotonic() + 30
        while not (box.root.parent / "begun").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        agentd.send_signal(signal.SIGINT)
        _, said = agentd.communicate(timeout=60)
        assert agentd.returncode == 130, said
        assert "step challenge was stopped" in said
        time.sleep(0.5)  # a notice may come behind the end
        assert hook.sent == []


@pytest.mark.parametrize(
    ("hook", "told"),
    [
        ({"status": 500}, "a notice to HOOK was not sent: HTTP 500"),
        ({"status": 404}, "a notice to HOOK was not sent: HTTP 404"),
        ({"delay_s": 20}, None),
    ],
)
def test_one_that_fails_or_is_slow_changes_nothing(
    tmp_path: Path, hook: dict[str, float], told: str | None
) -> None:
    box = plan_box(tmp_path, NOTIFY)
    with webhook(**hook) as slow:  # type: ignore[arg-type]
        began = time.monotonic()
        done = box.run("plan", "add-x", HOOK=slow.url)
        took_s = time.monotonic() - began
        slow.wait_for(1)
    assert done.returncode == 0, done.stderr
    assert "SECRETPATH" not in done.stdout + done.stderr
    if told is None:
        assert took_s < 20
        assert "notice" not in done.stderr
    else:
        assert told in done.stderr or "notice" not in done.stderr  # a busy machine: it came later


def test_a_webhook_that_hangs_costs_a_step_nothing_and_outlives_agentd(tmp_path: Path) -> None:
    """A step by itself does not wait at all; agentd is killed while the notice is on its way."""
    box = plan_box(tmp_path, f"[budget]\nlimit_usd = 1.2\n{NOTIFY}")
    with webhook(delay_s=30) as hook:
        began = time.monotonic()
        done = box.run("challenge", "add-x", HOOK=hook.url)
        assert time.monotonic() - began < 9  # less than the sender's own patience
        assert done.returncode == 0, done.stderr
        [mark] = hook.wait_for(1)
        assert mark["event"] == "threshold"
    put_change(box, "add-y", "proposed")
    with webhook(delay_s=3) as hook:
        agentd = plan(box, "add-y", hook.url)
        # The first notice is out, the command waits for its end or makes the next one.
        assert hook.wait_for(1)
        agentd.kill()
        agentd.communicate()
        assert hook.sent[0]["change_id"] == "add-y"
    ledger = (box.change("add-y") / "STATE.yaml").read_text()
    assert ledger.count("- id: ") == 1  # recorded before anybody was told


def sender(url: str, **more: str) -> tuple[int, str]:
    """What the process that sends says of this URL, and its exit code."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "agentd.workflow.notify.send", "HOOK"],
        env={**os.environ, "HOOK": url, **more},
        input=b'{"a": 1}',
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""
    return done.returncode, done.stdout.decode()


def test_what_the_sender_says(tmp_path: Path) -> None:
    with webhook() as hook:
        assert sender(hook.url) == (0, "")
        assert hook.sent == [{"a": 1}]
    gone = sender(hook.url)
    assert gone == (0, "connection refused")
    with webhook() as target, webhook(status=302, location=target.url) as hook:
        assert sender(hook.url) == (0, "HTTP 302, a redirect, which is not followed")
        assert target.sent == []
    for url in (
        "file:///etc/passwd",
        "hooks.slack.com/SECRETPATH",
        "http://",
        "http://[::1",
        "x y",
    ):
        assert sender(url) == (0, "its value is no http or https URL")
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    told = "NODE_EXTRA_CA_CERTS names a file without certificates"
    assert sender("https://127.0.0.1:1/x", NODE_EXTRA_CA_CERTS=str(junk)) == (0, told)


def test_a_step_waits_a_second_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    with webhook(delay_s=30) as hook:
        monkeypatch.setenv("HOOK", hook.url)
        outbox = Outbox()
        for _ in range(3):
            outbox.send("HOOK", b"{}")
        hook.wait_for(3)
        began = time.monotonic()
        outbox.wait(said.append)
        assert 0.9 < time.monotonic() - began < 2
        outbox.wait(said.append)
    assert said == []


def test_no_module_of_the_project_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "aiohttp.py").write_text("raise SystemExit(7)\n")
    monkeypatch.chdir(tmp_path)
    with webhook() as hook:
        assert sender(hook.url) == (0, "")


def test_keys_and_control_characters_are_not_sent() -> None:
    as_json, as_slack = (body_of(NOTICE, form).decode() for form in ("json", "slack"))  # type: ignore[arg-type]
    for body in (as_json, as_slack):
        assert not re.search("sk-ant|\x1b|\\\\u001b", body)
    assert "a &lt;b&gt; &amp; ***" in as_slack
    assert "($1.19 so far)" in as_slack
    assert '"spent_usd": 1.191' in as_json
