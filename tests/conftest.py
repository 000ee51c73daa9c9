"""Helpers shared by the tests."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

# agentd is started thousands of times here; it need not be compiled each time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# What a command prints is that of a person's shell, wherever the tests run.
os.environ.pop("CI", None)

# A shell's background job ignores SIGINT, and so does all that it starts; the tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes is the machine's matter.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# What tests write lies in memory, where there is room (a whole run takes 0.3 GB): agentd syncs what
# it writes, and most tests would wait for the disk.
_MEMORY = Path("/dev/shm")
if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > 4_000_000_000:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))
_TEMPORARY = os.environ.get("PYTEST_DEBUG_TEMPROOT")

# The stand-ins are nobody's login: no test may have a run metered, or an API called, by one that
# whoever runs the tests has.
OWN_HOME = os.environ.get("HOME", "")
os.environ["HOME"] = tempfile.mkdtemp(prefix="agentd-home-", dir=_TEMPORARY)
# Of all processes of a test, whatever home each has: see ``own_writes``.
os.environ["XDG_STATE_HOME"] = f"{os.environ['HOME']}/.local/state"
atexit.register(shutil.rmtree, os.environ["HOME"], ignore_errors=True)
for name in ("ANTHROPIC", "CLAUDE_CODE", "CODEX", "OPENAI", "GEMINI", "GOOGLE", "OTEL"):
    for variable in [each for each in os.environ if each.startswith(f"{name}_")]:
        del os.environ[variable]


@pytest.fixture(autouse=True)
def _home_of_installers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip and npm are set up in the home of whoever runs the tests."""
    if request.node.get_closest_marker("dist") or request.node.get_closest_marker("real"):
        monkeypatch.setenv("HOME", OWN_HOME)
