"""Calls that are recorded more than once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import NamedTuple

from agentd.clock import iso
from agentd.metering.call import CallRecord
from agentd.metering.money import usd
from agentd.reports.audit.problems import Problem


class Placed(NamedTuple):
    """A call and the ledger that it stands in, as its call of this number."""

    change_id: str
    path: str
    number: int
    call: CallRecord


def find_twice(calls: Iterable[Placed]) -> Iterator[tuple[Placed, Problem]]:
    """Each call that repeats an earlier one, with what is wrong.

    The same id, in one ledger or in two; or, under two ids, the same CLI session, start and
    tokens: no two runs have all of these in common.
    """
    by_id: dict[str, Placed] = {}
    by_run: dict[Hashable, Placed] = {}
    for placed in calls:
        call = placed.call
        run = _run_of(call)
        if call.id and (first := by_id.setdefault(call.id, placed)) is not placed:
            yield placed, _once(placed, first)
        elif run is not None and (first := by_run.setdefault(run, placed)) is not placed:
            yield placed, _problem(call, f"the same run is recorded as {_name(first)} too")


def _run_of(call: CallRecord) -> Hashable:
    if call.started_at is None or not any(call.usage.counts()):
        return None
    if call.session_id is not None:
        return (call.provider, call.session_id, call.started_at, call.usage.counts())
    if not call.id:  # the original agentd wrote neither: then everything must be the same
        return call
    return None


def _once(placed: Placed, first: Placed) -> Problem:
    is_one = first.change_id == placed.change_id
    cure = f"validate --fix {placed.change_id}" if is_one else "validate --fix"
    also = f" (also in {first.path})" if first.path != placed.path else ""
    told = f"its id is recorded twice{also}; it counts once"
    fix = f"`agentd {cure}` takes one of the two entries out."
    return Problem("twice", told, placed.call.id, None, fix)


def _problem(call: CallRecord, message: str) -> Problem:
    return Problem(
        "twice",
        f"{message}; {usd(call.cost_usd, None)} counts twice",
        call.id or None,
        None,
        "Delete one of the two entries.",
        call.cost_usd or None,
    )


def _name(placed: Placed) -> str:
    call = placed.call
    name = call.id or f"a {call.step} call of {iso(call.started_at) if call.started_at else '-'}"
    return f"{name} in {placed.path}"
