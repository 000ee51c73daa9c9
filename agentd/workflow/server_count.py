"""What a server itself counts in a text for its model, before anything is sent that costs."""

from __future__ import annotations

import os
import subprocess
from typing import NamedTuple

from agentd.json_value import json_value
from agentd.masking import masked
from agentd.metering.usage import whole_count
from agentd.project.change import Change
from agentd.providers.pointing import with_loopback

_LONGEST_S = 30


class Counted(NamedTuple):
    """The tokens of a text and the model's window; None for what the server does not tell."""

    tokens: int | None = None
    window: int | None = None


def counted_by(change: Change, name: str, text: str, model: str | None = None) -> Counted:
    """What the server ``[http.NAME]`` counts; nothing where it can't, or takes too long."""
    settings = change.workspace.config.providers[name]
    argv = [settings.command, "-P", "-m", "agentd.providers.http", "--count"]
    try:
        done = subprocess.run(
            [*argv, "--model", model or settings.default or "", *settings.extra_args],
            input=text.encode(errors="replace"),
            env=with_loopback(change.workspace.environ_of(name)),
            capture_output=True,
            timeout=_LONGEST_S,
            check=False,
        )
        found = json_value(masked(done.stdout.decode(errors="replace"), os.environ))
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return Counted()
    if not isinstance(found, dict):
        return Counted()
    return Counted(whole_count(found.get("tokens")), whole_count(found.get("window")))
