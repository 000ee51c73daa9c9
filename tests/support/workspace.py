"""A project with stand-in CLIs whose answers a test prepares, and agentd run on it for real."""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from support.command import agentd
from support.recordings import recording

STANDIN_CLI = Path(__file__).parents[1] / "standins" / "standin_cli.py"

SPEC = """# Login

## Purpose
Let users in.

## ADDED Requirements

### Requirement: Log in by name
The system SHALL let a user in by name.

#### Scenario: known user
- **WHEN** Ada logs in
- **THEN** she is in
"""
PROPOSAL = {
    "change/proposal.md": """# Proposal: log in

## Why
Nobody can log in.

## What changes
- Users log in by name.

## Impact
- Specs: login
- Code: `login.py`
- Risks: none that we know

## Out of scope
- Passwords
""",
    "change/tasks.md": """# Tasks

- [ ] 1.1 Log in by name (`login.py`)
  - Requirement: Log in by name
  - Test: `test_login.py`
""",
    "change/specs/login.md": SPEC,
}
REVIEW = """# Review: x

## Summary
Seen.

## Coverage
| Requirement | Scenario | Implemented in | Tested by |
|---|---|---|---|
| Log in by name | known user | login.py:1 | test_login.py |

## Issues
none

## Verdict
- [x] APPROVED
- [ ] NEEDS_CHANGES
- [ ] MAJOR_ISSUES
"""


@dataclass
class Sandbox:
    """``root`` is the project, ``plan`` maps a step to what its CLI does (see standin_cli.py)."""

    root: Path
    plan: dict[str, Any] = field(default_factory=dict)

    def answer(
        self,
        step: str,
        path: str | None = None,
        files: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        """Let the CLI of ``step`` write ``files`` and replay the recording at ``path``."""
        stdout = str(recording(path).folder / "stdout") if path else None
        self.plan[step] = {"stdout": stdout, "files": files or {}, **more}
        self.write_plan()

    def answers(self, step: str, *rounds: tuple[str, dict[str, str]]) -> None:
        """Let the CLI of ``step`` answer round by round: (recording, files)."""
        self.plan[step] = [
            {"stdout": str(recording(path).folder / "stdout"), "files": files}
            for path, files in rounds
        ]
        self.write_plan()

    def write_plan(self) -> None:
        """Let the stand-ins see ``plan`` as it is now."""
        (self.root.parent / "plan").write_bytes(marshal.dumps(self.plan))

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "HOME": str(self.root.parent), **environment}
        return agentd(*arguments, cwd=self.root, env=environ)

    def ok(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def change(self, change_id: str) -> Path:
        return self.root / "agentd" / "changes" / change_id

    def telemetry(self, change_id: str) -> dict[str, Any]:
        text = (self.change(change_id) / "STATE.yaml").read_text()
        block: dict[str, Any] = yaml.safe_load(text)["telemetry"]
        return block


def make_sandbox(folder: Path, config: str) -> Sandbox:
    """A project in ``folder`` with this config; ``{claude}``, ``{codex}``, ``{gemini}`` in it
    stand for the stand-ins' paths."""
    root = folder / "project"
    (root / "agentd" / "specs").mkdir(parents=True)
    for provider, command in put_standins(folder).items():
        config = config.replace(f"{{{provider}}}", command)
    (root / "agentd" / "config.toml").write_text(config)
    return Sandbox(root)


def put_standins(folder: Path) -> dict[str, str]:
    """A stand-in for each CLI, in ``folder``; the path of each."""
    commands = {}
    for provider in ("claude", "codex", "gemini"):
        script = folder / provider
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -IS "{STANDIN_CLI}" "$@"\n')
        script.chmod(0o755)
        commands[provider] = str(script)
    return commands
