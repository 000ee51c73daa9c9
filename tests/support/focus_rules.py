"""The rules of FOCUS 1.2 that focus-validator 2.2.1 ships (MIT), held against a dataset."""

from __future__ import annotations

import functools
import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parents[2] / "fixtures" / "focus" / "model-1.2.0.1.json.gz"
_NUMBER = re.compile(r"-?\d+(\.\d+)?(E-?\d+)?")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
Row = Mapping[str, str]


@functools.cache
def rules() -> dict[str, Any]:
    """Each rule by its id."""
    found: dict[str, Any] = json.loads(gzip.decompress(_FILE.read_bytes()))["ModelRules"]
    return found


def problems(rows: Sequence[Row], supported: set[str]) -> list[str]:
    """The static MUSTs that are broken; ``supported`` is what the data's provider can do."""
    columns = set(rows[0])
    found = [*_missing(columns, supported)]
    for rule_id, rule in rules().items():
        if rule_id.endswith(("-C-000-M", "-C-000-C", "-C-000-O")) and rule["Reference"] in columns:
            found += _broken(rule_id, rows)
    return found


def checked(columns: set[str]) -> int:
    """How many rules on single columns apply to these."""
    return sum(
        _is_must(rule) and rule["EntityType"] == "Column" and rule["Reference"] in columns
        for rule in rules().values()
    )


def _missing(columns: set[str], supported: set[str]) -> Iterator[str]:
    for rule_id, rule in rules().items():
        needed = rule["ValidationCriteria"]["Requirement"]
        if needed.get("CheckFunction") == "ColumnPresent" and _is_must(rule):
            optional = (
                "-D-" in rule_id and rule_id.endswith("C") and not rule["ApplicabilityCriteria"]
            )
            applies = set(rule["ApplicabilityCriteria"]) <= supported and not optional
            if applies and needed["ColumnName"] not in columns:
                yield f"{rule_id}: {rule['ValidationCriteria']['MustSatisfy']}"


def _is_must(rule: Mapping[str, Any]) -> bool:
    keyword = rule["ValidationCriteria"]["Keyword"]
    return rule["Type"] == "Static" and rule["Status"] == "Active" and keyword.startswith("MUST")


def _broken(rule_id: str, rows: Sequence[Row]) -> Iterator[str]:
    """What of a rule, and of those it is made of, the rows to which it applies break."""
    rule = rules()[rule_id]
    criteria = rule["ValidationCriteria"]
    chosen = [
        row for row in rows if not criteria["Condition"] or _holds(criteria["Condition"], row)
    ]
    needed = criteria["Requirement"]
    items = needed.get("Items", ())
    if any(item["CheckFunction"] == "CheckModelRule" for item in items):
        assert needed["CheckFunction"] == "AND", rule_id
        for item in items:
            yield from _broken(item["ModelRuleId"], chosen)
    elif needed and _is_must(rule):
        if needed["CheckFunction"] == "CheckDistinctCount":
            holds = _distinct(needed, chosen)
        else:
            holds = all(_holds(needed, row) for row in chosen)
        if not holds:
            yield f"{rule_id}: {criteria['MustSatisfy']}"


def _distinct(needed: Mapping[str, Any], rows: Sequence[Row]) -> bool:
    seen = defaultdict(set)
    for row in rows:
        seen[row[needed["ColumnAName"]]].add(row[needed["ColumnBName"]])
    return all(len(values) == needed["ExpectedCount"] for values in seen.values())


def _holds(check: Mapping[str, Any], row: Row) -> bool:
    if check["CheckFunction"] in {"AND", "OR"}:
        each = [_holds(item, row) for item in check["Items"]]
        return all(each) if check["CheckFunction"] == "AND" else any(each)
    value = row.get(check.get("ColumnName", "")) or None
    match check["CheckFunction"]:
        case "CheckValue":
            return value == check["Value"]
        case "CheckNotValue":
            return value != check["Value"]
        case "TypeDecimal" | "FormatNumeric":
            return value is None or _NUMBER.fullmatch(value) is not None
        case "CheckDecimalValue":
            return value is not None and _NUMBER.fullmatch(value) is not None
        case "TypeDateTime" | "FormatDateTime":
            return value is None or _TIME.fullmatch(value) is not None
        case "TypeString" | "FormatString" | "FormatUnit":
            return value is None or bool(value.strip())
        case "FormatCurrency" | "CheckNationalCurrency":
            return value is not None and re.fullmatch("[A-Z]{3}", value) is not None
        case "FormatKeyValue":
            return value is None or not any(
                isinstance(each, dict | list) for each in json.loads(value).values()
            )
        case "CheckGreaterOrEqualThanValue":
            return value is not None and Decimal(value) >= check["Value"]
        case "CheckSameValue":
            return row.get(check["ColumnAName"]) == row.get(check["ColumnBName"])
        case "CheckNotSameValue":
            return row.get(check["ColumnAName"]) != row.get(check["ColumnBName"])
        case "ColumnByColumnEqualsColumnValue":
            one, other = (Decimal(row[check[f"Column{each}Name"]]) for each in "AB")
            return one * other == Decimal(row[check["ResultColumnName"]])
        case unknown:
            raise AssertionError(unknown)
