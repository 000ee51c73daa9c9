"""The environment for a git that is to look at this project and no other."""

from __future__ import annotations

import os


def git_environment() -> dict[str, str]:
    """This process's, in English, without what leads git away from the current folder.

    Within a hook ``GIT_DIR`` and the like are set. Settings (``GIT_CONFIG_*``) stay.
    """
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("GIT_") or key.startswith("GIT_CONFIG")
    }
    return {**kept, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
