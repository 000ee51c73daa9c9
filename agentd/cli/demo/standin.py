"""Stands in for a coding CLI: writes prepared documents and replays a recording's stdout."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

from agentd.late_pattern import late_pattern

_HERE = Path(__file__).parent
_DOCUMENTS = _HERE / "documents"
# Recordings are packed into the wheel; in a checkout they stand in fixtures/.
_RECORDINGS = next(
    path
    for path in (_HERE / "recordings", _HERE.parents[2] / "fixtures" / "recordings")
    if path.is_dir()
)
_HEADING = late_pattern(r"^# agentd: step `([a-z-]+)` of change `([a-z0-9-]+)`$", re.MULTILINE)

_SESSION = late_pattern(r'"(?:session_id|thread_id)":"([0-9a-f-]{36})"')

_TOOL = "claude/2.1.330/tool_stream_json_partial"
RECORDINGS = {
    ("gemini", "proposal"): "gemini/0.61.0/tool_stream_json",
    ("gemini", "reproposal"): "gemini/0.61.0/model_stream_json",
    ("gemini", "archive"): "gemini/0.61.0/model_stream_json",
    ("codex", "challenge"): "codex/0.169.0/tool_json",
    ("codex", "review"): "codex/0.169.0/compaction_json",
    ("codex", "archive-review"): "codex/0.169.0/model_json",
    ("claude", "implementation"): "claude/2.1.330/subagent_stream_json_partial",
    ("claude", "resolve"): _TOOL,
    # A change can be run by claude alone.
    **dict.fromkeys(
        [("claude", step) for step in ("proposal", "challenge", "review", "archive")], _TOOL
    ),
    ("claude", "archive-review"): _TOOL,
}


def main() -> None:
    """Answer one prompt, as the provider named by the first argument."""
    provider = sys.argv[1]
    if "--version" in sys.argv:
        paths = (path for (name, _), path in RECORDINGS.items() if name == provider)
        sys.stdout.write(f"{next(paths).split('/')[1]} (replayed by agentd demo)\n")
        return
    heading = _HEADING.search(sys.stdin.read())
    if heading is None:
        sys.exit("the stand-in knows only agentd's own prompts")
    step, change_id = heading.groups()
    write_documents(_DOCUMENTS / change_id, step, Path("agentd") / "changes" / change_id)
    replayed = (_RECORDINGS / RECORDINGS[provider, step] / "stdout").read_text()
    # A session of its own for each run, as the CLIs have it.
    for session in dict.fromkeys(_SESSION.findall(replayed)):
        replayed = replayed.replace(session, str(uuid.uuid4()))
    sys.stdout.write(replayed)
    home = os.environ.get("AGENTD_DEMO_HOME")
    if provider == "codex" and home:
        _write_session_log(replayed, Path(home) / ".codex")


def _write_session_log(replayed: str, codex_home: Path) -> None:
    """What shows that no subagent was at work; the recorded stdout tells the usage alone."""
    events = [json.loads(line) for line in replayed.splitlines()]
    (thread,) = (event["thread_id"] for event in events if event["type"] == "thread.started")
    now = datetime.now(UTC)
    entries = {
        "session_meta": {"id": thread},
        "turn_context": {"turn_id": "1", "model": sys.argv[sys.argv.index("-m") + 1]},
        "event_msg": {"type": "task_complete", "turn_id": "1"},
    }
    folder = codex_home / "sessions" / f"{now:%Y/%m/%d}"
    folder.mkdir(parents=True, exist_ok=True)
    at = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    lines = (
        json.dumps({"timestamp": at, "type": kind, "payload": payload}, separators=(",", ":"))
        for kind, payload in entries.items()
    )
    (folder / f"rollout-{now:%Y-%m-%dT%H-%M-%S}-{thread}.jsonl").write_text("\n".join(lines) + "\n")


def write_documents(story: Path, step: str, change: Path) -> int:
    """Copy ``STEP-ROUND/`` of a change's story: ``change/`` into its folder, the rest beside it.

    The round is the first one without a call in the ledger. Exits where the story has no such step.
    """
    ledger = (change / "STATE.yaml").read_text(encoding="utf-8")
    number = ledger.count(f"\n    step: {step}\n") + 1
    documents = story / f"{step}-{number}"
    if not documents.is_dir():
        known = ", ".join(sorted(path.name for path in story.parent.glob("*-*")))
        sys.exit(f"nothing was prepared for round {number} of {step}; the changes are: {known}")
    for source in sorted(path for path in documents.rglob("*") if path.is_file()):
        place = source.relative_to(documents)
        inside = place.parts[0] == "change"
        target = change.joinpath(*place.parts[1:]) if inside else place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return number


if __name__ == "__main__":
    main()
