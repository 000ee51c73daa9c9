"""What a number of lines comes to, and the quotas it is held against."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import Literal

from agentd.frozen import frozen
from agentd.metering.money import EXACT
from agentd.metering.words import Accuracy

Quota = Literal["tokens", "cost"]

_SUMS = (
    *("lines", "failed", "unpriced"),
    *("input_tokens", "output_tokens", "input_cost_usd", "output_cost_usd"),
)
_WEAKER = {"exact": 0, "family": 1, "heuristic": 2}


@dataclass(slots=True)
class LineTotals:
    """Sums over lines: tokens and costs over those written, ``lines`` over all but blank ones.

    ``unpriced`` lines have no known price and are in no cost. ``model`` is None when no line was
    counted or ``several_models`` were; ``accuracy`` is that of the weakest line. ``incomplete``:
    a line held something that was not counted.
    """

    lines: int = 0
    failed: int = 0
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    input_cost_usd: Decimal = Decimal(0)
    output_cost_usd: Decimal = Decimal(0)
    model: str | None = None
    several_models: bool = False
    accuracy: Accuracy | None = None
    incomplete: bool = False

    @property
    def tokens(self) -> int:
        """Input and output."""
        return self.input_tokens + self.output_tokens

    @property
    def cost_usd(self) -> Decimal:
        """Input and output, exact."""
        return EXACT.add(self.input_cost_usd, self.output_cost_usd)

    def add_model(self, model: str, accuracy: Accuracy) -> None:
        """Lines of this model are among those counted."""
        if self.model is None and not self.several_models:
            self.model = model
        elif self.model != model:
            self.model, self.several_models = None, True
        if self.accuracy is None or _WEAKER[accuracy] > _WEAKER[self.accuracy]:
            self.accuracy = accuracy

    def plus(self, more: LineTotals) -> LineTotals:
        """Both together."""
        with localcontext(EXACT):
            sums = {name: getattr(self, name) + getattr(more, name) for name in _SUMS}
        total = replace(self, **sums, incomplete=self.incomplete or more.incomplete)
        if more.several_models:
            total.model, total.several_models = None, True
        if more.accuracy is not None:
            total.add_model(more.model or "", more.accuracy)
        return total


@frozen(kw_only=True)
class Limits:
    """The quotas: tokens (input and output) and USD; None is no limit."""

    max_tokens: int | None = None
    max_cost_usd: Decimal | None = None

    def crossed(self, tokens: int, cost_usd: Decimal) -> Quota | None:
        """The quota that these sums are above; exactly at it is still within."""
        if self.max_tokens is not None and tokens > self.max_tokens:
            return "tokens"
        if self.max_cost_usd is not None and cost_usd > self.max_cost_usd:
            return "cost"
        return None
