"""Budgets with the real CLIs: what they reveal while they run is enough to stop them in time."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from loopback.scenario import Step

from agentd.metering.usage import add
from real.bench import CHANGE, UNJUDGED, Bench
from real.ledger import Served, check_call, cost_usd
from real.models import REAL_CLIS, RealCli

pytestmark = pytest.mark.real


@pytest.fixture(params=list(REAL_CLIS.values()), ids=lambda cli: cli.name)
def cli(request: pytest.FixtureRequest) -> RealCli:
    chosen: RealCli = request.param
    return chosen


def turns(cli: RealCli, count: int) -> list[Step]:
    """So many answers that each use a tool for two seconds, and one that ends the work."""
    served = Served()
    used = [
        served.step(cli.name, tools=(cli.shell(f"sleep 2; echo {n} >> {UNJUDGED}/turns.txt"),))
        for n in range(count)
    ]
    return [*used, served.step(cli.name, text="All done.")]


def cost(cli: RealCli, steps: list[Step]) -> Decimal:
    usages = [step.usage for step in steps if step.usage is not None]
    return sum((cost_usd(cli.model, usage) for usage in usages), Decimal(0))


def limited(bench: Bench, cli: RealCli, **limits: Any) -> None:
    lines = [f"{key} = {value}" for key, value in limits.items()]
    bench.init(cli.name, more="\n".join(["[budget]", *lines]))
    bench.with_documents()


@pytest.mark.parametrize("unit", ["usd", "tokens"])
def test_a_limit_between_the_second_turn_and_the_third_stops_it_there(
    bench: Bench, cli: RealCli, unit: str
) -> None:
    steps = turns(cli, 5)
    if unit == "usd":
        limited(bench, cli, limit_usd=cost(cli, steps[:2]) - Decimal("0.000001"))
    else:
        used = add(step.usage for step in steps[:2])
        limited(bench, cli, limit_tokens=used.input_tokens + used.output_tokens - 1)
    bench.api.add(*steps)
    ran = bench.agentd("challenge", CHANGE, "--model", cli.model)
    assert ran.exit_code == 3, ran
    assert "was stopped by its budget" in ran.stderr
    assert [request.step for request in bench.api.requests] == steps[:2]
    (call,) = bench.calls()
    check_call(call, bench.api.told(), status="budget_stopped", provider=cli.name, model=cli.model)
    assert bench.state()["phase"] == "proposed"


def test_below_its_limit_a_run_is_left_alone(bench: Bench, cli: RealCli) -> None:
    steps = turns(cli, 2)
    limited(bench, cli, limit_usd=cost(cli, steps))
    bench.api.add(*steps)
    ran = bench.agentd("challenge", CHANGE, "--model", cli.model)
    assert ran.exit_code == 4, ran  # it wrote no document
    (call,) = bench.calls()
    check_call(call, bench.api.told(), status="ok", provider=cli.name, model=cli.model)
    assert len(bench.api.requests) == 3
