"""What a change is to do, as it was said: to agentd, or to ``openspec new change``."""

from __future__ import annotations

import re

from agentd.files import write_private
from agentd.late_pattern import late_pattern
from agentd.ledger import plain_files
from agentd.ledger.run_folders import is_closed
from agentd.project.change import Change

METADATA = ".openspec.yaml"
_NAME = "description"
_GOAL = late_pattern(r"^goal:[ \t]+(?:[|>][+-]?[ \t\r]*\n)?(.+(?:\n[ \t]+.*)*)", re.MULTILINE)


def keep_description(change: Change, text: str) -> None:
    """Note what the change is to do before its first call, which may come to nothing."""
    path = change.runs_dir / _NAME
    path.unlink(missing_ok=True)
    write_private(path, text.encode(errors="replace"))


def earlier_description(change: Change) -> str | None:
    """What the change was to do when agentd was last told, as its prompt had it.

    None if never, and where ``runs/`` is another user's.
    """
    if not change.runs_dir.is_dir() or is_closed(change.runs_dir):
        return None
    data = plain_files.read_file(change.runs_dir / _NAME)
    return data.decode(errors="replace") if data else None


def told_openspec(change: Change) -> str | None:
    """The README.md of ``openspec new`` below its title, and its goal; None without both.

    The goal is found without a reader of YAML: OpenSpec writes it flat, and `agentd status` asks.
    """
    metadata = change.text(METADATA)
    if metadata is None:
        return None
    lines = (change.text("README.md") or "").split("\n")
    titled = lines[0].startswith("# ")
    goal = _GOAL.search(metadata)
    told = "\n".join(lines[titled:]).strip()
    aim = " ".join(goal[1].split()).strip("\"'") if goal else ""
    return "\n\n".join(filter(None, (told, aim and f"Goal: {aim}"))) or None
