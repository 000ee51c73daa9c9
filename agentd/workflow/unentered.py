"""Whether earlier commands left anything to be entered; what enters it is loaded only then."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from agentd.errors import ConfigError, Paused
from agentd.project.change import Change
from agentd.workflow.leftovers import NOTHING, Leftovers, Settled

if TYPE_CHECKING:
    from agentd.workflow.order import Order


def enter_unentered(change: Change) -> Leftovers:
    """Enter the calls that earlier commands could not, and say what still waits.

    A CLI that is still at work is left alone, and so are all when this agentd is older than the
    project's ``min_version``. Modules are loaded only when a run was never entered, so that reports
    stay quick. Raises StateError when STATE.yaml can't take the calls.
    """
    if not os.path.isdir(f"{change.folder}/runs"):  # noqa: PTH112 - a Path takes three times as long
        return NOTHING
    from agentd.ledger.run_folders import is_closed, unentered

    if unentered(change.runs_dir):
        from agentd import min_version
        from agentd.workflow.earlier_runs import settle_interrupted_runs

        try:
            config = change.workspace.config
        except ConfigError:  # by which nothing can be priced
            told = f"change {change.id}: calls wait to be entered until the config is correct"
            return Leftovers(notes=(f"{told} (see agentd doctor)",))
        if min_version.complaint(config.min_version) is None:
            return settle_interrupted_runs(change)
    elif is_closed(change.runs_dir):
        told = (
            f"change {change.id}: its runs are another user's, whose agentd enters what waits there"
        )
        return Leftovers(notes=(told,))
    return NOTHING


def settle_before_step(change: Change, order: Order) -> Sequence[Settled]:
    """Enter them, say so, and warn as after any call; a CLI that still works is followed first.

    What runs that are over have left is ended, and what they had set aside is moved where it
    belongs. Raises BudgetExceeded when one of them has no price and that must end the run,
    StateError for one that can't be read, Paused (exit 6) when it is not known whether a run or a
    person changed what a step may not touch; what a step raises when the CLI that was followed had
    to be stopped.
    """
    from agentd.ledger.run_folders import unentered
    from agentd.runner.recovery import end_left_behind
    from agentd.workflow.set_aside import put_away

    try:
        put_away(change)
        return _settle(change, order) if unentered(change.runs_dir) else ()
    finally:
        if ended := end_left_behind(change.runs_dir):
            pids = ", ".join(map(str, ended))
            order.note(f"ended what an earlier run had left at work: process {pids}")


def _settle(change: Change, order: Order) -> Sequence[Settled]:
    from agentd.budget.spending import check_priced
    from agentd.runner.recovery import wait_for_readers
    from agentd.workflow.earlier_runs import settle_interrupted_runs
    from agentd.workflow.telling import tell_of_call

    wait_for_readers(change.runs_dir)
    left = settle_interrupted_runs(change, order)
    for note in left.notes:
        order.warn(note)
    for settled in left.entered:
        if not settled.followed:
            order.note(f"entered an earlier call: {settled.record.step}, {settled.record.status}")
        tell_of_call(change, settled.record, order)
    for settled in left.entered:
        if settled.stopped is not None:
            raise settled.stopped
    for settled in left.entered:
        check_priced(change, settled.record, override=order.override_budget)
    if left.problems:
        raise left.problems[0]
    if doubtful := [path for settled in left.entered for path in settled.in_doubt]:
        raise Paused(
            f"an earlier run of {change.id}, or somebody after it, changed {', '.join(doubtful)}; "
            "both are kept",
            fix="Compare them with what was before (forbidden/ in the run's folder), then run the "
            "command again.",
        )
    return left.entered
