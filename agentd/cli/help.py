"""The command that shows a page of the documentation, or a command's help: help."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from agentd.cli.terminal import show, width
from agentd.errors import InputError
from agentd.streams import on_terminal
from agentd.text import width as text_width

_GAP, _LEAST_ROOM = 2, 30

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
        list[str] | None,
        typer.Argument(metavar="[TOPIC]", show_default=False, help="A topic, or a command."),
    ] = None,
) -> None:
    """Show a page of the documentation, or the help of a command.

    Without a TOPIC it lists the topics.
    """
    from agentd.cli.app import COMMANDS, make_app

    words = topic or []
    name = " ".join(words)
    if not words:
        longest = max(map(len, TOPICS))
        rows = (f"  {name:<{longest}}  {told}" for name, told in TOPICS.items())
        below = "Show one: agentd help TOPIC. Each command has its own: agentd help COMMAND"
        show("\n".join(["Topics:", *rows, "", below]))
    elif name in TOPICS:
        page = next(path for path in _PLACES if path.is_dir()) / f"{name}.md"
        text = page.read_text(encoding="utf-8").rstrip()
        columns = width(sys.stdout) if on_terminal(sys.stdout) else None
        show(_filled(text, min(columns, 100)) if columns else text)
    elif words[0] in COMMANDS:
        asked = [*words, "--help"]
        app = make_app(asked)
        _check_below(typer.main.get_command(app), words)
        app(asked, prog_name="agentd", standalone_mode=False)
    else:
        from difflib import get_close_matches

        near = get_close_matches(name, [*TOPICS, *COMMANDS], n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise InputError(
            f"there is no topic {name}{hint}",
            fix=f"There are {', '.join(TOPICS)}, and each command: {', '.join(COMMANDS)}.",
        )


def _check_below(app: Any, words: list[str]) -> None:
    """Raise InputError for words behind a command that are none of those below it.

    A command would take them for its own arguments, of which ``--help`` says nothing.
    """
    command = app.commands[words[0]]
    below = getattr(command, "commands", None) or getattr(command, "below", {})
    if len(words) > 1 and (words[1] not in below or len(words) > 2):
        there = "; ".join(f"agentd help {words[0]} {name}" for name in below)
        raise InputError(
            f"there is no topic {' '.join(words)}",
            fix=f"There is agentd help {words[0]}" + (f"; {there}" if there else "") + ".",
        )


def _filled(page: str, columns: int) -> str:
    """A page as a terminal can show it: no word is cut, tables have columns, code is indented."""
    shown: list[str] = []
    block: list[str] = []
    rows: list[list[str]] = []
    in_code = False

    def end_block() -> None:
        if block:
            indent = re.match(r" *(?:- )?", block[0])
            before = " " * (len(block[0]) - len(block[0].lstrip()))
            hanging = " " * len(indent[0] if indent else "")
            text = " ".join(line.strip() for line in block)
            shown.extend(_wrapped(text, columns, before, hanging))
            block.clear()
        if rows:
            shown.extend(_table(rows, columns))
            rows.clear()

    for line in page.split("\n"):
        if line.startswith("```"):
            end_block()
            in_code = not in_code
        elif in_code or not line.strip() or (line.startswith("    ") and not block):
            end_block()
            shown.append(f"    {line}".rstrip() if in_code else line)
        elif line.startswith("|"):
            if not line.startswith("|--"):
                cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
                rows.append([_plainly(cell.strip().replace("\\|", "|")) for cell in cells])
        else:
            if re.match(r" *(- |\d+\. |#)", line):
                end_block()
            block.append(line)
    end_block()
    return "\n".join(shown)


def _table(rows: list[list[str]], columns: int) -> Iterator[str]:
    """Its columns side by side, the last one wrapped; below the others where it has no room."""
    widths = [max(map(text_width, column)) for column in zip(*rows, strict=True)]
    before = sum(widths[:-1]) + _GAP * (len(widths) - 1)
    beside = columns - before >= min(widths[-1], _LEAST_ROOM)
    for *first, last in rows:
        if beside:
            padded = zip(first, widths, strict=False)
            lead = "".join(cell + " " * (room - text_width(cell) + _GAP) for cell, room in padded)
            yield from _wrapped(last, columns, lead, " " * before)
        else:
            if any(first):
                yield from _wrapped("  ".join(filter(None, first)), columns, "", "  ")
            yield from _wrapped(last, columns, "    ", "    ")


def _plainly(text: str) -> str:
    """The text with links as their texts."""
    return re.sub(r"\[((?:[^][]|\[[^]]*\])+)\]\([^)]+\)", r"\1", text)


def _wrapped(text: str, columns: int, before: str, hanging: str) -> list[str]:
    import textwrap

    lines = textwrap.wrap(
        _plainly(text),
        columns,
        initial_indent=before,
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines or [before.rstrip()]
