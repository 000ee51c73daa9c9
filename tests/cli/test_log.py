"""`agentd log`: a change's calls, and the requests that their runs' folders tell of."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from support.cost_box import add, call
from support.run_samples import run_info
from support.workspace import Sandbox, make_sandbox

from agentd.ledger.store import StateStore
from agentd.meter.request_log import NAME, RequestLog, write_told
from agentd.metering.call import CallRecord
from agentd.metering.dialects import Asked
from agentd.metering.requests import ApiRequest
from agentd.metering.usage import ModelUsage
from agentd.runner.run_folder import RunFolder

CONFIG = """
project_name = "x"
[claude]
command = "{claude}"
[pricing]
sources = ["config"]
[pricing.models."m-1"]
cost_per_1m_input = 1000
cost_per_1m_output = 10000
cost_per_1m_cache_read = 100
"""
BEGAN = datetime(2026, 11, 25, 12, 0, 1, tzinfo=UTC)
WHOLE = ApiRequest(
    id="r-1",
    model="m-1",
    usage=ModelUsage(input_tokens=1000, output_tokens=100, cache_read_input_tokens=600),
    web_searches=2,
    variants=(("speed", "fast"),),
    finish="stop",
    ended=True,
)


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    return make_sandbox(tmp_path, CONFIG)


def one(**values: object) -> CallRecord:
    return replace(call(1, model="m-1", started_at=BEGAN, requests=5), **values)  # type: ignore[arg-type]


def run_folder(box: Sandbox, call_id: str = "c1") -> Path:
    folder = box.change("add-x") / "runs" / call_id
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def put_run_json(box: Sandbox, call_id: str, metered: str | None) -> None:
    info = run_info("gemini", call_id=call_id, metered=metered)
    RunFolder(run_folder(box, call_id)).write_info(info)


def put_requests(box: Sandbox) -> None:
    """What a relay writes of five requests: whole, at its limit, cut, failed, of a subagent."""
    log = RequestLog(run_folder(box) / NAME)
    at = BEGAN

    def request(key: str, told: list[ApiRequest], status: int | None = 200, **asked: str) -> None:
        nonlocal at
        given = Asked(**{"model": "m-1", "body_bytes": 10, **asked})  # type: ignore[arg-type]
        log.started(key, given, input_tokens=400, at=at)
        log.ended(key, status, told, at=at + timedelta(milliseconds=2500))
        at += timedelta(seconds=10)

    request("1", [WHOLE])
    request("2", [replace(WHOLE, id="r-2", finish="length", web_searches=0, variants=())])
    cut = replace(WHOLE, id="r-3", finish=None, ended=False, web_searches=0, variants=())
    request("3", [replace(cut, estimated=frozenset({"output_tokens"}))])
    request("4", [], 429)
    helper = replace(WHOLE, id="r-5", model="m-2", thread="subagent", web_searches=0, variants=())
    request("5", [helper], model="m-2", thread="subagent")


def test_a_row_a_request(box: Sandbox) -> None:
    add(box, "add-x", one(accuracy="heuristic", why="answer cut after 100 tokens"))
    put_requests(box)
    done = box.run("log", "add-x", "--requests")
    assert done.returncode == 0, done.stderr
    head, why, *rows = done.stdout.splitlines()
    assert head.startswith("2026-11-25T12:00:01Z review: gemini m-1, at least in 100 (40 cached)")
    assert why == "  at least: answer cut after 100 tokens"
    assert [" ".join(row.split()) for row in rows] == [
        "TIME THREAD MODEL IN CACHED OUT SEARCHES VARIANT END SECONDS COST KNOWN",
        "12:00:01 main m-1 1,000 600 100 2 speed=fast stop 2.5 $1.460000 exact",
        "12:00:11 main m-1 1,000 600 100 0 cut (length) 2.5 $1.460000 exact",
        "12:00:21 main m-1 1,000 600 100 0 cut 2.5 $1.460000 estimated: output",
        "12:00:31 main m-1 0 0 0 0 failed 2.5 $0.000000 exact",
        "12:00:41 subagent m-2 1,000 600 100 0 stop 2.5 - exact",
    ]


def test_a_call_whose_input_is_estimated_is_about_that(box: Sandbox) -> None:
    why = "answer cut after 100 tokens; input is estimated"
    add(box, "add-x", one(accuracy="heuristic", why=why))
    assert f"about: {why}" in box.run("log").stdout
    head, told, *_ = box.run("log", "--requests").stdout.splitlines()
    assert "gemini m-1, about in 100" in head
    assert told == f"  about: {why}"
    assert f"about $0.0100: 1 call is partial ({why})" in box.run("status", "add-x").stdout


def test_a_clock_that_was_set_back_during_a_request_gives_no_time_below_zero(box: Sandbox) -> None:
    add(box, "add-x", one())
    log = RequestLog(run_folder(box) / NAME)
    log.started("1", Asked(model="m-1", body_bytes=10), input_tokens=400, at=BEGAN)
    log.ended("1", 200, [WHOLE], at=BEGAN - timedelta(hours=1))
    (call,) = json.loads(box.run("log", "--requests", "--json").stdout)["calls"]
    assert call["api_requests"][0]["duration_ms"] is None


def test_columns_that_say_nothing_are_left_out(box: Sandbox) -> None:
    add(box, "add-x", one())
    plain = ApiRequest(id="r", model="m-1", usage=ModelUsage(input_tokens=5), ended=True)
    write_told(run_folder(box) / NAME, [plain], append=False)
    done = box.run("log", "--requests")
    assert done.stdout.splitlines()[1].split() == [
        *("TIME", "THREAD", "MODEL", "IN", "OUT", "END", "COST", "KNOWN")
    ]


def test_what_a_total_has_beyond_the_requests_is_no_request(box: Sandbox) -> None:
    add(box, "add-x", one())
    rest = ApiRequest(usage=ModelUsage(input_tokens=50), ended=True)  # told without a model
    write_told(run_folder(box) / NAME, [WHOLE, rest], append=False)
    last = box.run("log", "--requests").stdout.splitlines()[-1]
    assert last.split()[:4] == ["-", "main", "m-1", "50"]
    assert "the rest of a total" in last
    told = json.loads(box.run("log", "--requests", "--json").stdout)
    assert [one["is_rest"] for one in told["calls"][0]["api_requests"]] == [False, True]


def test_json_has_the_call_as_in_the_ledger_and_its_requests(box: Sandbox) -> None:
    add(box, "add-x", one())
    put_requests(box)
    done = box.run("log", "add-x", "--requests", "--json")
    document = json.loads(done.stdout, parse_float=Decimal)
    (told,) = document["calls"]
    assert document["change_id"] == "add-x"
    assert (told["id"], told["timestamp"], told["requests"]) == ("c1", "2026-11-25T12:00:01Z", 5)
    assert told["api_requests"][0] == {
        "id": "r-1",
        "started_at": "2026-11-25T12:00:01.000Z",
        "ended_at": "2026-11-25T12:00:03.500Z",
        "duration_ms": 2500,
        "thread": "main",
        "model": "m-1",
        "tokens_in": 1000,
        "tokens_out": 100,
        "tokens_cache_read": 600,
        "tokens_cache_write": 0,
        "tokens_reasoning": 0,
        "tokens_cache_write_1h": 0,
        "web_searches": 2,
        "variants": {"speed": "fast"},
        "end": "stop",
        "is_rest": False,
        "cost_usd": Decimal("1.46"),
        "exact": True,
        "estimated": [],
    }
    assert [entry["end"] for entry in told["api_requests"]] == [
        *("stop", "length", "cut", "failed", "stop")
    ]
    assert told["api_requests"][4]["cost_usd"] is None


def test_without_a_run_folder_the_ledger_is_shown_and_the_rest_said(box: Sandbox) -> None:
    add(box, "add-x", one())
    done = box.run("log", "add-x", "--requests")
    assert done.returncode == 0
    assert "its requests are not known here" in done.stdout
    told = json.loads(box.run("log", "--requests", "--json").stdout)
    assert told["calls"][0]["api_requests"] is None


def test_a_request_that_was_not_sent_is_told_with_its_reason(box: Sandbox) -> None:
    add(box, "add-x", one(status="budget_stopped", requests=None))
    log = RequestLog(run_folder(box) / NAME)
    why = "the next request (m-1, about 400 tokens) was not sent: $0.000000 is left"
    log.refused(Asked(model="m-1", body_bytes=10), why)
    write_told(run_folder(box) / NAME, (), append=True)
    done = box.run("log", "add-x", "--requests")
    assert done.stdout.splitlines()[1:] == [f"  {why}"]
    (told,) = json.loads(box.run("log", "--requests", "--json").stdout)["calls"]
    assert (told["api_requests"], told["not_sent"]) == ([], why)


def test_a_run_folder_that_tells_of_no_request(box: Sandbox) -> None:
    add(box, "add-x", one(requests=None))
    (run_folder(box) / "stdout").touch()
    done = box.run("log", "add-x", "--requests")
    assert done.stdout.splitlines()[1:] == ["  its run's folder tells of no request"]


def test_calls_in_order(box: Sandbox) -> None:
    partial = one(
        id="c2", step="resolve", accuracy="heuristic", why="relay bypassed", requests=None
    )
    add(box, "add-x", one(), partial)
    rows = [row.split() for row in box.run("log").stdout.splitlines()]
    assert rows[0][:6] == ["WHEN", "STEP", "PROVIDER", "MODEL", "STATUS", "REQUESTS"]
    assert rows[1][:6] == ["2026-11-25T12:00:01Z", "review", "gemini", "m-1", "ok", "5"]
    assert rows[2][1:6] == ["resolve", "gemini", "m-1", "ok", "-"]
    assert " ".join(rows[2][-4:]) == "at least: relay bypassed"
    assert "api_requests" not in json.loads(box.run("log", "--json").stdout)["calls"][0]


def test_where_a_call_was_metered_and_why_there(box: Sandbox) -> None:
    calls = [
        one(usage_source="wire"),
        *(one(id=key, usage_source="stdout") for key in ("c2", "c3", "c4")),
    ]
    add(box, "add-x", *calls)
    off = 'by what it prints and logs: wire is "off" in [meter]'
    told = {"c1": "at the wire (API key)", "c2": off, "c3": off, "c4": None}
    for key, metered in told.items():
        put_run_json(box, key, metered)
    text = box.run("log").stdout
    assert text.endswith(f"\n2 calls of gemini were metered {off}\n")
    assert "API key" not in text
    text = box.run("log", "--requests").stdout
    assert text.count("\n  metered at the wire (API key)\n") == 1
    assert text.count(f"\n  metered {off}\n") == 2
    calls = json.loads(box.run("log", "--json").stdout)["calls"]
    assert {call["id"]: call["metered"] for call in calls} == told


@pytest.mark.parametrize("damaged", ["{", "[]", '{"metered": 5}'])
def test_a_damaged_run_json_does_not_tell_where(box: Sandbox, damaged: str) -> None:
    add(box, "add-x", one())
    (run_folder(box) / "run.json").write_text(damaged)
    assert json.loads(box.run("log", "--json").stdout)["calls"][0]["metered"] is None


def test_a_call_id_that_is_a_path_leads_nowhere(box: Sandbox) -> None:
    """An id that a merge brought may be anything."""
    store = StateStore(box.change("add-x"))
    store.create("add-x")
    store.append(one(id="c1"))
    text = store.path.read_text()
    store.path.write_text(text.replace("id: c1", "id: ../elsewhere"))
    write_told(box.change("add-x") / "requests.jsonl", [WHOLE], append=False)
    told = json.loads(box.run("log", "--requests", "--json").stdout)
    assert told["calls"][0]["api_requests"] is None


def test_a_change_without_calls_and_one_that_is_not_there(box: Sandbox) -> None:
    StateStore(box.change("add-x")).create("add-x")
    done = box.run("log", "add-x")
    assert (done.returncode, done.stdout) == (0, "change add-x: no calls\n")
    assert box.run("log", "nope").returncode == 1


def test_rounds_verdicts_warnings_gates_and_overrides_stand_in_time_order(box: Sandbox) -> None:
    store = StateStore(box.change("add-x"))
    steps = ("proposal", "challenge", "reproposal", "challenge", "implementation")
    store.create("add-x")
    for number, step in enumerate(steps, 1):
        store.append(
            one(
                id=f"c{number}",
                step=step,
                cost_usd=Decimal("0.2"),
                started_at=BEGAN + timedelta(minutes=number),
                budget="overridden" if number == 5 else None,
            )
        )
    store.warn(
        [
            "percent@90@0.5",
            "tokens@1",
            "steps.challenge.exceeded@0.3",
            "project@2026-11.percent@90@200",
        ]
    )
    store.warn(["unpriced.m-1", "unknown"])
    state = box.change("add-x") / "STATE.yaml"
    at = "2026-11-25T12:04:30Z"
    state.write_text(f"{state.read_text()}approvals: plan@{at}\n")
    (box.change("add-x") / "rounds").mkdir()
    box_of = "# C\n\n## Verdict\n- [x] {}\n"
    revision, approved = map(box_of.format, ("NEEDS_REVISION", "APPROVED"))
    (box.change("add-x") / "rounds/01-CHALLENGE.md").write_text(revision)
    (box.change("add-x") / "CHALLENGE.md").write_text(approved)
    lines = box.ok("log", "add-x").splitlines()
    told = [line.split("  ")[1] if line[0] == "2" else line.strip() for line in lines[1:]]
    assert told[0] == "proposal"
    assert told[1].startswith("> budget: ")
    assert told[2] == "> no price is known for m-1: its calls are in no budget in dollars"
    assert told[3:] == [
        "challenge",
        "> round 1: NEEDS_REVISION",
        "reproposal",
        "> budget: $0.60 of $0.50 (120 %, $0.10 over)",
        "challenge",
        "> round 2: APPROVED",
        "> budget of steps.challenge: $0.40 of $0.30 (133 %, $0.10 over)",
        f"> gate after plan passed, {at}",
        "implementation",
        "> went beyond the budget, as --budget-override allowed",
        "> budget of project@2026-11: its mark (percent) under $200.00 was reached",
        "> budget: unknown",
    ]
    document = json.loads(box.ok("log", "add-x", "--json"))
    assert [(each["round"], each["verdict"]) for each in document["calls"]] == [
        *((1, None), (1, "NEEDS_REVISION"), (1, None), (2, "APPROVED"), (1, None))
    ]
    assert document["budget_warnings"][0] == {
        "kind": "percent",
        "account": "",
        "unit": "usd",
        "limit": 0.5,
        "spent": 0.6,
        "call_id": "c3",
        "percent": 120.0,
    }
    assert document["approvals"] == [{"gate": "plan", "at": at}]


def test_what_was_warned_of_before_a_reset_of_the_meter_stays(box: Sandbox) -> None:
    store = StateStore(box.change("add-x"))
    store.create("add-x")
    box.ok("cost", "reset", "add-x")  # before the first call: nothing to tell of
    for number in range(1, 4):
        began = BEGAN + timedelta(minutes=number)
        store.append(one(id=f"c{number}", cost_usd=Decimal("0.5"), started_at=began))
        store.warn(["exceeded@0.4", "project.percent@90@1"])
        if number < 3:
            box.ok("cost", "reset", "add-x")
    told = [line.strip() for line in box.ok("log", "add-x").splitlines()[1:]]
    over = "> budget: $0.50 of $0.40 (125 %, $0.10 over)"
    reset = "> cost reset: the budget counts from the next call on"
    of_project = "> budget of project: $1.00 of $1.00 (100 %, $0.00 left)"
    assert [line for line in told if line[0] == ">"] == [
        *(over, reset),
        *(over, of_project, reset),
        over,
    ]
    document = json.loads(box.ok("log", "add-x", "--json"))
    given = [each["call_id"] for each in document["budget_warnings"] if not each["account"]]
    assert given == ["c1", "c2", "c3"]
    assert document["budget_reset_after"] == ["c1", "c2"]


def test_a_reset_by_an_older_agentd_is_told(box: Sandbox) -> None:
    store = StateStore(box.change("add-x"))
    store.create("add-x")
    store.append(one())
    store.path.write_text(f"{store.path.read_text()}budget_reset_calls: 1\n")
    assert box.ok("log", "add-x").splitlines()[-1].strip().startswith("> cost reset: ")


@pytest.mark.parametrize("period", ["2026-11", "2026-W48", "2026-11-25", ""])
def test_a_warning_of_the_project_counts_what_other_changes_have_spent(
    box: Sandbox, period: str
) -> None:
    def spent(change_id: str, *minutes: int) -> StateStore:
        store = StateStore(box.change(change_id))
        store.create(change_id)
        for minute in minutes:
            at = BEGAN + timedelta(minutes=minute)
            cost = Decimal("0.2")
            store.append(one(id=f"c{minute}", step="review", cost_usd=cost, started_at=at))
        return store

    in_the_period = () if period else (-90 * 24 * 60,)
    spent("add-y", *in_the_period, 2, 3)
    name = f"project@{period}" if period else "project"
    spent("add-x", 1, 4, 5).warn([f"{name}.percent@90@0.8", f"{name}.exceeded_tokens@5"])
    lines = [line.strip() for line in box.ok("log", "add-x").splitlines()]
    reached = (
        "1.00 of $0.80 (125 %, $0.20 over)" if not period else "0.80 of $0.80 (100 %, $0.00 left)"
    )
    at = next(at for at, line in enumerate(lines) if f"> budget of {name}: ${reached}" in line)
    assert lines[at - 1].startswith((BEGAN + timedelta(minutes=4)).strftime("%Y-%m-%dT%H:%M"))
    assert f"> budget of {name}: " in lines[2]
    (box.change("add-y") / "STATE.yaml").write_text("<<<<<<<\n")
    told = f"> budget of {name}: its mark (percent) under $0.80 was reached"
    assert told in box.ok("log", "add-x")


def test_a_clone_knows_the_verdicts_of_a_round_that_was_judged_twice(box: Sandbox) -> None:
    folder = box.change("add-x")
    store = StateStore(folder)
    store.create("add-x")
    for number, step in enumerate(("proposal", *2 * ("challenge",), "reproposal", "challenge"), 1):
        began = BEGAN + timedelta(minutes=number)
        store.append(one(id=f"c{number}", step=step, started_at=began))
    (folder / "rounds").mkdir()
    box_of = "# C\n\n## Verdict\n- [x] {}\n"
    (folder / "rounds/01-CHALLENGE.md").write_text(box_of.format("NEEDS_REVISION"))
    (folder / "rounds/02-CHALLENGE.md").write_text(box_of.format("REJECTED"))
    (folder / "CHALLENGE.md").write_text(box_of.format("APPROVED"))
    calls = json.loads(box.ok("log", "add-x", "--json"))["calls"]
    assert [call["verdict"] for call in calls] == [
        *(None, "NEEDS_REVISION", "REJECTED", None, "APPROVED")
    ]


def test_a_call_without_a_duration_took_nobody_knows_how_long(box: Sandbox) -> None:
    """As the original agentd wrote them where it did not know."""
    add(box, "add-x", one(duration_ms=None, provider=None), one(id="c2", duration_ms=0))
    rows = [line.rsplit("  ", 1)[-1].strip() for line in box.ok("log", "add-x").splitlines()]
    assert rows == ["TIME", "-", "0.0 s"]
    first, second = box.ok("log", "add-x", "--requests").split("\n\n")
    assert first.splitlines()[0].endswith(" review: - m-1, in 100 (40 cached) out 10, $0.010000")
    assert second.splitlines()[0].endswith(", 0.0 s")
    calls = json.loads(box.ok("log", "add-x", "--json"))["calls"]
    assert [call.get("duration_ms") for call in calls] == [None, 0]
