"""`agentd cost audit`: a project made by real commands, then tampered with in every way."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import yaml
from support.audit_box import (
    ANSWERS,
    box,
    change_total,
    change_value,
    forget_runs,
    found,
    ledger,
    look,
    made,
    noted,
    of_check,
    tamper,
    tree,
    value,
)
from support.workspace import Sandbox

from agentd.errors import InputError

__all__ = ["box", "made"]


def test_what_agentd_recorded_itself_is_right(box: Sandbox) -> None:
    sources = {name: value(box, name, "cost_source") for name in ANSWERS}
    assert sources == {"gemini": "config", "claude": "reported", "codex": "catalog"}
    done = look(box)
    assert (done.changes, done.calls, done.differences, done.notes) == (3, 3, (), ())
    assert look(box, "by-codex").calls == 1
    with pytest.raises(InputError, match="no change by-nobody"):
        look(box, "by-nobody")
    forget_runs(box)
    assert look(box).differences == ()


def test_text_json_exit_code_and_nothing_written(box: Sandbox) -> None:
    before = tree(box.root)
    assert box.ok("cost", "audit") == "audited 3 calls of 3 changes: no differences, no notes\n"
    cost = Decimal(value(box, "codex", "cost_usd"))
    change_value(box, "codex", "cost_usd", str(cost + Decimal("0.0012")))
    change_total(box, "codex", "total_cost_usd", str(cost + Decimal("0.0012")))
    between = tree(box.root)
    done = box.run("cost", "audit")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    call_id = yaml.safe_load(ledger(box, "codex").read_text())["telemetry"]["calls"][0]["id"]
    place = f"agentd/archive/20261122-by-codex {call_id}"
    assert lines[0].startswith(
        f"{place}: price: gpt-5.1-codex: recorded ${cost + Decimal('.0012')}"
    )
    assert lines[0].endswith(f"give ${cost}")
    assert lines[-1] == (
        "audited 3 calls of 3 changes: 2 differences ($0.0012 recorded too much), no notes"
    )
    done = box.run("cost", "audit", "by-codex", "--json")
    document = json.loads(done.stdout, parse_float=Decimal)
    assert (done.returncode, document["ok"], document["calls"]) == (1, False, 1)
    assert document["recorded_too_much_usd"] == Decimal("0.0012")
    assert [entry["check"] for entry in document["findings"]] == ["price", "changed"]
    price = document["findings"][0]
    assert (price["expected"], price["recorded"] - cost) == (cost, Decimal("0.0012"))
    assert (price["change_id"], price["call_id"], price["number"]) == ("by-codex", call_id, 1)
    assert tree(box.root) == between
    assert before.keys() == between.keys()
    assert box.run("cost", "audit", "by-claude").returncode == 0
    assert "no change nobody" in box.run("cost", "audit", "nobody").stderr


@pytest.mark.parametrize("name", ["gemini", "claude", "codex"])
def test_a_cost_that_was_recorded_wrong(box: Sandbox, name: str) -> None:
    cost = Decimal(value(box, name, "cost_usd"))
    change_value(box, name, "cost_usd", "0.0000001")
    change_total(box, name, "total_cost_usd", "0.0000001")
    if name == "claude":  # its models' costs are right
        done = look(box)
        assert found(done) == [("parts", "by-claude"), ("changed", "by-claude")]
        assert done.notes == ()
        return
    done = look(box)
    assert found(done) == [("price", f"by-{name}"), ("changed", f"by-{name}")]
    problem = of_check(done, "price").problem
    assert (problem.recorded, problem.expected) == (Decimal("0.0000001"), cost)
    assert done.off_usd() == (0, cost - Decimal("0.0000001"))
    forget_runs(box)
    assert found(look(box)) == [("price", f"by-{name}")]


def test_the_last_digit_counts(box: Sandbox) -> None:
    cost = Decimal(value(box, "gemini", "cost_usd")) + Decimal("1e-15")
    change_value(box, "gemini", "cost_usd", f"{cost:f}")
    change_total(box, "gemini", "total_cost_usd", f"{cost:f}")
    assert found(look(box)) == [("price", "by-gemini"), ("changed", "by-gemini")]


def test_a_reported_cost_of_one_model(box: Sandbox) -> None:
    path = ledger(box, "claude")
    models = yaml.safe_load(path.read_text())["telemetry"]["calls"][0]["models"]
    assert len(models) > 1
    old = models[0]["cost_usd"]
    tamper(path, f"      cost_usd: {old}\n", "      cost_usd: 0.5\n")
    done = look(box)
    assert found(done) == [(check, "by-claude") for check in ("parts", "reported", "changed")]
    problem = of_check(done, "reported").problem
    assert (problem.recorded, problem.expected) == (Decimal("0.5"), Decimal(str(old)))
    forget_runs(box)  # then the catalogue is all there is to compare with
    done = look(box)
    assert found(done) == [("parts", "by-claude")]
    assert noted(done) == [("reported", "by-claude")]


def test_a_config_price_that_changed(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    config = box.root / "agentd/config.toml"

    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=x", "-c", "user.email=x@x")
        subprocess.run(["git", *identity, *arguments], cwd=box.root, check=True)

    git("init", "-q")
    git("add", "agentd/config.toml")
    git("commit", "-q", "-m", "prices")
    sound = config.read_text()
    config.write_text("[")
    git("commit", "-q", "-a", "-m", "a slip")
    config.write_text(sound)
    monkeypatch.setenv("GIT_DIR", "/nowhere")  # as in a hook of another repository
    tamper(config, "cost_per_1m_output = 3.0", "cost_per_1m_output = 4.0")
    done = look(box)
    assert (found(done), noted(done)) == ([], [("price", "by-gemini")])
    assert "that was committed on 20" in done.notes[0].problem.message
    tamper(config, '"gemini-2.5-pro"', '"gemini-3-pro"')
    assert "today's gives no price" in look(box).notes[0].problem.message
    shutil.rmtree(box.root / ".git")
    done = look(box)
    assert found(done) == [("price", "by-gemini")]
    assert "config.toml gives no price" in done.differences[0].problem.message
    tamper(config, '"gemini-3-pro"', '"gemini-2.5-pro"')
    done = look(box)
    assert found(done) == [("price", "by-gemini")]
    too_little = done.off_usd()[1]
    assert too_little == int(value(box, "gemini", "tokens_out")) * Decimal("0.000001")


def test_a_price_that_is_known_by_now(box: Sandbox) -> None:
    change_value(box, "codex", "cost_source", "none")
    done = look(box)
    assert found(done) == [("price", "by-codex"), ("changed", "by-codex")]  # it has a cost
    change_value(box, "codex", "cost_usd", "0.0")
    change_total(box, "codex", "total_cost_usd", "0.0")
    forget_runs(box)
    done = look(box)
    assert (found(done), noted(done)) == ([], [("price", "by-codex")])
    change_value(box, "codex", "model", "nobody-knows")
    assert look(box).notes == ()
    with (box.root / "agentd/config.toml").open("a") as config:
        for model in ("somebody-knows", "gpt-oss:20b"):
            config.write(f'[pricing.models."{model}"]\n')
            config.write("cost_per_1m_input = 1\ncost_per_1m_output = 1\n")
    change_value(box, "codex", "model", "somebody-knows")
    assert noted(look(box)) == [("price", "by-codex")]
    change_value(box, "codex", "model", "gpt-oss:20b")  # on the user's own machine
    assert look(box).notes == ()
    change_value(box, "codex", "model", "nobody-knows")
    change_value(box, "codex", "cost_source", "catalog")
    assert "the catalogue has no price" in of_check(look(box), "price").problem.message


def test_long_requests_that_are_not_known_any_more(box: Sandbox) -> None:
    """gemini-2.5-pro costs 1.25 or 2.50 per million, above 200,000 in one request."""
    change_value(box, "codex", "model", "gemini-2.5-pro")
    change_value(box, "codex", "provider", "gemini")
    change_value(box, "codex", "timestamp", "2026-01-15T00:00:00Z")
    change_value(box, "codex", "tokens_in", "1000000")
    change_value(box, "codex", "tokens_out", "0")
    change_total(box, "codex", "total_tokens_in", "1000000")
    change_total(box, "codex", "total_tokens_out", "0")
    for key in ("tokens_cache_read", "tokens_reasoning"):
        path = ledger(box, "codex")
        if f"    {key}: " in path.read_text():
            tamper(path, f"    {key}: {value(box, 'codex', key)}\n", "")
    forget_runs(box)
    for cost, differences, notes in (
        ("1.25", [], []),
        ("2.0", [], ["price"]),
        ("2.5", [], ["price"]),
        ("2.51", ["price"], []),
        ("1.24", ["price"], []),
    ):
        change_value(box, "codex", "cost_usd", cost)
        change_total(box, "codex", "total_cost_usd", cost)
        done = look(box)
        assert [check for check, _ in found(done)] == differences, cost
        assert [check for check, _ in noted(done)] == notes, cost


def test_tokens_that_the_run_did_not_use(box: Sandbox) -> None:
    used = int(value(box, "gemini", "tokens_in"))
    change_value(box, "gemini", "tokens_in", str(used + 1))
    change_total(box, "gemini", "total_tokens_in", str(used + 1))
    done = look(box)
    assert found(done) == [(check, "by-gemini") for check in ("tokens", "price", "changed")]
    problem = of_check(done, "tokens").problem
    assert (problem.recorded, problem.expected) == ({"tokens_in": used + 1}, {"tokens_in": used})
    assert f"tokens_in {used} → {used + 1}" in of_check(done, "changed").problem.message


def test_a_correction_by_hand_is_a_note(box: Sandbox) -> None:
    """The kept copy is wrong, the ledger right: as after a mend of a wrong price."""
    (kept,) = (box.change("by-gemini") / "runs").glob("*/call.json")
    entered = json.loads(kept.read_text())
    kept.write_text(json.dumps({**entered, "cost_usd": 1.5}))
    done = look(box)
    assert (found(done), noted(done)) == ([], [("changed", "by-gemini")])
    kept.write_text(json.dumps({**entered, "step": "review"}))
    assert found(look(box)) == [("changed", "by-gemini")]
    kept.write_text("{")
    assert noted(look(box)) == [("changed", "by-gemini")]


def test_every_changed_key_is_named(box: Sandbox) -> None:
    change_value(box, "gemini", "step", "review")
    change_value(box, "gemini", "timestamp", "2026-10-01T12:00:00Z")
    done = box.run("cost", "audit", "--json")
    (entry,) = json.loads(done.stdout)["findings"]
    assert (entry["check"], entry["recorded"].keys()) == ("changed", {"step", "timestamp"})
    assert "step proposal → review" in entry["message"]
    assert entry["fix"]


def test_parts_that_do_not_add_up(box: Sandbox) -> None:
    forget_runs(box)
    used = int(value(box, "claude", "tokens_in"))
    change_value(box, "claude", "tokens_in", str(used + 5))
    change_total(box, "claude", "total_tokens_in", str(used + 5))
    done = look(box)
    assert found(done) == [("parts", "by-claude")]
    assert done.differences[0].problem.expected == used


@pytest.mark.parametrize("key", ["total_cost_usd", "total_tokens_in", "total_tokens_out"])
def test_totals_that_are_not_the_sum(box: Sandbox, key: str) -> None:
    before = Decimal(value(box, "gemini", key))
    change_total(box, "gemini", key, "7")
    done = look(box)
    assert found(done) == [("totals", "by-gemini")]
    problem = done.differences[0].problem
    assert (problem.recorded, problem.expected) == (7, before)
    tamper(ledger(box, "gemini"), "telemetry:\n", "telemetry: # mine\n")
    tamper(ledger(box, "gemini"), f"  {key}: 7\n", f"  {key}: '8'\n")  # not agentd's layout
    assert of_check(look(box), "totals").problem.recorded == 8
    tamper(ledger(box, "gemini"), f"  {key}: '8'\n", f"  {key}: many\n")
    assert "is no number" in of_check(look(box), "totals").problem.message
    tamper(ledger(box, "gemini"), f"  {key}: many\n", "")
    assert look(box).differences == ()


def test_an_id_twice_in_one_ledger_and_in_two(box: Sandbox) -> None:
    copy = box.root / "agentd/archive/20261101-by-gemini"
    shutil.copytree(box.change("by-gemini"), copy)
    done = look(box)
    assert found(done) == [("twice", "by-gemini")]
    assert done.off_usd() == (0, 0)  # it counts once
    assert "also in agentd/archive/20261101-by-gemini" in done.differences[0].problem.message
    assert "validate --fix by-gemini`" in done.differences[0].problem.fix
    assert (done.calls, done.changes) == (4, 4)
    assert found(look(box, "by-gemini")) == [("twice", "by-gemini")]
    change_cost = ("    cost_usd: ", "    cost_usd: 1")
    tamper(box.change("by-gemini") / "STATE.yaml", *change_cost)
    assert look(box).off_usd() == (10, 0)  # what is wrong with it
    tamper(box.change("by-gemini") / "STATE.yaml", *reversed(change_cost))
    shutil.rmtree(copy)
    path = ledger(box, "gemini")
    head, rest = path.read_text().split("  calls:\n")
    calls, totals = rest.split("  total_cost_usd", 1)
    path.write_text(f"{head}  calls:\n{calls}{calls}  total_cost_usd{totals}")
    done = look(box)
    assert found(done) == [("twice", "by-gemini")]
    assert done.differences[-1].number == 2
    assert done.off_usd() == (0, 0)


def test_one_run_under_two_ids(box: Sandbox) -> None:
    path = ledger(box, "gemini")
    head, rest = path.read_text().split("  calls:\n")
    calls, totals = rest.split("  total_cost_usd", 1)
    other = calls.replace(f"id: {value(box, 'gemini', '- id')}", "id: another", 1)
    path.write_text(f"{head}  calls:\n{calls}{other}  total_cost_usd{totals}")
    for key in ("total_cost_usd", "total_tokens_in", "total_tokens_out"):
        change_total(box, "gemini", key, str(2 * Decimal(value(box, "gemini", key))))
    done = look(box)
    assert found(done) == [("twice", "by-gemini")]
    assert done.differences[0].call_id == "another"
    tamper(path, "id: another\n", "id: third\n")
    text = path.read_text()
    at = text.index("id: third")
    path.write_text(text[:at] + text[at:].replace("session_id: ", "session_id: z", 1))
    assert look(box).differences == ()


@pytest.mark.parametrize(
    ("key", "new", "said"),
    [
        ("tokens_cache_read", "900000", "tokens_cache_read + tokens_cache_write is 900000"),
        ("tokens_reasoning", "900000", "tokens_reasoning is 900000, more than tokens_out"),
        ("timestamp", "2999-01-01T00:00:00Z", "is in the future"),
    ],
)
def test_values_that_no_call_has(box: Sandbox, key: str, new: str, said: str) -> None:
    path = ledger(box, "gemini")
    if f"    {key}: " in path.read_text():
        change_value(box, "gemini", key, new)
    else:
        old = value(box, "gemini", "tokens_out")
        tamper(path, f"    tokens_out: {old}\n", f"    tokens_out: {old}\n    {key}: {new}\n")
    values = [f for f in look(box).differences if f.problem.check == "values"]
    assert [said in finding.problem.message for finding in values] == [True]


def test_a_ledger_that_cannot_be_read_does_not_hide_the_others(box: Sandbox) -> None:
    change_value(box, "gemini", "tokens_in", "-5")
    change_total(box, "codex", "total_tokens_in", "1")
    done = look(box)
    assert found(done) == [("totals", "by-codex"), ("ledger", "by-gemini")]
    assert "tokens_in is -5" in of_check(done, "ledger").problem.message
    assert (done.changes, done.calls) == (3, 2)
    assert box.run("cost", "audit").returncode == 1


def test_what_the_original_agentd_wrote(box: Sandbox) -> None:
    """It had no ids, no times, and counted in binary floating point."""
    folder = box.change("from-before")
    folder.mkdir()
    path = folder / "STATE.yaml"
    text = (
        "change_id: from-before\nschema_version: '2.0'\nphase: proposed\ntelemetry:\n  calls:\n"
        "  - step: proposal\n    model: gemini-2.5-pro\n    tokens_in: 30\n"
        "    tokens_out: 1\n    cost_usd: 0.000018000000000000002\n"
        "  total_cost_usd: 0.000018000000000000003\n  total_tokens_in: 30\n  total_tokens_out: 1\n"
    )
    path.write_text(text)
    assert look(box).differences == ()
    path.write_text(text.replace("cost_usd: 0.000018000000000000002", "cost_usd: 0.5"))
    done = look(box, "from-before")
    assert found(done) == [("totals", "from-before"), ("price", "from-before")]
    assert (done.differences[1].call_id, done.differences[1].number) == (None, 1)
    at = text.index("  - step"), text.index("  total")
    twice = text[: at[0]] + 2 * text[at[0] : at[1]] + text[at[1] :]
    path.write_text(twice)
    assert "twice" not in [check for check, _ in found(look(box))]  # nobody knows when they were
    path.write_text(twice.replace("    cost", "    timestamp: 2026-01-15T00:00:00Z\n    cost"))
    assert found(look(box))[-1] == ("twice", "from-before")
    path.write_text("change_id: from-before\nschema_version: '2.0'\nphase: proposed\n")
    assert look(box, "from-before").differences == ()
    path.unlink()  # as a change of OpenSpec that agentd has not worked on
    assert look(box, "from-before").differences == ()


def test_each_call_at_the_prices_of_its_day(box: Sandbox) -> None:
    """o3's input cost 10 USD per million until 2025-06-10, and 2 from then on."""
    folder = box.change("by-o3")
    folder.mkdir()
    calls = "".join(
        f"  - id: {call_id}\n    step: review\n    provider: codex\n    model: o3\n"
        f"    tokens_in: 1000000\n    tokens_out: 0\n    cost_usd: {cost}\n"
        f"    cost_source: catalog\n    timestamp: {at}\n"
        for call_id, cost, at in (
            ("a", "10.0", "2025-06-09T23:59:59Z"),
            ("b", "2.0", "2025-06-10T00:00:00Z"),
            ("c", "10.0", "2025-06-10T00:30:00+01:00"),
            ("d", "10.0", "2025-06-10T00:00:01Z"),
        )
    )
    (folder / "STATE.yaml").write_text(
        f"change_id: by-o3\nschema_version: '2.0'\ntelemetry:\n  calls:\n{calls}"
        "  total_cost_usd: 32.0\n  total_tokens_in: 4000000\n  total_tokens_out: 0\n"
    )
    (finding,) = look(box).differences
    assert (finding.call_id, finding.problem.expected) == ("d", 2)


def test_the_days_of_the_catalogue_begin_at_midnight_utc() -> None:
    """``Prices.catalogued`` keeps a price per day; no price of the three makers has hours."""
    from genai_prices.data_snapshot import get_snapshot
    from genai_prices.types import TimeOfDateConstraint

    def constraints() -> Iterator[object]:
        for maker in get_snapshot().providers:
            if maker.id in ("anthropic", "openai", "google"):
                for model in maker.models:
                    if isinstance(model.prices, list):
                        yield from (price.constraint for price in model.prices)

    found_ = list(constraints())
    assert found_
    assert not any(isinstance(one, TimeOfDateConstraint) for one in found_)


def test_a_clock_that_is_a_little_behind(box: Sandbox) -> None:
    started = datetime.fromisoformat(value(box, "gemini", "timestamp")).astimezone(UTC)
    assert look(box, now=started - timedelta(minutes=4)).differences == ()
    assert found(look(box, "by-gemini", now=started - timedelta(minutes=6))) == [
        ("values", "by-gemini")
    ]
