"""What is said about a budget: each amount long enough to tell the truth."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest

from agentd.budget import sentences

D = Decimal


@pytest.mark.parametrize(
    ("percent", "spent", "limit", "text"),
    [
        ("90", "45.12", "50", "90% threshold reached ($45.12 / $50.00)"),
        ("90.0", "45.125", "50.0", "90% threshold reached ($45.13 / $50.00)"),
        ("92.50", "46.25", "50", "92.5% threshold reached ($46.25 / $50.00)"),
        ("100", "49.999", "50", "100% threshold reached ($49.999 / $50.000)"),
        ("1E+2", "50", "50", "100% threshold reached ($50.00 / $50.00)"),
        ("90", "0.0000045", "0.000005", "90% threshold reached ($0.0000045 / $0.0000050)"),
        ("0", "0", "0.001", "0% threshold reached ($0.000 / $0.001)"),
        ("0", "0", "0", "0% threshold reached ($0.00 / $0.00)"),
        (
            "90",
            "1E+30",
            "1E+31",
            f"90% threshold reached ($1{10 * ',000'}.00 / $10{10 * ',000'}.00)",
        ),
    ],
)
def test_threshold_in_dollars(percent: str, spent: str, limit: str, text: str) -> None:
    said = sentences.threshold_reached(D(percent), D(spent), D(limit))
    assert said == "⚠️  BUDGET WARNING: " + text


@pytest.mark.parametrize(
    ("spent", "limit", "text"),
    [
        ("60", "50", "$60.00 / $50.00"),
        ("50.004", "50", "$50.004 / $50.000"),
        ("50.005", "50", "$50.01 / $50.00"),
        ("50.00000000000000000000000000000001", "50", f"$50.{31 * '0'}1 / $50.{32 * '0'}"),
        ("0.01", "0.004", "$0.010 / $0.004"),
        ("0.001", "0", "$0.001 / $0.000"),
    ],
)
def test_exceeded_never_looks_kept(spent: str, limit: str, text: str) -> None:
    assert sentences.exceeded(D(spent), D(limit)) == "Budget exceeded: " + text


def test_sentences_about_tokens_and_marks() -> None:
    assert sentences.token_threshold_reached(D(90), 4512, 5000) == (
        "⚠️  BUDGET WARNING: 90% threshold reached (4,512 / 5,000 tokens)"
    )
    assert sentences.tokens_exceeded(6000, 5000) == "Budget exceeded: 6,000 / 5,000 tokens"
    assert sentences.crossed_dollars(D("0.512345"), D("0.5")) == (
        "session cost $0.51 has crossed warn_at_dollars=$0.50"
    )
    assert sentences.crossed_dollars(D("0.5000004"), D("0.5")) == (
        "session cost $0.5000004 has crossed warn_at_dollars=$0.5000000"
    )
    assert sentences.crossed_tokens(100_345, 100_000) == (
        "session used 100,345 tokens and has crossed warn_at_tokens=100,000"
    )


def test_narrow_context_of_the_caller_changes_nothing() -> None:
    with localcontext() as narrow:
        narrow.prec = 3
        assert sentences.exceeded(D("12345.67"), D("12345.66")) == (
            "Budget exceeded: $12,345.67 / $12,345.66"
        )
