"""Costs against values worked out by hand."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.errors import UnsupportedModel
from agentd.metering.pricing import PriceBook
from agentd.metering.quote import calculate_cost
from agentd.metering.rates import PricingConfig
from agentd.metering.usage import ModelUsage, UsageMetrics, run_usage

AT = datetime(2026, 11, 22, 5, 40, tzinfo=UTC)
ALL = ("config", "reported", "catalog")
FLASH = PricingConfig(cost_per_1m_input=0.5, cost_per_1m_output=3.0, cost_per_1m_cache_read=0.05)
ONE = PricingConfig(cost_per_1m_input=1, cost_per_1m_output=1)
TWO = PricingConfig(cost_per_1m_input=2, cost_per_1m_output=2)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError(f"a price was looked for on the network: {args}")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def use(
    tokens_in: int,
    tokens_out: int = 0,
    *,
    read: int = 0,
    write: int = 0,
    write_1h: int = 0,
    reported: str | None = None,
) -> ModelUsage:
    return ModelUsage(
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        cache_read_input_tokens=read,
        cache_creation_input_tokens=write,
        cache_creation_1h_input_tokens=write_1h,
        reported_cost_usd=None if reported is None else Decimal(reported),
    )


def run(**models: ModelUsage) -> UsageMetrics:
    return run_usage({name.replace("_", "-"): usage for name, usage in models.items()})


@pytest.mark.parametrize(
    ("prices", "usage", "expected"),
    [
        # 3676 * 0.5 + 21263 * 0.05 + 174 * 3 = 1838 + 1063.15 + 522
        (FLASH, use(24939, 174, read=21263), "0.00342315"),
        # no price for cache writes: they cost what input costs, 1000 * 0.5
        (FLASH, use(1000, write=400), "0.0005"),
        # 700 * 3 + 200 * 0.3 + 100 * 3.75 + 10 * 15 = 2100 + 60 + 375 + 150
        (
            PricingConfig(
                cost_per_1m_input="3",
                cost_per_1m_output=Decimal(15),
                cost_per_1m_cache_read=0.3,
                cost_per_1m_cache_write=3.75,
            ),
            use(1000, 10, read=200, write=100),
            "0.002685",
        ),
        # 60 five-minute writes at 3.75 and 40 one-hour writes at 6: 225 + 240
        (
            PricingConfig(
                cost_per_1m_input=3,
                cost_per_1m_output=15,
                cost_per_1m_cache_write=3.75,
                cost_per_1m_cache_write_1h=6,
            ),
            use(100, write=100, write_1h=40),
            "0.000465",
        ),
        # without a one-hour price all 100 cost 3.75
        (
            PricingConfig(cost_per_1m_input=3, cost_per_1m_output=15, cost_per_1m_cache_write=3.75),
            use(100, write=100, write_1h=40),
            "0.000375",
        ),
        # a cache price of 0 is a price, not a missing one
        (
            PricingConfig(cost_per_1m_input=3, cost_per_1m_output=15, cost_per_1m_cache_read=0),
            use(100, read=100),
            "0",
        ),
        # more cached than sent: never a negative charge
        (FLASH, use(10, read=100), "0.000005"),
        # 0.1 is a tenth: three of them are 0.3 exactly
        (PricingConfig(cost_per_1m_input=0.1, cost_per_1m_output=0), use(3), "0.0000003"),
        (PricingConfig(cost_per_1m_input=0.07, cost_per_1m_output=0), use(10**12), "70000"),
    ],
)
def test_formula(prices: PricingConfig, usage: ModelUsage, expected: str) -> None:
    assert prices.cost_usd(usage) == Decimal(expected)


@pytest.mark.parametrize(
    "wrong", [-1, -0.1, float("nan"), float("inf"), "Infinity", "x", "", True, []]
)
@pytest.mark.parametrize(
    "field", ["input", "output", "cache_read", "cache_write", "cache_write_1h"]
)
def test_wrong_price_names_the_field(field: str, wrong: object) -> None:
    prices = {"cost_per_1m_input": 1, "cost_per_1m_output": 1, f"cost_per_1m_{field}": wrong}
    with pytest.raises(ValueError, match=rf"^cost_per_1m_{field} is .*expected"):
        PricingConfig(**prices)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sources", "config", "usage", "cost", "source"),
    [
        # claude's own figure and the catalogue agree on this recording: 53 sent, of 5559 in all
        (
            ALL,
            {},
            use(5559, 3, read=5003, write=503, reported="0.00119705"),
            "0.00119705",
            "reported",
        ),
        (("catalog",), {}, use(5559, 3, read=5003, write=503), "0.00119705", "catalog"),
        (ALL, {"claude-haiku-4-5": ONE}, use(1000, 500, reported="9"), "0.0015", "config"),
        (
            ("reported", "config"),
            {"claude-haiku-4-5": ONE},
            use(1000, reported="9"),
            "9",
            "reported",
        ),
        (ALL, {"claude-opus-4-5": ONE}, use(1000, 200), "0.002", "catalog"),
        (("config",), {}, use(1000, 500, reported="9"), "0", "none"),
        (("config", "reported"), {}, use(1000, 500), "0", "none"),
        ((), {"claude-haiku-4-5": ONE}, use(1000, 500, reported="9"), "0", "none"),
        # one-hour cache writes: 100 at 1.25 and 200 at 2
        (ALL, {}, use(300, write=300, write_1h=200), "0.000525", "catalog"),
    ],
)
def test_first_source_that_knows(
    sources: tuple[str, ...],
    config: dict[str, PricingConfig],
    usage: ModelUsage,
    cost: str,
    source: str,
) -> None:
    book = PriceBook(config=config, sources=sources)
    call = book.price(run(claude_haiku_4_5=usage), maker="anthropic", model="haiku", at=AT)
    assert (call.cost_usd, call.cost_source) == (Decimal(cost), source)
    assert call.unpriced == (source == "none")
    assert call.models == ()


def test_reported_cost_of_a_run_whose_model_is_not_priced_by_itself() -> None:
    usage = UsageMetrics(
        input_tokens=5, by_model={"claude-x": use(5)}, reported_cost_usd=Decimal("0.25")
    )
    call = PriceBook(config={}, sources=ALL).price(usage, maker="anthropic", model="", at=AT)
    assert (call.cost_usd, call.cost_source) == (Decimal("0.25"), "reported")


def test_a_reported_total_is_not_given_to_a_model_it_may_not_be_for() -> None:
    usage = UsageMetrics(
        input_tokens=8, by_model={"claude-x": use(5)}, reported_cost_usd=Decimal("0.25")
    )
    call = PriceBook(config={}, sources=ALL).price(usage, maker="anthropic", model="", at=AT)
    assert (call.cost_usd, call.cost_source, call.unpriced) == (Decimal(0), "none", True)


def test_unknown_model_costs_nothing_and_says_so() -> None:
    call = PriceBook(config={}, sources=ALL).price(
        run(my_own_model=use(1121, 7)), maker="anthropic", model="my-own-model", at=AT
    )
    assert (call.cost_usd, call.cost_source, call.unpriced) == (Decimal(0), "none", True)


def test_nothing_used_is_not_unpriced() -> None:
    call = PriceBook(config={}).price(UsageMetrics(), maker="openai", model="gpt-5", at=AT)
    assert (call.cost_usd, call.cost_source, call.unpriced) == (Decimal(0), "none", False)


def test_usage_without_a_model_is_priced_as_the_model_of_the_call() -> None:
    usage = UsageMetrics(input_tokens=24939, output_tokens=174, cache_read_input_tokens=21263)
    book = PriceBook(config={"gemini-3-flash-preview": FLASH})
    call = book.price(usage, maker="google", model="gemini-3-flash-preview", at=AT)
    assert (call.cost_usd, call.cost_source) == (Decimal("0.00342315"), "config")


def test_what_no_model_is_named_for_is_priced_too() -> None:
    usage = run_usage({"gpt-5": use(1000), "": use(500)})
    book = PriceBook(config={"gpt-5": ONE, "gpt-5-mini": TWO})
    mini = book.price(usage, maker="openai", model="gpt-5-mini", at=AT)
    assert [(part.model, part.cost_usd) for part in mini.models] == [
        ("gpt-5", Decimal("0.001")),
        ("gpt-5-mini", Decimal("0.001")),
    ]
    same = book.price(usage, maker="openai", model="gpt-5", at=AT)
    assert (same.cost_usd, same.models) == (Decimal("0.0015"), ())


def test_each_model_of_a_call_at_its_own_source() -> None:
    usage = run(
        claude_haiku_4_5=use(1000, reported="0.5"),
        claude_opus_4_5=use(1000, reported="0.75"),
        my_own_model=use(10),
    )
    book = PriceBook(config={"claude-haiku-4-5": ONE}, sources=("config", "reported"))
    call = book.price(usage, maker="anthropic", model="opus", at=AT)
    assert call.cost_usd == Decimal("0.751")
    assert call.cost_source == "reported"  # the costliest part's
    assert [(part.model, part.cost_usd, part.cost_source) for part in call.models] == [
        ("claude-haiku-4-5", Decimal("0.001"), "config"),
        ("claude-opus-4-5", Decimal("0.75"), "reported"),
        ("my-own-model", Decimal(0), "none"),
    ]
    assert call.unpriced


@pytest.mark.parametrize(
    ("keys", "model", "cost"),
    [
        (["claude-sonnet-4-5"], "claude-sonnet-4-5-20250929", "1"),
        (["claude-sonnet-4-5"], "claude-sonnet-4-5[1m]", "1"),
        (["claude-sonnet-4-5"], "claude-sonnet-4-5-20250929[1m]", "1"),
        (["claude-sonnet-4-5-20250929"], "claude-sonnet-4-5", "1"),
        (["claude-sonnet-4-5-20250929"], "claude-sonnet-4-5-20260101", None),
        (["claude-sonnet-4-5[1m]"], "claude-sonnet-4-5", None),
        (["claude-sonnet-4-5"], "claude-sonnet-4", None),
        (["claude-sonnet-4"], "claude-sonnet-4-5", None),
        (["sonnet"], "sonnet", "1"),
        (["sonnet"], "claude-sonnet-4-5-20250929", "1"),
        (["sonnet"], "claude-3-5-sonnet-20241022", "1"),
        (["sonnet"], "claude-opus-4-5", None),
        (["Claude-Sonnet-4-5"], "claude-sonnet-4-5", "1"),
        (["gpt-5"], "openai/gpt-5", "1"),
        (["gpt-5"], "gpt-5-2025-08-07", "1"),
        (["gpt-5"], "gpt-5-codex", None),
        (["gemini-2.5-pro"], "models/gemini-2.5-pro-preview-06-05", "1"),
        # the key that says most wins: ONE is the first, TWO the second
        (["claude-sonnet-4-5", "claude-sonnet-4-5-20250929"], "claude-sonnet-4-5-20250929", "2"),
        (["claude-sonnet-4-5", "claude-sonnet-4-5[1m]"], "claude-sonnet-4-5[1m]", "2"),
        (["sonnet", "claude-sonnet-4-5"], "claude-sonnet-4-5-20250929", "2"),
        (["sonnet", "claude-sonnet-4-5-20250929"], "claude-sonnet-4-5", "2"),
        (["m-20250101", "m-20260101"], "m", "2"),
        (["m-20260101", "m-20250101"], "m", "1"),
    ],
)
def test_config_keys(keys: list[str], model: str, cost: str | None) -> None:
    book = PriceBook(config=dict(zip(keys, (ONE, TWO), strict=False)))
    usage = UsageMetrics(input_tokens=1_000_000, by_model={model: use(1_000_000)})
    call = book.price(usage, maker="anthropic", model=model, at=AT)
    assert (call.cost_usd, call.unpriced) == (Decimal(cost or 0), cost is None)


def test_config_key_of_the_newest_prices_the_alias() -> None:
    from agentd.metering.models import resolve_alias

    book = PriceBook(config={resolve_alias("opus"): TWO})
    assert book.knows("opus", maker="anthropic", at=AT) == "config"
    assert book.knows("opus", maker="openai", at=AT) == "none"


LONG, SHORT = use(250_000, 1000, read=100_000), use(50_000, 1000)
# gemini-2.5-pro: 1.25/10/0.125 up to 200,000 tokens of input, else 2.5/15/0.25
LONG_USD, SHORT_USD = Decimal("0.415"), Decimal("0.0725")
LONG_AT_BASE_USD = Decimal("0.21")  # 150000 * 1.25 + 100000 * 0.125 + 1000 * 10


@pytest.mark.parametrize(
    ("model", "requests", "cost"),
    [
        (
            "gemini-2.5-pro",
            [("gemini-2.5-pro", LONG), ("gemini-2.5-pro", SHORT)],
            LONG_USD + SHORT_USD,
        ),
        ("gemini-2.5-pro", [("", LONG), ("", SHORT)], LONG_USD + SHORT_USD),
        # what is told is priced by itself, what is not, or is another model's, at the base price
        ("gemini-2.5-pro", [], LONG_AT_BASE_USD + SHORT_USD),
        ("gemini-2.5-pro", [("gemini-2.5-pro", LONG)], LONG_USD + SHORT_USD),
        ("gemini-2.5-pro", [("gpt-5", LONG), ("gpt-5", SHORT)], LONG_AT_BASE_USD + SHORT_USD),
    ],
)
def test_long_context_is_a_matter_of_one_request(
    model: str, requests: list[tuple[str, ModelUsage]], cost: Decimal
) -> None:
    usage = run_usage({model: use(300_000, 2000, read=100_000)}, requests=tuple(requests))
    call = PriceBook(config={}, sources=ALL).price(usage, maker="google", model=model, at=AT)
    assert (call.cost_usd, call.cost_source) == (cost, "catalog")


def test_requests_of_several_models_are_told_apart() -> None:
    usage = run_usage(
        {"gemini-2.5-pro": LONG, "gemini-2.5-flash": LONG},
        requests=(("", LONG), ("gemini-2.5-pro", LONG)),
    )
    call = PriceBook(config={}, sources=ALL).price(usage, maker="google", model="auto", at=AT)
    # gemini-2.5-flash has no tiers: 150000 * 0.3 + 100000 * 0.03 + 1000 * 2.5
    assert [part.cost_usd for part in call.models] == [LONG_USD, Decimal("0.0505")]


REQUEST = st.builds(
    use,
    st.integers(50_000, 200_000),
    st.integers(0, 10_000),
    read=st.integers(0, 20_000),
    write=st.integers(0, 20_000),
)


@given(st.lists(REQUEST, min_size=1, max_size=20))
def test_requests_of_one_tier_cost_what_their_sum_costs(requests: list[ModelUsage]) -> None:
    from agentd.metering.usage import add

    model, book = "gemini-2.5-pro", PriceBook(config={}, sources=("catalog",))
    told, summed = (
        book.price(
            run_usage({model: add(requests)}, requests=tuple((model, r) for r in shown)),
            maker="google",
            model=model,
            at=AT,
        )
        for shown in (requests, [])
    )
    assert told.cost_usd == summed.cost_usd > 0


@pytest.mark.parametrize(
    ("at", "cost"),
    [
        (datetime(2025, 6, 9, 23, 59, tzinfo=UTC), "0.05"),  # o3 was 10/40 up to here
        (datetime(2025, 6, 10, tzinfo=UTC), "0.01"),  # and 2/8 from here on
    ],
)
def test_prices_in_force_when_the_call_was_made(at: datetime, cost: str) -> None:
    book = PriceBook(config={}, sources=ALL)
    usage = UsageMetrics(input_tokens=1000, output_tokens=1000)
    assert book.price(usage, maker="openai", model="o3", at=at).cost_usd == Decimal(cost)
    assert calculate_cost(usage, "o3", at=at).total_usd == Decimal(cost)


@pytest.mark.parametrize(
    ("sources", "maker", "model", "expected"),
    [
        (ALL, "google", "gemini-3-flash-preview", "config"),
        (ALL, "anthropic", "sonnet", "reported"),
        (ALL, "anthropic", "my-own-model", "none"),
        (("catalog",), "anthropic", "claude-opus-4-5", "catalog"),
        (ALL, "openai", "gpt-5-codex", "catalog"),
        (("config",), "openai", "gpt-5-codex", "none"),
    ],
)
def test_knows(sources: tuple[str, ...], maker: str, model: str, expected: str) -> None:
    book = PriceBook(config={"gemini-3-flash-preview": FLASH}, sources=sources)
    reports_costs = maker == "anthropic"
    assert book.knows(model, maker=maker, at=AT, reports_costs=reports_costs) == expected


@pytest.mark.parametrize(
    ("sources", "model", "expected"),
    [
        (ALL, "gemini-3-flash-preview", ("config", 7)),
        (ALL, "models/gemini-3-flash-preview", ("config", 7)),
        (("catalog", "config"), "gemini-3-flash-preview", ("catalog", Decimal("0.5"))),
        (ALL, "sonnet", ("catalog", 2)),  # reported knows no prices
        (("reported",), "sonnet", None),
        (("config",), "gpt-4o", None),
        (ALL, "no-such-model", None),
        ((), "gpt-4o", None),
    ],
)
def test_quote(
    sources: tuple[str, ...], model: str, expected: tuple[str, Decimal | int] | None
) -> None:
    seven = PricingConfig(cost_per_1m_input=7, cost_per_1m_output=70)
    book = PriceBook(config={"gemini-3-flash-preview": seven}, sources=sources)
    quote = book.quote(model, at=AT)
    assert expected == (quote and (quote.source, quote.price.base.cost_per_1m_input))


def test_quote_of_a_long_request() -> None:
    quote = PriceBook(config={}, sources=("catalog",)).quote("gemini-2.5-pro", at=AT)
    assert quote is not None
    assert (quote.tier(use(200_000)), quote.tier(use(200_001))) == (None, 200_000)
    assert (quote.tier(400_001), quote.tier(400_002)) == (None, 200_000)
    assert quote.rates(use(200_001)).cost_per_1m_input == Decimal("2.5")
    assert quote.cost(use(200_001)).total_usd == Decimal("0.5000025")


def test_unknown_source() -> None:
    with pytest.raises(ValueError, match="'guess'; expected config, reported, catalog"):
        PriceBook(config={}, sources=("config", "guess"))


@pytest.mark.parametrize(
    ("usage", "pricing", "expected"),
    [
        (use(24939, 174, read=21263), FLASH, ("0.00290115", "0.000522", "config", "exact")),
        (1000, TWO, ("0.001", "0.001", "config", "heuristic")),
        (1001, FLASH, ("0.00025025", "0.0015015", "config", "heuristic")),
        (0, FLASH, ("0", "0", "config", "heuristic")),
        (use(200_000), "gemini-2.5-pro", ("0.25", "0", "catalog", "exact")),
        (use(200_001), "gemini-2.5-pro", ("0.5000025", "0", "catalog", "exact")),
        (400_000, "gemini-2.5-pro", ("0.25", "2", "catalog", "heuristic")),
        (400_002, "gemini-2.5-pro", ("0.5000025", "3.000015", "catalog", "heuristic")),
        (use(1000), "gpt-99-foo", ("0", "0", "none", "exact")),
    ],
)
def test_calculate_cost(
    usage: ModelUsage | int, pricing: PricingConfig | str, expected: tuple[str, str, str, str]
) -> None:
    cost = calculate_cost(usage, pricing, at=AT)
    assert (cost.input_usd, cost.output_usd) == (Decimal(expected[0]), Decimal(expected[1]))
    assert cost.total_usd == Decimal(expected[0]) + Decimal(expected[1])
    assert (cost.source, cost.accuracy) == expected[2:]


def test_a_cost_is_a_float_where_one_is_wanted() -> None:
    assert float(calculate_cost(1000, "gpt-4")) == 0.045
    assert float(calculate_cost(use(1000), ONE)) == 0.001


@pytest.mark.parametrize("usage", [1000, 0, use(10)])
def test_an_exact_cost_needs_a_price(usage: ModelUsage | int) -> None:
    with pytest.raises(UnsupportedModel, match="no price is known for gpt-99-foo"):
        calculate_cost(usage, "gpt-99-foo", exact=True)
    assert calculate_cost(usage, "gpt-oss:20b", exact=True).total_usd == 0  # local
    for known in ("claude-sonnet-4-5", ONE):
        assert calculate_cost(usage, known, exact=True) == calculate_cost(usage, known)


@pytest.mark.parametrize(
    ("usage", "model", "unpriced"),
    [(1000, "gpt-99-foo", True), (0, "gpt-99-foo", False), (9, "gpt-oss:20b", False)],
)
def test_a_cost_of_nothing_says_whether_it_is_true(usage: int, model: str, unpriced: bool) -> None:
    assert calculate_cost(usage, model).unpriced is unpriced


@pytest.mark.parametrize("negative", [-1, use(-1), use(0, -1)])
def test_calculate_cost_of_less_than_nothing(negative: ModelUsage | int) -> None:
    with pytest.raises(ValueError, match="negative"):
        calculate_cost(negative, ONE)


@pytest.mark.parametrize("total", [1.5, None, "7", True])
def test_a_total_is_a_whole_number(total: object) -> None:
    with pytest.raises(TypeError, match="expected ModelUsage or int"):
        calculate_cost(total, "gpt-4o")  # type: ignore[arg-type]
