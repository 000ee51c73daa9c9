"""Reports: the groups of calls, their order, and that nothing is lost or rounded."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.row_samples import AT, CALL

from agentd.ledger.rows import Part, Row
from agentd.reports.dimensions import DIMENSIONS, UNKNOWN
from agentd.reports.groups import Query, build
from agentd.reports.model import Report, Sums

FREE = {"cost_usd": Decimal(0), "cost_source": "none"}

names = st.sampled_from(["a", "b", "qwen3:8b"])
costs = st.decimals(0, 10**14, places=9) | st.decimals(0, 1, places=40)
counts = st.integers(0, 10**17)
sources = st.sampled_from(["catalog", "none"])
USED = ("tokens_in", "tokens_out", "tokens_cache_read", "web_searches")
variants = st.sampled_from([None, "speed=fast"])
threads = st.sampled_from([None, "side=5/1/0/2/0.0", "subagent=30/3/20/0.003,side=1/0/0/0.0", "?"])
parts = st.lists(
    st.builds(Part, names, counts, counts, counts, counts, costs, sources, variants, threads),
    max_size=3,
)


@st.composite
def calls(draw: st.DrawFn) -> Row:
    call = Row(
        *(draw(names), "", draw(names), draw(st.none() | names), draw(names)),
        draw(st.sampled_from(["ok", "failed"])),
        *(
            draw(counts),
            draw(counts),
            draw(counts),
            draw(counts),
            draw(costs),
            draw(sources),
            "exact",
            1,
        ),
        started_at=draw(st.none() | st.floats(-1e10, 1e11)),
        variant=draw(variants),
        threads=draw(threads),
    )
    several = tuple(draw(parts))
    if several and draw(st.booleans()):  # they add up to the call, as agentd writes them
        with localcontext(prec=200):
            call = call._replace(
                tokens_in=sum(part.tokens_in for part in several),
                tokens_out=sum(part.tokens_out for part in several),
                tokens_cache_read=sum(part.tokens_cache_read for part in several),
                web_searches=sum(part.web_searches for part in several),
                cost_usd=sum((part.cost_usd for part in several), Decimal(0)),
            )
    return call._replace(parts=several)


def exact(amounts: Sequence[Decimal]) -> Fraction:
    return sum(map(Fraction, amounts), Fraction(0))


@given(st.lists(calls(), max_size=20), st.lists(st.sampled_from(DIMENSIONS), unique=True))
def test_total_and_groups_are_the_sum_of_the_calls_to_the_last_digit(
    rows: list[Row], by: list[str]
) -> None:
    report = build(rows, Query(tuple(by), "America/New_York"), "x")
    assert Fraction(report.total.cost_usd) == exact([row.cost_usd for row in rows])
    for field in USED:
        assert getattr(report.total, field) == sum(getattr(row, field) for row in rows)
    assert report.total.calls == len(rows)
    assert report.total.failed == sum(row.status != "ok" for row in rows)
    if by:
        sums = [group.sums for group in report.groups]
        assert exact([one.cost_usd for one in sums]) == Fraction(report.total.cost_usd)
        for field in USED:
            assert sum(getattr(one, field) for one in sums) == getattr(report.total, field)
        if not {"model", "variant", "thread"}.intersection(by):
            for field in ("calls", "failed", "local", "unpriced"):
                assert sum(getattr(one, field) for one in sums) == getattr(report.total, field)
        assert len({group.names for group in report.groups}) == len(report.groups)


def test_what_people_did_themselves_is_a_source() -> None:
    report = build([CALL, CALL._replace(step="manual"), CALL], Query(("source",)), "x")
    assert {group.names: group.sums.calls for group in report.groups} == {
        ("step",): 2,
        ("manual",): 1,
    }


THREADS = "subagent=30/3/20/0.003,side=10/1/0/0.001"


def test_by_thread_the_rest_of_a_call_is_the_main_ones() -> None:
    rows = [CALL, CALL._replace(threads=THREADS)]
    report = build(rows, Query(("thread",)), "x")
    assert dict(report.groups) == {
        ("main",): Sums(2, 0, 0, 0, 160, 16, 80, Decimal("0.016")),
        ("subagent",): Sums(1, 0, 0, 0, 30, 3, 20, Decimal("0.003")),
        ("side",): Sums(1, 0, 0, 0, 10, 1, 0, Decimal("0.001")),
    }
    assert report.total == Sums(2, 0, 0, 0, 200, 20, 100, Decimal("0.02"))


def test_by_thread_and_model_each_model_has_its_threads() -> None:
    parts = (
        Part("big", 90, 9, 50, 0, Decimal("0.009"), "catalog", "speed=fast", THREADS),
        Part("small", 10, 1, 0, 0, Decimal("0.001"), "catalog", None, "side=10/1/0/0.001"),
    )
    row = CALL._replace(parts=parts)
    report = build([row], Query(("thread", "model")), "x")
    assert {group.names: group.sums.tokens_in for group in report.groups} == {
        ("main", "big"): 50,
        ("subagent", "big"): 30,
        ("side", "big"): 10,
        ("side", "small"): 10,
    }
    by_thread = build([row], Query(("thread",)), "x")
    assert {group.names: group.sums[0] for group in by_thread.groups} == {
        ("main",): 1,
        ("subagent",): 1,
        ("side",): 1,
    }
    by_variant = build([row], Query(("variant",)), "x")
    assert [(group.names, group.sums.tokens_in) for group in by_variant.groups] == [
        (("speed=fast",), 90),
        (("standard",), 10),
    ]


@pytest.mark.parametrize(
    "threads", ["subagent=101/3/20/0.003", "side=1/1/0/1.0", "x", "side=1/1/0", "side=1/1/0/0.0/1"]
)
def test_threads_that_make_no_sense_are_the_main_one(threads: str) -> None:
    (group,) = build([CALL._replace(threads=threads)], Query(("thread",)), "x").groups
    assert group == (("main",), Sums(1, 0, 0, 0, 100, 10, 50, Decimal("0.01")))


@given(st.lists(calls(), max_size=20))
def test_the_days_are_the_sum_of_the_calls_that_have_a_time(rows: list[Row]) -> None:
    days = build(rows, Query(timezone="Asia/Kathmandu"), "x").days
    timed = [row.cost_usd for row in rows if row.started_at is not None]
    assert exact([day.cost_usd for day in days]) == exact(timed)
    assert all(one.name < later.name for one, later in pairwise(days))


def groups(report: Report) -> list[tuple[tuple[str, ...], Decimal]]:
    return [(group.names, group.sums.cost_usd) for group in report.groups]


def cents(*amounts: int) -> list[Decimal]:
    return [Decimal(amount).scaleb(-2) for amount in amounts]


def test_by_cost_descending_then_by_the_names() -> None:
    rows = [
        CALL._replace(model=model, step=step, cost_usd=cost)
        for (model, step), cost in zip(
            [("b", "y"), ("a", "z"), ("a", "x"), ("c", "x"), ("b", "y")],
            cents(1, 5, 5, 9, 4),
            strict=True,
        )
    ]
    assert groups(build(rows, Query(("model", "step")), "x")) == [
        (("c", "x"), Decimal("0.09")),
        (("a", "x"), Decimal("0.05")),
        (("a", "z"), Decimal("0.05")),
        (("b", "y"), Decimal("0.05")),
    ]


def test_periods_come_in_order_wherever_they_stand() -> None:
    rows = [
        CALL._replace(started_at=at, model=model, cost_usd=cost)
        for at, model, cost in zip(
            [AT + 86400, AT, AT, None], ["a", "b", "c", "d"], cents(9, 1, 2, 3), strict=True
        )
    ]
    assert [group.names for group in build(rows, Query(("model", "day")), "x").groups] == [
        ("c", "2025-11-24"),
        ("b", "2025-11-24"),
        ("a", "2025-11-25"),
        ("d", UNKNOWN),
    ]


@pytest.mark.parametrize(
    ("dimension", "name"),
    [
        ("step", "review"),
        ("model", "gpt-5.1-codex"),
        ("provider", "codex"),
        ("change", "add-oauth"),
        ("status", "ok"),
        ("day", "2025-11-24"),
        ("week", "2025-W48"),
        ("month", "2025-11"),
    ],
)
def test_each_dimension(dimension: str, name: str) -> None:
    [group] = build([CALL], Query((dimension,)), "x").groups
    assert group == ((name,), Sums(1, 0, 0, 0, 100, 10, 50, Decimal("0.01")))


def test_what_the_ledger_does_not_say_is_unknown() -> None:
    row = CALL._replace(provider=None, started_at=None)
    [group] = build([row], Query(("provider", "day", "week", "month")), "x").groups
    assert group.names == (UNKNOWN,) * 4


SEVERAL = CALL._replace(
    model="big",
    parts=(
        Part("big", 90, 9, 50, 0, Decimal("0.009"), "catalog"),
        Part("small", 10, 1, 0, 0, Decimal("0.001"), "catalog"),
    ),
)


def test_a_call_of_several_models_counts_under_each_and_once_in_all() -> None:
    report = build([SEVERAL], Query(("model",)), "x")
    assert [(group.names, group.sums) for group in report.groups] == [
        (("big",), Sums(1, 0, 0, 0, 90, 9, 50, Decimal("0.009"))),
        (("small",), Sums(1, 0, 0, 0, 10, 1, 0, Decimal("0.001"))),
    ]
    assert report.total == Sums(1, 0, 0, 0, 100, 10, 50, Decimal("0.01"))


@pytest.mark.parametrize("field", [*USED, "cost_usd"])
def test_parts_that_do_not_add_up_are_not_used(field: str) -> None:
    row = SEVERAL._replace(**{field: getattr(SEVERAL, field) * 2 + 1})
    report = build([row], Query(("model",)), "x")
    assert [(group.names, group.sums) for group in report.groups] == [(("big",), report.total)]


def test_local_free_and_unpriced_calls_are_told_apart() -> None:
    rows = [
        CALL._replace(model="qwen3:8b", **FREE),
        CALL._replace(model="ollama/mine", **FREE),
        CALL._replace(model="free", cost_usd=Decimal(0), cost_source="config"),
        CALL._replace(model="gpt-99", **FREE),
        CALL._replace(model="gpt-100", tokens_in=0, tokens_out=0, **FREE),
        CALL._replace(model="llama3:8b", cost_source="config"),
    ]
    report = build(rows, Query(("model",)), "x")
    marks = {group.names[0]: (group.sums.local, group.sums.unpriced) for group in report.groups}
    assert marks == {
        "qwen3:8b": (1, 0),
        "ollama/mine": (1, 0),
        "free": (0, 0),
        "gpt-99": (0, 1),
        "gpt-100": (0, 0),
        "llama3:8b": (0, 0),
    }
    assert (report.total.local, report.total.unpriced) == (2, 1)


def test_a_part_of_a_call_may_be_local_or_unpriced() -> None:
    row = SEVERAL._replace(
        cost_usd=Decimal("0.009"),
        parts=(SEVERAL.parts[0], SEVERAL.parts[1]._replace(model="phi3:latest", **FREE)),
    )
    report = build([row], Query(("model",)), "x")
    assert report.total.local == 1
    assert [group.sums.local for group in report.groups] == [0, 1]


def test_days_without_a_call_are_there_unless_they_are_too_many() -> None:
    rows = [CALL, CALL._replace(started_at=AT + 2 * 86400)]
    assert [(day.name, day.cost_usd) for day in build(rows, Query(), "x").days] == [
        ("2025-11-24", Decimal("0.01")),
        ("2025-11-25", Decimal(0)),
        ("2025-11-26", Decimal("0.01")),
    ]
    rows.append(CALL._replace(started_at=0.0))
    assert [day.name for day in build(rows, Query(), "x").days] == [
        "1970-01-01",
        "2025-11-24",
        "2025-11-26",
    ]


def test_nothing() -> None:
    assert build([], Query(("model", "day")), "x") == Report(scope="x", by=("model", "day"))


def test_a_web_search_is_that_of_the_thread_which_made_it() -> None:
    row = CALL._replace(web_searches=3, threads="side=30/3/20/2/0.003")
    report = build([row], Query(("thread",)), "x")
    assert {names: sums.web_searches for names, sums in report.groups} == {
        ("main",): 1,
        ("side",): 2,
    }
    assert report.total.web_searches == 3
