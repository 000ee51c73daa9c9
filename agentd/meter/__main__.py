"""``python -m agentd.meter``: a relay whose settings come as JSON on stdin."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from pathlib import Path
from typing import Any

from agentd.meter.gate import OpenGate
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
    )
    listening = socket.socket(fileno=given["listening"])
    asyncio.run(serve(listening, settings, OpenGate(), cli.refusal or _refuse))


def _refuse(why: str) -> tuple[int, dict[str, Any]]:
    return 402, {"error": {"message": why}}


if __name__ == "__main__":
    main()
