"""Draw the terminal of README.md: a change of the demo's project, run on a terminal.

    make picture

What is typed there is run, in the project that `agentd demo --keep` leaves: recorded output of the
CLIs is replayed. Times are those of the machine that drew it.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path

from rich.console import Console
from rich.text import Text

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.terminal import left_on_screen, on_a_terminal, without_colours

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "pictures" / "run.svg"
COLUMNS = 100
TYPED = (
    'agentd run say-goodbye "Say goodbye by name" --provider claude',
    "git add -A && git diff --cached agentd/ | grep -A 10 'step: implementation'",
)
# rich's own, without the font that it would load from elsewhere.
_FORM = """\
<svg xml:space="preserve" class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<title>agentd takes a change from a sentence to the archive</title>
<desc>TEXT</desc>
<style>
.{unique_id}-matrix {{ font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def record(folder: Path) -> str:
    """What a terminal shows of TYPED, with its colours; ``folder`` is empty."""
    home, programs = folder / "home", folder / "bin"
    for made in (home, programs):
        made.mkdir()
    (programs / "agentd").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m agentd "$@"\n')
    (programs / "agentd").chmod(0o755)
    environ = {
        "HOME": str(home),
        "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "GIT_PAGER": "cat",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "color.ui",
        "GIT_CONFIG_VALUE_0": "always",
    }
    project = folder / "demo"
    subprocess.run(
        ["agentd", "demo", "--keep", str(project)],
        env=environ,
        executable=str(programs / "agentd"),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    shown = ""
    for command in TYPED:
        _, printed = on_a_terminal(
            ["bash", "-c", command], project, environ, columns=COLUMNS, stdout=True, timeout_s=120
        )
        shown += f"\x1b[1m$ {command}\x1b[0m\n{left_on_screen(printed)}\n"
    return shown.rstrip()


def draw(shown: str) -> str:
    """It as SVG; the text alone stands in ``desc``."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(f"{shown}\n"), soft_wrap=True)
    text = escape(without_colours(shown)).replace("{", "{{").replace("}", "}}")
    form = _FORM.replace("TEXT", text)
    return console.export_svg(
        title="a replay of recorded output: agentd demo --keep", code_format=form, unique_id="run"
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        drawn = draw(record(Path(temporary)))
    PICTURE.write_text(drawn)
    sys.stdout.write(f"wrote {PICTURE.relative_to(ROOT)}\n")
