"""The session logs of the real CLIs in fixtures/session_logs, with what was served in each run."""

from __future__ import annotations

import atexit
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from agentd.clock import from_iso
from agentd.metering.usage import ModelUsage
from agentd.providers import PROVIDERS
from agentd.providers.base import Logged, LogQuery
from agentd.providers.claude import session_log as claude
from agentd.providers.codex import session_log as codex
from agentd.providers.copilot import session_log as copilot
from agentd.providers.gemini import session_log as gemini
from agentd.providers.opencode import session_log as opencode
from agentd.providers.pi import session_log as pi
from agentd.providers.qwen import session_log as qwen
from support.recordings import FIXTURES

READERS: dict[str, Callable[[LogQuery], Logged | None]] = {
    "claude": claude.read,
    "codex": codex.read,
    "gemini": gemini.read,
    "opencode": opencode.read,
    "pi": pi.read,
    "qwen": qwen.read,
    "copilot": copilot.read,
}


@dataclass(frozen=True)
class Log:
    folder: Path
    expected: dict[str, Any]

    @property
    def cli(self) -> str:
        return str(self.expected["cli"])

    @property
    def started_at(self) -> datetime:
        return from_iso(self.expected["started_at"])

    @property
    def served(self) -> dict[str, ModelUsage]:
        return {model: ModelUsage(**usage) for model, usage in self.expected["served"].items()}

    def read(self, home: Path | None = None, started_at: datetime | None = None) -> Any:
        return READERS[self.cli](self.query(home, started_at))

    def query(self, home: Path | None = None, started_at: datetime | None = None) -> LogQuery:
        return LogQuery(
            session_id=self.expected["session_id"],
            started_at=started_at or self.started_at,
            cwd=Path("/home/user/project"),
            environ={"HOME": str(home or with_databases(self.folder / "home"))},
        )


@cache
def with_databases(home: Path) -> Path:
    """The same, or a copy of it, with a database for each of its SQL files."""
    if not any(home.rglob("*.sql")):
        return home
    copy = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, copy)
    for sql in shutil.copytree(home, copy / "home").rglob("*.sql"):
        with closing(sqlite3.connect(sql.with_suffix(".db"))) as db:
            db.executescript(sql.read_text())
    return copy / "home"


LOGS = [
    Log(path.parent, json.loads(path.read_text()))
    for path in sorted(FIXTURES.glob("session_logs/*/*/*/expected.json"))
]


IMPORTED = [log for log in LOGS if PROVIDERS[log.cli].session_logs]
"""Those of CLIs whose sessions of people agentd can read."""


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def rewrite(path: Path, entries: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(e, separators=(",", ":")) + "\n" for e in entries))


def edited(
    log: Log, tmp_path: Path, edit: Callable[[dict[str, Any]], dict[str, Any] | None]
) -> Path:
    home = tmp_path / "home"
    shutil.copytree(log.folder / "home", home)
    for path in home.rglob("*.jsonl"):
        rewrite(path, [e for e in map(edit, lines(path)) if e is not None])
    return home


def named(cli: str, kind: str) -> Log:
    """The log of this kind of the newest version."""
    logs = [log for log in LOGS if (log.cli, log.folder.name) == (cli, kind)]
    return next(log for log in logs if log.folder.parts[-2] not in ("0.58.0", "0.115.0"))
