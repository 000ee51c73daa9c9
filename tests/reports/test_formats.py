"""What reports look like; the golden outputs here are written by hand."""

from __future__ import annotations

import csv
import io
import json
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from agentd.reports.formats import FORMATS, renderer
from agentd.reports.formats.bars import bar, share, sparkline
from agentd.reports.model import Group, Report, Spent, Style, Sums
from agentd.reports.partial import told_partial
from agentd.text import one_line, width

PLAIN = Style()
LOCAL_AND_MORE = Sums(3, 0, 1, 1, 900, 90, 0, Decimal("0.5"))
GROUPS = (
    Group(
        ("gemini-3-flash-preview",), Sums(3, 1, 0, 0, 24939, 174, 21263, Decimal("1.5003523150"))
    ),
    Group(("mixed",), LOCAL_AND_MORE),
    Group(("gpt-oss:20b",), Sums(2, 0, 2, 0, 300, 20)),
    Group(("free",), Sums(1, 0, 0, 0, 10, 2)),
)
TOTAL = Sums(9, 1, 3, 1, 26149, 286, 21263, Decimal("2.0003523150"))
DAYS = (
    Spent("2026-11-29", Decimal("0.4")),
    Spent("2026-11-30", Decimal(0)),
    Spent("2026-12-01", Decimal("1.6003523150")),
)
REPORT = Report(scope="change add-oauth", by=("model",), groups=GROUPS, total=TOTAL, days=DAYS)
BASE = Report(
    scope="main",
    by=("model",),
    groups=(
        Group(("gone",), Sums(1, 0, 0, 0, 7, 5, 0, Decimal("0.25"))),
        Group(("mixed",), LOCAL_AND_MORE),
    ),
    total=Sums(4, 0, 1, 1, 907, 95, 0, Decimal("0.75")),
)
NOTES = """\
3 calls went to local models, which cost nothing.
1 call used tokens that no price is known for: the total is too low by them. Give their models \
prices in [pricing.models]."""


def shown(
    name: str, style: Style = PLAIN, report: Report = REPORT, base: Report | None = None
) -> str:
    return renderer(name)(report, style=style, base=base)


def test_table() -> None:
    assert shown("table") == (
        """\
Cost of change add-oauth

MODEL                   CALLS  FAILED      IN  CACHED  OUT       COST
gemini-3-flash-preview      3       1  24,939  21,263  174  $1.500352
mixed                       3       0     900       0   90  $0.500000  (local) +unpriced
gpt-oss:20b                 2       0     300       0   20    (local)
free                        1       0      10       0    2  $0.000000
total                       9       1  26,149  21,263  286  $2.000352  +unpriced

"""
        + NOTES
    )


def test_table_with_a_base() -> None:
    assert shown("table", base=BASE) == (
        """\
Cost of change add-oauth

MODEL                   CALLS  FAILED      IN  CACHED  OUT       COST                           MORE
gemini-3-flash-preview      3       1  24,939  21,263  174  $1.500352                     +$1.500352
mixed                       3       0     900       0   90  $0.500000  (local) +unpriced   $0.000000
gpt-oss:20b                 2       0     300       0   20    (local)                      $0.000000
free                        1       0      10       0    2  $0.000000                      $0.000000
gone                        0       0       0       0    0  $0.000000                     -$0.250000
total                       9       1  26,149  21,263  286  $2.000352  +unpriced          +$1.250352

Against main: +$1.250352, +5 calls, +25,242 tokens in, +191 tokens out
"""
        + NOTES
    )


def test_table_on_a_terminal() -> None:
    report = Report(
        scope="all changes",
        by=("step", "provider"),
        groups=(
            Group(("review", "codex"), Sums(1, cost_usd=Decimal(3))),
            Group(("proposal", "gemini"), Sums(1, cost_usd=Decimal("0.75"))),
            Group(("archive", "gemini"), Sums(1, cost_usd=Decimal("0.0001"))),
        ),
        total=Sums(3, cost_usd=Decimal("3.7501")),
        days=DAYS,
    )
    style = Style(bars=True, color=True, width=80)
    assert (
        shown("table", style, report)
        == """\
Cost of all changes

\x1b[1mSTEP      PROVIDER  CALLS  FAILED  IN  CACHED  OUT       COST  SHARE\x1b[0m
review    codex         1       0   0       0    0  $3.000000    80%  ██████████
proposal  gemini        1       0   0       0    0  $0.750000    20%  ██▌
archive   gemini        1       0   0       0    0  $0.000100    <1%  ▏
\x1b[1mtotal                   3       0   0       0    0  $3.750100   100%\x1b[0m

2026-11-29 ▃▁█ 2026-12-01, most $1.600352 on 2026-12-01"""
    )
    ascii_only = Style(bars=True, ascii=True, width=76)
    assert shown("table", ascii_only, report).splitlines()[2:] == [
        "STEP      PROVIDER  CALLS  FAILED  IN  CACHED  OUT       COST  SHARE",
        "review    codex         1       0   0       0    0  $3.000000    80%  ######",
        "proposal  gemini        1       0   0       0    0  $0.750000    20%  #",
        "archive   gemini        1       0   0       0    0  $0.000100    <1%  #",
        "total                   3       0   0       0    0  $3.750100   100%",
        "",
        "2026-11-29 :_# 2026-12-01, most $1.600352 on 2026-12-01",
    ]


@pytest.mark.parametrize("columns", range(40, 140, 7))
def test_a_terminal_gets_no_line_that_is_too_long(columns: int) -> None:
    name = "模型/" * 12 + "x" * 30
    report = Report(
        scope="change x",
        by=("model", "step"),
        groups=(Group((name, "review"), Sums(1, cost_usd=Decimal(1))),),
        total=Sums(1, cost_usd=Decimal(1)),
        days=tuple(Spent(f"day{day:07}", Decimal(day % 9)) for day in range(400)),
    )
    lines = shown("table", Style(bars=True, width=columns), report).splitlines()
    if columns >= 75:  # the figures and the shortest names
        assert all(width(line) <= columns for line in lines)
        assert "模型" in lines[3]
    assert name in shown("table", PLAIN, report)


def test_a_report_by_nothing_and_one_of_nothing() -> None:
    report = Report(scope="change x", total=Sums(2, 1, 0, 0, 30, 4, 0, Decimal("0.5")))
    assert shown("table", report=report).splitlines()[2:] == [
        "       CALLS  FAILED  IN  CACHED  OUT       COST",
        "total      2       1  30       0    4  $0.500000",
    ]
    assert shown("csv", report=report).splitlines()[1] == "2,1,0,0,30,4,0,0.5,0,0,0"
    assert shown("markdown", report=report).splitlines()[2:] == [
        "**$0.500000** for 2 calls (1 failed): 30 tokens in, 4 out"
    ]
    nothing = Report(scope="change x", by=("model",))
    assert shown("table", report=nothing) == "Cost of change x: no calls"
    assert json.loads(shown("json", report=nothing))["total"]["calls"] == 0
    assert len(shown("csv", report=nothing).splitlines()) == 1
    assert shown("markdown", report=nothing).splitlines()[-1] == (
        "| **total** | 0 | 0 | 0 | 0 | 0 | $0.000000 |"
    )
    for base in (nothing, BASE):
        for name in FORMATS:
            assert shown(name, Style(bars=True, width=80), nothing, base)


def test_what_is_partial_says_at_least_and_why() -> None:
    sums = Sums(3, 0, 0, 0, 90, 9, 0, Decimal("0.5"), 2)
    whys = {"answer cut after 348 tokens": 1, "2 answers cut; relay bypassed": 1}
    group = Group(("m",), sums)
    report = Report(scope="change x", by=("model",), groups=(group,), total=sums, whys=whys)
    said = "at least $0.5000: 2 calls are partial (answer cut: 2, relay bypassed: 1)"
    table = shown("table", report=report).splitlines()
    assert table[3].endswith("  $0.500000  at least")
    assert table[4].endswith("  $0.500000  at least")
    assert table[-1] == said
    markdown = shown("markdown", report=report).splitlines()
    assert markdown[2] == "at least **$0.500000** for 3 calls: 90 tokens in, 9 out"
    assert markdown[4] == said
    assert markdown[-1].endswith("| $0.500000 at least |")
    document = json.loads(shown("json", report=report))
    assert document["total"]["partial"] == 2
    assert document["partial_because"] == {"answer cut": 2, "relay bypassed": 1}
    assert "partial_because" not in json.loads(shown("json"))


@pytest.mark.parametrize(
    ("whys", "told"),
    [
        ({}, ""),
        ({"answer cut after 348 tokens": 1}, "1 call is partial (answer cut after 348 tokens)"),
        ({"a after 3 tokens": 1, "a after 4 tokens": 1}, "2 calls are partial (a)"),
        ({"": 2}, "2 calls are partial (not told why)"),
        (
            {"a": 1, "b": 4, "c": 2, "d": 1, "e": 1},
            "9 calls are partial (b: 4, c: 2, a: 1, others: 2)",
        ),
    ],
)
def test_why_calls_are_partial(whys: dict[str, int], told: str) -> None:
    assert told_partial(whys) == told


def test_what_may_be_too_high_says_about() -> None:
    sums = Sums(3, 0, 0, 0, 90, 9, 0, Decimal("0.5"), partial=2, estimated=1)
    whys = {"answer cut after 348 tokens; input is estimated": 1, "relay bypassed": 1}
    group = Group(("m",), sums)
    report = Report(scope="change x", by=("model",), groups=(group,), total=sums, whys=whys)
    table = shown("table", report=report).splitlines()
    assert table[3].endswith("  $0.500000  about")
    assert table[-1].endswith("input is estimated: 1, relay bypassed: 1)")
    assert table[-1].startswith("about $0.5000: 2 calls are partial (")
    markdown = shown("markdown", report=report).splitlines()
    assert markdown[2] == "about **$0.500000** for 3 calls: 90 tokens in, 9 out"


def test_csv() -> None:
    assert shown("csv", Style(bars=True, color=True, width=20)) == "\r\n".join(
        [
            "model,calls,failed,local,unpriced,tokens_in,tokens_out,tokens_cache_read,cost_usd,partial,"
            "web_searches,estimated",
            "gemini-3-flash-preview,3,1,0,0,24939,174,21263,1.5003523150,0,0,0",
            "mixed,3,0,1,1,900,90,0,0.5,0,0,0",
            "gpt-oss:20b,2,0,2,0,300,20,0,0,0,0,0",
            "free,1,0,0,0,10,2,0,0,0,0,0",
        ]
    )
    lines = shown("csv", base=BASE).split("\r\n")
    assert lines[0].endswith(
        ",cost_usd,partial,web_searches,estimated,calls_more,tokens_in_more,tokens_out_more,cost_usd_more"
    )
    assert lines[-1] == "gone,0,0,0,0,0,0,0,0,0,0,0,-1,-7,-5,-0.25"


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@SUM(A1)", "＝1", "'=1", "'", "\t=1", "\x00=1"]
)
def test_csv_holds_no_formula(name: str) -> None:
    report = Report(scope="x", by=("model",), groups=(Group((name,), Sums()),))
    assert shown("csv", report=report).split("\r\n")[1].startswith("'" + one_line(name)[0])


@pytest.mark.parametrize("searches", [0, 1, 3])
def test_web_searches_are_told_where_there_are_some(searches: int) -> None:
    """JSON and csv, which programs read, always tell them."""
    groups = (
        Group(("m-1",), Sums(1, cost_usd=Decimal(1), web_searches=searches)),
        Group(("m-2",), Sums(1, cost_usd=Decimal(1))),
    )
    total = Sums(2, cost_usd=Decimal(2), web_searches=searches)
    report = Report(scope="x", by=("model",), groups=groups, total=total)
    table = [line.split() for line in shown("table", report=report).splitlines()]
    markdown = shown("markdown", report=report)
    assert ("SEARCHES" in table[2]) == bool(searches)
    assert ("| searches | cost |" in markdown) == bool(searches)
    if searches:
        assert [row[6] for row in table[3:]] == [str(searches), "0", str(searches)]
        assert f"| `m-1` | 1 | 0 | 0 | 0 | 0 | {searches} | $1.000000 |" in markdown
        told = "1 web search" if searches == 1 else "3 web searches"
        assert f"0 tokens in, 0 out, {told}\n" in markdown
    document = json.loads(shown("json", report=report))
    assert document["total"]["web_searches"] == searches
    assert document["groups"][0]["web_searches"] == searches


def test_json() -> None:
    document = json.loads(shown("json", base=BASE), parse_float=Decimal)
    assert list(document) == [
        *("version", "scope", "by", "groups", "total", "days", "base", "more")
    ]
    assert document["groups"][0] == {"model": GROUPS[0].names[0], **GROUPS[0].sums._asdict()}
    assert document["total"]["cost_usd"] == Decimal("2.0003523150")
    assert document["days"][2] == {"day": "2026-12-01", "cost_usd": Decimal("1.6003523150")}
    assert document["base"]["groups"][0]["model"] == "gone"
    assert document["more"]["total"]["cost_usd"] == Decimal("1.2503523150")
    assert document["more"]["groups"][-1]["calls"] == -1
    assert '"cost_usd": 1.5003523150' in shown("json")


def test_markdown() -> None:
    sentences = NOTES.replace("[pricing.models]", "`[pricing.models]`").replace("\n", "\n\n")
    assert (
        shown("markdown", base=BASE)
        == f"""\
### Cost of change add-oauth

**$2.000352** +unpriced for 9 calls (1 failed): 26,149 tokens in (21,263 cached), 286 out

Against main: **+$1.250352, +5 calls, +25,242 tokens in, +191 tokens out**

{sentences}

| model | calls | failed | in | cached | out | cost | more |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| `gemini-3-flash-preview` | 3 | 1 | 24,939 | 21,263 | 174 | $1.500352 | +$1.500352 |
| `mixed` | 3 | 0 | 900 | 0 | 90 | $0.500000 (local) +unpriced | $0.000000 |
| `gpt-oss:20b` | 2 | 0 | 300 | 0 | 20 | (local) | $0.000000 |
| `free` | 1 | 0 | 10 | 0 | 2 | $0.000000 | $0.000000 |
| `gone` | 0 | 0 | 0 | 0 | 0 | $0.000000 | -$0.250000 |
| **total** | 9 | 1 | 26,149 | 21,263 | 286 | $2.000352 +unpriced | +$1.250352 |"""
    )


def many(count: int, name: str = "change-{}") -> Report:
    groups = tuple(Group((name.format(n),), Sums(1, cost_usd=Decimal(1))) for n in range(count))
    return Report(
        scope="all changes",
        by=("change",),
        groups=groups,
        total=Sums(count, cost_usd=Decimal(count)),
    )


def test_many_rows_are_folded() -> None:
    assert "<details>" not in shown("markdown", report=many(10))
    lines = shown("markdown", report=many(11)).splitlines()
    assert lines[4:7] == ["<details><summary>11 rows</summary>", "", lines[6]]
    assert lines[-3:] == ["| **total** | 11 | 0 | 0 | 0 | 0 | $11.000000 |", "", "</details>"]


@pytest.mark.parametrize(
    "name", ["change-{}", "模型" * 40 + "{}", "|`" * 300 + "{}"], ids=["usual", "wide", "escaped"]
)
def test_a_comment_is_never_too_long(name: str) -> None:
    text = shown("markdown", report=many(5000, name), base=many(10, name))
    assert 60_000 < len(text.encode()) <= 65_536
    rows = len(re.findall(r"(?m)^\| `", text))
    assert text.endswith(f"\n{5000 - rows:,} rows left out: too long for a comment.")
    assert "| **total** | 5,000 |" in text


@pytest.mark.parametrize(
    ("scope", "text"),
    [
        ("change x (archived 20261122)", "change x (archived 20261122)"),
        ("the base of origin/main", "the base of origin/main"),
        ("the base of @{u}", "`the base of @{u}`"),
        ("#12_x_", "`#12_x_`"),
        ("a`b", "``a`b``"),
    ],
)
def test_a_scope_mentions_nobody(scope: str, text: str) -> None:
    report = Report(scope=scope)
    lines = shown("markdown", report=report, base=report).splitlines()
    assert lines[0] == f"### Cost of {text}"
    assert lines[4].startswith(f"Against {text}: **$0.000000, 0 calls")


NAMES = st.text(st.characters(codec=None), max_size=20) | st.text("|`\\@'=\" ,\r\n#<x", max_size=8)
COSTS = st.decimals(min_value=0, max_value=10**14, places=40)
COUNTS = st.integers(0, 10**18)
SUMS = st.builds(Sums, *[COUNTS] * 7, COSTS, COUNTS)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    by = draw(st.sampled_from([("model",), ("model", "step"), ("day", "change", "status")]))
    names = st.tuples(*[NAMES] * len(by))
    groups = draw(st.lists(st.builds(Group, names, SUMS), unique_by=lambda group: group.names))
    return Report(scope="all changes", by=by, groups=tuple(groups), total=draw(SUMS))


@given(reports())
def test_csv_is_read_back_exactly(report: Report) -> None:
    header, *lines = csv.reader(io.StringIO(shown("csv", report=report), newline=""), strict=True)
    assert header == [*report.by, *Sums._fields]
    named = len(report.by)
    for line, group in zip(lines, report.groups, strict=True):
        names = [name.removeprefix("'") for name in line[:named]]
        assert names == [*map(one_line, group.names)]
        *counts, cost, partial, searches, estimated = line[named:]
        read = Sums(*map(int, counts), Decimal(cost), *map(int, (partial, searches, estimated)))
        assert read == group.sums


@given(reports())
def test_json_is_read_back_exactly(report: Report) -> None:
    document = json.loads(shown("json", report=report), parse_float=Decimal)
    assert document["groups"] == [
        {**dict(zip(report.by, group.names, strict=True)), **group.sums._asdict()}
        for group in report.groups
    ]
    assert document["total"] == report.total._asdict()


@given(reports())
def test_markdown_shows_the_names_as_code_and_nothing_else(report: Report) -> None:
    tokens = MarkdownIt().enable("table").parse(shown("markdown", report=report))
    inside = [token for token in tokens if token.type == "inline"]
    codes = [
        child.content
        for token in inside
        for child in token.children or ()
        if child.type == "code_inline" and child.content != "[pricing.models]"
    ]
    assert codes == [one_line(name) for group in report.groups for name in group.names]
    kinds = {child.type for token in inside for child in token.children or ()}
    assert kinds <= {"text", "code_inline", "strong_open", "strong_close"}
    rows = sum(token.type == "tr_open" for token in tokens)
    assert rows == len(report.groups) + 2


@pytest.mark.parametrize("name", ["table", "csv", "markdown"])
@given(report=reports())
def test_no_control_character_is_printed(name: str, report: Report) -> None:
    text = shown(name, Style(bars=True, width=80), report).replace("\r\n", "\n").replace("\n", "")
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def test_bars_and_shares() -> None:
    most = Decimal(8)
    lengths = {Decimal(8): "██", Decimal(5): "█▎", Decimal("0.001"): "▏", Decimal(0): ""}
    for amount, drawn in lengths.items():
        assert bar(amount, most, 2, ascii_only=False) == drawn
    assert bar(Decimal("0.001"), most, 2, ascii_only=True) == "#"
    assert [share(Decimal(n), Decimal(1000)) for n in (0, 1, 10, 995, 1000)] == [
        "0%",
        "<1%",
        "1%",
        "100%",
        "100%",
    ]


def test_sparkline() -> None:
    def days(*costs: str) -> list[Spent]:
        return [Spent(f"2026-11-{day:02}", Decimal(cost)) for day, cost in enumerate(costs, 1)]

    assert sparkline(days("1"), 80, ascii_only=False) == ""
    line = sparkline(days("0.001", "0", "7", "3.5"), 0, ascii_only=False)
    assert line == "2026-11-01 ▂▁█▅ 2026-11-04, most $7.000000 on 2026-11-03"
    assert "_" * 3 in sparkline(days("0", "0", "0"), 0, ascii_only=True)
    # Two days to a sign: 3 and 1, 4 and 0, none and none.
    short = [Spent(str(day), Decimal(cost)) for day, cost in enumerate("3140" + "0" * 15 + "1")]
    assert sparkline(short, 20, ascii_only=True) == "0 ##_______: 19, most $4.000000 on 2"
