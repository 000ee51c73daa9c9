"""Record what OpenSpec's ``archive`` does with the changes of ``openspec_changes.py``.

    npm install --ignore-scripts --prefix DIR @fission-ai/openspec@1.13.2
    PYTHONPATH=tests python tests/generate/openspec_changes.py DIR/node_modules/.bin/openspec

Writes ``fixtures/specs/openspec_changes/<kind>/``: ``openspec/``, the project, and ``after/``, the
specs that come out, or, where OpenSpec refuses, ``refusal.txt`` with its words.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from generate.openspec_cases import VERSION, as_told, lay_out, openspec
from support.openspec_changes import CHANGE_ID, CHANGES, FOLDER, Files


def record(command: str, kind: str, files: Files) -> str:
    target = FOLDER / kind
    given = {name: text for name, text in files.items() if text is not None}
    lay_out(given, target / "openspec")
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "project"
        (root.parent / "home").mkdir()
        lay_out(given, root / "openspec")
        (root / "openspec/specs").mkdir(exist_ok=True)
        done = openspec(command, root, "archive", CHANGE_ID, "--yes")
        if (root / "openspec/changes" / CHANGE_ID).exists():
            (target / "refusal.txt").write_text(as_told(done, root), encoding="utf-8")
            return "refused"
        shutil.copytree(root / "openspec/specs", target / "after")
        return "accepted"


def main() -> None:
    command = str(Path(sys.argv[1]).absolute())
    version = openspec(command, Path.cwd(), "--version").stdout.strip()
    if version != VERSION:
        sys.exit(f"this is OpenSpec {version}; the changes are recorded with {VERSION}")
    shutil.rmtree(FOLDER, ignore_errors=True)
    for kind, files in CHANGES.items():
        print(f"{record(command, kind, files)}  {kind}")


if __name__ == "__main__":
    main()
