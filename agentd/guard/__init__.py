"""Whether a run of a CLI kept to what its step may touch.

``guard`` compares a project before and after; ``backup`` is agentd's own files with their bytes,
``repository`` and ``tree`` are the project's other files with git and without.
"""

from agentd.guard.guard import Allowed, Changes, Forbidden, Guard

__all__ = ["Allowed", "Changes", "Forbidden", "Guard"]
