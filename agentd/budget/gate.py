"""``python -m agentd.budget.gate``: the relay of a run, and its gate; settings as JSON on stdin."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any

from agentd.masking import masked_traceback
from agentd.meter.gate import Gate, OpenGate
from agentd.meter.relay import Refuse, RelaySettings, serve
from agentd.metering.dialects import Asked
from agentd.metering.requests import ApiRequest
from agentd.providers import provider_of

_LISTENING_S = 0.05  # until the relay listens: the gate's modules would keep it from that


def main() -> None:
    """Serve until the run is over. What goes wrong is a traceback on stderr: meter.log."""
    sys.excepthook = _complain
    given = json.load(sys.stdin)
    row = provider_of(given["provider"], given["provider"])
    assert row is not None
    cli = row.cli()
    settings = RelaySettings(
        token=given["token"],
        upstream=given["upstream"],
        log=Path(given["log"]),
        lifeline=given["lifeline"],
        user_agents=cli.user_agents,
        of_cli=cli.asked,
        read_event=cli.read_event,
    )
    listening = socket.socket(fileno=given["listening"])
    order = given.get("gate")
    gate = _LateGate(order, settings.log) if order else OpenGate()  # a run without limits
    asyncio.run(_serve(listening, settings, gate, cli.refusal or _refuse))


def _complain(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    sys.stderr.write(masked_traceback(error, os.environ))


async def _serve(
    listening: socket.socket, settings: RelaySettings, gate: Gate, refuse: Refuse
) -> None:
    if isinstance(gate, _LateGate):
        asyncio.get_running_loop().call_later(_LISTENING_S, gate.begin)
    await serve(listening, settings, gate, refuse)


class _LateGate:
    """A budget's gate, made while the CLI starts: the relay listens without waiting for it."""

    def __init__(self, order: str, log: Path) -> None:
        self._order, self._log = order, log
        self._lock = Lock()
        self._made: Future[Gate] | None = None

    def begin(self) -> Future[Gate]:
        """Make the gate, in a thread of its own; again: nothing."""
        with self._lock:
            if self._made is None:
                self._made = ThreadPoolExecutor(1).submit(self._make)
            return self._made

    def refusal(self, key: str, asked: Asked, input_tokens: int, body: bytes) -> str | None:
        """What the gate says."""
        return self.begin().result().refusal(key, asked, input_tokens, body)

    def ended(self, key: str, requests: Sequence[ApiRequest]) -> None:
        """Tell the gate, which has let the request through."""
        self.begin().result().ended(key, requests)

    def _make(self) -> Gate:
        from agentd.budget.gate_order import GateOrder
        from agentd.budget.request_gate import BudgetGate

        return BudgetGate(GateOrder.unpacked(self._order), self._log)


def _refuse(why: str) -> tuple[int, dict[str, Any]]:
    return 402, {"error": {"message": why}}


if __name__ == "__main__":
    main()
