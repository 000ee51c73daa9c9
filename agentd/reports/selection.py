"""The time that a report is about: what ``--since`` and ``--until`` mean."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import NamedTuple

from agentd.late_pattern import late_pattern
from agentd.ledger.rows import Row
from agentd.periods import midnight, span

_WEEK = late_pattern(r"(\d{4})-?W(\d{2})")
_MONTH = late_pattern(r"(\d{4})-(\d{2})")
_AGO = late_pattern(r"(\d{1,5})([dwh])")


class Bounds(NamedTuple):
    """From ``begin`` up to, but without, ``end``; UTC seconds since 1970, None: open."""

    begin: float | None = None
    end: float | None = None

    def select(self, rows: Sequence[Row]) -> tuple[list[Row], int]:
        """The calls that began in it, and how many were left out for having no time."""
        if self == Bounds():
            return list(rows), 0
        begin = float("-inf") if self.begin is None else self.begin
        end = float("inf") if self.end is None else self.end
        timed = [row for row in rows if row.started_at is not None]
        chosen = [row for row in timed if begin <= (row.started_at or 0) < end]
        return chosen, len(rows) - len(timed)


def span_of(text: str, now: datetime, here: tzinfo) -> tuple[float, float]:
    """Begin and end of a day, week or month, twice the same for a time of day.

    Raises ValueError for what is no time.
    """
    try:
        days = _days(text, now.astimezone(here).date())
        if days is not None:
            return midnight(days[0], here), midnight(days[1], here)
        ago = _AGO.fullmatch(text)
        moment = (
            now - timedelta(hours=int(ago[1])) if ago and ago[2] == "h" else _moment(text, here)
        )
        return moment.timestamp(), moment.timestamp()
    except OverflowError as error:
        raise ValueError(str(error)) from error


def _days(text: str, today: date) -> tuple[date, date] | None:
    """The first of the days meant and the first after them; None for what is not whole days."""
    if text in {"today", "yesterday"}:
        return span(today - timedelta(days=text == "yesterday"), "day")
    if (ago := _AGO.fullmatch(text)) and ago[2] != "h":
        return span(today - timedelta(days=int(ago[1]) * (7 if ago[2] == "w" else 1)), "day")
    if week := _WEEK.fullmatch(text):
        return span(date.fromisocalendar(int(week[1]), int(week[2]), 1), "week")
    if month := _MONTH.fullmatch(text):
        return span(date(int(month[1]), int(month[2]), 1), "month")
    try:
        return span(date.fromisoformat(text), "day")
    except ValueError:
        return None


def _moment(text: str, here: tzinfo) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=here)
