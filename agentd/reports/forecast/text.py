"""A forecast as text and for JSON."""

from __future__ import annotations

from decimal import Decimal
from operator import itemgetter
from typing import Any, NamedTuple

from agentd.budget.account import Account
from agentd.metering.money import usd
from agentd.reports.forecast.forecast import Figures, Forecast
from agentd.reports.forecast.outlook import Outlook
from agentd.reports.forecast.ranges import FEWEST, Range
from agentd.reports.forecast.replay import Replay
from agentd.text import counted, table


def as_lines(found: Forecast) -> list[str]:
    """The forecast in one line, its error in another; nothing where there is no range."""
    ranges, replays = [], []
    for part in _parts(found):
        if (told := part.best_range()) is not None:
            in_range, unit = told
            share = f"{100 * in_range.expected:.0f} %"
            ranges.append(f"{part.name} {_between(in_range, unit)} ({share})")
            replays.append(f"{part.name} {_replayed(part.best_replay())}")
    if not ranges:
        return []
    left = _left(found)
    return [
        f"forecast: probably {', '.join(ranges)}" + (f"; {left}" if left else ""),
        f"  replayed on history: {'; '.join(replays)}",
    ]


class _Part(NamedTuple):
    """One of the two things that are forecast; ``source`` is what it is told from."""

    name: str
    figures: Figures
    source: str
    known: int

    def best_range(self) -> tuple[Range, str] | None:
        """In USD, where none is known in tokens."""
        if self.figures.usd is not None:
            return self.figures.usd, "USD"
        return (self.figures.tokens, "tokens") if self.figures.tokens is not None else None

    def best_replay(self) -> Replay | None:
        """That of the best range."""
        return self.figures.usd_replay if self.figures.usd else self.figures.tokens_replay


def _parts(found: Forecast) -> tuple[_Part, _Part]:
    runs = f"finished runs of {found.step}"
    changes = f"archived changes that went on from {found.step}"
    return (
        _Part(found.step, found.next, runs, found.earlier),
        _Part("all to come", found.rest, changes, found.finished),
    )


def as_text(found: Forecast) -> str:
    """The forecast as a table, its errors, and what is left of the budget."""
    rows = [["FORECAST", "PROBABLY", "MIDDLE", "FROM"]]
    notes = []
    for part in _parts(found):
        usd_, usd_replay, tokens, tokens_replay = part.figures
        for in_range, replay, unit in (
            (usd_, usd_replay, "USD"),
            (tokens, tokens_replay, "tokens"),
        ):
            if in_range is None:
                continue
            middle = _amount(in_range.middle, unit)
            rows.append([part.name, _between(in_range, unit), middle, _from(part, in_range)])
            notes.append(f"  {part.name}, {unit}: {_replayed(replay)}")
        if tokens is None:
            rows.append(
                [part.name, "no forecast yet", "", f"{part.known} {part.source}; it takes {FEWEST}"]
            )
        elif usd_ is None:
            rows.append([part.name, "no forecast in USD", "", "too few of them had a price"])
    about = f"{found.change_id}, next: {found.step} by {found.provider} {found.model or ''}"
    blocks = [about.rstrip(), table(rows, left=(0, 1, 3))]
    if notes:
        head = "Replayed on history, each forecast from what was before it alone:"
        blocks.append("\n".join([head, *notes]))
    if left := _left(found):
        blocks.append(f"Budget: {left}.")
    lines = [
        f"  {account.shown}: {_outlook(outlook)}"
        for account in found.accounts
        for outlook in found.outlooks.get(account.key, ())
    ]
    if lines:
        blocks.append("\n".join(["How long the budgets last:", *lines]))
    return "\n\n".join(blocks)


def _between(in_range: Range, unit: str) -> str:
    amounts = f"{_amount(in_range.low, unit)} to {_amount(in_range.high, unit)}"
    return amounts if unit == "USD" else f"{amounts} tokens"


def _amount(amount: Decimal, unit: str) -> str:
    if unit == "USD":
        return usd(amount)
    return f"{amount:,.0f}"


def _from(part: _Part, in_range: Range) -> str:
    alike = [name for name in in_range.alike_in if not name.startswith("step")]
    same = f", same {' and '.join(alike)}" if alike else ""
    return f"{in_range.samples} {part.source}{same}; {100 * in_range.expected:.0f} % expected"


def _replayed(replay: Replay | None) -> str:
    if replay is None:
        return "too little history"
    text = f"{replay.within} of {replay.replayed} within range ({replay.expected:.0f} expected)"
    if replay.median_error_percent is not None:
        text += f", middle off by {replay.median_error_percent:.0f} % in the median"
    return text


def _left(found: Forecast) -> str:
    """What is left of the tightest budget, and whether it will do."""
    in_usd = [(left, at) for at in found.accounts if (left := at.left_usd()) is not None]
    if in_usd:
        left, account = min(in_usd, key=itemgetter(0))
        enough = _enough(left, _charged(found, account).usd)
        return f"{_amount(left, 'USD')} is left of the budget of {account.shown}{enough}"
    in_tokens = [(count, at) for at in found.accounts if (count := at.left_tokens()) is not None]
    if in_tokens:
        count, account = min(in_tokens, key=itemgetter(0))
        enough = _enough(Decimal(count), _charged(found, account).tokens)
        return f"{count:,} tokens are left of the budget of {account.shown}{enough}"
    return ""


def _outlook(found: Outlook) -> str:
    """What becomes of a limit, what would do, and what that is told from."""
    unit = "USD" if found.unit == "usd" else "tokens"
    left, limit = (_whole(amount, unit) for amount in (found.left, found.limit))
    head = f"{left} of {limit} left"
    days = found.source == "days"
    if found.lasts is None or found.enough is None:
        known = counted(found.samples, "whole day" if days else "archived change")
        return f"{head}; too little history to tell more: {known}, it takes {found.needed}"
    enough = f"{_whole(found.enough, unit)} would do in 90 % of cases"
    share = _in_percent(found.lasts)
    if days:
        used_up = f"used up on {found.used_up_on}" if found.used_up_on else "probably lasts"
        told = f"the last {counted(found.samples, 'day')}"
        return (
            f"{head}; {used_up}; it lasts until {found.until} in {share}, {enough} "
            f"(if each day to come is like one of {told})"
        )
    calls = found.used_up_after_calls
    after = f", else it is used up after {counted(calls, 'call')}" if calls is not None else ""
    told = f"the same part of {counted(found.samples, 'archived change')}"
    return (
        f"{head}; it lasts until the archive in {share}{after}; {enough} "
        f"(if what is to come is like {told})"
    )


def _in_percent(share: float) -> str:
    """0 and 100 % say that it is none or all."""
    percent = round(100 * share)
    return f"{percent if share in (0, 1) else min(99, max(1, percent))} %"


def _whole(amount: Decimal, unit: str) -> str:
    return usd(amount, 2) if unit == "USD" else f"{amount:,.0f} tokens"


def _charged(found: Forecast, account: Account) -> Figures:
    """What is to come for an account: all, or the next step where it is of one step or provider."""
    only_next = account.key.startswith(("budget.steps.", "budget.providers."))
    known_rest = found.rest.usd is not None or found.rest.tokens is not None
    return found.rest if known_rest and not only_next else found.next


def _enough(left: Decimal, needed: Range | None) -> str:
    if needed is None or left >= needed.high:
        return ""
    return ", probably too little" if left < needed.low else ", perhaps too little"


def as_document(change_id: str, found: Forecast | None) -> dict[str, Any]:
    """The forecast for JSON, with exact amounts; ``found`` is None when no step is left."""
    if found is None:
        return {"change_id": change_id, "next": None, "rest": None, "budget": []}
    return {
        "change_id": change_id,
        "next": {
            "step": found.step,
            "provider": found.provider,
            "model": found.model,
            "prompt_bytes": found.prompt_bytes,
            "earlier_runs": found.earlier,
            "unpriced_runs": found.unpriced,
            **_figures(found.next),
        },
        "rest": {"archived_changes": found.finished, **_figures(found.rest)},
        "budget": [
            {
                "key": account.key,
                "shown": account.shown,
                "left_usd": account.left_usd(),
                "left_tokens": account.left_tokens(),
                "outlooks": [_as_json(outlook) for outlook in found.outlooks.get(account.key, ())],
            }
            for account in found.accounts
        ],
        **({"problems": [error.message for error in found.problems]} if found.problems else {}),
    }


def _as_json(found: Outlook) -> dict[str, Any]:
    told = found._asdict()
    day = told["used_up_on"]
    return {**told, "used_up_on": day and day.isoformat()}


def _figures(figures: Figures) -> dict[str, Any]:
    measures = {"cost_usd": figures[:2], "tokens": figures[2:]}
    return {
        name: in_range and {**in_range._asdict(), "replay": replay and replay._asdict()}
        for name, (in_range, replay) in measures.items()
    }
