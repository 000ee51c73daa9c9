"""What a loop or a call does that somebody who is not there may want to know."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from agentd.budget.warnings import after_call
from agentd.errors import AgentdError, Cancelled, Paused, StateError
from agentd.metering.call import CallRecord
from agentd.project.change import Change
from agentd.workflow.order import Order

if TYPE_CHECKING:
    from agentd.config.model import NotifyEvent

Outcome = TypeVar("Outcome")
_STAMP = r"^\[[\d:]{8}\] (?:WARN |ERROR) "


def tell_of_call(change: Change, call: CallRecord, order: Order) -> None:
    """Tell a collector of a call, and warn of the budget's marks that it has reached.

    These are told here and where [notify] says.
    """
    _tell_unsent(order)
    order.tracing.call(change, call)

    def warn(text: str) -> None:
        order.warn(text)
        _tell(change, order, "threshold", re.sub(_STAMP, "", text))

    after_call(change, call, warn)


def telling_end(change: Change, order: Order, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """The outcomes of a loop; that it has ended, or waits for a person, is told behind the last.

    Takes a second at most. What a person stopped is not told: they know.
    """
    order.tracing.begin(change)
    try:
        yield from outcomes
    except AgentdError as error:
        order.tracing.end(change, error.exit_code)
        if not isinstance(error, Cancelled):
            event: NotifyEvent = "gate" if isinstance(error, Paused) else "end"
            _tell(change, order, event, error.message, fix=error.fix, exit_code=error.exit_code)
        raise
    else:
        order.tracing.end(change, 0)
        _tell(change, order, "end", "done", exit_code=0)
    finally:
        order.outbox.wait(order.warn)
        _tell_unsent(order)


def _tell_unsent(order: Order) -> None:
    if told := order.tracing.unsent():
        order.warn(f"warning: {told}")


def _tell(
    change: Change,
    order: Order,
    event: NotifyEvent,
    text: str,
    *,
    fix: str = "",
    exit_code: int | None = None,
) -> None:
    notify = change.workspace.config.notify
    if notify.url_env is None or event not in notify.on:
        return
    from agentd.clock import utc_now
    from agentd.metering.totals import summarise
    from agentd.workflow.notify.notices import Notice, body_of

    phase = spent_usd = None
    with contextlib.suppress(StateError):
        state = change.state
        phase, spent_usd = state.phase, summarise(state.rows).total_cost_usd
    notice = Notice(
        event=event,
        project=change.workspace.config.project_name,
        change_id=change.id,
        phase=phase,
        text=text,
        at=utc_now(),
        fix=fix,
        exit_code=exit_code,
        spent_usd=spent_usd,
    )
    order.outbox.send(notify.url_env, body_of(notice, notify.form))
