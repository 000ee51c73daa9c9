"""A run's folder: its files, and who attends to it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from agentd.clock import from_iso
from agentd.errors import InputError, StateError
from agentd.files import make_private_folder, read_json, remove_temporaries, write_atomic
from agentd.frozen import frozen
from agentd.json_value import json_value
from agentd.ledger.call_id import ALLOWED, is_call_id
from agentd.locks import MAX_PID, lock, try_lock
from agentd.masking import masked_arguments
from agentd.runner.process import is_same

CHECKS_BEFORE, CHECKS_AFTER = "checks-before.json", "checks.json"
"""What the project's checks came to before a run's code, and after it: the last time they ran."""
TO_BE_PUT_BACK = ".before"
"""How the names end of documents that are moved here for as long as the run lasts."""


@frozen(kw_only=True)
class RunInfo:
    """What a run's ``run.json`` holds: enough to finish its record when agentd did not.

    ``cli_pid`` and ``cli_token`` are None until the CLI has started. The tokens tell a process
    from a later one with the same pid. ``relayed``: its requests are metered at the wire;
    ``told``: they are by the CLI's own telemetry; ``metered`` says so in words, and why. ``base``
    is what a provider that the config named was made of, None for one that has a row of its own.
    """

    call_id: str
    step: str
    provider: str
    requested_model: str | None
    argv: tuple[str, ...]
    cwd: str
    resume_session_id: str | None
    started_at: datetime
    agentd_pid: int
    agentd_token: str | None
    cli_pid: int | None = None
    cli_token: str | None = None
    prompt_name: str | None = None
    relayed: bool = False
    told: bool = False
    metered: str | None = None
    base: str | None = None


FEEDBACK = "feedback"
"""What a person wanted of the run's step, as its prompt has it."""
_BEFORE_A_RUN = {
    *("reserve", "lock", "prompt", "stdout", "stderr", "pointed.json", CHECKS_BEFORE),
    *("meter.log", "requests.jsonl", "tasks-before-the-run.md", FEEDBACK),
}
_KEYS = tuple(field.name for field in fields(RunInfo))
_TEXTS = ("call_id", "step", "provider", "cwd")
_PIDS = ("agentd_pid", "cli_pid")
_SWITCHES = ("relayed", "told")


def _check(values: Mapping[str, object]) -> None:
    """Raise ValueError for a value that no run.json has."""
    for key, value in values.items():
        if key in _PIDS:
            right = type(value) is int and 0 < value <= MAX_PID
        elif key in _SWITCHES:
            right = isinstance(value, bool)
        elif key == "argv":
            right = isinstance(value, tuple) and all(isinstance(part, str) for part in value)
        else:
            right = key == "started_at" or isinstance(value, str)
        if not right and (value is not None or key in _TEXTS or key == "agentd_pid"):
            raise ValueError(f"{key} is {str(value)[:80]!r}")


def info_from(data: bytes) -> RunInfo:
    """The bytes of a ``run.json``. Raises ValueError, TypeError or KeyError for damage."""
    return _info_of(json_value(data))


def _info_of(written: dict[str, Any]) -> RunInfo:
    values = {key: written[key] for key in _KEYS if key in written}
    values["started_at"] = from_iso(values["started_at"])
    values["argv"] = tuple(values["argv"])
    _check(values)
    return RunInfo(**values)


@frozen()
class RunFolder:
    """``runs/<call-id>/``; the files in it are properties."""

    path: Path

    @classmethod
    def create(cls, runs_dir: Path, call_id: str) -> RunFolder:
        """The folder of a run, made if it is missing.

        Raises InputError for an id that is no plain name, StateError when it can't be made.
        """
        if not is_call_id(call_id):
            raise InputError(f"call id {call_id!r} is not allowed", fix=ALLOWED)
        folder = cls(runs_dir / call_id)
        with folder.writing():
            make_private_folder(runs_dir)
            make_private_folder(folder.path)
        return folder

    @property
    def prompt(self) -> Path:
        """What the CLI gets on stdin."""
        return self.path / "prompt"

    @property
    def stdout(self) -> Path:
        """What the CLI prints, as it prints it."""
        return self.path / "stdout"

    @property
    def stderr(self) -> Path:
        """What the CLI prints to stderr."""
        return self.path / "stderr"

    @property
    def run_json(self) -> Path:
        """The :class:`RunInfo`."""
        return self.path / "run.json"

    def attend(self, *, timeout_s: float = 5.0) -> AbstractContextManager[None]:
        """Hold the lock that says that a living agentd looks after this run.

        It is not inherited by the CLI. Raises StateError when another one holds it.
        """
        return lock(self._lock, timeout_s=timeout_s, mode=0o600)

    def is_attended(self) -> bool:
        """Whether a living agentd runs it, or has run it and may be about to record it."""
        if self._is_held():
            return True
        if not self._lock.exists():
            return False
        info = self.info()
        return info.agentd_pid != os.getpid() and is_same(info.agentd_pid, info.agentd_token)

    def _is_held(self) -> bool:
        try:
            fd = os.open(self._lock, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            return not try_lock(fd)
        finally:
            os.close(fd)

    def write_info(self, info: RunInfo) -> None:
        """Write ``run.json``, without the secrets in its arguments. Raises OSError."""
        argv = masked_arguments(info.argv, os.environ)
        values = {**asdict(info), "argv": argv, "started_at": info.started_at.isoformat()}
        write_atomic(self.run_json, json.dumps(values, indent=2).encode() + b"\n")

    def info(self) -> RunInfo:
        """Read ``run.json``; keys of a newer agentd are left out. Raises StateError for damage."""
        try:
            return _info_of(read_json(self.run_json))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise StateError(
                f"{self.run_json}: damaged ({error})",
                fix=f"See what the run left in {self.path}, then delete that folder.",
            ) from error

    def metered(self) -> str | None:
        """``RunInfo.metered``; None where nobody can tell."""
        try:
            told = self.info().metered
        except StateError:
            return None
        return told if isinstance(told, str) else None

    def checks_told(self) -> tuple[str, ...]:
        """What the checks came to after this run, a line each; none where none ran."""
        try:
            return tuple(
                str(check["told"]) for check in read_json(self.path / CHECKS_AFTER)["checks"]
            )
        except (OSError, ValueError, KeyError, TypeError):
            return ()

    def is_unused(self) -> bool:
        """Whether it holds only what is made before a run begins, and nobody is about to use it."""
        if not is_call_id(self.path.name) or self.path.is_symlink() or not self.path.is_dir():
            return False
        remove_temporaries(self.path)
        return {path.name for path in self.path.iterdir()} <= _BEFORE_A_RUN and not self._is_held()

    def remove(self) -> None:
        """Delete the folder of a run that never began, but for what is TO_BE_PUT_BACK."""
        with contextlib.suppress(OSError):
            for path in self.path.iterdir():
                if path.suffix != TO_BE_PUT_BACK:
                    path.unlink()
            self.path.rmdir()

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Turn an OSError (full disk, read-only folder) into a StateError that names the place."""
        try:
            yield
        except OSError as error:
            raise StateError(
                f"{error.filename or self.path}: {error.strerror}",
                fix="agentd keeps each run's files there: make room, or make the folder writable.",
            ) from error

    @property
    def _lock(self) -> Path:
        return self.path / "lock"
