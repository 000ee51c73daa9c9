"""What a request to an API will cost, before it is sent: as a rule, and at most."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from agentd.budget.account import Amount
from agentd.metering.dialects.asked import Asked
from agentd.metering.output_limits import output_limit
from agentd.metering.pricing import PriceBook, PricedCall
from agentd.metering.requests import ApiRequest, usage_of_run
from agentd.metering.unpriced import is_local
from agentd.metering.usage import ModelUsage

TYPICAL_OUTPUT_TOKENS = 2000
"""The answer that is expected where nothing tells how long they are."""
_MARGIN_PERCENT = 10
_BODIES, _BODIES_BYTES = 16, 1 << 26


@dataclass(slots=True, kw_only=True)
class RequestCosts:
    """Prices of requests, by ``prices`` at the time ``at``, and by what the run has shown so far.

    ``maker`` makes the models of the CLI, which tells what they cost itself if it
    ``reports_costs``. ``typical`` is how long answers have been, by model.
    """

    prices: PriceBook
    maker: str
    reports_costs: bool
    at: datetime
    typical: Mapping[str, int] = field(default_factory=dict)
    _last: dict[tuple[str, str, str], ModelUsage] = field(default_factory=dict)
    _bodies: deque[tuple[str, bytes, int]] = field(default_factory=lambda: deque(maxlen=_BODIES))

    def used(self, requests: Sequence[ApiRequest]) -> Amount:
        """What requests have cost; $0 for what no price is known for."""
        return Amount(self._priced(requests).cost_usd, usage_of_run(requests).total_tokens)

    def learn(self, asked: Asked, requests: Iterable[ApiRequest], body: bytes = b"") -> None:
        """Take note of how many tokens a request was, and what of it is in a cache now.

        ``body`` is kept in memory, to be compared with the next ones.
        """
        first = next(iter(requests), None)
        if first and first.usage.input_tokens and "input_tokens" not in first.estimated:
            self._last[_conversation(asked)] = first.usage
            if body:
                self._bodies.append((asked.model, body, first.usage.input_tokens))
            while sum(len(kept) for _, kept, _ in self._bodies) > _BODIES_BYTES:
                self._bodies.popleft()

    def expected(self, asked: Asked, input_tokens: int) -> Amount:
        """What a request of so many tokens will cost as a rule, its answer included.

        What the conversation has in a cache is read from it; as long as answers of the model have
        been, this one will be.
        """
        before = self._last.get(_conversation(asked), ModelUsage())
        read = min(
            input_tokens, before.cache_read_input_tokens + before.cache_creation_input_tokens
        )
        written = input_tokens - read if before.cache_creation_input_tokens else 0
        typical = self.typical.get(asked.model, TYPICAL_OUTPUT_TOKENS)
        usage = ModelUsage(
            input_tokens=input_tokens,
            output_tokens=min(typical, asked.output_limit or typical),
            cache_read_input_tokens=read,
            cache_creation_input_tokens=written,
            cache_creation_1h_input_tokens=written if before.cache_creation_1h_input_tokens else 0,
        )
        return self.used([_request(asked, usage)])

    def at_most(self, asked: Asked, body: bytes = b"") -> Amount:
        """What a request can cost at most, all of its input at its dearest rate.

        A token is a byte at least. So its input is at most what an earlier request was, and each
        byte that this one doesn't have in common with it; 10 % are added. The answer is as long as
        the request allows, else as the model's longest; without either only its input counts.
        """
        known = (
            tokens + _new_bytes(before, body)
            for model, before, tokens in self._bodies
            if model == asked.model and body
        )
        tokens = min(known, default=asked.body_bytes)
        tokens = min(tokens, asked.body_bytes)
        tokens += math.ceil(tokens * _MARGIN_PERCENT / 100)
        output = asked.output_limit or output_limit(asked.model) or 0
        plain = ModelUsage(input_tokens=tokens, output_tokens=output)
        written = replace(plain, cache_creation_input_tokens=tokens)
        kinds = (plain, written, replace(written, cache_creation_1h_input_tokens=tokens))
        costs = (self.used([_request(asked, usage)]).usd for usage in kinds)
        return Amount(max(costs, default=Decimal(0)), plain.total_tokens)

    def has_price(self, model: str) -> bool:
        """Whether the cost of a request is known; a local model costs nothing."""
        some = ApiRequest(model=model, usage=ModelUsage(input_tokens=1))
        return self.prices.local or is_local(model) or not self._priced([some]).unpriced

    def lacking(self, asked: Asked) -> str | None:
        """What of a request's price is not known beside its model, in words: a speed, a tier."""
        return self._priced([_request(asked, ModelUsage(input_tokens=1, output_tokens=1))]).why

    def is_reported(self, model: str) -> bool:
        """Whether the CLI itself will tell what requests to a model have cost."""
        source = self.prices.knows(
            model, maker=self.maker, at=self.at, reports_costs=self.reports_costs
        )
        return source == "reported"

    def has_longest_answer(self, asked: Asked, limits_tokens: bool) -> bool:
        """Whether it is known how long an answer can get; that of a local model costs nothing."""
        if not limits_tokens and (self.prices.local or is_local(asked.model)):
            return True
        return bool(asked.output_limit or output_limit(asked.model))

    def _priced(self, requests: Sequence[ApiRequest]) -> PricedCall:
        model = requests[0].model if requests else ""
        return self.prices.price(usage_of_run(requests), maker=self.maker, model=model, at=self.at)


def _new_bytes(before: bytes, body: bytes) -> int:
    """How many bytes of ``body`` stand between what it begins and ends with like ``before``."""
    shorter = min(len(before), len(body))
    begin = _halved(shorter, lambda a, b: before[a:b] == body[a:b])
    end = _halved(
        shorter - begin,
        lambda a, b: (
            before[len(before) - b : len(before) - a] == body[len(body) - b : len(body) - a]
        ),
    )
    return len(body) - begin - end


def _halved(most: int, is_equal: Callable[[int, int], bool]) -> int:
    """How far two texts are equal, up to ``most``; asked of one piece after the other."""
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        if is_equal(least, middle):
            least = middle
        else:
            most = middle - 1
    return least


def _request(asked: Asked, usage: ModelUsage) -> ApiRequest:
    return ApiRequest(model=asked.model, usage=usage, variants=asked.variants)


def _conversation(asked: Asked) -> tuple[str, str, str]:
    return asked.thread, asked.conversation, asked.model
