"""The command that shows a page of the documentation, or a command's help: help."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from agentd.cli.terminal import on_terminal, show, width
from agentd.errors import InputError

TOPICS = {
    "workflow": "the steps and loops of a change, gates and checks",
    "budgets": "limits and warnings, and what happens at one",
    "pricing": "where a price comes from",
    "reports": "what was spent: cost and its options",
    "sessions": "what you do in the CLIs by hand",
    "openspec": "agentd in a project of OpenSpec",
    "configuration": "all settings of config.toml",
    "failures": "what agentd does when a CLI fails",
}
_HERE = Path(__file__).parent
# Packed into the wheel; in a checkout they stand in docs/.
_PLACES = (_HERE / "docs", _HERE.parents[1] / "docs")


def help_on(
    topic: Annotated[
        str | None,
        typer.Argument(metavar="[TOPIC]", show_default=False, help="A topic, or a command."),
    ] = None,
) -> None:
    """Show a page of the documentation, or the help of a command.

    Without a TOPIC it lists the topics.
    """
    from agentd.cli.app import COMMANDS, make_app

    if topic is None:
        longest = max(map(len, TOPICS))
        rows = (f"  {name:<{longest}}  {told}" for name, told in TOPICS.items())
        show("\n".join(["Topics:", *rows, "", "Show one: agentd help TOPIC"]))
    elif topic in TOPICS:
        page = next(path for path in _PLACES if path.is_dir()) / f"{topic}.md"
        text = page.read_text(encoding="utf-8").rstrip()
        columns = width(sys.stdout) if on_terminal(sys.stdout) else None
        show(_filled(text, min(columns, 100)) if columns else text)
    elif topic in COMMANDS:
        asked = [topic, "--help"]
        make_app(asked)(asked, prog_name="agentd", standalone_mode=False)
    else:
        raise InputError(
            f"there is no topic {topic}; there are {', '.join(TOPICS)}, and each command",
            fix="See: agentd help",
        )


def _filled(page: str, columns: int) -> str:
    """A page as a terminal can show it: no word is cut, code is indented, links are their texts."""
    import textwrap

    shown: list[str] = []
    block: list[str] = []
    in_code = False

    def end_block() -> None:
        if block:
            indent = re.match(r" *(?:- |\| )?", block[0])
            text = " ".join(line.strip() for line in block)
            shown.append(
                textwrap.fill(
                    re.sub(r"\[((?:[^][]|\[[^]]*\])+)\]\([^)]+\)", r"\1", text),
                    columns,
                    initial_indent=" " * (len(block[0]) - len(block[0].lstrip())),
                    subsequent_indent=" " * len(indent[0] if indent else ""),
                    break_long_words=False,
                    break_on_hyphens=False,
                )
            )
            block.clear()

    for line in page.split("\n"):
        if line.startswith("```"):
            end_block()
            in_code = not in_code
        elif in_code or not line.strip() or (line.startswith("    ") and not block):
            end_block()
            shown.append(f"    {line}".rstrip() if in_code else line)
        elif not line.startswith("|--"):
            if re.match(r" *(- |\d+\. |\||#)", line):
                end_block()
            block.append(line)
    end_block()
    return "\n".join(shown)
