"""git, run for a project: the only place that starts it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from agentd import debug, planted_filters

TIMEOUT_S = 120.0
# A status must not write the index, and a repository must not name a program for it to run.
_OPTIONS = (
    *("--no-pager", "--no-optional-locks", "-c", "core.fsmonitor=false"),
    *("-c", f"core.hooksPath={os.devnull}", "-c", "log.showSignature=false"),
)


class GitFailed(Exception):
    """git could not be asked, or did not do what it was asked for."""


class NoGit(GitFailed):
    """git is not installed."""


def run(
    folder: Path,
    *arguments: str,
    send: bytes = b"",
    own_settings: bool = True,
    index: Path | None = None,
    settings: Path | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """How ``git ARGUMENTS`` ends in ``folder``, whatever its exit code; ``send`` is its stdin.

    Without ``own_settings`` the user's and the system's git settings don't count. ``index`` is
    read in place of the repository's, ``settings`` in that of the user's and the system's. Raises
    NoGit, and GitFailed when it can't be started there or
    takes more than TIMEOUT_S seconds.
    """
    git = shutil.which("git")
    if git is None:
        raise NoGit("git is not installed")
    argv = [git, *_OPTIONS, *arguments]
    debug.tell_command(argv, folder)
    try:
        return subprocess.run(
            argv,
            cwd=folder,
            env=_environment(own_settings, settings)
            | ({"GIT_INDEX_FILE": str(index)} if index else {}),
            input=send,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        raise GitFailed(str(error)) from error


def output(folder: Path, *arguments: str) -> bytes:
    """What ``git ARGUMENTS`` prints in ``folder``. Raises GitFailed, also when git refuses."""
    done = run(folder, *arguments)
    if done.returncode:
        raise GitFailed(last_line(done.stderr) or f"git ended with {done.returncode}")
    return done.stdout


def has_repository(folder: Path) -> bool:
    """Whether ``folder`` is in a repository; not where git can't be asked."""
    try:
        return run(folder, "rev-parse", "--git-dir").returncode == 0
    except GitFailed:
        return False


def ignores(folder: Path, path: str) -> bool:
    """Whether git ignores a path relative to ``folder``; not where git can't be asked."""
    try:
        return run(folder, "check-ignore", "-q", path).returncode == 0
    except GitFailed:
        return False


def last_line(stderr: bytes) -> str:
    """What git says why, "" when it says nothing: its last line, or the first that is fatal."""
    lines = stderr.decode(errors="replace").strip().split("\n")
    return next((line for line in lines if line.startswith("fatal: ")), lines[-1])


def _environment(own_settings: bool, settings: Path | None = None) -> dict[str, str]:
    """This process's, in English, without what leads git away from the current folder.

    Within a hook ``GIT_DIR`` and the like are set. Settings (``GIT_CONFIG_*``) stay.
    """
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("GIT_") or (own_settings and key.startswith("GIT_CONFIG"))
    }
    if settings is not None or not own_settings:
        kept |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": str(settings or os.devnull)}
    if own_settings:
        kept |= planted_filters.overrides(kept)
    return {**kept, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
