"""The calls that a report is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from freezegun import freeze_time
from support.cost_box import CONFIG, add, call
from support.workspace import make_sandbox

from agentd.errors import UsageError
from agentd.reports.costs import CostRequest, open_costs

NEW_YEAR = datetime(2027, 1, 1, 5, 0, tzinfo=UTC)  # in New York


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a call every hour, from two days before the new year to a day after it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    box = make_sandbox(tmp_path, CONFIG)
    times = [NEW_YEAR + timedelta(hours=hours) for hours in range(-48, 24)]
    add(box, "x", *(call(number, started_at=at) for number, at in enumerate(times)))
    return box.root


@pytest.mark.parametrize(
    ("now", "since", "until", "days"),
    [
        ("2027-01-01T04:59Z", "today", None, {"2026-12-31": 24, "2027-01-01": 24}),
        ("2027-01-01T05:00Z", "today", None, {"2027-01-01": 24}),
        ("2027-01-01T05:00Z", None, "yesterday", {"2026-12-30": 24, "2026-12-31": 24}),
        ("2027-01-01T05:00Z", "1d", "today", {"2026-12-31": 24, "2027-01-01": 24}),
        ("2027-01-01T06:00Z", "2h", "today", {"2026-12-31": 1, "2027-01-01": 24}),
        ("2027-01-09T06:00Z", "2027-01", None, {"2027-01-01": 24}),
        ("2027-01-09T06:00Z", None, "2026-12", {"2026-12-30": 24, "2026-12-31": 24}),
        ("2027-01-09T06:00Z", "2027-W01", None, {}),
    ],
)
def test_today_is_today_in_the_time_zone(
    root: Path, now: str, since: str | None, until: str | None, days: dict[str, int]
) -> None:
    request = CostRequest(by=("day",), since=since, until=until)
    with freeze_time(now):
        report = open_costs(root, request).report
    assert {group.names[0]: group.sums.calls for group in report.groups} == days


def test_over_the_end_of_the_year(root: Path) -> None:
    def counts(kind: str) -> dict[str, int]:
        report = open_costs(root, CostRequest(by=(kind,))).report
        return {group.names[0]: group.sums.calls for group in report.groups}

    assert counts("month") == {"2026-12": 48, "2027-01": 24}
    assert counts("week") == {"2026-W53": 72}


@pytest.mark.parametrize("now", ["2027-01-01T06:00Z", "2027-06-01T06:00Z"])
def test_an_empty_span_is_refused(root: Path, now: str) -> None:
    with freeze_time(now), pytest.raises(UsageError, match="is not before"):
        open_costs(root, CostRequest(since="today", until="yesterday"))


def test_the_scope_says_which_calls_these_are(root: Path) -> None:
    assert open_costs(root, CostRequest()).report.scope == "change x"
    assert open_costs(root, CostRequest(all_changes=True)).report.scope == "all changes (1)"
