"""Who wants to be told of events: each in a thread of its own, so that none waits for another."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from threading import Condition, Thread, current_thread
from typing import Any

Event = dict[str, Any]
"""What happened, as JSON has it: ``type``, ``agent_id``, ``timestamp`` in ms, and the rest."""

Callback = Callable[[Event], object]

_LOGGER = logging.getLogger("agentd.budget")


class Subscriber:
    """Hands events to ``callback`` in order, each once, from a thread of its own.

    An error that it raises is logged, and the next event comes all the same. While it is busy
    events wait in memory, as many as there are.
    """

    def __init__(self, callback: Callback) -> None:
        self._callback = callback
        self._waiting: deque[Event] = deque()
        self._put = 0
        self._done = 0
        self._late = False
        self._ended = False
        self._changed = Condition()
        self._thread = Thread(target=self._hand_on, name="agentd-subscriber", daemon=True)
        self._thread.start()

    def put(self, event: Event) -> None:
        """Hand it on as soon as those before it are done; does not wait."""
        with self._changed:
            if self._done == self._put:
                self._late = False
            self._waiting.append(event)
            self._put += 1
            self._changed.notify_all()

    def wait(self, deadline: float) -> None:
        """Until it is done with all there are now, or till ``deadline`` (of ``time.monotonic``).

        One that was late once is not waited for until it has caught up, and its own thread need
        not wait for itself.
        """
        with self._changed:
            wanted = self._put
            if self._late or current_thread() is self._thread:
                return
            left_s = max(0.0, deadline - time.monotonic())
            in_time = self._changed.wait_for(lambda: self._ended or self._done >= wanted, left_s)
            self._late = not in_time

    def end(self) -> None:
        """Hand nothing more on; a call that is at work is not stopped."""
        with self._changed:
            self._ended = True
            self._waiting.clear()
            self._changed.notify_all()

    def _hand_on(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ended or self._waiting)
                if self._ended:
                    return
                event = self._waiting.popleft()
            try:
                self._callback(event)
            except Exception:
                _LOGGER.exception("a subscriber failed at %s", event.get("type"))
            with self._changed:
                self._done += 1
                self._changed.notify_all()


class Subscribers:
    """All of a StateManager's."""

    PATIENCE_S = 0.1
    """So long a publisher waits for them, those that are late already left out."""

    def __init__(self) -> None:
        self._all: tuple[Subscriber, ...] = ()

    def __len__(self) -> int:
        return len(self._all)

    def add(self, callback: Callback) -> Subscriber:
        """Begin to tell ``callback``."""
        subscriber = Subscriber(callback)
        self._all = (*self._all, subscriber)
        return subscriber

    def remove(self, subscriber: Subscriber) -> None:
        """Tell it nothing more."""
        self._all = tuple(one for one in self._all if one is not subscriber)
        subscriber.end()

    def end(self) -> None:
        """Tell nobody anything more."""
        for subscriber in self._all:
            self.remove(subscriber)

    def put(self, event: Event) -> None:
        """Let each have it, without waiting."""
        for subscriber in self._all:
            subscriber.put(dict(event))

    def wait(self) -> None:
        """Until each is done with what it was given, but no longer than PATIENCE_S in all."""
        deadline = time.monotonic() + self.PATIENCE_S
        for subscriber in self._all:
            subscriber.wait(deadline)
