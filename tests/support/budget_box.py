"""A change to challenge, with limits, and stand-ins whose cost is known."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from agentd.state_folder import state_folder_of
from support.recordings import recording
from support.workflow_box import STREAM, box_with, put_change
from support.workspace import Sandbox

TURNS = f"{sys.executable} {Path(__file__).parents[1]}/standins/turns.py"
APPROVED = {"change/CHALLENGE.md": "## Verdict\n- [x] APPROVED\n"}
# 1191 tokens, $1.191 at these prices.
PRICED = """
[pricing.models."gemini-2.5-pro"]
cost_per_1m_input = 1000
cost_per_1m_output = 1000
"""

# The first message of the recording: 1,121 tokens in, 7 out; the second 2237 and 13.
OPUS = """
[pricing.models."claude-opus-5-5"]
cost_per_1m_input = 1000
cost_per_1m_output = 1000
"""


def box_of(folder: Path, budget: str, *, prices: str = PRICED) -> Sandbox:
    """A change to challenge by a gemini that uses 1191 tokens, with these limits."""
    box = box_with(folder)
    configure(box, f"{prices}{budget}\n")
    box.answer("challenge", STREAM, APPROVED)
    put_change(box, "add-x", "proposed")
    return box


def reserved(root: Path) -> list[Path]:
    """What running calls of the project have set aside."""
    folder = state_folder_of(str(root))
    return sorted(Path(folder).glob("*.reserved")) if folder else []


def in_turns(
    box: Sandbox, provider: str, path: str, pause_after: Sequence[str], *, shell: str = ""
) -> None:
    """Let this CLI print a recording, and wait where a line holds one of these texts.

    ``shell`` is what it does before.
    """
    (box.root.parent / "turns.json").write_text(
        json.dumps({"stdout": str(recording(path).folder / "stdout"), "pause_after": pause_after})
    )
    config = box.root / "agentd/config.toml"
    script = box.root.parent / f"{provider}-in-turns"
    script.write_text(f"#!/bin/sh\n{shell}\nexec {TURNS}\n")
    script.chmod(0o755)
    text = config.read_text()
    old = str(box.root.parent / provider)
    config.write_text(text.replace(f'"{old}"', f'"{script}"'))


def configure(box: Sandbox, more: str) -> None:
    config = box.root / "agentd/config.toml"
    config.write_text(f"{config.read_text()}\n{more}")


def challenge(
    box: Sandbox, *options: str, change: str = "add-x", **environment: str
) -> subprocess.CompletedProcess[str]:
    return box.run("challenge", change, "--model", "gemini-2.5-pro", *options, **environment)


def start(box: Sandbox) -> subprocess.Popen[bytes]:
    """The same in the background."""
    return subprocess.Popen(
        [sys.executable, "-m", "agentd", "challenge", "add-x", "--model", "gemini-2.5-pro"],
        cwd=box.root,
        env={**os.environ, "HOME": str(box.root.parent)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def again(box: Sandbox) -> None:
    """Let the change be challenged once more."""
    path = box.change("add-x") / "STATE.yaml"
    path.write_text(path.read_text().replace("phase: challenged", "phase: proposed"))


def spend(box: Sandbox, change: str, *costs: str, started: str = "2026-11-20T10:00:00Z") -> None:
    """Calls as agentd enters them."""
    from datetime import datetime
    from decimal import Decimal

    from agentd.ledger.store import StateStore
    from agentd.metering.call import CallRecord
    from agentd.metering.usage import ModelUsage

    store = StateStore(box.change(change))
    for number, cost in enumerate(costs):
        store.append(
            CallRecord(
                id=f"20261120T100000-proposal-{number:08x}",
                step="proposal",
                provider="gemini",
                model="gemini-2.5-pro",
                status="ok",
                usage=ModelUsage(input_tokens=100, output_tokens=10),
                cost_usd=Decimal(cost),
                cost_source="config",
                accuracy="exact",
                usage_source="stdout",
                duration_ms=1,
                started_at=datetime.fromisoformat(started),
            )
        )


def warnings(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What was said about budgets, without the time of day."""
    return [line[11:] for line in done.stderr.splitlines() if line[11:16] in ("WARN ", "ERROR")]
