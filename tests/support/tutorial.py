"""A tutorial of docs/tutorials, played: its shell blocks are run, in their order, in one shell.

A block ```` ```sh ```` is typed as it stands, and the block ```` ```text ```` behind it is what it
prints, on a terminal. ```` ```sh exit=3 ```` ends with that exit code.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from agentd import UsageMetrics, calculate_cost
from support.terminal import left_on_screen, on_a_terminal, without_colours

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "tutorials"
STORIES = ROOT / "fixtures" / "tutorials"
STANDIN = ROOT / "tests" / "standins" / "story_claude.py"
MODELS = ("claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5")
_END = "\x1eend-of-block\x1e"
_FENCED = re.compile(r"^```(sh|text)(?: exit=(\d+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What two runs of the same command tell differently: times, ids, and columns as wide as these.
_VARIES = (
    (re.compile(r"\b\d{8}T\d{6}-[a-z-]+-[0-9a-f]{8}\b"), "<call>"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<session>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\dZ| \d\d:\d\d(?::\d\d)?)?"), "<time>"),
    (re.compile(r"\[\d\d:\d\d:\d\d\]"), "<time>"),
    (re.compile(r"\b20\d{6}\b|\b20\d\d-\d\d\b"), "<day>"),
    (re.compile(r"\b(?:\d+ min )?\d+(?:\.\d+)? s\b"), "<duration>"),
    (re.compile(r"duration_ms: \d+"), "duration_ms: <duration>"),
    (re.compile(r"\b[0-9a-f]{7}\.\.[0-9a-f]{7}\b|(?<=sha256:)[0-9a-f]{64}\b"), "<hash>"),
    (re.compile(r"(?m)^[0-9a-f]{7}(?= )|(?<=\[main )[0-9a-f]{7}\b"), "<hash>"),
    (re.compile(r"Python \d+\.\d+\.\S+, agentd \S+"), "Python <version>, agentd <version>"),
    (re.compile(r"(?m)[ \t]+$"), ""),
    (re.compile(r"(?<=\S)[ \t]{2,}"), " "),
)


@dataclass(frozen=True)
class Block:
    """What is typed, and what the page says of its end; ``shown`` is None where nothing is."""

    typed: str
    exit_code: int
    shown: str | None
    shown_at: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Played:
    """A block, its exit code, and what it printed."""

    block: Block
    exit_code: int
    printed: str


def blocks(text: str) -> list[Block]:
    """The blocks of a page in their order. Raises AssertionError for output that nothing prints."""
    found: list[Block] = []
    for match in _FENCED.finditer(text):
        kind, exit_code, body = match.groups()
        if kind == "sh":
            found.append(Block(body, int(exit_code or 0), None))
            continue
        assert found, body
        assert found[-1].shown is None, body
        found[-1] = Block(found[-1].typed, found[-1].exit_code, body, match.span(3))
    return found


def steady(text: str) -> str:
    """A text without what differs from run to run."""
    for pattern, instead in _VARIES:
        text = pattern.sub(instead, text)
    return text.strip()


def play(text: str, folder: Path, environ: Mapping[str, str]) -> Iterator[Played]:
    """What each block of a page prints, typed in the home of ``environ``, in ``folder``."""
    asked = blocks(text)
    script = "".join(f"{block.typed}printf '{_END}%s\\n' $?\n" for block in asked)
    (folder / "typed.sh").write_text(script)
    home = Path(environ["HOME"])
    _, shown = on_a_terminal(
        ["bash", str(folder / "typed.sh")],
        home,
        environ,
        columns=100,
        stdout=True,
        timeout_s=500,
    )
    said = without_colours(left_on_screen(shown))
    said = said.replace(str(folder / "bin"), "/usr/local/bin").replace(str(home), "/home/you")
    rest = said
    for block in asked:
        printed, ended, rest = rest.partition(_END)
        assert ended, f"the shell ended in: {block.typed}{printed}"
        exit_code, _, rest = rest.partition("\n")
        yield Played(block, int(exit_code), printed)


def with_standins(folder: Path) -> dict[str, str]:
    """A fresh home in ``folder``, with agentd and a claude that plays the stories on the PATH."""
    programs = put_agentd(folder)
    claude = programs / "claude"
    claude.write_text(
        f'#!/bin/sh\nPYTHONPATH="{ROOT}" STORY="{folder}/stories" '
        f'exec "{sys.executable}" "{STANDIN}" "$@"\n'
    )
    claude.chmod(0o755)
    (folder / "stories").symlink_to(STORIES)
    (folder / "prices.json").write_text(json.dumps(_prices()))
    home = put_home(folder)
    return {
        "HOME": str(home),
        "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "IS_SANDBOX": "1",
        "XDG_STATE_HOME": str(home / ".local/state"),
    }


def put_agentd(folder: Path) -> Path:
    """The folder for the PATH, with this agentd in it."""
    programs = folder / "bin"
    programs.mkdir(parents=True)
    agentd = programs / "agentd"
    agentd.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m agentd "$@"\n')
    agentd.chmod(0o755)
    return programs


def put_home(folder: Path) -> Path:
    """A home for somebody called Ada; git has no pager, and the default branch it comes with."""
    home = folder / "you"
    home.mkdir(parents=True, exist_ok=True)
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Ada\n\temail = ada@example.com\n[init]\n\tdefaultBranch = master\n"
        "[core]\n\tpager = cat\n"
    )
    return home


def _prices() -> dict[str, list[float]]:
    """USD per 1,000,000 tokens: fresh input, read from a cache, written to one, output."""
    used = (
        UsageMetrics(input_tokens=100),
        UsageMetrics(input_tokens=100, cache_read_input_tokens=100),
        UsageMetrics(input_tokens=100, cache_creation_input_tokens=100),
        UsageMetrics(output_tokens=100),
    )
    return {
        model: [float(calculate_cost(usage, model).total_usd) * 10_000 for usage in used]
        for model in MODELS
    }
