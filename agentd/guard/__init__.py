"""Whether a run of a CLI kept to what its step may touch.

``guard`` compares a project before and after. ``own_files`` are agentd's own: ``backup`` has their
bytes, ``write_log`` what agentd itself wrote meanwhile, ``evolution`` tells the two apart from the
CLI's; of what lies in ``crowds`` there is no copy. ``project_files`` are all others: compared with
git (``repository``) or without (``plain_tree``); what a person lost there (``lost_files``) comes
back (``losses``). ``git_judge`` puts git's ``git_settings`` back, ``refs_judge`` its ``git_refs``.
``aside`` names what is moved out of the way, ``rules`` what a message says was broken.
"""

from agentd.guard.findings import Findings, Forbidden, Told
from agentd.guard.guard import Allowed, Guard

__all__ = ["Allowed", "Findings", "Forbidden", "Guard", "Told"]
