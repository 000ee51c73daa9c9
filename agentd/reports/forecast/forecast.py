"""What the next step and the rest of a change will probably cost, from the project's history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from math import inf
from typing import Any, NamedTuple

from agentd.budget.account import Account
from agentd.budget.project_account import ProjectAccount
from agentd.budget.spending import change_account, check_copies, metered_calls, part_accounts
from agentd.clock import utc_now
from agentd.documents.verdict import verdict_of
from agentd.errors import StateError
from agentd.frozen import frozen
from agentd.project.change import Change
from agentd.project.phases import read_phase
from agentd.reports.forecast.history import read_history
from agentd.reports.forecast.outlook import Outlook
from agentd.reports.forecast.outlooks import of_all_changes, of_part
from agentd.reports.forecast.ranges import TOKENS, USD, Like, Measure, Past, Range
from agentd.reports.forecast.replay import Replay, Unfolding, replay_rests, replay_step
from agentd.reports.forecast.rest import Rest, range_of_rests, rests
from agentd.reports.forecast.visits import Visit
from agentd.workflow.attempts import choose_for
from agentd.workflow.decide import ARCHIVE, IMPL, PLAN, Situation, decide
from agentd.workflow.model_choice import Choice
from agentd.workflow.observed import last_step
from agentd.workflow.order import Order
from agentd.workflow.prompts.prompt import render
from agentd.workflow.step_run import StepRun
from agentd.workflow.steps import STEPS, Step

_PROJECT = "budget.project"


class Figures(NamedTuple):
    """Ranges, None for too little history, and how good such ranges were when played again."""

    usd: Range | None
    usd_replay: Replay | None
    tokens: Range | None
    tokens_replay: Replay | None


@frozen(kw_only=True)
class Forecast:
    """What ``step``, the next of a change, will probably need, and ``rest``: it and all after it.

    ``earlier`` is how often the step was done before, ``unpriced`` how many of these have no cost;
    ``finished`` how many archived changes had such a rest. ``prompt_bytes`` is None where the
    prompt is not known beforehand. ``accounts`` are the budgets that the step will be charged to,
    those that have a limit, and ``outlooks`` what will become of them, by their keys, where that
    was asked for. ``problems`` are the ledgers that it had to do without.
    """

    change_id: str
    step: str
    provider: str
    model: str | None
    prompt_bytes: int | None
    earlier: int
    unpriced: int
    finished: int
    next: Figures
    rest: Figures
    accounts: tuple[Account, ...]
    outlooks: Mapping[str, Sequence[Outlook]] = field(default_factory=dict)
    problems: tuple[StateError, ...] = ()


def forecast(
    change: Change,
    order: Order | None = None,
    description: str | None = None,
    *,
    outlooks: bool = False,
) -> Forecast | None:
    """The forecast of a change; None when no step is left.

    ``order`` and ``description`` are those of the command that is about to begin; with ``outlooks``
    it tells what becomes of the budgets. Writes nothing but caches. Raises StateError when the
    change's ledger can't be read, ConfigError, and InputError for a template that can't be used.
    """
    if change.archived_on is not None:
        return None
    wanted = order or Order()
    state = change.state
    name = next_step(change)
    if name is None:
        return None
    step = STEPS[name]
    run = StepRun(change=change, step=step, order=wanted, values={"description": description or ""})
    choice = choose_for(run)
    prompt_bytes = _prompt_bytes(run, described=description is not None)
    history = read_history(change.project)
    of_step = history.of(name)
    done = sum(call.step == name and call.status == "ok" for call in state.calls)
    by_measure = {
        measure: rests(history.visits, history.finished, name, 1 + done, measure)
        for measure in (USD, TOKENS)
    }
    to_come = {visit.step for visit in history.visits} & set(STEPS)
    providers: dict[str, str | None] = {
        later: choose_for(replace(run, step=STEPS[later])).provider for later in to_come
    }
    accounts, project = _accounts(change, step, choice)
    steps = {measure: Unfolding(history.visits, measure).until(inf) for measure in by_measure}
    told: dict[str, Sequence[Outlook]] = {}
    for account in accounts if outlooks else ():
        if project is not None and account.key == _PROJECT:
            told[account.key] = of_all_changes(project, change.workspace.config.budget.project)
        else:
            told[account.key] = of_part(account, by_measure, providers, steps)
    return Forecast(
        change_id=change.id,
        step=name,
        provider=choice.provider,
        model=choice.model,
        prompt_bytes=prompt_bytes,
        earlier=len(of_step),
        unpriced=sum(visit.cost_usd is None for visit in of_step),
        finished=len(by_measure[USD]),
        next=_of_step(of_step, Like(choice.provider, choice.model, prompt_bytes)),
        rest=_of_rest(by_measure, history.visits, providers, steps),
        accounts=accounts,
        outlooks=told,
        problems=tuple(history.problems),
    )


def _of_step(visits: list[Visit], like: Like) -> Figures:
    usd, used = (Past(measure, visits).range_for(like) for measure in (USD, TOKENS))
    return Figures(usd, replay_step(visits, USD), used, replay_step(visits, TOKENS))


def _of_rest(
    by_measure: dict[Measure, list[Rest]],
    visits: list[Visit],
    providers: dict[str, str | None],
    steps: Mapping[Measure, Mapping[str, Past]],
) -> Figures:
    figures: list[Any] = []
    for measure, found in by_measure.items():
        figures.append(range_of_rests(found, measure, providers, steps[measure]))
        figures.append(replay_rests(found, visits, measure))
    return Figures(*figures)


def _prompt_bytes(run: StepRun, *, described: bool) -> int | None:
    """The length of the step's prompt, where all that goes into it is known."""
    if "checks" in run.step.fields or (run.step.takes_description and not described):
        return None
    return len(render(run).encode())


def _accounts(
    change: Change, step: Step, choice: Choice
) -> tuple[tuple[Account, ...], ProjectAccount | None]:
    """The accounts of the step, and that of the project, if it is one of them, as it goes on."""
    budget, calls = change.workspace.config.budget, metered_calls(change)
    found = [
        *part_accounts(budget, change.id, calls, step=step.name, provider=choice.provider),
        change_account(budget, change.id, calls),
    ]
    project = None
    if budget.project.is_set:
        project = ProjectAccount(change.project, budget.project, utc_now())
        found.append(project.now())
    accounts = tuple(account for account in found if account.is_set)
    if accounts:
        check_copies(change)
    return accounts, project


_LOOPS = {"challenged": IMPL, "implementing": IMPL, "complete": ARCHIVE}
_AFTER = {"plan": IMPL.first, "impl": ARCHIVE.first, "archive": None}


def next_step(change: Change) -> str | None:
    """The name of the step; None when only the move into the archive is left.

    Where a loop ended without approval it is the step that mends.
    """
    state = change.state
    phase = read_phase(state.phase)
    if phase == "archived":
        return None
    loop = _LOOPS.get(phase or "", PLAN)
    last = last_step(change, loop)
    situation = Situation(
        phase=phase,
        last=last,
        iteration=state.iteration or 1,
        verdict=verdict_of(change, STEPS[loop.judge].judgement) if last == loop.judge else None,
        asked=1,
        stuck=False,
    )
    match decide(loop, situation, getattr(change.workspace.config.workflow, loop.limit)):
        case str() as step:
            return step
        case None:
            return _AFTER[loop.name]
        case _:
            return loop.mend
