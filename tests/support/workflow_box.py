"""Changes that stand at some point of the workflow, and stand-ins that misbehave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from agentd.ledger.store import StateStore
from agentd.project.layout import find_project
from agentd.specs import snapshot
from support.recordings import recording
from support.workspace import PROPOSAL, Sandbox, make_sandbox

STREAM = "gemini/0.61.0/model_stream_json"
CONFIG = """
project_name = "test"
[workflow]
step_timeout_secs = 30
script_retries = 0
retry_delay_secs = 0
{workflow}
[checks]
test = ""
lint = ""
audit = ""
{providers}
"""
MAIN = """# Login

## Purpose
Let users in.

## Requirements

### Requirement: Greet
The system SHALL greet.

#### Scenario: hello
- **WHEN** a user is in
- **THEN** it says hello

### Requirement: Log out
The system SHALL let a user out.

#### Scenario: bye
- **WHEN** a user asks to leave
- **THEN** the user is out
"""


def block(name: str, text: str, scenario: str, then: str) -> str:
    return (
        f"### Requirement: {name}\n{text}\n\n#### Scenario: {scenario}\n"
        f"- **WHEN** it happens\n- **THEN** {then}\n"
    )


def modified(*blocks: str) -> str:
    return "# Login\n\n## MODIFIED Requirements\n\n" + "\n".join(blocks)


def box_with(
    folder: Path, *, workflow: str = "", providers: tuple[str, ...] = ("gemini",)
) -> Sandbox:
    """A project in which the first of ``providers`` does every step."""
    sections = "".join(f'[{name}]\ncommand = "{{{name}}}"\n' for name in providers)
    return make_sandbox(
        folder, CONFIG.replace("{workflow}", workflow).replace("{providers}", sections)
    )


def put_change(
    box: Sandbox, change_id: str, phase: str, files: dict[str, str] | None = None
) -> Path:
    """A change as the steps before ``phase`` leave it; ``files`` are relative to its folder."""
    change = box.change(change_id)
    StateStore(change).create(change_id, phase=phase)
    written = {name.removeprefix("change/"): text for name, text in PROPOSAL.items()}
    for name, text in {**written, **(files or {})}.items():
        path = change / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    snapshot.take(find_project(box.root), change)
    return change


def tasks_for(name: str) -> str:
    return f"# Tasks\n\n- [ ] 1.1 Do it (`login.py`)\n  - Requirement: {name}\n  - Test: `t.py`\n"


def archiving(box: Sandbox, *verdicts: str) -> None:
    """Let the archive's steps answer: an entry, these verdicts one after another, a fix."""
    box.answer("archive", STREAM, {"change/merged/CHANGELOG.md": entry("Users log in.")})
    box.answers(
        "archive-review",
        *(
            (STREAM, {"change/ARCHIVE_REVIEW.md": f"## Verdict\n- [x] {verdict}\n"})
            for verdict in verdicts
        ),
    )
    box.answer("archive-fix", STREAM, {"change/merged/CHANGELOG.md": entry("Users can log in.")})


def entry(text: str) -> str:
    return f"# Changelog\n\n## 2026-11-22 a change\n\n{text}\n"


def gemini_says(box: Sandbox, text: str) -> str:
    """A stream of gemini whose final text is ``text``."""
    lines = recording(STREAM).stdout.splitlines()
    said = json.loads(lines[2])
    said["content"] = text
    path = box.root.parent / "said.jsonl"
    path.write_text("\n".join([lines[0], lines[1], json.dumps(said), lines[4]]) + "\n")
    return str(path)


def put_plan(box: Sandbox, step: str, **keys: Any) -> None:
    """Change keys of what a step's stand-in does."""
    box.plan.setdefault(step, {"stdout": None, "files": {}}).update(keys)
    box.write_plan()


def state_of(box: Sandbox, change_id: str) -> dict[str, Any]:
    folder = box.change(change_id)
    if not folder.exists():
        (folder,) = (box.root / "agentd/archive").glob(f"*-{change_id}")
    state: dict[str, Any] = yaml.safe_load((folder / "STATE.yaml").read_text())
    return state


def calls_of(box: Sandbox, change_id: str) -> list[tuple[str, str]]:
    telemetry = state_of(box, change_id)["telemetry"]
    return [(call["step"], call["status"]) for call in telemetry["calls"]]


def specs_of(box: Sandbox) -> dict[str, bytes]:
    folder = box.root / "agentd/specs"
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
