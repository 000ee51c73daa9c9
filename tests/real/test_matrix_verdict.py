"""The matrix judges rightly: what is called exact has to be so, and what is finished there."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from loopback.scenario import Step
from loopback.server import Request

from agentd.metering.usage import ModelUsage
from real.ledger import USD_PER_1K_WEB_SEARCHES, cost_usd
from real.matrix.kinds import KINDS, Played
from real.matrix.verdict import judge

MODEL = "gpt-6.1-sol"
KIND = next(kind for kind in KINDS if kind.name == "SIGINT | tool | codex")
FIRST = ModelUsage(input_tokens=4000, output_tokens=30, cache_read_input_tokens=1000)
SECOND = ModelUsage(input_tokens=5000, output_tokens=70, cache_read_input_tokens=2000)


def request(usage: ModelUsage, *, told: bool = True, **step: Any) -> Request:
    answer = Step(usage=usage, **step)
    billed = usage if told and answer.status == 200 else None
    return Request(api="openai", model=MODEL, body="", step=answer, told=billed)


FINISHED = [request(FIRST), request(SECOND)]
ONE_CUT = [request(FIRST), request(SECOND, told=False)]
ONE_REFUSED = [request(FIRST), request(ModelUsage(), status=500)]
SEARCHED = [request(FIRST, web_searches=2)]
SEARCHED_USD = str(cost_usd(MODEL, FIRST) + Decimal(USD_PER_1K_WEB_SEARCHES) / 500)


def call(tokens_in: int, tokens_out: int, read: int, **more: str) -> Mapping[str, Any]:
    usage = ModelUsage(
        input_tokens=tokens_in, output_tokens=tokens_out, cache_read_input_tokens=read
    )
    return {
        "model": MODEL,
        "status": "cancelled",
        "usage_source": "wire",
        "accuracy": "exact",
        "tokens_in": str(tokens_in),
        "tokens_out": str(tokens_out),
        "tokens_cache_read": str(read),
        "cost_usd": str(cost_usd(MODEL, usage)),
        **more,
    }


MARKED = {"accuracy": "heuristic", "why": "an answer was cut"}


@pytest.mark.parametrize(
    ("requests", "told", "name"),
    [
        (FINISHED, call(9000, 100, 3000), "right"),
        (FINISHED, call(9000, 100, 3000, cost_usd="0.5"), "wrong"),
        (FINISHED, call(4000, 30, 1000), "wrong"),
        (FINISHED, call(4000, 30, 1000, **MARKED), "marked"),
        (FINISHED, call(9000, 100, 3000, **MARKED), "marked"),
        (ONE_REFUSED, call(4000, 30, 1000), "right"),
        (ONE_CUT, call(4000, 30, 1000), "wrong"),
        (ONE_CUT, call(9100, 35, 1000, **MARKED), "cut"),
        (ONE_CUT, call(9200, 35, 1000, **MARKED), "marked"),
        (ONE_CUT, call(8900, 29, 1000, **MARKED), "marked"),
        (ONE_CUT, call(9000, 35, 1000), "wrong"),
        (SEARCHED, call(4000, 30, 1000, web_searches="2", cost_usd=SEARCHED_USD), "right"),
        (SEARCHED, call(4000, 30, 1000, web_searches="2"), "wrong"),
        (SEARCHED, call(4000, 30, 1000), "wrong"),
    ],
)
def test_verdicts(requests: list[Request], told: Mapping[str, Any], name: str) -> None:
    assert judge(KIND, [Played(calls=[told], requests=requests)]).name == name


def test_no_call_is_wrong_and_the_worst_run_counts() -> None:
    good = Played(calls=[call(9000, 100, 3000)], requests=FINISHED)
    assert judge(KIND, [Played(calls=[], requests=FINISHED), good]).name == "wrong"


def test_a_status_that_does_not_fit_is_told() -> None:
    played = Played(calls=[call(9000, 100, 3000, status="ok")], requests=FINISHED)
    verdict = judge(KIND, [played])
    assert (verdict.name, verdict.note) == ("right", "status ok, not cancelled")


def test_models_are_held_apart() -> None:
    other = Request(api="openai", model="gpt-6-luna", body="", step=Step(usage=SECOND), told=SECOND)
    parts = [call(4000, 30, 1000), {**call(5000, 70, 2000), "model": "gpt-6-luna"}]
    cost = cost_usd(MODEL, FIRST) + cost_usd("gpt-6-luna", SECOND)
    both = {**call(9000, 100, 3000), "models": parts, "cost_usd": str(Decimal(cost))}
    requests = [request(FIRST), other]
    assert judge(KIND, [Played(calls=[both], requests=requests)]).name == "right"
    swapped = [
        {**part, "model": name} for part, name in zip(parts, ("gpt-6-luna", MODEL), strict=True)
    ]
    crossed = {**both, "models": swapped}
    assert judge(KIND, [Played(calls=[crossed], requests=requests)]).name == "wrong"
