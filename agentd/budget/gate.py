"""``python -m agentd.budget.gate``: the relay of a run, and its gate; settings as JSON on stdin."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from pathlib import Path
from typing import Any

from agentd.meter.gate import Gate, OpenGate
from agentd.meter.relay import RelaySettings, serve
from agentd.providers import PROVIDERS


def main() -> None:
    """Serve until the run is over. What goes wrong is a traceback on stderr: meter.log."""
    given = json.load(sys.stdin)
    cli = PROVIDERS[given["provider"]].cli()
    settings = RelaySettings(
        token=given["token"],
        upstream=given["upstream"],
        log=Path(given["log"]),
        lifeline=given["lifeline"],
        user_agents=cli.user_agents,
        read_event=cli.read_event,
    )
    listening = socket.socket(fileno=given["listening"])
    gate = _gate(given.get("gate"), settings.log)
    asyncio.run(serve(listening, settings, gate, cli.refusal or _refuse))


def _gate(order: str | None, log: Path) -> Gate:
    """The gate of a packed order; a run without limits has none."""
    if order is None:
        return OpenGate()
    from agentd.budget.request_gate import BudgetGate, GateOrder

    return BudgetGate(GateOrder.unpacked(order), log)


def _refuse(why: str) -> tuple[int, dict[str, Any]]:
    return 402, {"error": {"message": why}}


if __name__ == "__main__":
    main()
