"""What a person sees while a call runs: on a real terminal, in a pipe, quiet, verbose."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.recordings import recording
from support.terminal import on_a_terminal
from support.workspace import PROPOSAL, Sandbox, make_sandbox

from agentd.cli.progress import line
from agentd.metering.usage import UsageMetrics
from agentd.providers import PROVIDERS
from agentd.providers.activity import Snapshot
from agentd.providers.output import events
from agentd.runner.run_folder import RunFolder
from agentd.runner.stdout import Reading
from agentd.text import cut, plain
from agentd.workflow.order import Begun

CONFIG = """
project_name = "test"
[workflow]
script_retries = 0
step_timeout_secs = 30
[claude]
command = "{claude}"
[codex]
command = "{codex}"
[gemini]
command = "{gemini}"
[pricing]
sources = ["reported"]
[steps.proposal]
provider = "claude"
"""
CLAUDE = "claude/2.1.330/tool_stream_json_partial"
PRICES = """["config"]
[pricing.models."claude-opus-5-5"]
cost_per_1m_input = 0.5
cost_per_1m_output = 2.5
"""
PLAIN_LINES = [
    "proposal: claude (its default model) ...",
    "proposal: claude claude-opus-5-5, in 3,358 (3,012 cached) out 20, $0.002698",
]
# Prints a recording slowly, and writes the proposal at the end.
SLOW = """#!{python}
import sys, time, pathlib
sys.stdin.read()
lines = pathlib.Path({stdout!r}).read_text().splitlines(True)
for number, line in enumerate(lines):
    sys.stdout.write(line)
    sys.stdout.flush()
    if '"name":"Bash","input":{{"command"' in line:
        time.sleep({wait_s})
for name, text in {files!r}.items():
    path = pathlib.Path("agentd/changes/add-x", *name.split("/")[1:])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
"""


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    return slow_box(tmp_path)


def slow_box(folder: Path, wait_s: float = 0.7) -> Sandbox:
    sandbox = make_sandbox(folder, CONFIG)
    stdout = str(recording(CLAUDE).folder / "stdout")
    script = folder / "claude"
    text = SLOW.format(python=sys.executable, stdout=stdout, files=PROPOSAL, wait_s=wait_s)
    script.write_text(text)
    return sandbox


COMMAND = [sys.executable, "-m", "agentd", "proposal", "add-x", "Add x"]


def on_terminal(
    box: Sandbox, *options: str, columns: int = 120, term: str = "xterm", stdout: bool = False
) -> str:
    """What agentd prints on a terminal as stderr (and stdout if asked), byte for byte."""
    code, shown = on_a_terminal(
        [*COMMAND, *options],
        box.root,
        {**os.environ, "TERM": term, "NO_COLOR": "1"},
        columns=columns,
        stdout=stdout,
    )
    assert code == 0, shown
    return shown


def test_on_a_terminal_one_line_is_rewritten_and_replaced_by_a_plain_one(box: Sandbox) -> None:
    shown = on_terminal(box)
    drawn = re.findall(r"\r([^\r\n]+?)\x1b\[K", shown)
    assert len(drawn) >= 3
    assert any(
        re.fullmatch(
            r"1/4 proposal  claude  claude-opus-5-5  0:0\d  in 1,121 out 1  "
            r"Bash echo made > /tmp/p/out\.txt",
            text,
        )
        for text in drawn
    ), drawn
    assert any("in 3,358 out 20  $0.002698  change $0.002698" in text for text in drawn), drawn
    last = shown.split("\r\x1b[K")[-1]
    assert last.startswith(PLAIN_LINES[1])
    assert shown.count("\n") == 1
    assert not re.search(r"\x1b\[[0-9;]*m", shown)


def test_line_is_cut_to_the_terminal(box: Sandbox) -> None:
    drawn = re.findall(r"\r([^\r\n]+?)\x1b\[K", on_terminal(box, columns=30))
    assert drawn
    assert max(map(len, drawn)) == 29


def test_terminal_that_can_do_nothing_gets_plain_lines(box: Sandbox) -> None:
    shown = on_terminal(box, term="dumb").replace("\r\n", "\n")
    assert_plain(shown)


def test_result_is_not_said_twice_on_one_terminal(box: Sandbox) -> None:
    shown = on_terminal(box, stdout=True)
    assert shown.count("in 3,358 (3,012 cached)") == 1
    assert "  next: agentd run add-x" in shown


def assert_plain(stderr: str) -> None:
    told = stderr.splitlines()
    assert len(told) == 2, told
    assert told[0] == PLAIN_LINES[0]
    assert told[1].startswith(PLAIN_LINES[1])


def test_in_a_pipe_a_line_at_the_begin_and_one_at_the_end(box: Sandbox) -> None:
    done = box.run(*COMMAND[3:])
    assert done.returncode == 0
    assert_plain(done.stderr)
    assert done.stdout.startswith(PLAIN_LINES[1])


def test_where_both_go_to_one_place_each_call_is_told_once(box: Sandbox) -> None:
    done = subprocess.run(
        COMMAND,
        cwd=box.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "HOME": str(box.root.parent)},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(PLAIN_LINES[1]) == 1
    assert done.stdout.startswith("\n".join(PLAIN_LINES))


def test_quiet_is_results_alone(box: Sandbox) -> None:
    done = box.run(*COMMAND[3:], "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(PLAIN_LINES[1])
    assert on_terminal_again(box) == ""


def on_terminal_again(box: Sandbox) -> str:
    """The same in another change, on a terminal."""
    (box.root / "agentd/changes/add-x").rename(box.root / "agentd/changes/add-y")
    return on_terminal(box, "-q")


def test_quiet_still_tells_errors(box: Sandbox) -> None:
    done = box.run("challenge", "add-x", "-q")
    assert done.returncode == 1
    assert "there is no change add-x" in done.stderr


def test_verbose_shows_what_the_cli_says_and_does(box: Sandbox) -> None:
    done = box.run(*COMMAND[3:], "-v")
    assert done.stderr.splitlines()[1:-1] == [
        "  Let me do it.",
        "  > Bash echo made > /tmp/p/out.txt",
        "  All done.",
    ]


def test_verbose_on_a_terminal_keeps_whole_lines_above_the_live_one(box: Sandbox) -> None:
    shown = on_terminal(box, "--verbose")
    assert "\r\x1b[K  Let me do it.\r\n" in shown
    assert "\r\x1b[K  All done.\r\n" in shown or "\r\n  All done.\r\n" in shown
    assert shown.split("\r\x1b[K")[-1].startswith(PLAIN_LINES[1])


def test_quiet_and_verbose_exclude_each_other(box: Sandbox) -> None:
    assert box.run(*COMMAND[3:], "-q", "-v").returncode == 2


@pytest.mark.parametrize("closing", ["2>&-", "2>/dev/full"])
def test_stderr_that_can_not_be_written_breaks_no_run(box: Sandbox, closing: str) -> None:
    if closing.endswith("full") and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closing}', "sh", *COMMAND, "--verbose"],
        cwd=box.root,
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0
    assert "Let me do it" not in done.stdout
    assert box.telemetry("add-x")["calls"][0]["status"] == "ok"


def test_reader_of_stderr_that_went_away_breaks_no_run(box: Sandbox) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        COMMAND, cwd=box.root, stdout=subprocess.DEVNULL, stderr=write_end, timeout=30, check=False
    )
    os.close(write_end)
    assert done.returncode == 0
    assert box.telemetry("add-x")["calls"][0]["status"] == "ok"


# What the recordings' CLIs did: the tools in order, and what they said.
TOOLS = [
    (CLAUDE, ["Bash echo made > /tmp/p/out.txt"], "Let me do it.\nAll done.\n"),
    (
        "codex/0.169.0/tool_json",
        ["shell echo made > /tmp/p/out.txt; cat /tmp/p/out.txt"],
        "Let me do it.\nAll done.\n",
    ),
    (
        "gemini/0.61.0/tool_stream_json",
        ["run_shell_command echo made > /tmp/p/out.txt"],
        "Let me do it.\nAll done.",
    ),
]


def feed(folder: Path, path: str, *, live_text: bool) -> tuple[list[str | None], str]:
    """The tools at work after each event of a recording, and all that was said."""
    recorded = recording(path)
    run = RunFolder.create(folder, "20261122T054052-proposal-6f1c2a9b")
    run.stdout.touch()
    reading = Reading(run, PROVIDERS[recorded.cli].cli(), watched=True, live_text=live_text)
    tools, said = [], ""
    with run.stdout.open("a") as stdout:
        for text in recorded.stdout.splitlines(keepends=True):
            stdout.write(text)
            stdout.flush()
            reading.pump()
            seen = reading.seen(1, resumed=False)
            tools.append(seen.tool)
            said += seen.text
    reading.close()
    return tools, said


@pytest.mark.parametrize(("path", "tools", "said"), TOOLS, ids=lambda value: str(value)[:12])
def test_tools_and_text_of_the_real_clis(
    tmp_path: Path, path: str, tools: list[str], said: str
) -> None:
    seen, text = feed(tmp_path, path, live_text=True)
    assert list(dict.fromkeys(tool for tool in seen if tool)) == tools
    assert seen[-1] is None
    shown = [f"> {tool}" for tool in tools]
    assert [one for one in text.splitlines() if one not in shown] == said.splitlines()
    assert text.splitlines()[1] == shown[0]


def test_text_is_decoded_only_for_those_who_ask(tmp_path: Path) -> None:
    assert feed(tmp_path, CLAUDE, live_text=False)[1] == ""
    run = RunFolder.create(tmp_path, "b")
    decoded: list[str] = []

    def noting(event: Mapping[str, Any]) -> None:
        decoded.append(str(event))

    run.stdout.write_text(recording(CLAUDE).stdout)
    cli = replace(PROVIDERS["claude"].cli(), activity=noting)
    reading = Reading(run, cli, watched=True)
    reading.finish()
    reading.close()
    assert decoded
    assert not any("text_delta" in event for event in decoded)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "assistant", "message": {"content": "x"}},
        {"type": "assistant", "message": {"content": [None, {"type": "tool_use", "name": 3}]}},
        {"type": "user", "message": {"content": [1]}},
        {"type": "stream_event", "event": {"delta": {"type": "text_delta", "text": None}}},
        {"type": "item.started", "item": {"type": "command_execution", "command": None}},
        {"type": "item.started", "item": None},
        {"type": "tool_use", "tool_name": "x", "parameters": [1]},
        {"type": "message", "role": "assistant", "content": {"a": 1}},
        {},
    ],
)
def test_events_of_another_form_are_no_reason_to_stop(event: dict[str, Any]) -> None:
    for provider in PROVIDERS.values():
        activity = provider.cli().activity
        assert activity is not None
        activity(event)


def test_every_recording_can_be_watched() -> None:
    from support.recordings import RECORDINGS

    for recorded in RECORDINGS:
        activity = PROVIDERS[recorded.cli].cli().activity
        assert activity is not None
        for event in events(recorded.stdout):
            activity(event)


def begun(cost: str | None = None, model: str = "gpt-5") -> Begun:
    return Begun(
        step="review",
        provider="codex",
        model=model,
        why="default of [codex]",
        round=(2, 3),
        spent_usd=Decimal("1.5"),
        cost_so_far=lambda _: Decimal(cost) if cost else None,
    )


def seen(elapsed_ms: int = 0, tool: str | None = None) -> Snapshot:
    return Snapshot(elapsed_ms=elapsed_ms, usage=None, model=None, tool=tool, text="")


@pytest.mark.parametrize(
    ("elapsed_ms", "shown"), [(999, "0:00"), (61_000, "1:01"), (3_661_000, "1:01:01")]
)
def test_elapsed(elapsed_ms: int, shown: str) -> None:
    told = f"2/3 review  codex  gpt-5  {shown}  change $1.500000"
    assert line(begun(), seen(elapsed_ms), 80) == told


def test_change_so_far_holds_the_call_that_runs() -> None:
    assert "  $0.250000  change $1.750000" in line(begun("0.25"), seen(), 80)


def test_dollars_that_are_not_known_are_not_shown_as_zero() -> None:
    assert "$" not in line(replace(begun(), spent_usd=Decimal(0)), seen(), 80)


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (40, "2/3 review  in 1,234,567 out 12,345"),
        (59, "2/3 review  1:01:01  in 1,234,567 out 12,345  $12.345678"),
        (
            79,
            "2/3 review  gpt-6-luna  1:01:01  in 1,234,567 out 12,345  $12.345678",
        ),
        (
            105,
            "2/3 review  gpt-6-luna  1:01:01  in 1,234,567 out 12,345  12 requests  $12.345678  "
            "change $13.845678",
        ),
        (
            199,
            "2/3 review  codex  gpt-6-luna  1:01:01  in 1,234,567 out 12,345  12 requests  "
            "$12.345678  change $13.845678  Bash pytest -q tests/a/long/path/to/test_file.py",
        ),
        (
            140,
            "2/3 review  codex  gpt-6-luna  1:01:01  in 1,234,567 out 12,345  12 requests  "
            "$12.345678  change $13.845678  Bash pytest -q tests/a/long/pa…",
        ),
    ],
)
def test_what_there_is_no_room_for_gives_way_in_order(columns: int, shown: str) -> None:
    at_work = Snapshot(
        elapsed_ms=3_661_000,
        usage=UsageMetrics(input_tokens=1_234_567, output_tokens=12_345),
        model=None,
        tool="Bash pytest -q tests/a/long/path/to/test_file.py",
        text="",
        requests=12,
    )
    told = line(begun("12.345678", "gpt-6-luna"), at_work, columns)
    assert told == shown
    assert len(told) <= columns


@pytest.mark.skipif(shutil.which("tmux") is None, reason="asks tmux")
def test_it_fits_into_windows_of_60_80_and_200_columns(tmp_path: Path) -> None:
    tmux = ["tmux", "-L", f"agentd-{os.getpid()}", "-f", os.devnull]
    environ = {**os.environ, "NO_COLOR": "1", "TERM": "xterm"}
    seen: dict[int, str] = {}
    try:
        for columns in (60, 80, 200):
            (tmp_path / str(columns)).mkdir()
            root = slow_box(tmp_path / str(columns), wait_s=2.0).root
            config = root / "agentd/config.toml"
            config.write_text(config.read_text().replace('["reported"]', PRICES))
            size = ["-x", str(columns), "-y", "12", "-s", str(columns), "-c", str(root)]
            command = shlex.join(COMMAND)
            subprocess.run([*tmux, "new-session", "-d", *size, command], env=environ, check=True)
        deadline = time.monotonic() + 30
        while len(seen) < 3 and time.monotonic() < deadline:
            for columns in {60, 80, 200} - set(seen):
                shown = subprocess.run(
                    [*tmux, "capture-pane", "-p", "-t", str(columns)],
                    env=environ,
                    capture_output=True,
                    text=True,
                    check=False,
                ).stdout
                if "in 1,121 out 1" in shown and "$" in shown:
                    seen[columns] = shown
            time.sleep(0.05)
    finally:
        subprocess.run([*tmux, "kill-server"], env=environ, check=False, capture_output=True)
    assert set(seen) == {60, 80, 200}
    for columns, shown in seen.items():
        (told,) = [row for row in shown.splitlines() if row.strip()]
        assert told.startswith("1/4 proposal  ")
        assert "  $0.000" in told
        assert len(told) < columns
    assert "claude-opus-5-5" in seen[80]
    assert "Bash echo made > /tmp/p/out.txt" in seen[200]


def test_in_the_log_of_a_job_each_call_is_one_line(box: Sandbox) -> None:
    done = subprocess.run(
        COMMAND,
        cwd=box.root,
        env={**os.environ, "CI": "true"},
        capture_output=True,
        text=True,
        check=True,
    )
    both = (done.stderr + done.stdout).splitlines()
    assert [each for each in both if each.startswith("proposal: ")] == [
        each for each in both if each.startswith(PLAIN_LINES[1])
    ]
    assert (done.stderr + done.stdout).count("in 3,358") == 1


def test_a_job_with_a_terminal_gets_a_line_a_call_too(box: Sandbox) -> None:
    environ = {**os.environ, "TERM": "xterm", "NO_COLOR": "1", "CI": "true"}
    _, shown = on_a_terminal(COMMAND, box.root, environ, stdout=True)
    assert "\r" not in shown.replace("\r\n", "\n")
    assert shown.count("proposal: ") == 1
    assert shown.count("in 3,358") == 1


def test_what_a_cli_prints_can_not_steer_the_terminal() -> None:
    evil = "Bash \x1b[2J\x1b]0;title\x07rm\r\n\u202ex\x9b1m"
    assert line(begun(), seen(tool=evil), 80).endswith("  Bash rm x1m")
    assert plain("a\x1b[31mb\tc\nd") == "ab\tc\nd"


def test_a_key_is_masked_before_the_line_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "supersecretvalue1234567890"
    monkeypatch.setenv("MY_TOKEN", key)
    for columns in range(30, 140):
        told = line(begun(), seen(tool=f"Bash curl -H 'X: {key}' example.org"), columns)
        assert key[:6] not in told


def test_a_tool_called_like_the_step_is_beside_it() -> None:
    alone = replace(begun(), round=None)
    told = line(alone, seen(tool=alone.step), 80).split()
    assert (told[0], told[-1]) == (alone.step, alone.step)


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [("abcdef", 4, "abcd"), ("日本語", 5, "日本"), ("e\u0301e\u0301e", 2, "e\u0301e\u0301")],
)
def test_cut_counts_columns(text: str, columns: int, shown: str) -> None:
    assert cut(text, columns) == shown


def test_summary_at_the_end_of_a_loop_even_when_it_fails(box: Sandbox) -> None:
    verdict = {"change/CHALLENGE.md": "# Challenge\n\n## Verdict\n- [x] REJECTED\n"}
    box.answer("challenge", "codex/0.169.0/model_json", verdict)
    done = box.run("plan", "add-x", "Add x", "-q")
    assert done.returncode == 5
    rows = [text.split() for text in done.stdout.splitlines() if text]
    assert rows[0] == ["STEP", "PROVIDER", "MODEL", "IN", "OUT", "COST", "TIME", "VERDICT"]
    assert rows[1][:6] == ["proposal", "claude", "claude-opus-5-5", "3,358", "20", "$0.002698"]
    assert rows[2][:2] == ["challenge", "codex"]
    assert rows[2][-1] == "REJECTED"
    assert rows[3][:3] == ["total", "4,469", "97"]
    *_, totals, bound = done.stdout.splitlines()
    assert totals.startswith("2 calls, 1 of them without a price, in 4,469")
    assert bound.startswith("at least $0.0027: 1 call is partial")
    assert "Error: add-x is not approved" in done.stderr
