"""Calls and odd STATE.yaml files for the tests of agentd.ledger."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML

from agentd.ledger.store import StateStore
from agentd.metering.call import CallRecord
from agentd.metering.usage import ModelUsage

FIXTURES = Path(__file__).parents[2] / "fixtures" / "state"

CALL = CallRecord(
    id="20261122T054052-proposal-6f1c2a9b",
    step="proposal",
    provider="gemini",
    model="gemini-3-flash-preview",
    status="ok",
    usage=ModelUsage(
        input_tokens=24939,
        output_tokens=174,
        cache_read_input_tokens=21263,
        cache_creation_input_tokens=120,
        cache_creation_1h_input_tokens=20,
        reasoning_output_tokens=154,
    ),
    cost_usd=Decimal("0.00352315"),
    cost_source="config",
    accuracy="exact",
    usage_source="stdout",
    duration_ms=18342,
    started_at=datetime(2026, 11, 22, 5, 40, 52, tzinfo=UTC),
    session_id="3bb0f41d-1c2d-4e5f-8a9b-0c1d2e3f4a5b",
)


def call(number: int) -> CallRecord:
    """A call with an id of its own; its tokens and cost depend on the number."""
    return replace(
        CALL,
        id=f"20261122T054052-proposal-{number:08x}",
        usage=replace(CALL.usage, input_tokens=24939 + number),
        cost_usd=CALL.cost_usd + Decimal(number).scaleb(-8),
    )


def new_store(folder: Path, text: str | bytes | None = None) -> StateStore:
    """A change's store; with ``text`` as its STATE.yaml, else a new one."""
    store = StateStore(folder / "add-oauth")
    if text is None:
        store.create("add-oauth")
    else:
        store.change_dir.mkdir(parents=True)
        store.path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return store


def loaded(text: str | bytes) -> Any:
    """The document as PyYAML (YAML 1.1) reads it."""
    return yaml.safe_load(text)


def loaded_1_2(text: str | bytes) -> Any:
    """The document as ruamel (YAML 1.2) reads it."""
    return YAML(typ="safe", pure=True).load(text)


def in_child(work: Callable[[], object]) -> int:
    """Fork a child that does ``work`` and exits 0, or 1 after a traceback; returns its pid."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:  # noqa: BLE001
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid


def exit_codes(pids: list[int]) -> set[int]:
    """Wait for the children and return their exit codes."""
    return {os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids}
