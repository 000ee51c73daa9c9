"""The gate of a relayed run: what is spent, what is under way, and what the next request costs."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from support.allowance_box import project
from support.budget_box import spend
from support.cost_box import call
from support.gating import PRICES, answer, asked, gate, order, shared
from support.workflow_box import put_change

from agentd.budget.account import Account, Amount
from agentd.budget.gate_order import GateOrder
from agentd.budget.request_gate import BudgetGate
from agentd.budget.reservations import Reservations
from agentd.budget.typical_answers import typical_answers
from agentd.ledger import all_rows
from agentd.ledger.store import StateStore
from agentd.meter.request_log import NAME, RequestLog
from agentd.metering.call import CallRecord, PricedModel
from agentd.metering.pricing import PriceBook
from agentd.metering.usage import ModelUsage
from agentd.project.workspace import Workspace

FAST = (("speed", "fast"),)
LIMIT = "change add-x has spent ${} of $100.000000{}; ${} is left, ${} needed (budget.limit_usd)"


def test_a_request_is_sent_if_it_and_a_typical_answer_are_left(tmp_path: Path) -> None:
    """$60 are left, a request is expected to cost $21."""
    asking = gate(tmp_path)
    assert asking.refusal("a", asked(), 1000, b"") is None
    asking.ended("a", [answer(1000, 3801)])  # $39.01 in the end
    why = asking.refusal("b", asked(), 1000, b"")
    assert why == (
        "the next request (m-1, about 3,000 tokens) was not sent: "
        + LIMIT.format("79.010000", "", "20.990000", "21.000000")
    )


def test_requests_under_way_count(tmp_path: Path) -> None:
    asking = gate(tmp_path)
    assert [asking.refusal(key, asked(), 1000, b"") for key in "ab"] == [None, None]
    held = ", $42.000000 reserved by running calls"
    assert LIMIT.format("40.000000", held, "18.000000", "21.000000") in (
        asking.refusal("c", asked(), 1000, b"") or ""
    )


def test_many_at_once_are_let_through_one_by_one(tmp_path: Path) -> None:
    asking = gate(tmp_path)
    with ThreadPoolExecutor(20) as pool:
        told = list(pool.map(lambda n: asking.refusal(str(n), asked(), 1000, b""), range(20)))
    assert told.count(None) == 2


def test_once_a_limit_has_refused_nothing_is_sent_any_more(tmp_path: Path) -> None:
    asking = gate(tmp_path)
    why = asking.refusal("a", asked(), 100_000, b"")
    assert why
    assert asking.refusal("b", asked(4, output_limit=1), 1, b"") == why


def test_what_was_not_sent_or_not_billed_does_not_count(tmp_path: Path) -> None:
    asking = gate(tmp_path)
    for number in range(10):
        assert asking.refusal(str(number), asked(), 1000, b"") is None
        asking.ended(str(number), [])


def test_what_the_conversation_has_in_a_cache_is_read_from_it(tmp_path: Path) -> None:
    """1,000 tokens at $0.000100 and 100 new ones, written at $0.002; of $0.5 and $20."""
    asking = gate(tmp_path)
    assert asking.refusal("a", asked(), 1000, b"") is None
    asking.ended("a", [answer(1000, 3850, cache_creation_input_tokens=1000)])  # $40.50
    why = asking.refusal("b", asked(4400), 1100, b"") or ""
    assert why.endswith("$19.500000 is left, $20.300000 needed (budget.limit_usd)")


def test_tokens_are_limited_too(tmp_path: Path) -> None:
    own = Account(key="budget.steps.x", shown="step x", limit_tokens=5000, spent=Amount(tokens=1))
    asking = gate(tmp_path, own=(own,))
    assert asking.refusal("a", asked(), 1000, b"") is None
    assert "used 1 of 5,000 tokens, 3,000 reserved" in (
        asking.refusal("b", asked(), 1000, b"") or ""
    )


def test_an_override_lets_everything_through(tmp_path: Path) -> None:
    asking = gate(tmp_path, override=True, strict=True, unpriced_stops=True)
    assert asking.refusal("a", asked(), 10**9, b"") is None
    assert asking.refusal("b", asked(model="unknown-1", server_tools=True), 10**9, b"") is None


@pytest.mark.parametrize("stops", [True, False])
def test_a_model_without_a_price_counts_as_budgets_do_elsewhere(
    tmp_path: Path, stops: bool
) -> None:
    asking = gate(tmp_path, unpriced_stops=stops)
    why = asking.refusal("a", asked(model="unknown-1"), 10**9, b"")
    assert (why is None) is not stops
    if why:
        assert why == 'no price is known for unknown-1 (budget.on_unpriced = "stop")'
    assert asking.refusal("b", asked(), 1000, b"") is None  # no limit was reached


class TestStrict:
    """Only what surely fits: $2.20 for each 1,000 bytes, and all of an answer."""

    def test_the_answer_is_as_long_as_it_may_be(self, tmp_path: Path) -> None:
        asking = gate(tmp_path, strict=True)
        why = asking.refusal("a", asked(1000, output_limit=5781), 1, b"") or ""
        assert "(m-1, at most 6,881 tokens) was not sent under budget.strict: " in why
        assert why.endswith("$60.000000 is left, $60.010000 needed (budget.limit_usd)")
        other = gate(tmp_path, strict=True)
        assert other.refusal("a", asked(1000, output_limit=5780), 1, b"") is None

    def test_an_answer_without_a_limit_is_as_long_as_the_models_longest(
        self, tmp_path: Path
    ) -> None:
        prices = PriceBook(config={"gpt-6.1-sol": PRICES["m-1"], "m-1": PRICES["m-1"]})
        asking = gate(tmp_path, strict=True, prices=prices)
        assert "at most 128,011 tokens" in (
            asking.refusal("a", asked(10, model="gpt-6.1-sol"), 1, b"") or ""
        )
        asking = gate(tmp_path, strict=True, prices=prices)
        why = asking.refusal("a", asked(), 1, b"") or ""
        assert "nothing bounds the answer of m-1" in why
        assert "budget.strict" in why
        assert asking.refusal("b", asked(output_limit=1), 1, b"") is None  # no limit was reached

    def test_what_is_new_in_a_conversation_may_be_a_token_a_byte(self, tmp_path: Path) -> None:
        asking = gate(tmp_path, strict=True)
        begin, more, end = b"[" + 9000 * b"x", 2000 * b"y", 999 * b"z"
        assert asking.refusal("a", asked(10_000, output_limit=100), 2500, begin + end) is None
        asking.ended("a", [answer(1000, 100)])
        # 1,000 tokens, 2,000 bytes more, 10 %; the ratio alone would be 1,200 tokens.
        longer = asked(12_000, output_limit=10_000)
        why = asking.refusal("b", longer, 1200, begin + more + end) or ""
        assert "at most 13,300 tokens" in why

    def test_what_is_written_anew_may_be_as_long_as_its_bytes(self, tmp_path: Path) -> None:
        """A conversation that was summed up: it is shorter, and has more tokens for a byte."""
        asking = gate(tmp_path, strict=True)
        body = b"[" + 19_999 * b"x"
        assert asking.refusal("a", asked(20_000, output_limit=100), 2500, body) is None
        asking.ended("a", [answer(1000, 100)])
        why = asking.refusal("b", asked(9000, output_limit=10_000), 450, b"[" + 8999 * b"y") or ""
        assert "at most 19,900 tokens" in why

    def test_a_request_that_can_not_be_read_is_refused(self, tmp_path: Path) -> None:
        own = Account(key="budget", shown="change add-x", limit_tokens=10**9)
        asking = gate(tmp_path, strict=True, own=(own,))
        assert "can't be read" in (asking.refusal("a", asked(0, model=""), 0, b"") or "")

    def test_an_unknown_model_is_refused(self, tmp_path: Path) -> None:
        why = gate(tmp_path, strict=True).refusal("a", asked(model="x-1", output_limit=1), 1, b"")
        assert why == (
            "budget.strict is on, and no price is known for x-1; give it one in agentd/config.toml "
            '([pricing.models."x-1"])'
        )

    def test_what_multiplies_a_price_counts_and_must_be_known(self, tmp_path: Path) -> None:
        catalog = PriceBook(config={}, sources=("catalog",))
        fast = asked(1000, model="claude-opus-5-5", output_limit=100_000, variants=FAST)
        needed = []
        for request in (replace(fast, variants=()), fast):
            own = Account(key="budget", shown="the change", limit_usd=Decimal(0))
            asking = gate(tmp_path, strict=True, own=(own,), prices=catalog, maker="anthropic")
            told = asking.refusal("a", request, 1, b"") or ""
            needed.append(Decimal(told.partition("is left, $")[2].partition(" needed")[0]))
        assert needed[1] == 2 * needed[0]
        why = gate(tmp_path, strict=True).refusal("a", asked(variants=FAST, output_limit=1), 1, b"")
        assert why == (
            "budget.strict is on, and of its price is not known: m-1: no price for speed=fast"
        )
        assert gate(tmp_path).refusal("a", asked(variants=FAST), 1, b"") is None

    def test_tools_of_the_api_are_refused(self, tmp_path: Path) -> None:
        asking = gate(tmp_path, strict=True, without_server_tools="switch them off so")
        why = asking.refusal("a", asked(server_tools=True, output_limit=1), 1, b"") or ""
        assert why.endswith("whose cost has no bound; switch them off so")

    def test_a_cut_answer_counts_as_all_it_could_be(self, tmp_path: Path) -> None:
        asking = gate(tmp_path, strict=True)
        assert asking.refusal("a", asked(1000, output_limit=2000), 1, b"") is None  # $22.20
        asking.ended("a", [answer(10, 1, ended=False)])
        why = asking.refusal("b", asked(1000, output_limit=4000), 1, b"") or ""
        assert "has spent $62.200000" in why


def test_another_relay_goes_on_where_a_killed_one_was(tmp_path: Path) -> None:
    """What had ended counts as it was, what was under way as expected; strict: at most."""
    log = RequestLog(tmp_path / NAME)
    for key in ("a", "b"):
        log.started(key, asked(output_limit=2000), input_tokens=1000)
    log.ended("a", 200, [answer(1000, 1000)])  # $11
    why = gate(tmp_path).refusal("c", asked(), 100_000, b"") or ""
    assert "has spent $72.000000" in why
    why = gate(tmp_path, strict=True).refusal("c", asked(output_limit=1), 1, b"") or ""
    assert "has spent $" not in why
    why = gate(tmp_path, strict=True).refusal("c", asked(100_000, output_limit=1), 1, b"") or ""
    assert "has spent $79.800000" in why  # 4,000 bytes and 10 %, and the answer's limit: $28.80


def two_gates(folder: Path, limit: str) -> tuple[BudgetGate, BudgetGate]:
    """Calls of the changes a and b under one project's limit."""
    box = project(folder, limit)
    found = []
    for change in ("a", "b"):
        run_dir = box.change(change) / "runs" / f"20261125T100000-challenge-{change}"
        run_dir.mkdir(parents=True)
        (run_dir / "run.json").touch()
        found.append(
            BudgetGate(
                order(
                    folder,
                    project=Workspace.open(box.root).project,
                    call_id=run_dir.name,
                    run_dir=run_dir,
                    own=(),
                    shared=shared(Decimal(limit)),
                ),
                run_dir / NAME,
            )
        )
    return found[0], found[1]


def test_two_runs_see_what_the_other_has_under_way(tmp_path: Path) -> None:
    first, second = two_gates(tmp_path, "50")
    assert first.refusal("a", asked(), 1000, b"") is None
    assert second.refusal("a", asked(), 1000, b"") is None
    why = first.refusal("b", asked(), 1000, b"") or ""
    assert (
        "the project has spent $0.000000 of $50.000000, $42.000000 reserved by running calls" in why
    )


def test_what_an_answer_did_not_need_is_free_again(tmp_path: Path) -> None:
    first, second = two_gates(tmp_path, "50")
    assert first.refusal("a", asked(), 1000, b"") is None
    assert first.refusal("b", asked(), 1000, b"") is None
    first.ended("a", [answer()])
    first.ended("b", [answer()])
    assert first.refusal("c", asked(), 1000, b"") is None  # $4 and $21
    assert second.refusal("a", asked(), 1000, b"") is None
    assert second.refusal("b", asked(), 1000, b"")


def test_a_reservation_ends_with_its_call(tmp_path: Path) -> None:
    """Whatever becomes of the relay: once the call is entered, or its run is gone."""
    first, second = two_gates(tmp_path, "50")
    assert first.refusal("a", asked(), 1000, b"") is None
    assert first.refusal("b", asked(), 1000, b"") is None
    running = Reservations(tmp_path / "project")
    (held,) = running.held().values()
    assert held.usd == 42
    (held.run_dir / "call.json").touch()
    assert second.refusal("a", asked(), 1000, b"") is None
    assert second.refusal("b", asked(), 1000, b"") is None


def test_an_order_is_carried_to_another_process(tmp_path: Path) -> None:
    given = order(tmp_path, shared=shared(5))
    taken = GateOrder.unpacked(given.packed())
    assert pickle.dumps(taken.prices) == pickle.dumps(given.prices)
    assert (taken.own, taken.shared, taken.limits_dollars) == (given.own, given.shared, True)


def test_how_long_answers_of_the_step_have_been_counts(tmp_path: Path) -> None:
    """Their median over calls whose requests are known; others tell nothing."""
    box = project(tmp_path, "50")
    spend(box, "old", "1", "1", "1", "1")
    path = box.change("old") / "STATE.yaml"
    text = path.read_text()
    for requests in (2, 5, 10):  # of 10 tokens each
        text = text.replace("duration_ms: 1\n", f"requests: {requests}\n    duration_ms:  1\n", 1)
    path.write_text(text.replace("duration_ms:  1", "duration_ms: 1"))
    found = typical_answers(Workspace.open(box.root).project, "proposal")
    assert found == {"gemini-2.5-pro": 2}
    assert typical_answers(Workspace.open(box.root).project, "review") == {}


def answered(model: str, tokens_out: int, **values: object) -> CallRecord:
    usage = ModelUsage(input_tokens=900, output_tokens=tokens_out)
    return replace(call(1, model=model, usage=usage, step="proposal"), **values)  # type: ignore[arg-type]


def test_every_ledger_tells_how_long_answers_have_been(tmp_path: Path) -> None:
    """Not those alone that were written last; one that can't be read is left out."""
    box = project(tmp_path, "50")
    for number in range(12):
        put_change(box, f"c{number}", "proposed")
        ledger = StateStore(box.change(f"c{number}"))
        ledger.append(answered("m-1", 100 * number, requests=1))
    (box.change("c3") / "STATE.yaml").write_text("change_id: [")
    os.utime(box.change("c11") / "STATE.yaml", (0, 0))
    assert typical_answers(Workspace.open(box.root).project, "proposal") == {"m-1": 600}


def test_a_call_of_several_models_tells_of_the_one_that_answered(tmp_path: Path) -> None:
    """A smaller one is taken to have had one request, such as that of a title."""
    box = project(tmp_path, "50")
    models = tuple(
        PricedModel(
            model=model,
            usage=ModelUsage(input_tokens=1, output_tokens=tokens_out),
            cost_usd=Decimal(1),
            cost_source="config",
        )
        for model, tokens_out in (("small", 3), ("big", 600))
    )
    StateStore(box.change("old")).append(answered("big", 603, requests=4, models=models))
    assert typical_answers(Workspace.open(box.root).project, "proposal") == {"big": 200}


def test_no_ledger_is_read_twice_for_how_long_answers_have_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run's first request waits for it; the rows of all calls are not loaded for it either."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(all_rows, "SETTLED_NS", 0)
    box = project(tmp_path, "50")
    for name in ("c1", "c2"):
        put_change(box, name, "proposed")
        StateStore(box.change(name)).append(answered("m-1", 100, requests=1))
    at = Workspace.open(box.root).project
    assert typical_answers(at, "proposal") == {"m-1": 100}
    read, read_ledger = [], all_rows.read_ledger
    monkeypatch.setattr(
        all_rows, "read_ledger", lambda change, *more: read.append(change.id) or read_ledger(change)
    )
    assert typical_answers(at, "proposal") == {"m-1": 100}
    assert read == []
    for number in (2, 3):
        later = answered("m-1", 300, id=f"later-{number}", requests=1)
        StateStore(box.change("c1")).append(later)
    assert typical_answers(at, "proposal") == {"m-1": 300}
    assert read == ["c1"]
    assert [path.suffix for path in (tmp_path / "cache/agentd").iterdir()] == [".answers"]
