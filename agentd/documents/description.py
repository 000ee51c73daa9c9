"""What a change is to do, as it was said: to agentd, or to ``openspec new change``."""

from __future__ import annotations

from agentd.documents.openspec_metadata import goal_of
from agentd.files import write_private
from agentd.ledger import plain_files
from agentd.ledger.run_folders import is_closed
from agentd.project.change import Change

_NAME = "description"


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
    """The README.md of ``openspec new`` below its title, and its goal; None without both."""
    goal = goal_of(change)
    if goal is None:
        return None
    lines = (change.text("README.md") or "").split("\n")
    titled = lines[0].startswith("# ")
    told = "\n".join(lines[titled:]).strip()
    return "\n\n".join(filter(None, (told, goal and f"Goal: {goal}"))) or None
