"""The states of agents, such as their costs, kept for others to read, and told to who listens."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from threading import Event as Signal
from threading import RLock, Thread
from typing import Any, Self
from weakref import WeakKeyDictionary, WeakMethod

from agentd.budget.cost_metrics import CostMetrics, from_dict
from agentd.budget.monitor import BudgetWarning, reached, shares_of
from agentd.budget.shares import share_of
from agentd.budget.state_file import File, Kept, Memory, Store
from agentd.budget.subscribers import Callback, Event, Subscribers
from agentd.budget.tracker import BudgetTracker
from agentd.clock import precise_utc_now
from agentd.errors import StateError
from agentd.metering.money import Price, decimal_text

MEMORY = ":memory:"
_LOOK_S = 0.05
_METRICS, _JSON = "cost_metrics", "json"
_LEFT_TO_PARENT: list[Store] = []  # closing them in a child would end what the parent writes


class StateManager:
    """Keeps one state for each agent, in memory (":memory:") or in a file; tells subscribers.

    Threads, and processes that name the same file, may all use it at once. ``thresholds`` are the
    shares of a budget that are told as ``cost_warning``, each once for each tracker. With
    ``read_only`` the file must be there and is not written to; saving is a ValueError.

    Raises StateError where the file can't be used, ValueError for a share that is none or when it
    is used after ``close()``; TypeError or ValueError for a state that is no JSON.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] = MEMORY,
        *,
        thresholds: Iterable[Price] = (0.9,),
        read_only: bool = False,
    ) -> None:
        self._read_only = read_only
        self._shares = shares_of(thresholds)
        self._path = None if os.fspath(path) == MEMORY else Path(path).absolute()
        self._closed = False
        self._pending: WeakKeyDictionary[BudgetTracker, list[Decimal]] = WeakKeyDictionary()
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = RLock()
        self._store: Store = (
            Memory() if self._path is None else File(self._path, read_only=self._read_only)
        )
        self._subscribers = Subscribers()
        self._told = 0
        self._quit = Signal()

    def save_agent_state(self, agent_id: str, state: CostMetrics | Mapping[str, Any]) -> None:
        """Keep ``state`` in place of the agent's last one, and tell subscribers.

        It is a CostMetrics, or a mapping of what JSON knows; a Decimal in it becomes a text. It is
        kept when this returns, whatever subscribers do with it.
        """
        kept = _kept(agent_id, state)
        with self._open() as store:
            store.save(agent_id, kept, [_changed(agent_id, kept, _now_ms())])
            self._tell()
        self._wait()

    def publish(self, agent_id: str, last_cost_usd: Decimal, tracker: BudgetTracker) -> CostMetrics:
        """Save the metrics of an agent after a cost, and tell of thresholds that it has reached."""
        with self._open() as store:  # in the lock, so that no older total comes later
            metrics = metrics_after(agent_id, last_cost_usd, tracker)
            kept = _kept(agent_id, metrics)
            warnings, rest = reached(tracker, self._pending.get(tracker, self._shares))
            events = [_changed(agent_id, kept, metrics.timestamp)]
            events += [json.dumps(_warning(metrics, warning)) for warning in warnings]
            store.save(agent_id, kept, events)
            self._pending[tracker] = rest
            self._tell()
        self._wait()
        return metrics

    def get_agent_state(self, agent_id: str) -> CostMetrics | dict[str, Any] | None:
        """The agent's state as it was saved, whoever saved it: metrics are CostMetrics again.

        A mapping comes back as a dict. None when there is none.
        """
        with self._open() as store:
            return next(map(_state, store.states(agent_id).values()), None)

    def agent_states(self) -> dict[str, CostMetrics | dict[str, Any]]:
        """The states of all agents, by their ids."""
        with self._open() as store:
            return {agent_id: _state(kept) for agent_id, kept in sorted(store.states().items())}

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Call ``callback`` with each event from now on; what is returned ends that.

        It is called from a thread of its own, with one event after the other, in the order in which
        they were saved; those of other processes come within a tenth of a second.
        """
        with self._open() as store:
            self._tell()  # what was before is for those who were there before
            if not self._subscribers:
                self._told = store.last_event()
                if self._path is not None:
                    self._quit = Signal()
                    look = WeakMethod(self._look)
                    Thread(target=_follow, args=(look, self._quit), daemon=True).start()
            subscriber = self._subscribers.add(callback)

        def unsubscribe() -> None:
            with self._lock:
                self._subscribers.remove(subscriber)
                if not self._subscribers:
                    self._quit.set()

        return unsubscribe

    def close(self) -> None:
        """Wait a moment for subscribers that are busy, and use neither them nor the file again."""
        with self._lock:
            if self._closed:
                return
            self._tell()
        self._wait()
        with self._lock:
            self._closed = True
            self._quit.set()
            self._subscribers.end()
            self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _open(self) -> Iterator[Store]:
        if os.getpid() != self._pid:  # forked: its locks, threads and connection are the parent's
            _LEFT_TO_PARENT.append(self._store)
            self._begin()
        with self._lock:
            if self._closed:
                raise ValueError("this StateManager is closed")
            yield self._store

    def _tell(self) -> None:
        """Hand on what happened since the last time, here or in another process."""
        # A file that is busy or gone is read next time: what was to be saved is saved.
        with contextlib.suppress(StateError):
            if self._subscribers:
                self._hand_on()

    def _hand_on(self) -> None:
        last = self._store.last_event()
        if last < self._told:  # the file was deleted, and begins again
            self._told = 0
        events = self._store.events_after(self._told)
        if events and events[0][0] > self._told + 1:  # too late for some: how it stands now
            for agent_id, kept in self._store.states().items():
                self._subscribers.put(json.loads(_changed(agent_id, kept, _now_ms())))
        for number, event in events:
            self._told = number
            self._subscribers.put(json.loads(event))

    def _wait(self) -> None:
        if self._subscribers:
            self._subscribers.wait()

    def _look(self) -> None:
        with self._lock:
            if not self._closed:
                self._tell()


def _follow(look: WeakMethod[Callable[[], None]], quit_: Signal) -> None:
    """Look for what other processes write, for as long as the StateManager is there."""
    while not quit_.wait(_LOOK_S):
        found = look()
        if found is None:
            return
        found()
        del found


def metrics_after(agent_id: str, last_cost_usd: Decimal, tracker: BudgetTracker) -> CostMetrics:
    """How the budget stands now."""
    spent_usd = tracker.total_spent()
    return CostMetrics(
        agent_id=agent_id,
        total_spent=spent_usd,
        budget_limit=tracker.budget_usd,
        percentage_used=share_of(spent_usd, tracker.budget_usd),
        last_cost=last_cost_usd,
        timestamp=_now_ms(),
    )


def _now_ms() -> int:
    return int(precise_utc_now().timestamp() * 1000)


def _kept(agent_id: str, state: CostMetrics | Mapping[str, Any]) -> Kept:
    if not isinstance(agent_id, str):
        raise TypeError(f"agent_id is {agent_id!r}; expected a str")
    if isinstance(state, CostMetrics):
        return Kept(_METRICS, json.dumps(state.as_dict()))
    if not isinstance(state, Mapping):
        raise TypeError(f"the state of {agent_id} is {state!r}; expected CostMetrics or a mapping")
    return Kept(_JSON, json.dumps(dict(state), default=_plain, allow_nan=False))


def _plain(value: object) -> object:
    match value:
        case Decimal() if value.is_finite():
            return decimal_text(value)
        case CostMetrics():
            return value.as_dict()
        case Mapping():
            return dict(value)
    raise TypeError(f"a state holds {value!r}, which is no JSON")


def _state(kept: Kept) -> CostMetrics | dict[str, Any]:
    told: dict[str, Any] = json.loads(kept.state)
    return from_dict(told) if kept.kind == _METRICS else told


def _changed(agent_id: str, kept: Kept, timestamp: int) -> str:
    head = {"type": "agent_state_changed", "agent_id": agent_id, "timestamp": timestamp}
    return f'{json.dumps(head)[:-1]}, "state": {kept.state}}}'


def _warning(metrics: CostMetrics, warning: BudgetWarning) -> Event:
    return {
        "type": "cost_warning",
        "agent_id": metrics.agent_id,
        "timestamp": metrics.timestamp,
        "threshold": warning.threshold,
        "percentage_used": warning.percentage_used,
        "total_spent": decimal_text(warning.spent_usd),
        "budget_limit": decimal_text(warning.budget_usd),
        "remaining": decimal_text(warning.remaining_usd),
        "last_cost": decimal_text(metrics.last_cost),
        "message": str(warning),
    }
