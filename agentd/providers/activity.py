"""What a CLI is doing while it runs, for a person who watches: its tool, its text.

One function per provider: an event in, what it tells out. Nothing here counts for the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agentd.frozen import frozen
from agentd.metering.usage import UsageMetrics

_TELLING = ("command", "file_path", "filePath", "path", "absolute_path", "pattern", "query", "url")


@frozen(kw_only=True)
class Activity:
    """What one event tells: ``tool`` is the tool that begins, "" that none is at work any more.

    None: nothing about tools. ``text`` is what the model says, ``partial`` if the whole of it
    comes again in a later event.
    """

    tool: str | None = None
    text: str = ""
    partial: bool = False


@frozen(kw_only=True)
class Snapshot:
    """A run under way. ``usage`` and ``model`` are None as long as nobody has told them.

    ``requests`` is how many API requests it has made, None where no relay sees them. ``tool`` is
    the one at work now, ``text`` what the model has said since the last snapshot, with a line
    ``> TOOL`` for each tool it began.
    """

    elapsed_ms: int
    usage: UsageMetrics | None
    model: str | None
    tool: str | None
    text: str
    requests: int | None = None


Watch = Callable[[Snapshot], None]


def tool_shown(name: str, arguments: Mapping[str, Any]) -> str:
    """``Bash pytest -q``: a tool and the first line of the argument that tells most."""
    told = next((value for key in _TELLING if isinstance(value := arguments.get(key), str)), "")
    return f"{name} {told.strip().partition(chr(10))[0]}".rstrip()


def blocks_shown(blocks: list[Any], *, main: bool) -> Activity:
    """The content blocks of a message in Anthropic's form; of a subagent only its tool shows."""
    tool, said = None, ""
    for block in blocks:
        match block:
            case {"type": "tool_use", "name": str(name)}:
                arguments = block.get("input")
                tool = tool_shown(name, arguments if isinstance(arguments, Mapping) else {})
            case {"type": "text", "text": str(text)} if main:
                said += f"{text}\n"
    return Activity(tool=tool, text=said)
