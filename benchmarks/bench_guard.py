"""The guard before and after a run, in a repository of 100,000 tracked and 100,000 ignored files.

Against ``git status`` with its ignored files, in turn, so that a busy machine slows both alike;
medians, and beside them the processor time, git's too. The run between them writes a file, edits
one, stages it, and deletes an ignored one.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from agentd.guard import Allowed, Guard
from agentd.ledger.store import StateStore
from agentd.project.change import Change
from agentd.project.layout import Project

FILES = 100_000
RUNS = 7
GIT = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.org"]
STATUS = ["git", "--no-optional-locks", "status", "--porcelain=v2", "-z", "--ignored=matching"]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = f"{folder}/state"
        change = project(Path(folder) / "project", FILES)
        times: dict[str, list[float]] = {}
        for number in range(RUNS + 1):  # the first warms up
            for name, seconds in a_run(change, number).items():
                times.setdefault(name, []).append(seconds)
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}
    for name, seconds in medians.items():
        print(f"{name:<22} {seconds * 1000:6.0f} ms")
    print(f"both against git status: {medians['both'] / medians['git status']:.2f}")


def a_run(change: Change, number: int) -> dict[str, float]:
    """Seconds of each part."""
    root = change.project.root
    allowed = Allowed(documents=(change.folder / "REVIEW.md",), code=True)
    start, start_cpu = time.perf_counter(), cpu_seconds()
    guard = Guard(change, allowed, change.folder / f"runs/{number}/forbidden")
    begun, begun_cpu = time.perf_counter(), cpu_seconds()
    with guard:
        (root / f"src/new-{number}.py").write_text("1\n")
        (root / "src/0/0/1.py").write_text(f"{number}\n")
        subprocess.run([*GIT, "add", "src/0/0/1.py"], cwd=root, check=True)
        (root / "data/0/0.bin").unlink(missing_ok=True)
        ended, ended_cpu = time.perf_counter(), cpu_seconds()
        found = guard.after()
    done, done_cpu = time.perf_counter(), cpu_seconds()
    assert not found.forbidden
    subprocess.run(STATUS, cwd=root, check=True, stdout=subprocess.DEVNULL)
    return {
        "before": begun - start,
        "after": done - ended,
        "both": begun - start + done - ended,
        "both, processor": begun_cpu - start_cpu + done_cpu - ended_cpu,
        "git status": time.perf_counter() - done,
        "git status, processor": cpu_seconds() - done_cpu,
    }


def cpu_seconds() -> float:
    """The processor time of this process and of those it has waited for."""
    return sum(os.times()[:4])


def project(root: Path, files: int) -> Change:
    """A change in a repository with so many tracked and as many ignored files.

    A half of those lies in an ignored folder, the others beside the tracked ones.
    """
    for number in range(files // 100):
        code, data = root / f"src/{number % 50}/{number}", root / f"data/{number}"
        code.mkdir(parents=True)
        data.mkdir(parents=True)
        for name in range(100):
            (code / f"{name}.py").write_text(f"x = {number} + {name}\n")
        for name in range(50):
            (code / f"{name}.o").write_text("built\n")
            (data / f"{name}.bin").write_text("measured\n")
    (root / ".gitignore").write_text("*.o\n/data/\n")
    (root / "agentd/specs").mkdir(parents=True)
    (root / "agentd/config.toml").write_text('project_name = "bench"\n')
    folder = root / "agentd/changes/add-x"
    StateStore(folder).create("add-x", phase="implementing")
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        subprocess.run([*GIT, *command], cwd=root, check=True)
    time.sleep(1.1)  # git reads files again that are as young as its index
    subprocess.run(["git", "status"], cwd=root, check=True, stdout=subprocess.DEVNULL)
    return Change(Project(root), "add-x", folder)


if __name__ == "__main__":
    main()
