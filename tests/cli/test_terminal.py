"""What a terminal, or a file, can show."""

from __future__ import annotations

import io
import json
import os
import pty
import sys
from collections.abc import Mapping
from decimal import Decimal

import pytest

from agentd.cli.terminal import note, show, show_json, style_of
from agentd.reports.model import Style


def on_pty() -> Style:
    leader, follower = pty.openpty()
    with os.fdopen(leader), os.fdopen(follower, "w", encoding="utf-8") as stream:
        return style_of(stream)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"TERM": "xterm", "COLUMNS": "70"}, Style(bars=True, color=True, width=70)),
        ({"TERM": "xterm", "COLUMNS": "70", "NO_COLOR": "1"}, Style(bars=True, width=70)),
        ({"TERM": "xterm", "COLUMNS": "x"}, Style(bars=True, color=True, width=0)),
        ({"TERM": "dumb", "COLUMNS": "70"}, Style()),
        ({"COLUMNS": "70"}, Style()),
    ],
)
def test_the_style_of_a_terminal(
    environ: Mapping[str, str], expected: Style, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TERM", "COLUMNS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert on_pty() == expected


def test_the_style_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "70")
    for encoding, ascii_only in (("utf-8", False), ("latin-1", True), ("ascii", True)):
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        assert style_of(stream) == Style(ascii=ascii_only)


def test_what_the_encoding_lacks_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    show("caf\u00e9 \U0001f600")
    show_json({"caf\u00e9": "\U0001f600"})
    sys.stdout.flush()
    text, document = raw.getvalue().decode().split("\n", 1)
    assert text == r"caf\u00e9 \ud83d\ude00"
    assert json.loads(document) == {"caf\u00e9": "\U0001f600"}


def test_a_key_leaves_sound_json(capsys: pytest.CaptureFixture[str]) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nabc"
    show_json({"a": [key, 1.5, None], "Bearer abcdefgh": Decimal("0.10"), "b": "https://x:y@z/"})
    assert json.loads(capsys.readouterr().out) == {
        "a": ["***", 1.5, None],
        "Bearer ***": 0.1,
        "b": "https://***@z/",
    }


def test_a_secret_that_json_escapes_is_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MY_CREDENTIALS", '{"user": "me",\n"id": "a\\b"}')
    show_json({"why": 'refused: {"user": "me",\n"id": "a\\b"}', "calls": 1})
    assert json.loads(capsys.readouterr().out) == {"why": "refused: ***", "calls": 1}


def printed(text: str, monkeypatch: pytest.MonkeyPatch, **environ: str) -> tuple[str, str]:
    """What a terminal gets of a text: as a result, and as a note."""
    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    leader, follower = pty.openpty()
    with (
        os.fdopen(leader, "rb", buffering=0) as read,
        os.fdopen(follower, "w", encoding="utf-8") as out,
    ):
        shown = []
        for name, say in (("stdout", show), ("stderr", note)):
            monkeypatch.setattr(sys, name, out)
            say(text)
            print("END", file=out, flush=True)
            got = b""
            while not got.endswith(b"END\r\n"):
                got += read.read(4096)
            shown.append(got.decode().replace("\r\n", "\n").removesuffix("\nEND\n"))
    return shown[0], shown[1]


RED, YELLOW = "\x1b[31m", "\x1b[33m"


@pytest.mark.parametrize(
    ("text", "part", "color"),
    [
        ("Error: no project", "Error:", RED),
        ("[14:24:58] ERROR Budget exceeded: $60.00 / $50.00", "[14:24:58] ERROR", RED),
        ("review: failed, codex gpt-5, in 1 out 2", "review: failed,", RED),
        ("archive-review: budget_stopped, codex", "archive-review: budget_stopped,", RED),
        ("test: FAILED (exit 1), in 0 s", "test: FAILED", RED),
        ("  ✗ review          NEEDS_CHANGES", "  ✗ ", RED),
        ("Checks: failed (test)", "Checks: failed", RED),
        (
            "Budget: $60.00 of $50.00 (120 %, $10.00 over)",
            "Budget: $60.00 of $50.00 (120 %, $10.00 over)",
            RED,
        ),
        (
            "Budget: $49.00 of $50.00 (98 %, $1.00 left)",
            "Budget: $49.00 of $50.00 (98 %, $1.00 left)",
            YELLOW,
        ),
        ("warning: unknown key", "warning:", YELLOW),
        ("fail  claude: it does not answer", "fail", RED),
        ("warn  check test: none is known", "warn", YELLOW),
        ("agentd/specs/a.md:3: error: no scenario", "agentd/specs/a.md:3: error:", RED),
        ("agentd/specs/a.md: warning: it is long", "agentd/specs/a.md: warning:", YELLOW),
        ("all changes: not ok (1 error)", "all changes: not ok", RED),
        ("fail  to see the point", "", ""),
        ("all changes: ok (no errors)", "", ""),
        ("[14:24:58] WARN  ⚠️  BUDGET WARNING", "[14:24:58] WARN", YELLOW),
        ("at least $0.0805: 2 calls are partial", "at least $0.0805: 2 calls are partial", YELLOW),
        ("  verdict: NEEDS_CHANGES", "  verdict: NEEDS_CHANGES", YELLOW),
        ("  verdict: APPROVED", "", ""),
        ("Budget: $1.00 of $50.00 (2 %, $49.00 left)", "", ""),
        ("review: codex gpt-5, in 1 out 2", "", ""),
        ("Total Cost: $0.0035", "", ""),
    ],
)
def test_red_fails_and_yellow_warns_on_a_terminal_alone(
    text: str, part: str, color: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    colored = f"{color}{part}\x1b[0m{text.removeprefix(part)}" if part else text
    both = printed(f"first\n{text}\nlast", monkeypatch, TERM="xterm")
    assert both == (f"first\n{colored}\nlast",) * 2
    assert printed(text, monkeypatch, TERM="xterm", NO_COLOR="1") == (text, text)
    assert printed(text, monkeypatch, TERM="dumb") == (text, text)
