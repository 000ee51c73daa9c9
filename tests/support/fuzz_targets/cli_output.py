"""What a CLI prints, and its session log."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from agentd.providers import PROVIDERS
from support.fuzz_targets.recorded import recorded
from support.fuzzing import Read, as_line
from support.recordings import RECORDINGS
from support.run_samples import concluded, run_info
from support.session_logs import LOGS, with_databases

SESSION = "0199a8a0-5c3c-7a60-9f3e-0123456789ab"


def stdout_reader(provider: str, folder: Path) -> Read:
    (folder / "stderr").touch()
    (folder / "prompt").write_text("Do it.\n")
    info, home, cli = run_info(provider), folder / "home", PROVIDERS[provider].cli()

    def read(data: bytes) -> object:
        (folder / "stdout").write_bytes(data)
        result = concluded(folder, info, cli, home=home, watched=True)
        return result, recorded(result)

    return read


def stdout_seeds(provider: str) -> list[bytes]:
    return [r.stdout.encode() for r in RECORDINGS if r.cli == provider and r.stdout]


def log_reader(provider: str, folder: Path) -> Read:
    log = next(log for log in LOGS if log.cli == provider and log.folder.name == "plain")
    was = log.expected["session_id"]
    files = (path.relative_to(log.folder) for path in (log.folder / "home").rglob("*.jsonl"))
    path = next(path for path in files if was[:8] in str(path))
    path = folder / str(path).replace(was, SESSION).replace(was[:8], SESSION[:8])
    path.parent.mkdir(parents=True)
    header = b""
    if provider == "gemini":  # its file is told by its first line
        header = as_line({"sessionId": SESSION, "startTime": "2026-11-22T10:04:00Z"})
    run = folder / "run"
    run.mkdir()
    (run / "stderr").touch()
    (run / "prompt").write_text("Do it.\n")
    began = {"type": "init", "session_id": SESSION, "model": "m"}
    if provider == "codex":
        began = {"type": "thread.started", "thread_id": SESSION}
    elif provider == "pi":
        began = {"type": "session", "id": SESSION}
    elif provider == "copilot":
        began = {"type": "result", "sessionId": SESSION}
    (run / "stdout").write_bytes(as_line(began))
    info, home, cli = run_info(provider), folder / "home", PROVIDERS[provider].cli()

    def read(data: bytes) -> object:
        path.write_bytes(header + data)
        result = concluded(run, info, cli, home=home, watched=True)
        return result, recorded(result)

    return read


def database_reader(folder: Path) -> Read:
    """opencode's: the lines are what stands in the rows of its messages and parts."""
    (log,) = (log for log in LOGS if (log.cli, log.folder.name) == ("opencode", "subagent"))
    home = shutil.copytree(with_databases(log.folder / "home"), folder / "home")
    run = folder / "run"
    run.mkdir()
    (run / "stderr").touch()
    (run / "prompt").write_text("Do it.\n")
    began = {"type": "step_start", "sessionID": log.expected["session_id"]}
    (run / "stdout").write_bytes(as_line(began))
    info = replace(run_info("opencode"), started_at=log.started_at)
    cli, database = PROVIDERS["opencode"].cli(), home / ".local/share/opencode/opencode.db"

    def read(data: bytes) -> object:
        texts = data.decode(errors="replace").split("\n")
        with closing(sqlite3.connect(database)) as db, db:
            for table in ("message", "part"):
                for (row,) in db.execute(f"SELECT rowid FROM {table}").fetchall():
                    text = texts.pop(0) if texts else "{}"
                    db.execute(f"UPDATE {table} SET data = ? WHERE rowid = ?", (text, row))
        result = concluded(run, info, cli, home=home, watched=True)
        return result, recorded(result)

    return read


def database_seeds() -> list[bytes]:
    found = []
    for log in (log for log in LOGS if log.cli == "opencode"):
        database = with_databases(log.folder / "home") / ".local/share/opencode/opencode.db"
        with closing(sqlite3.connect(database)) as db:
            rows = db.execute(
                "SELECT data FROM (SELECT 0 AS place, rowid AS row, data FROM message "
                "UNION ALL SELECT 1, rowid, data FROM part) ORDER BY place, row"
            ).fetchall()
        found.append("\n".join(text for (text,) in rows).encode())
    return found


def log_seeds(provider: str) -> list[bytes]:
    found = []
    for log in (log for log in LOGS if log.cli == provider):
        was = log.expected["session_id"].encode()
        files = sorted((log.folder / "home").rglob("*.jsonl"))
        found += [file.read_bytes().replace(was, SESSION.encode()) for file in files]
    return found
