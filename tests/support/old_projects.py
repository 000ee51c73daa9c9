"""Projects as earlier versions of agentd left them: fixtures/projects/VERSION/STATE.json.

One file a project: ``{"files": {path: {"mode": "644", "text": ...}}, "calls": [ids]}``; a path
that ends in ``/`` is a folder, ``"zeros"`` is the length of a file of zero bytes. As plain files
they would lose modes and empty folders in git, which would obey the project's .gitignore too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "fixtures" / "projects"
HOME = "/home/ada"  # stands for the folder that the project lay in


def names(version: str) -> list[str]:
    return sorted(path.stem for path in (FOLDER / version).glob("*.json"))


def put_down(root: Path, target: Path, calls: list[str]) -> None:
    """Write the project at ``root`` into a file, with a neutral place in all paths."""
    files = {}
    for path in sorted(root.rglob("*")):
        name, mode = path.relative_to(root).as_posix(), f"{path.stat().st_mode & 0o777:o}"
        if path.is_dir():
            files[f"{name}/"] = {"mode": mode}
        else:
            files[name] = {"mode": mode, **_kept(path.read_bytes(), str(root.parent))}
    target.parent.mkdir(parents=True, exist_ok=True)
    content = {"calls": calls, "files": files}
    target.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _kept(data: bytes, home: str) -> dict[str, str | int]:
    if data.strip(b"\0"):
        return {"text": data.decode().replace(home, HOME)}
    return {"zeros": len(data)}  # room on the disk for what must be written in any case


def lay_out(version: str, name: str, root: Path) -> list[str]:
    """The project as it was, at ``root``; the ids of its calls."""
    content: dict[str, Any] = json.loads((FOLDER / version / f"{name}.json").read_text())
    root.mkdir(parents=True, exist_ok=True)
    for path, kept in content["files"].items():
        place = root / path
        if path.endswith("/"):
            place.mkdir(exist_ok=True)
        else:
            place.write_bytes(kept["text"].encode() if "text" in kept else bytes(kept["zeros"]))
    for path, kept in reversed(content["files"].items()):
        (root / path).chmod(int(kept["mode"], 8))
    calls: list[str] = content["calls"]
    return calls
