"""Record what OpenSpec's ``archive`` does with the cases of ``openspec_cases.py``.

    npm install --ignore-scripts --prefix DIR @fission-ai/openspec@1.13.2
    python tests/generate/openspec_cases.py DIR/node_modules/.bin/openspec

Writes ``fixtures/specs/openspec/<case>/``: ``before/`` and ``change/`` (the specs), and ``after/``
or, where OpenSpec refuses, ``refusal.txt`` with its words. OpenSpec runs with an empty home, no
telemetry and, where ``unshare`` works, no network.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from support.openspec_cases import BY_HAND, CHANGE_ID, FOLDER, GENERATED, Case, generated

VERSION = "1.13.2"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def lay_out(files: dict[str, str | bytes], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


def openspec(command: str, root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    offline = ["unshare", "-n"] if shutil.which("unshare") and os.geteuid() == 0 else []
    return subprocess.run(
        [*offline, command, *arguments],
        cwd=root,
        env={
            "HOME": str(root.parent / "home"),
            "PATH": os.environ["PATH"],
            "OPENSPEC_TELEMETRY": "0",
            "DO_NOT_TRACK": "1",
            "NO_COLOR": "1",
            "CI": "1",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def as_told(done: subprocess.CompletedProcess[str], root: Path) -> str:
    """What OpenSpec printed, the same on every machine."""
    said = _ANSI.sub("", done.stdout + done.stderr).replace(str(root.resolve()), "PROJECT")
    return "".join(f"{line.rstrip()}\n" for line in said.strip().splitlines())


def record(command: str, name: str, case: Case) -> str:
    target = FOLDER / name
    shutil.rmtree(target, ignore_errors=True)
    lay_out(case.before, target / "before")
    lay_out(case.change, target / "change")
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "project"
        (root.parent / "home").mkdir()
        specs, change = root / "openspec" / "specs", root / "openspec" / "changes" / CHANGE_ID
        lay_out(case.before, specs)
        lay_out(case.change, change / "specs")
        lay_out({"proposal.md": PROPOSAL, "tasks.md": "- [x] 1.1 Done\n"}, change)
        done = openspec(command, root, "archive", CHANGE_ID, "--yes")
        if change.exists():
            (target / "refusal.txt").write_text(as_told(done, root), encoding="utf-8")
            return "refused"
        shutil.copytree(specs, target / "after")
        return "accepted"


PROPOSAL = "# Change\n\n## Why\n" + "Because it is needed. " * 5 + "\n\n## What Changes\n- It\n"


def main() -> None:
    command = str(Path(sys.argv[1]).absolute())
    version = openspec(command, Path.cwd(), "--version").stdout.strip()
    if version != VERSION:
        sys.exit(f"this is OpenSpec {version}; the cases are recorded with {VERSION}")
    shutil.rmtree(FOLDER, ignore_errors=True)
    cases = {**BY_HAND, **generated(GENERATED)}
    outcomes = {name: record(command, name, case) for name, case in cases.items()}
    FOLDER.joinpath("ABOUT.json").write_text(
        json.dumps({"package": "@fission-ai/openspec", "version": VERSION}) + "\n"
    )
    for name, outcome in outcomes.items():
        print(f"{outcome}  {name}")


if __name__ == "__main__":
    main()
