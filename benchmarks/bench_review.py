"""agentd's own time in ``agentd review``: a stand-in CLI answers at once, so little else is left.

Whole processes, run in turn with the shell script that is the stand-in, so that a busy machine
slows all alike; medians. Once with a price of the config, once with one of the catalogue.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from agentd.ledger.store import StateStore

RUNS = 11
ANSWER = Path(__file__).parents[1] / "fixtures/recordings/codex/0.169.0/model_json/stdout"
CLI = """#!/bin/sh
cat > /dev/null
cat > agentd/changes/add-x/REVIEW.md <<END
# Review
Number $$.

## Verdict
- [ ] APPROVED
- [x] NEEDS_CHANGES
END
cat "{answer}"
"""
CONFIG = """project_name = "bench"
[codex]
command = "{cli}"
default = "{model}"
[checks]
test = ""
lint = ""
audit = ""
[pricing]
sources = ["config", "reported", "catalog"]
[pricing.models."my-own"]
cost_per_1m_input = 1
cost_per_1m_output = 2
"""
DOCUMENTS = {
    "proposal.md": "# Proposal\n\n## Why\nTo see.\n",
    "tasks.md": "# Tasks\n\n- [x] 1.1 See\n",
    "specs/see.md": "# See\n\n## ADDED Requirements\n\n### Requirement: See\nIt SHALL see.\n\n"
    "#### Scenario: eyes\n- **WHEN** open\n- **THEN** it sees\n",
    "IMPLEMENTATION.md": "# Implementation\n",
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        cli = root / "codex"
        cli.write_text(CLI.format(answer=ANSWER))
        cli.chmod(0o755)
        commands = {"stand-in": ([str(cli)], project(root / "alone", cli, "my-own"))}
        for name, model in (("price of the config", "my-own"), ("of the catalogue", "gpt-5")):
            review = [sys.executable, "-m", "agentd", "review", "add-x", "--quiet"]
            commands[name] = (review, project(root / model, cli, model))
        times = in_turn(commands)
    for name, seconds in times.items():
        print(f"{name:<20} {seconds * 1000:6.1f} ms")


def project(root: Path, cli: Path, model: str) -> Path:
    change = root / "agentd/changes/add-x"
    change.mkdir(parents=True)
    (root / "agentd/config.toml").write_text(CONFIG.format(cli=cli, model=model))
    for name, text in DOCUMENTS.items():
        path = change / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    StateStore(change).create("add-x", phase="implementing")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    return root


def in_turn(commands: dict[str, tuple[list[str], Path]]) -> dict[str, float]:
    """Medians in seconds; the first run of each, which may compile modules, does not count."""
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(RUNS + 1):
        for name, (command, folder) in commands.items():
            start = time.perf_counter()
            subprocess.run(
                command,
                cwd=folder,
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={
                    key: os.environ[key] for key in os.environ if key != "PYTHONDONTWRITEBYTECODE"
                },
            )
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values[1:]) for name, values in times.items()}


if __name__ == "__main__":
    main()
