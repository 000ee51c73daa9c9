"""Whether a run of a CLI kept to what its step may touch.

``guard`` compares a project before and after. ``own_files`` are agentd's own: ``backup`` has their
bytes, ``write_log`` what agentd itself wrote meanwhile, ``evolution`` tells the two apart from the
CLI's. The project's other files are compared with git (``repository``) or without (``tree``).
"""

from agentd.guard.guard import Allowed, Findings, Forbidden, Guard

__all__ = ["Allowed", "Findings", "Forbidden", "Guard"]
