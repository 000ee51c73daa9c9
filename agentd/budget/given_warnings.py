"""The budget warnings that a change was given, told again from its ledger: when, and at what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from agentd.budget import sentences
from agentd.budget.account import Amount, amount_of
from agentd.late_pattern import late_pattern
from agentd.metering.call import CallRecord
from agentd.metering.money import usd

_NAME = late_pattern(
    r"(?:(?P<account>.+)\.)?(?P<mark>percent|dollars|tokens|exceeded)(?P<in_tokens>_tokens)?"
    r"@(?P<values>[\d.]+(?:@[\d.]+)?)"
)


class GivenWarning(NamedTuple):
    """A warning that was given after the call ``call_id``, when ``spent`` of ``limit`` was spent.

    ``account`` is "" for the whole change, else ``steps.review``, ``providers.claude``, the project
    and its period, or a model without a price. Amounts are in USD, or in tokens. Of what a ledger
    can't tell ``call_id`` and ``spent`` are None.
    """

    kind: str
    account: str
    unit: str
    limit: Decimal | None
    spent: Decimal | None = None
    call_id: str | None = None

    @property
    def percent(self) -> Decimal | None:
        """How much of the limit is spent."""
        return self.spent * 100 / self.limit if self.spent is not None and self.limit else None

    @property
    def text(self) -> str:
        """``$0.46 of $0.50 (92 %, $0.04 left)``."""
        about = f" of {self.account}" if self.account else ""
        if self.kind == "unpriced":
            return f"no price is known for {self.account}: its calls are in no budget in dollars"
        if self.limit is None:
            return f"budget: {self.kind}"
        if self.spent is None:
            is_usd = self.unit == "usd"
            limit = usd(self.limit, 2) if is_usd else sentences.tokens_shown(int(self.limit))
            return f"budget{about}: its mark ({self.kind}) under {limit} was reached"
        if self.unit == "usd":
            return f"budget{about}: {sentences.left_usd(self.spent, self.limit)}"
        return f"budget{about}: {sentences.left_tokens(int(self.spent), int(self.limit))}"


class Spent(NamedTuple):
    """What a call has spent; ``call_id`` is None for one of another change."""

    call_id: str | None
    amount: Amount


def given_warnings(
    names: Sequence[str], calls: Sequence[CallRecord], of_project: Callable[[str], Sequence[Spent]]
) -> Iterator[GivenWarning]:
    """The warnings of these names, as ``budget_warned`` has them, over the calls that counted.

    ``of_project`` has the calls of the whole project in a period, such as ``2026-11``, in order.
    """
    for name in names:
        found = _NAME.fullmatch(name)
        if found is None:  # of calls without a price
            kind, _, model = name.partition(".")
            ids = (call.id for call in calls if "_".join(call.model.split()) == model)
            yield GivenWarning(kind, model, "usd", None, call_id=next(ids, None))
            continue
        account, mark, values = found["account"] or "", found["mark"], found["values"].split("@")
        unit = "tokens" if found["in_tokens"] or mark == "tokens" else "usd"
        limit = Decimal(values[-1])
        wanted = limit * Decimal(values[0]) / 100 if mark == "percent" else limit
        told = GivenWarning(mark, account, unit, limit)
        if account.startswith("project"):
            spent = of_project(account.partition("@")[2])
        else:
            counted = (call for call in calls if _counts(call, account))
            spent = [Spent(call.id, amount_of([call])) for call in counted]

        def reached(spent: Decimal, mark: str = mark, wanted: Decimal = wanted) -> bool:
            return spent > wanted if mark == "exceeded" else spent >= wanted

        yield _placed(told, spent, reached)


def _counts(call: CallRecord, account: str) -> bool:
    table, _, name = account.partition(".")
    return not account or name == {"steps": call.step, "providers": call.provider}.get(table)


def _placed(
    told: GivenWarning, calls: Sequence[Spent], reached: Callable[[Decimal], bool]
) -> GivenWarning:
    """With the call after which it was given, and what was spent then."""
    sum_ = Amount()
    for call in calls:
        sum_ = sum_.plus(call.amount)
        spent = sum_.usd if told.unit == "usd" else Decimal(sum_.tokens)
        if call.call_id is not None and reached(spent):
            return told._replace(call_id=call.call_id, spent=spent)
    return told
