"""What a frozen value is: a dataclass in all but the time that it takes to make one."""

from __future__ import annotations

import pickle
import re
from copy import deepcopy
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from time import process_time
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

    usual_s, ours_s = (
        min(timeit(make, timer=process_time, number=20) for _ in range(9)) for make in (usual, ours)
    )
    assert ours_s < usual_s / 2


PUBLIC = {
    *("BudgetWarning", "CostMetrics", "ModelSpec", "RunRequest", "RunResult"),
    *("Cost", "ModelUsage", "UsageMetrics"),
}
"""What the Python API takes or gives: programs without a type checker are refused a change."""


@frozen(kw_only=True, guarded=True)
class Sold:
    """A public value."""

    name: str
    to: list[str] = field(default_factory=list)


def test_a_guarded_value_refuses_a_change_and_can_be_copied() -> None:
    sold = Sold(name="tea", to=["Ann"])
    with pytest.raises(FrozenInstanceError, match="Sold does not change: name"):
        sold.name = "milk"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="name"):
        del sold.name
    for copied in (deepcopy(sold), pickle.loads(pickle.dumps(sold)), replace(sold)):
        assert copied == sold
    assert Sold(name="tea").to is not Sold(name="tea").to


def test_a_value_without_slots_keeps_what_was_asked_of_it() -> None:
    @frozen(slots=False)
    class Text:
        text: str

        @cached_property
        def words(self) -> list[str]:
            return self.text.split()

    text = Text("a b")
    assert text.words is text.words
    assert text == Text("a b")


def test_an_init_takes_what_that_of_a_dataclass_takes() -> None:
    with pytest.raises(TypeError, match=r"Price.__init__\(\) missing 1 .* 'name'"):
        Price()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="positional"):
        Price("tea")  # type: ignore[misc]
    with pytest.raises(TypeError, match="unexpected keyword argument 'prize'"):
        Price(name="tea", prize=3)  # type: ignore[call-arg]


def test_every_value_of_the_package_is_made_so() -> None:
    guarded, slow = set(), set()
    for path in Path(agentd.__file__).parent.rglob("*.py"):
        text = path.read_text()
        guarded |= set(re.findall(r"^@frozen\(.*guarded=True\)\nclass (\w+)", text, re.MULTILINE))
        slow |= set(re.findall(r"^@dataclass\(.*frozen.*\)\nclass (\w+)", text, re.MULTILINE))
    assert guarded == PUBLIC
    assert slow == {"PricingConfig"}  # it has an __init__ of its own
