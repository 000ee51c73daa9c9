"""What a CLI prints, and its session log."""

from __future__ import annotations

from pathlib import Path

from agentd.providers import PROVIDERS
from support.fuzz_targets.recorded import recorded
from support.fuzzing import Read, as_line
from support.recordings import RECORDINGS
from support.run_samples import concluded, run_info
from support.session_logs import LOGS

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
    path = next((log.folder / "home").rglob(f"*{was[:8]}*.jsonl")).relative_to(log.folder)
    path = folder / str(path).replace(was, SESSION).replace(was[:8], SESSION[:8])
    path.parent.mkdir(parents=True)
    header = b""
    if provider == "gemini":  # its file is told by its first line
        header = as_line({"sessionId": SESSION, "startTime": "2026-11-22T10:04:00Z"})
    run = folder / "run"
    run.mkdir()
    (run / "stderr").touch()
    (run / "prompt").write_text("Do it.\n")
    began = {"type": "thread.started", "thread_id": SESSION}
    if provider != "codex":
        began = {"type": "init", "session_id": SESSION, "model": "m"}
    (run / "stdout").write_bytes(as_line(began))
    info, home, cli = run_info(provider), folder / "home", PROVIDERS[provider].cli()

    def read(data: bytes) -> object:
        path.write_bytes(header + data)
        result = concluded(run, info, cli, home=home, watched=True)
        return result, recorded(result)

    return read


def log_seeds(provider: str) -> list[bytes]:
    found = []
    for log in (log for log in LOGS if log.cli == provider):
        was = log.expected["session_id"].encode()
        files = sorted((log.folder / "home").rglob("*.jsonl"))
        found += [file.read_bytes().replace(was, SESSION.encode()) for file in files]
    return found
