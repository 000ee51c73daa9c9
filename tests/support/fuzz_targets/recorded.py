"""A call that was read, as it is recorded and read back."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from agentd.ledger import call_fields, own_grammar, own_layout, pending, source
from agentd.ledger import document as documents
from agentd.metering.call import CallRecord
from agentd.metering.pricing import PriceBook
from agentd.metering.rates import PricingConfig
from agentd.runner.result import RunResult
from agentd.workflow import recording

PRICES = PriceBook(
    config={"gpt-5": PricingConfig(cost_per_1m_input=1, cost_per_1m_output=10)},
    sources=("config", "reported", "catalog"),
)
LEDGER = """\
change_id: add-oauth
schema_version: '2.0'
phase: proposed
telemetry:
  calls: []
  total_cost_usd: 0.0
  total_tokens_in: 0
  total_tokens_out: 0
"""
_EMPTY = source.decode(LEDGER.encode())
_NO_CALLS = documents.read(_EMPTY)


_known: dict[bytes, tuple[CallRecord, int]] = {}
_AGAIN = 50


def recorded(result: RunResult) -> CallRecord:
    """The record of a run, as it is read back."""
    # What it said, and where it lies, is no part of its record.
    told = replace(result, final_text="", error=None, failure=None, run_dir=Path())
    return _once(told, lambda: _read_back(recording.priced(told, PRICES)))


def entered(record: CallRecord, *, by_agentd: bool = True) -> CallRecord:
    """The call as it is read back, from the file it waits in and from STATE.yaml.

    What agentd itself made of a run stands in its own layout, which is read without a YAML parser.
    """
    return _once((record, by_agentd), lambda: _read_back(record, by_agentd=by_agentd))


def _once(key: object, work: Callable[[], CallRecord]) -> CallRecord:
    """What ``work`` comes to; done for equal keys once, and every now and then again.

    Most mutants leave the figures of a run as they were.
    """
    name = pickle.dumps(key)
    known, times = _known.get(name, (None, 0))
    if known is None or times % _AGAIN == 0:
        made = work()
        assert known in (None, made), "it came to something else than before"
        known = made
    _known[name] = known, times + 1
    return known


def _read_back(record: CallRecord, *, by_agentd: bool = True) -> CallRecord:
    line = pending.to_line(pending.Kept(record))
    kept = pending.from_line(line).record
    text = _NO_CALLS.appended([call_fields.to_fields(kept)], _EMPTY).text
    assert not by_agentd or own_layout.find(text), f"not in agentd's own layout:\n{text}"
    [read] = documents.read(source.decode(text.encode()), own_grammar.ALL).records()
    assert read == kept
    return read
