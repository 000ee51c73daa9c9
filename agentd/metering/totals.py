"""Sums over the ledger's calls: in all, by step and by model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Literal, Protocol

from agentd.frozen import frozen
from agentd.metering.partial import PARTIAL, is_estimate
from agentd.metering.unpriced import UNKNOWN, is_unpriced, ran_locally, shown_cost


class Share(Protocol):
    """What one model has of a call."""

    @property
    def model(self) -> str:
        """Its name."""

    @property
    def tokens_in(self) -> int:
        """All input, cached included."""

    @property
    def tokens_out(self) -> int:
        """All output."""

    @property
    def cost_usd(self) -> Decimal:
        """0 when ``cost_source`` is none."""

    @property
    def cost_source(self) -> str:
        """Where the price is from."""


class Summed(Share, Protocol):
    """A call that can be summed: a CallRecord, or a row of the ledger."""

    @property
    def step(self) -> str:
        """The step it was made for."""

    @property
    def status(self) -> str:
        """How it ended."""

    @property
    def accuracy(self) -> str:
        """How sure its figures are."""

    @property
    def why(self) -> str | None:
        """What is not known of them."""

    def shares(self) -> Sequence[Share]:
        """One for each of its models."""


@frozen(kw_only=True)
class Totals:
    """The sum of some calls.

    ``tokens_in`` is all input, cached included; ``tokens_out`` all output. ``failed`` calls are
    those that did not end ok. ``unpriced`` calls used tokens that no price was known for, so
    ``total_cost_usd`` is too low by them; a local model needs none. Of ``partial`` calls something
    is not known; ``estimated`` of these may have used less than is summed here, the others used at
    least that (``metering.partial``). ``local`` are those that only servers of one's own answered.
    """

    total_cost_usd: Decimal
    tokens_in: int
    tokens_out: int
    calls: int
    failed: int
    unpriced: int
    partial: int
    estimated: int = 0
    local: int = 0

    @property
    def cost_shown(self) -> str:
        """The cost for people; ``unpriced`` or ``unknown`` for a 0 that is none."""
        return shown_cost(
            self.total_cost_usd,
            unpriced=self.unpriced,
            partial=self.partial,
            tokens=self.tokens_in + self.tokens_out,
            local=self.local == self.calls > 0,
        )

    @property
    def cost_noted(self) -> str:
        """The same, with a ``+`` where calls without a price are missing."""
        return self.cost_shown + "+" * bool(self.unpriced and self.total_cost_usd)

    @property
    def tokens_shown(self) -> tuple[str, str]:
        """All input and all output for people; ``-`` where no call has told."""
        if self.cost_shown == UNKNOWN:
            return "-", "-"
        return f"{self.tokens_in:,}", f"{self.tokens_out:,}"


_Figures = tuple[Decimal, int, int, bool, bool, bool, bool, bool]
"""Of a call, or a model's share: cost, tokens in and out; is it failed, unpriced, partial, an
estimate, local."""


def summarise(calls: Iterable[Summed]) -> Totals:
    """The sum of ``calls``."""
    return _totals([_figures(call, call, call.shares()) for call in calls])


def by(calls: Iterable[Summed], key: Literal["step", "model"]) -> dict[str, Totals]:
    """The sums per step or per model, in the order in which each is first met.

    A call that several models answered counts once under each of them, with that model's share.
    """
    groups: dict[str, list[_Figures]] = {}
    for call in calls:
        shares = call.shares()
        if key == "step":
            groups.setdefault(call.step, []).append(_figures(call, call, shares))
        elif len(shares) == 1:
            groups.setdefault(shares[0].model, []).append(_figures(call, shares[0], shares))
        else:
            of_models: dict[str, list[_Figures]] = {}  # one may have answered at several prices
            for share in shares:
                of_models.setdefault(share.model, []).append(_figures(call, share, (share,)))
            for model, figures in of_models.items():
                groups.setdefault(model, []).append(_one(figures))
    return {name: _totals(group) for name, group in groups.items()}


def _figures(call: Summed, used: Share, shares: Sequence[Share]) -> _Figures:
    unpriced = False
    for share in shares:
        tokens = share.tokens_in + share.tokens_out
        unpriced |= is_unpriced(share.model, share.cost_source, tokens)
    partial = call.accuracy == PARTIAL
    estimated = is_estimate(call.accuracy, call.why, used.tokens_in + used.tokens_out)
    local = all(ran_locally(share.model, share.cost_source) for share in shares)
    marks = (call.status != "ok", unpriced, partial, estimated, local)
    return used.cost_usd, used.tokens_in, used.tokens_out, *marks


def _one(figures: Sequence[_Figures]) -> _Figures:
    costs_usd, tokens_in, tokens_out, *marks = zip(*figures, strict=True)
    failed, unpriced, partial, estimated, local = map(any, marks)
    used = sum(costs_usd, Decimal(0)), sum(tokens_in), sum(tokens_out)
    return (*used, failed, unpriced, partial, estimated, local)


def _totals(every: Sequence[_Figures]) -> Totals:
    costs_usd, tokens_in, tokens_out, failed, unpriced, partial, estimated, local = (
        zip(*every, strict=True) if every else [()] * 8
    )
    return Totals(
        total_cost_usd=sum(costs_usd, Decimal(0)),
        tokens_in=sum(tokens_in),
        tokens_out=sum(tokens_out),
        calls=len(every),
        failed=sum(failed),
        unpriced=sum(unpriced),
        partial=sum(partial),
        estimated=sum(estimated),
        local=sum(local),
    )
