"""Whether a run of a CLI kept to what its step may touch.

``guard`` compares a project before and after. ``own_files`` are agentd's own: ``backup`` has their
bytes, ``write_log`` what agentd itself wrote meanwhile, ``evolution`` tells the two apart from the
CLI's. ``code`` are the project's other files, with git (``repository``) and without (``tree``).
"""

from agentd.guard.findings import Allowed, Findings, Forbidden
from agentd.guard.guard import Guard

__all__ = ["Allowed", "Findings", "Forbidden", "Guard"]
