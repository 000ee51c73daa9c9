"""Whether a run of a CLI did its work, and nothing else.

``guard`` compares a project before and after; ``kept`` is agentd's own files with their bytes,
``repository`` and ``tree`` are the project's other files with git and without, ``others`` the
changes that are worked on at the same time. ``printed`` finds a document in what a CLI said.
"""

from agentd.workflow.guard.guard import Allowed, Changes, Forbidden, Guard
from agentd.workflow.guard.printed import document_in_text

__all__ = ["Allowed", "Changes", "Forbidden", "Guard", "document_in_text"]
