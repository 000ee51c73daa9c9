"""What is written about a line, by its model; worked out once for each pair of counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from agentd.metering.catalog import CatalogPrice
from agentd.metering.models import ModelRegistry
from agentd.metering.money import EXACT, decimal_text
from agentd.metering.unpriced import is_local
from agentd.metering.usage import ModelUsage

PriceLookup = Callable[[str], CatalogPrice | None]

_KEPT_ENDINGS = 50_000
_KEPT_MODELS = 1_000
_COSTS = ("cost_input_usd", "cost_output_usd", "cost_usd")
_MEMBERS = ("model", "tokens_input", "tokens_output", "tokenizer", "accuracy", "approximate")


@cache
def members(*, with_costs: bool) -> frozenset[str]:
    """The names of the members that are added to an object."""
    return frozenset((*_MEMBERS, *_COSTS) if with_costs else _MEMBERS)


class Ending(NamedTuple):
    """The rest of an object's text, and what its line costs (0 if ``priced`` is false)."""

    text: str
    input_cost_usd: Decimal
    output_cost_usd: Decimal
    priced: bool


class Model:
    """One model; ``price`` None means unknown, or that no costs are wanted.

    ``has_cost``: what it costs is known; a local model costs nothing.
    """

    def __init__(self, name: str, price: CatalogPrice | None, *, with_costs: bool) -> None:
        self.spec = ModelRegistry.resolve(name)
        self._price = price
        self._with_costs = with_costs
        self.has_cost = price is not None or is_local(name)
        self._endings: dict[tuple[int, int | None, bool], Ending] = {}

    def ending(self, input_tokens: int, given_output: int | None, complete: bool) -> Ending:
        """For a line of so many tokens; ``given_output`` already stands in its object.

        ``complete`` is false when not all of the line's text was counted.
        """
        key = (input_tokens, given_output, complete)
        ending = self._endings.get(key)
        if ending is None:
            if len(self._endings) >= _KEPT_ENDINGS:
                self._endings.clear()
            ending = self._endings[key] = self._make(*key)
        return ending

    def _make(self, input_tokens: int, given_output: int | None, complete: bool) -> Ending:
        spec, price = self.spec, self._price
        input_usd = output_usd = Decimal(0)
        if price:
            rates = price.for_request(input_tokens)
            usage = ModelUsage(input_tokens=input_tokens, output_tokens=given_output or 0)
            input_usd, output_usd = rates.input_usd(usage), rates.output_usd(usage)
        priced = price is not None or not self._with_costs
        approximate = spec.accuracy != "exact" or not complete or not priced
        parts = [f'"model":{json.dumps(spec.name)}', f'"tokens_input":{input_tokens}']
        if given_output is None:
            parts.append('"tokens_output":0')
        parts += [
            f'"tokenizer":{json.dumps(spec.tokenizer)}',
            f'"accuracy":"{spec.accuracy}"',
            f'"approximate":{json.dumps(approximate)}',
        ]
        if self._with_costs:
            amounts = (input_usd, output_usd, EXACT.add(input_usd, output_usd))
            shown = [decimal_text(amount) if priced else "null" for amount in amounts]
            parts += [f'"{name}":{cost}' for name, cost in zip(_COSTS, shown, strict=True)]
        return Ending(",".join(parts) + "}\n", input_usd, output_usd, priced)


class Models:
    """The models of this run by the names they were asked for; unknown names are looked up."""

    def __init__(self, look_up: PriceLookup, *, with_costs: bool) -> None:
        self._look_up = look_up
        self._with_costs = with_costs
        self._models: dict[str, Model] = {}

    def __getitem__(self, name: str) -> Model:
        if name not in self._models:
            self.add(name, self._look_up(name) if self._with_costs else None)
        return self._models[name]

    def add(self, name: str, price: CatalogPrice | None) -> None:
        """A model whose price is known already."""
        if len(self._models) >= _KEPT_MODELS:
            self._models.clear()
        self._models[name] = Model(name, price, with_costs=self._with_costs)
