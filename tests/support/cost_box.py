"""Changes with calls of given costs, for `agentd cost` to report on."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from agentd.ledger.store import StateStore
from agentd.metering.call import CallRecord
from agentd.metering.usage import ModelUsage
from support.state_samples import CALL
from support.workspace import Sandbox

CONFIG = """
project_name = "x"
[claude]
command = "{claude}"
[budget.project]
timezone = "America/New_York"
"""


def call(number: int, **values: object) -> CallRecord:
    usage = ModelUsage(input_tokens=100, output_tokens=10, cache_read_input_tokens=40)
    record = replace(
        CALL, id=f"c{number}", usage=usage, cost_usd=Decimal("0.01"), step="review", session_id=None
    )
    return replace(record, **values)  # type: ignore[arg-type]


def add(box: Sandbox, change_id: str, *calls: CallRecord, archived: bool = False) -> StateStore:
    folder = box.change(change_id)
    if archived:
        folder = box.root / "agentd" / "archive" / f"20261101-{change_id}"
    store = StateStore(folder)
    store.create(change_id)
    for one in calls:
        store.append(one)
    return store
