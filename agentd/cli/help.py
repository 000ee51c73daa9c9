"""The command that shows a page of the documentation, or a command's help: help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agentd.cli.terminal import show
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
        width = max(map(len, TOPICS))
        rows = (f"  {name:<{width}}  {told}" for name, told in TOPICS.items())
        show("\n".join(["Topics:", *rows, "", "Show one: agentd help TOPIC"]))
    elif topic in TOPICS:
        page = next(path for path in _PLACES if path.is_dir()) / f"{topic}.md"
        show(page.read_text(encoding="utf-8").rstrip())
    elif topic in COMMANDS:
        asked = [topic, "--help"]
        make_app(asked)(asked, prog_name="agentd", standalone_mode=False)
    else:
        raise InputError(
            f"there is no topic {topic}; there are {', '.join(TOPICS)}, and each command",
            fix="See: agentd help",
        )
