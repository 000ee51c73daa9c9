"""Calls of which nobody can say what they cost, under limits in dollars."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.budget_box import APPROVED, again, box_of, challenge, configure, spend, warnings
from support.workflow_box import STREAM, box_with, calls_of, put_change


@pytest.mark.parametrize(("setting", "code"), [("warn", 0), ("stop", 3)])
def test_a_model_without_a_price_under_a_limit_in_dollars(
    tmp_path: Path, setting: str, code: int
) -> None:
    box = box_of(tmp_path, f'[budget]\nlimit_usd = 5\non_unpriced = "{setting}"', prices="")
    done = challenge(box)
    assert done.returncode == code, done.stderr
    if code:
        assert "no price is known for what gemini-2.5-pro answers" in done.stderr
        assert not (tmp_path / "argv.txt").exists()
    else:
        (said,) = warnings(done)
        assert said.startswith("WARN  no price is known for gemini-2.5-pro")
        again(box)
        assert warnings(challenge(box)) == []


def test_a_local_model_needs_no_price(tmp_path: Path) -> None:
    budget = '[budget]\nlimit_usd = 5\non_unpriced = "stop"'
    box = box_with(tmp_path, providers=("codex",))
    configure(box, budget)
    put_change(box, "add-x", "proposed")
    box.answer("challenge", "codex/0.169.0/model_json", APPROVED)
    done = box.run("challenge", "add-x", "--model", "gpt-oss:20b")
    assert done.returncode == 0, done.stderr
    assert warnings(done) == []
    assert box.run("challenge", "add-x", "--model", "gpt-oss-20b").returncode != 0


def test_a_model_without_a_price_that_the_cli_chose_itself_ends_the_run(tmp_path: Path) -> None:
    """Nobody named it, so it shows only in the answer; the next call is not made."""
    box = box_of(tmp_path, '[budget]\nlimit_usd = 5\non_unpriced = "stop"', prices="")
    done = box.run("challenge", "add-x")
    assert done.returncode == 3, done.stderr
    assert "answered by gemini-2.5-pro, for which no price is known" in done.stderr
    assert calls_of(box, "add-x") == [("challenge", "ok")]
    again(box)
    (tmp_path / "argv.txt").unlink()
    assert box.run("challenge", "add-x").returncode == 3
    assert not (tmp_path / "argv.txt").exists()


def test_what_a_call_may_not_touch_is_told_before_its_missing_price(tmp_path: Path) -> None:
    box = box_of(tmp_path, '[budget]\nlimit_usd = 5\non_unpriced = "stop"', prices="")
    box.answer("challenge", STREAM, {**APPROVED, "stray.py": "x = 1\n"})
    done = box.run("challenge", "add-x")
    assert done.returncode == 4, done.stderr
    assert "may not touch: stray.py" in done.stderr


def test_an_unpriced_call_without_its_document_ends_the_run_too(tmp_path: Path) -> None:
    box = box_of(tmp_path, '[budget]\nlimit_usd = 5\non_unpriced = "stop"', prices="")
    box.answer("challenge", STREAM)
    assert box.run("challenge", "add-x").returncode == 3


@pytest.mark.parametrize(("limit", "spent"), [("0", ()), ("2.00", ("2.00",))])
def test_where_nothing_is_left_nothing_begins_whatever_its_price(
    tmp_path: Path, limit: str, spent: tuple[str, ...]
) -> None:
    box = box_of(tmp_path, f"[budget]\nlimit_usd = {limit}", prices="")
    spend(box, "add-x", *spent)
    done = box.run("challenge", "add-x")  # no model is configured
    assert done.returncode == 3, done.stderr
    assert "nothing is left (budget.limit_usd)" in done.stderr
    assert not (tmp_path / "argv.txt").exists()


def test_without_a_model_the_last_one_that_answered_is_taken(tmp_path: Path) -> None:
    box = box_of(tmp_path, "[budget]\nlimit_usd = 2.0001")
    spend(box, "add-x", "2.0")
    done = box.run("challenge", "add-x")
    assert done.returncode == 3, done.stderr
    assert "$0.000100 is left" in done.stderr
