"""What a frozen value is: a dataclass in all but the time that it takes to make one."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from timeit import timeit

import pytest

import agentd
from agentd.frozen import frozen


@frozen(kw_only=True)
class Price:
    """What something costs."""

    name: str
    usd: int = 0
    seen_at: int = field(default=0, compare=False)
    source: str = field(default="", repr=False)


@frozen()
class Stock:
    """The same fields in another class."""

    name: str
    usd: int = 0


def test_values_are_the_same_by_their_fields() -> None:
    tea = Price(name="tea", usd=3)
    assert tea == Price(name="tea", usd=3, seen_at=7)
    assert hash(tea) == hash(Price(name="tea", usd=3, seen_at=7))
    assert tea != Price(name="tea", usd=4)
    assert Stock("tea", 3) != tea
    assert tea != "tea"


def test_a_value_is_a_dataclass_with_slots() -> None:
    tea = Price(name="tea", usd=3, source="shop")
    assert repr(tea) == "Price(name='tea', usd=3, seen_at=0)"
    assert replace(tea, usd=4) == Price(name="tea", usd=4, source="shop")
    assert asdict(tea) == {"name": "tea", "usd": 3, "seen_at": 0, "source": "shop"}
    assert [each.name for each in fields(Price)] == ["name", "usd", "seen_at", "source"]
    with pytest.raises(AttributeError):
        tea.prize = 3  # type: ignore[attr-defined]
    match Stock("tea", 3):
        case Stock(name, usd):
            assert (name, usd) == ("tea", 3)


@pytest.mark.timing
def test_making_one_takes_at_most_half_the_time() -> None:
    def usual() -> None:
        @dataclass(frozen=True, slots=True)
        class _Usual:
            a: int
            b: int
            c: str = ""

    def ours() -> None:
        @frozen()
        class _Ours:
            a: int
            b: int
            c: str = ""

    usual_s, ours_s = (min(timeit(make, number=20) for _ in range(9)) for make in (usual, ours))
    assert ours_s < usual_s / 2


PUBLIC = {
    *("BudgetWarning", "CostMetrics", "ModelSpec", "PricingConfig", "RunRequest", "RunResult"),
    *("Cost", "ModelUsage", "UsageMetrics"),
}
"""What the Python API takes or gives: programs without a type checker are refused a change."""


def test_every_other_value_of_the_package_is_made_so() -> None:
    slow = {}
    root = Path(agentd.__file__).parent
    for path in root.rglob("*.py"):
        text = path.read_text()
        if names := re.findall(r"^@dataclass\(frozen=True.*\)\nclass (\w+)", text, re.MULTILINE):
            module = import_module(
                ".".join(("agentd", *path.relative_to(root).with_suffix("").parts))
            )
            slow |= {name: getattr(module, name) for name in names}
    for name in PUBLIC:
        assert slow.pop(name).__dataclass_params__.frozen
    for value in slow.values():
        assert any(isinstance(each, cached_property) for each in vars(value).values()), value
