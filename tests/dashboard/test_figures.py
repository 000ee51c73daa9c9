"""What the page adds up: the ledgers' sums, the charts, how fast money goes, what warns."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from support.cost_box import add, call
from support.dashboard_box import CONFIG
from support.workspace import Sandbox, make_sandbox

from agentd.dashboard.burn import burn_rate, runs_out_at
from agentd.dashboard.change_page import change_document
from agentd.dashboard.charts import OTHERS, Charts
from agentd.dashboard.index import Index
from agentd.dashboard.ledger_sums import Cell
from agentd.dashboard.markdown_nodes import nodes_of
from agentd.dashboard.project_page import project_document
from agentd.project.layout import find_project

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def cell(at: datetime, cost_usd: str = "1", **values: object) -> Cell:
    one = Cell(int(at.timestamp() // 60), "review", "m", 1, Decimal(cost_usd), 100, 10, 40)
    return one._replace(**values)  # type: ignore[arg-type]


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    return make_sandbox(tmp_path, CONFIG)


def test_the_totals_are_those_of_cost_all(box: Sandbox) -> None:
    import json

    add(box, "a", call(1), call(2, cost_usd=Decimal("0.1234567")))
    add(box, "b", call(3, status="failed", accuracy="heuristic", why="answer cut"), archived=True)
    index = Index(find_project(box.root))
    index.load()
    totals = project_document(index, [], NOW)["totals"]
    told = json.loads(box.ok("cost", "--all", "--json"), parse_float=Decimal)["total"]
    assert Decimal(totals["cost_usd"]) == told["cost_usd"] == Decimal("0.1434567")
    names = ("calls", "failed", "unpriced", "partial", "tokens_in", "tokens_out")
    assert {name: totals[name] for name in names} == {name: told[name] for name in names}
    assert totals["bound"] == "at least"


def test_budgets_say_where_what_is_spent_is_not_known(box: Sandbox) -> None:
    limits = """
[budget]
limit_usd = 5
[budget.steps.review]
limit_usd = 5
[budget.project]
limit_usd = 50
period = "total"
"""
    config = box.root / "agentd" / "config.toml"
    config.write_text(f"{CONFIG.partition('[budget')[0]}{limits}")
    cut = {"accuracy": "heuristic", "why": "answer cut"}
    add(box, "a", call(1), call(2, step="review", **cut))
    add(box, "b", call(3))
    index = Index(find_project(box.root))
    index.load()

    def bounds() -> dict[tuple[str | None, str], str]:
        told = project_document(index, [], NOW)["budgets"]
        return {(one["change"], one["key"]): one["bound"] for one in told}

    assert bounds() == {
        (None, "budget.project"): "at least",
        ("a", "budget"): "at least",
        ("a", "budget.steps.review"): "at least",
        ("b", "budget"): "",
        ("b", "budget.steps.review"): "",
    }
    add(box, "c", call(4, accuracy="heuristic", why="input is estimated"))
    index.refresh()
    assert bounds()[None, "budget.project"] == bounds()["c", "budget"] == "about"
    assert bounds()["a", "budget"] == "at least"


def test_a_config_that_breaks_is_named_and_read_again_once_it_is_mended(box: Sandbox) -> None:
    add(box, "a", call(1))
    index = Index(find_project(box.root))
    index.load()
    config = box.root / "agentd" / "config.toml"

    def told() -> tuple[int, list[str]]:
        index.refresh()
        document = project_document(index, [], NOW)
        return len(document["budgets"]), document["problems"]

    assert told() == (1, [])
    for broken, why in ((b"\xff\x00", "is not UTF-8"), (None, "no such file"), (b"x =", "TOML")):
        config.write_bytes(broken) if broken else config.unlink()
        budgets, [problem] = told()
        assert budgets == 0
        assert str(config) in problem
        assert why in problem
        config.write_text(CONFIG)
        assert told() == (1, [])


def test_a_change_that_a_merge_has_left_twice_counts_once(box: Sandbox) -> None:
    add(box, "a", call(1), call(2))
    add(box, "a", call(1), call(2), call(3), archived=True)
    index = Index(find_project(box.root))
    index.load()
    assert project_document(index, [], NOW)["totals"]["calls"] == 3
    add(box, "b", call(3), call(4))  # imported into another one
    index.refresh()
    assert project_document(index, [], NOW)["totals"]["calls"] == 4


def test_calls_that_counted_elsewhere_count_here_when_the_other_change_is_gone(
    box: Sandbox,
) -> None:
    add(box, "a", call(1), call(2), call(3))
    add(box, "b", call(3), call(4))
    index = Index(find_project(box.root))
    index.load()
    assert {key: one.row["calls"] for key, one in index.entries.items()} == {"a": 3, "b": 1}
    shutil.rmtree(box.change("a"))
    assert index.refresh() == {"a", "b"}
    assert project_document(index, [], NOW)["totals"]["calls"] == 2
    assert index.entries["b"].row["calls"] == 2


def test_an_open_change_called_like_an_archived_folder_is_one_of_its_own(box: Sandbox) -> None:
    add(box, "20261101-a", call(1))
    add(box, "a", call(2), archived=True)
    for _ in range(2):  # then from the cache
        index = Index(find_project(box.root))
        index.load()
        assert project_document(index, [], NOW)["totals"]["calls"] == 2
        assert {key: one.row["key"] for key, one in index.entries.items()} == {
            "open:20261101-a": "open:20261101-a",
            "20261101-a": "20261101-a",
        }


def test_a_second_start_reads_only_what_has_changed(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    from agentd.dashboard import index as rooms

    for name in "abc":
        ledger = add(box, name, call(ord(name))).path
        os.utime(ledger, (1, 1))
    monkeypatch.setattr("agentd.dashboard.entry_cache.is_settled", lambda _: True)
    first = Index(find_project(box.root))
    first.load()
    read = []
    real = rooms.read_entry

    def spy(change, *rest, **named):  # type: ignore[no-untyped-def]
        read.append(change.id)
        return real(change, *rest, **named)

    monkeypatch.setattr(rooms, "read_entry", spy)
    add_to = add(box, "d", call(9))
    assert add_to.path.exists()
    second = Index(find_project(box.root))
    second.load()
    assert read == ["d"]
    assert {key: one.row for key, one in second.entries.items() if key != "d"} == {
        key: one.row for key, one in first.entries.items()
    }


def test_charts_change_with_their_ledgers_and_agree_with_charts_made_anew() -> None:
    here = ZoneInfo("America/New_York")
    days = [cell(NOW - timedelta(days=day), "0.1", model=f"m{day % 3}") for day in range(9)]
    charts = Charts(here)
    first = charts.document({"a": tuple(days), "b": (cell(NOW, "0.7"),)})
    assert first["per"] == "day"
    assert len(first["times"]) == 9
    assert sum(Decimal(cost) for model in first["models"] for cost in model["cost_usd"]) == Decimal(
        "1.6"
    )
    assert first["models"][0]["name"] == "m"
    then = {"a": (*days[:5], cell(NOW, "5")), "c": (cell(NOW, minute=None),)}
    assert charts.document(then) == Charts(here).document(then)
    assert charts.document(then)["untimed"] == 1
    assert charts.document({}) == Charts(here).document({})


def test_days_begin_in_the_viewers_zone() -> None:
    late = datetime(2026, 11, 29, 23, 50, tzinfo=UTC)
    cells = {"a": (cell(late), cell(late - timedelta(days=9)))}
    [berlin], [utc] = (
        [Charts(zone).document(cells)["times"][-1]] for zone in (ZoneInfo("Europe/Berlin"), UTC)
    )
    assert datetime.fromtimestamp(berlin, UTC) == datetime(2026, 11, 29, 23, tzinfo=UTC)
    assert datetime.fromtimestamp(utc, UTC) == datetime(2026, 11, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "per"), [(0.05, 1), (0.4, 10), (3, 60), (100, "day"), (400, "week"), (2000, "month")]
)
def test_points_are_as_long_as_the_time_needs(days: float, per: object) -> None:
    cells = {"a": (cell(NOW), cell(NOW - timedelta(days=days)))}
    charts = Charts(UTC).document(cells)
    assert charts["per"] == per
    assert len(charts["times"]) < 190
    assert charts["times"] == sorted(charts["times"])


def test_the_dearest_models_are_named_the_rest_is_one() -> None:
    cells = tuple(cell(NOW, str(number), model=f"m{number}") for number in range(1, 12))
    models = Charts(UTC).document({"a": cells})["models"]
    assert [one["name"] for one in models] == [*(f"m{n}" for n in range(11, 4, -1)), OTHERS]
    assert models[-1]["cost_usd"] == ["10"]


def test_the_burn_rate_is_that_of_the_shortest_time_with_spending() -> None:
    old = cell(NOW - timedelta(days=20), "100")
    assert burn_rate([], NOW) is None
    assert burn_rate([cell(NOW - timedelta(days=40))], NOW) is None
    lately = [old, *(cell(NOW - timedelta(minutes=at), "0.5") for at in (1, 20, 50))]
    rate = burn_rate(lately, NOW)
    assert rate is not None
    assert (rate.usd_per_hour, rate.window_s) == (Decimal("1.5"), 3600)
    daily = burn_rate([old, cell(NOW - timedelta(hours=3), "2.4")], NOW)
    assert daily is not None
    assert (daily.usd_per_hour, daily.window_s) == (Decimal("0.1"), 86400)
    young = burn_rate([cell(NOW - timedelta(minutes=6), "0.6")], NOW)
    assert young is not None
    assert (young.usd_per_hour, young.window_s) == (Decimal(6), 360)


def test_a_clock_that_is_ahead_makes_no_rate() -> None:
    assert burn_rate([cell(NOW + timedelta(hours=2), "40")], NOW) is None
    rate = burn_rate([cell(NOW - timedelta(minutes=30)), cell(NOW + timedelta(hours=2), "40")], NOW)
    assert rate is not None
    assert rate.usd_per_hour == 2


def test_the_burn_rate_of_a_part_is_that_of_its_own_calls(box: Sandbox) -> None:
    (box.root / "agentd" / "config.toml").write_text(
        'project_name = "x"\n[claude]\n[codex]\n[budget.steps.review]\nlimit_usd = 20\n'
        "[budget.providers.codex]\nlimit_usd = 20\n"
    )
    at = {"started_at": NOW - timedelta(minutes=59)}
    add(
        box,
        "a",
        call(1, cost_usd=Decimal(9), provider="claude", step="implementation", **at),
        call(2, cost_usd=Decimal(3), provider="claude", step="review/summary", **at),
        call(3, cost_usd=Decimal(2), provider="codex", step="challenge", **at),
    )
    index = Index(find_project(box.root))
    index.load()
    budgets = project_document(index, [], NOW)["budgets"]
    rates = {one["key"]: one["burn"]["per_hour"] for one in budgets}
    assert rates == {"budget.steps.review": "$3.05", "budget.providers.codex": "$2.03"}


def test_a_change_has_its_budget_however_many_others_there_are(box: Sandbox) -> None:
    for number in range(12):
        add(box, f"c{number}", call(number, cost_usd=Decimal(number)))
    index = Index(find_project(box.root))
    index.load()
    for key in ("c0", "c11"):
        budget = change_document(index.entries[key], UTC, NOW)["budget"]
        assert (budget["key"], budget["spent"]) == ("budget", f"${key[1:]}.00")


def test_calls_whose_time_nobody_noted_have_none(box: Sandbox) -> None:
    add(box, "a", call(1, duration_ms=None))
    add(box, "b", call(2, duration_ms=None), call(3, duration_ms=7))
    index = Index(find_project(box.root))
    index.load()
    took = {
        key: [one["duration_ms"] for one in change_document(entry, UTC, NOW)["timeline"]]
        for key, entry in index.entries.items()
    }
    assert took == {"a": [None], "b": [7]}


def test_when_it_runs_out() -> None:
    assert runs_out_at(Decimal(3), Decimal("1.5"), NOW) == NOW + timedelta(hours=2)
    assert runs_out_at(None, Decimal(1), NOW) is None
    assert runs_out_at(Decimal(1), Decimal(0), NOW) is None
    assert runs_out_at(Decimal(10**9), Decimal("0.001"), NOW) is None


def test_the_projects_budget_comes_first_then_the_one_most_used(box: Sandbox) -> None:
    (box.root / "agentd" / "config.toml").write_text(
        CONFIG + '[budget.project]\nlimit_usd = 60\nperiod = "total"\n[budget.steps.review]\n'
        "limit_usd = 20\n"
    )
    add(box, "a", call(1, cost_usd=Decimal(46)))
    add(box, "b", call(2, cost_usd=Decimal(10)))
    index = Index(find_project(box.root))
    index.load()
    document = project_document(index, [], NOW)
    told = [(one["key"], one["change"], one["level"]) for one in document["budgets"]]
    assert told[0] == ("budget.project", None, "warning")
    assert ("budget.steps.review", "a", "exceeded") in told
    assert ("budget", "a", "warning") in told
    assert ("budget", "b", "ok") in told
    assert document["budgets"][0]["left"] == "$4.00 left"
    assert len({alert["key"] for alert in document["alerts"]}) == len(document["alerts"]) == 4


@pytest.mark.parametrize("text", ["*" * 5000 + "a" + "*" * 5000, "*a **b " * 8000, "[" * 20_000])
def test_a_document_that_no_parser_ends_is_shown_as_it_is(text: str) -> None:
    assert nodes_of(text) == [["pre", [["code", [text]]]]]


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("[a](javascript:alert(1))", [["p", ["[a](javascript:alert(1))"]]]),
        ("[a](data:text/html,x)", [["p", ["[a](data:text/html,x)"]]]),
        ("[a](/etc/passwd)", [["p", ["a"]]]),
        ("[a](https://x.example)", [["p", [["a", ["a"], {"href": "https://x.example"}]]]]),
        ("![a](https://x.example/p.png)", [["p", ["[a]"]]]),
        ("<b onclick=1>a</b>", [["p", ["<b onclick=1>a</b>"]]]),
        ("```html\n<script>\n```", [["pre", [["code", ["<script>\n"]]]]]),
        ("- [x] a", [["ul", [["li", ["[x] a"]]]]]),
    ],
)
def test_documents_are_text_and_known_tags(text: str, nodes: object) -> None:
    assert nodes_of(text) == nodes
