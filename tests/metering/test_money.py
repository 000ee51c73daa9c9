"""Money as people and programs read it: one formatter, exact in any context."""

from __future__ import annotations

import re
from decimal import Decimal, localcontext
from pathlib import Path

import pytest

import agentd
from agentd.metering.money import decimal_text, plain_number, usd

D = Decimal


@pytest.mark.parametrize(
    ("amount", "digits", "signed", "text"),
    [
        ("0.00345", 4, False, "$0.0035"),  # half up
        ("0", 4, True, "$0.0000"),
        ("1.5", 4, True, "+$1.5000"),
        ("-1.5", 4, True, "-$1.5000"),
        ("-1.5", 2, False, "-$1.50"),
        ("0.003523150", None, False, "$0.00352315"),
        ("10", None, False, "$10"),
        ("-0.10", None, False, "-$0.1"),
        (
            "1234567890123456789012345678901.5",
            None,
            False,
            "$1,234,567,890,123,456,789,012,345,678,901.5",
        ),
        (
            "1234567890123456789012345678901.5",
            0,
            False,
            "$1,234,567,890,123,456,789,012,345,678,902",
        ),
    ],
)
def test_usd(amount: str, digits: int | None, signed: bool, text: str) -> None:
    with localcontext() as narrow:
        narrow.prec = 3
        assert usd(D(amount), digits, signed=signed) == text


@pytest.mark.parametrize(
    ("amount", "plain", "with_point"),
    [
        ("0", "0", "0.0"),
        ("-0", "0", "0.0"),
        ("3E-5", "0.00003", "0.00003"),
        ("1.50", "1.5", "1.5"),
        ("1E+2", "100", "100.0"),
        ("-2.0", "-2", "-2.0"),
    ],
)
def test_plain_numbers(amount: str, plain: str, with_point: str) -> None:
    assert (plain_number(D(amount)), decimal_text(D(amount))) == (plain, with_point)


def test_nothing_else_writes_money() -> None:
    package = Path(agentd.__file__).parent
    own = re.compile(r"\$\{[^}]*\}\S*[\"']|\.quantize\(.*ROUND_HALF")
    writers = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if own.search(path.read_text())
    }
    assert writers - {"cli/completion.py"} == {"metering/money.py"}  # A shell's ${variables}.
