"""The outlooks of all budgets that a change's next step is charged to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from agentd.budget.account import Account
from agentd.budget.project_account import ProjectAccount
from agentd.clock import precise_utc_now
from agentd.config.model import ProjectBudget
from agentd.periods import days_of, midnight, through, zone
from agentd.reports.forecast.outlook import (
    LATEST_DAYS,
    Case,
    Limited,
    Outlook,
    of_change,
    of_project,
)
from agentd.reports.forecast.ranges import TOKENS, USD, Measure, Past
from agentd.reports.forecast.rest import Rest, as_now


def limits_of(account: Account) -> Iterator[Limited]:
    """Those of an account that are set."""
    left_usd, left_tokens = account.left_usd(), account.left_tokens()
    if account.limit_usd is not None and left_usd is not None:
        used = account.spent.usd + account.reserved.usd
        yield Limited("usd", account.limit_usd, used, left_usd)
    if account.limit_tokens is not None and left_tokens is not None:
        tokens = Decimal(account.spent.tokens + account.reserved.tokens)
        yield Limited("tokens", Decimal(account.limit_tokens), tokens, Decimal(left_tokens))


def of_part(
    account: Account,
    rests: Mapping[Measure, Sequence[Rest]],
    providers: Mapping[str, str | None],
    steps: Mapping[Measure, Mapping[str, Past]],
) -> list[Outlook]:
    """Of a change's budget, or of that of a step or a provider within it."""
    table, _, name = account.key.removeprefix("budget").removeprefix(".").partition(".")
    counts: Callable[[str], bool] = {
        "steps": lambda step: step == name,
        "providers": lambda step: providers.get(step) == name,
    }.get(table, lambda step: True)
    found = []
    for of in limits_of(account):
        measure = USD if of.unit == "usd" else TOKENS
        cases = [
            _case(rest, measure, counts, providers, steps[measure])
            for rest in rests[measure]
            if rest.needs is not None
        ]
        found.append(of_change(of, cases))
    return found


def _case(
    rest: Rest,
    measure: Measure,
    counts: Callable[[str], bool],
    providers: Mapping[str, str | None],
    steps: Mapping[str, Past],
) -> Case:
    needs, calls, total = [], 0, Decimal(0)
    for visit in rest.visits:
        value = measure.of(visit)
        if value is not None and counts(visit.step):
            total += as_now(value, (visit.step, visit.provider), measure, providers, steps)
            calls += visit.calls
            needs.append((calls, total))
    return Case(needs)


def of_all_changes(account: ProjectAccount, budget: ProjectBudget) -> list[Outlook]:
    """Of the project's budget."""
    now, here = precise_utc_now(), zone(budget.timezone)
    today = now.astimezone(here).date()
    rows = [row for row in account.rows() if row.started_at is not None]
    days = days_of([row.started_at for row in rows], here)
    usd, tokens = dict[date, Decimal](), dict[date, Decimal]()
    for row, day in zip(rows, days, strict=True):
        if day is not None and day < today:
            usd[day] = usd.get(day, Decimal(0)) + row.cost_usd
            used = row.tokens_in + row.tokens_out
            tokens[day] = tokens.get(day, Decimal(0)) + used
    yesterday = today - timedelta(days=1)
    first = max(min(usd, default=today), today - timedelta(days=LATEST_DAYS))
    begin, next_ = midnight(today, here), midnight(today + timedelta(days=1), here)
    to_come = Decimal(round((next_ - now.timestamp()) / (next_ - begin), 4))
    end = days_of([account.period.end], here)[0]
    found = []
    for of in limits_of(account.now()):
        by_day = usd if of.unit == "usd" else tokens
        needed = [by_day.get(day, Decimal(0)) for day in through(first, yesterday)]
        found.append(of_project(of, needed, today, to_come, end))
    return found
