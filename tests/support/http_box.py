"""A project with an HTTP API as a provider, in a git repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

from support.workspace import Sandbox, make_sandbox

KEY = "geheim-0123456789"
IMPLEMENTED = {"IMPLEMENTATION.md": "# Implementation: x\n\nDone.\n"}
CHALLENGE = """# Challenge: x

## Summary
Seen.

## Issues
none

## Verdict
- [x] APPROVED
- [ ] NEEDS_REVISION
- [ ] REJECTED
"""
CONFIG = """project_name = "x"
[workflow]
script_retries = 0
retry_delay_secs = 0
{workflow}
[checks]
test = ""
lint = ""
audit = ""
[claude]
command = "{{claude}}"
[pricing]
sources = ["config", "reported", "catalog"]
[http.local]
base_url = "{url}/v1"
model = "m-0"
api_key_env = "LOCAL_KEY"
count_tokens = "offline"
{more}
"""


def box_at(tmp_path: Path, url: str, *, workflow: str = "", more: str = "") -> Sandbox:
    config = CONFIG.format(url=url, workflow=workflow, more=more)
    box = make_sandbox(tmp_path, config)
    git(box, "init", "-q", "-b", "main")
    (box.root / "agentd/.gitignore").write_text("changes/*/runs/\n")
    (box.root / "login.py").write_text("def login(name):\n    return False\n")
    commit(box)
    return box


def git(box: Sandbox, *arguments: str) -> None:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["git", *who, *arguments], cwd=box.root, check=True, capture_output=True)


def commit(box: Sandbox) -> None:
    git(box, "add", "-A")
    git(box, "commit", "-qm", "x")
