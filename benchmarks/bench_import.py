"""``agentd import`` on 200 MB of session logs: the first time, again, and after one more answer.

Whole processes; the most memory that each had. ``MEGABYTES`` on the command line, 200 without.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CONFIG = '[claude]\n[pricing]\nsources = ["config", "catalog"]\n'
SESSIONS = 100
ANSWER_BYTES, RESULT_BYTES = 2_000, 6_000


def main() -> None:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    answers = megabytes * 1_000_000 // (ANSWER_BYTES + RESULT_BYTES) // SESSIONS
    with tempfile.TemporaryDirectory() as name:
        root, home = Path(name, "project"), Path(name, "home")
        (root / "agentd").mkdir(parents=True)
        (root / "agentd" / "config.toml").write_text(CONFIG)
        logs = [write_log(home, root, number, answers) for number in range(SESSIONS)]
        environ = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": name}
        for variable in ("PYTHONDONTWRITEBYTECODE", "CLAUDE_CONFIG_DIR", "CODEX_HOME"):
            environ.pop(variable, None)
        print(
            f"{sum(log.stat().st_size for log in logs) / 1e6:.0f} MB, {SESSIONS * answers} answers"
        )
        agentd = [sys.executable, "-m", "agentd", "-C", str(root)]
        measure("--version", [*agentd, "--version"], environ)
        told = [measure("import", [*agentd, "import", "--json"], environ)]
        told += [measure("again", [*agentd, "import", "--json"], environ) for _ in range(3)]
        with logs[0].open("a") as log:
            log.write(answer(root, 0, answers))
        told.append(measure("one answer more", [*agentd, "import", "--json"], environ))
    counts = [sum(call["requests"] for call in json.loads(text)["calls"]) for text in told]
    assert counts == [SESSIONS * answers] * 4 + [SESSIONS * answers + 1], counts


def measure(what: str, command: list[str], environ: dict[str, str]) -> str:
    """Run it; print its time and the most memory it had."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environ, text=True) as process:
        assert process.stdout is not None
        told = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    assert process.returncode == 0
    print(f"{what:<16} {seconds:6.2f} s, {used.ru_maxrss / 1000:4.0f} MB")
    return told


def write_log(home: Path, root: Path, number: int, answers: int) -> Path:
    folder = "".join(char if char.isalnum() else "-" for char in str(root))
    path = home / ".claude" / "projects" / folder / f"{session_of(number)}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as log:
        for place in range(answers):
            log.write(line(root, number, place, type="user", content="x" * RESULT_BYTES))
            log.write(answer(root, number, place))
    return path


def session_of(number: int) -> str:
    return f"{number:08}-0000-4000-8000-000000000000"


def answer(root: Path, number: int, place: int) -> str:
    usage = {
        "input_tokens": 100 + place,
        "output_tokens": 50,
        "cache_read_input_tokens": 20_000,
        "cache_creation_input_tokens": 300,
    }
    message = {
        "id": f"msg_{number:04}{place:06}",
        "model": "claude-opus-4-5",
        "content": [{"type": "text", "text": "y" * (ANSWER_BYTES - 600)}],
        "stop_reason": "tool_use",
        "usage": usage,
    }
    return line(root, number, place, type="assistant", message=message)


def line(root: Path, number: int, place: int, **more: object) -> str:
    entry = {
        **more,
        "uuid": f"u{place}",
        "timestamp": f"2026-11-{1 + number % 28:02}T{place // 3600 % 24:02}:{place // 60 % 60:02}"
        f":{place % 60:02}.000Z",
        "sessionId": session_of(number),
        "cwd": str(root),
        "gitBranch": f"feature/{number % 7}",
    }
    return json.dumps(entry, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    main()
