"""``agentd export``: each call once, in forms that other tools read."""

from __future__ import annotations

import csv
import io
import json
import os
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from support.cost_box import add, call
from support.export_box import TINY, export_box
from support.workspace import Sandbox

from agentd.ledger.store import StateStore

CALLS_OF_OLD = """calls:
  - step: review
    model: old-one
    tokens_in: 10
    tokens_out: 5
    cost_usd: 0.5"""


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    return export_box(tmp_path_factory.mktemp("export"))


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_a_row_for_each_call(box: Sandbox) -> None:
    rows = rows_of(box.ok("export", "--format", "csv", "--all"))
    assert [row["id"] for row in rows] == [f"c{number}" for number in range(8)]
    assert [row["cost_status"] for row in rows] == [
        *("known", "known", "at least", "at least", "local", "unpriced", "unknown", "known"),
    ]
    assert [row["cost_usd"] for row in rows] == [
        *(f"{TINY:f}", "0.01", "0.01", "0.37", "0", "", "", "0.01"),
    ]
    assert rows[6]["tokens_in"] == ""
    assert rows[5]["tokens_in"] == "100"
    assert rows[7]["price_variant"] == "speed=fast"
    assert rows[3]["models"].startswith("claude-sonnet-4-5; us.anthropic.")
    assert [row["change_id"] for row in rows] == ["old", *["new"] * 7]


def test_no_cell_is_a_formula(box: Sandbox) -> None:
    for shape in ("csv", "focus"):
        text = box.ok("export", "--format", shape, "--all")
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert "'=HYPERLINK(1)" in box.ok("export", "--format", "csv")


def test_one_change_and_times_are_chosen_as_in_cost(box: Sandbox) -> None:
    assert [row["id"] for row in rows_of(box.ok("export", "old", "--format", "csv"))] == ["c0"]
    since = ("--since", "2026-11-30T23:59:59Z", "--format", "csv")
    assert [row["id"] for row in rows_of(box.ok("export", *since))] == ["c1"]
    assert rows_of(box.ok("export", "old", *since)) == []
    until = box.ok("export", "--until", "2026-11-30T23:59:59Z", "--format", "jsonl")
    assert len(until.splitlines()) == 6


def test_a_call_in_two_ledgers_is_exported_once(tmp_path: Path) -> None:
    box = export_box(tmp_path)
    here = box.change("new")
    copy = box.root / "agentd" / "archive" / "20261130-new"
    copy.mkdir(parents=True)
    (copy / "STATE.yaml").write_bytes((here / "STATE.yaml").read_bytes())
    for arguments in (("new",), ("--all",)):
        done = box.run("export", *arguments, "--format", "jsonl")
        ids = [json.loads(line)["id"] for line in done.stdout.splitlines()]
        assert sorted(ids) == sorted(set(ids))
        assert {f"c{number}" for number in range(1, 8)} <= {*ids}


def test_what_can_not_be_read_is_told_and_the_rest_exported(tmp_path: Path) -> None:
    box = export_box(tmp_path)
    (box.change("broken")).mkdir()
    (box.change("broken") / "STATE.yaml").write_text("{")
    done = box.run("export", "--all", "--format", "csv")
    assert (done.returncode, len(rows_of(done.stdout))) == (1, 8)
    assert "changes/broken/STATE.yaml" in done.stderr
    alone = box.run("export", "broken", "--format", "csv")
    assert (alone.returncode, alone.stdout) == (1, "")


def test_a_file_is_replaced_as_a_whole(box: Sandbox, tmp_path: Path) -> None:
    target = tmp_path / "calls.csv"
    target.write_text("old")
    target.chmod(0o640)
    before = target.stat().st_ino
    assert box.ok("export", "--format", "csv", "-o", str(target)) == ""
    assert target.read_bytes().decode() == box.ok("export", "--format", "csv").replace(
        "\n", "\r\n"
    ).replace("\r\r", "\r")
    assert target.stat().st_ino != before
    assert target.stat().st_mode & 0o777 == 0o640
    missing = box.run("export", "--format", "csv", "-o", str(tmp_path / "no" / "calls.csv"))
    assert (missing.returncode, missing.stderr.partition(":")[0]) == (1, "Error")


def test_what_is_no_file_is_written_to_and_a_link_stays(box: Sandbox, tmp_path: Path) -> None:
    command = ("export", "--format", "csv", "-o")
    target, link, pipe = (tmp_path / name for name in ("calls.csv", "link.csv", "pipe"))
    link.symlink_to(target)
    box.ok(*command, str(link))
    assert link.is_symlink()
    assert target.read_text().startswith("change_id,")
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    box.ok(*command, str(pipe))
    assert os.read(reader, 1 << 16) == target.read_bytes()
    os.close(reader)
    assert pipe.is_fifo()
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for wrong in (tmp_path, loop, ""):
        refused = box.run(*command, str(wrong))
        assert (refused.returncode, refused.stderr.partition(":")[0]) == (1, "Error")


def test_json_lines_make_the_same_ledgers(box: Sandbox, tmp_path: Path) -> None:
    lines = tmp_path / "calls.jsonl"
    box.ok("export", "--all", "--format", "jsonl", "-o", str(lines))
    other = export_box(tmp_path / "other")
    folders = {"new": other.change("new"), "old": next(other.root.glob("agentd/archive/*-old"))}
    for change_id, folder in folders.items():
        (folder / "STATE.yaml").unlink()
        StateStore(folder).create(change_id)
    dry = other.ok("import", "--jsonl", str(lines), "--dry-run")
    assert dry == "old: 1 call would be recorded.\nnew: 7 calls would be recorded.\n"
    as_json = ("import", "--jsonl", str(lines), "--json")
    would = json.loads(other.ok(*as_json, "--dry-run"))
    told = other.ok("import", "--jsonl", str(lines))
    assert told == "old: 1 call recorded.\nnew: 7 calls recorded.\n"
    assert other.ok("import", "--jsonl", str(lines)) == "8 calls are there already.\n"
    assert (would["there_before"], would["dry_run"]) == (0, True)
    found = {one["change_id"]: one["recorded"] for one in would["changes"]}
    given = [json.loads(line) for line in lines.read_text().splitlines()]
    assert found["new"] == [one["id"] for one in given if one["change_id"] == "new"]
    again = json.loads(other.ok(*as_json))
    assert (again["there_before"], again["dry_run"]) == (8, False)
    assert [one["recorded"] for one in again["changes"]] == [[], []]
    for change_id, folder in folders.items():
        origin = box.root / folder.relative_to(other.root)
        ledgers = [(one / "STATE.yaml").read_text() for one in (origin, folder)]
        telemetry = [text.partition("\ntelemetry:\n")[2] for text in ledgers]
        assert telemetry[0] == telemetry[1] != "", change_id


def test_lines_that_are_wrong_import_nothing(box: Sandbox, tmp_path: Path) -> None:
    lines = tmp_path / "calls.jsonl"
    good, *_ = box.ok("export", "--format", "jsonl").splitlines()
    other = export_box(tmp_path / "other")
    before = (other.change("new") / "STATE.yaml").read_bytes()
    fields = {**json.loads(good), "id": "x1"}
    for wrong, told in (
        ("no JSON", ":2: "),
        ("[]", ":2: a call has no step"),
        (json.dumps({**fields, "id": "../up"}), ":2: id is '../up'"),
        (json.dumps({**fields, "tokens_in": -1}), ":2: tokens_in is -1; expected a whole number"),
        (json.dumps({**fields, "change_id": "../up"}), "../up"),
        (json.dumps({**fields, "change_id": "other"}), "there is no change other"),
        (json.dumps({key: fields[key] for key in fields if key != "change_id"}), "--into ID"),
    ):
        lines.write_text(f"{json.dumps(fields)}\n{wrong}\n")
        done = other.run("import", "--jsonl", str(lines))
        assert (done.returncode, told in done.stderr) == (1, True), (wrong, done.stderr)
        assert (other.change("new") / "STATE.yaml").read_bytes() == before
    into = other.ok("import", "--jsonl", str(lines), "--into", "new")
    assert into == "new: 1 call recorded.\n1 call is there already.\n"
    clash = other.run("import", "--jsonl", str(lines), "--by-branch")
    assert clash.returncode == 2


def test_lines_that_another_program_wrote_are_read(box: Sandbox, tmp_path: Path) -> None:
    first, second = map(json.loads, box.ok("export", "--format", "jsonl").splitlines()[:2])
    first["why"], first["accuracy"] = "cut\u2028here\x85", "heuristic"
    raw = [json.dumps(one, ensure_ascii=False) for one in (first, second)]
    lines = tmp_path / "calls.jsonl"
    lines.write_bytes(("\ufeff" + "\r\n\r\n".join(raw) + "\r\n \n").encode())
    other = export_box(tmp_path / "other")
    add(other, "empty")
    told = other.ok("import", "--jsonl", str(lines), "--into", "empty")
    assert told == "empty: 2 calls recorded.\n"
    lines.write_text("\n\n" + json.dumps({**second, "change_id": None, "id": "new-1"}))
    assert "calls.jsonl:3: no change_id" in other.run("import", "--jsonl", str(lines)).stderr


def test_what_has_no_time_is_told(tmp_path: Path) -> None:
    box = export_box(tmp_path)
    add(box, "timeless", call(20, started_at=None))
    done = box.run("export", "timeless", "--format", "csv", "--since", "2026-01")
    assert rows_of(done.stdout) == []
    assert "1 call has no time in the ledger" in done.stderr
    focus = box.run("export", "timeless", "--format", "focus")
    assert rows_of(focus.stdout) == []
    assert focus.stderr == "note: 1 charge with no time left out: FOCUS has no place for them.\n"


def test_amounts_and_times_of_lines_are_those_of_the_ledger(box: Sandbox) -> None:
    text = box.ok("export", "--all", "--format", "jsonl")
    calls = [json.loads(line, parse_float=Decimal) for line in text.splitlines()]
    assert calls[0]["cost_usd"] == TINY
    assert datetime.fromisoformat(calls[1]["timestamp"]).year == 2026
    assert [one["model"] for one in calls[3]["models"]][2] == "new-model"


def test_an_empty_text_is_an_empty_cell(tmp_path: Path) -> None:
    box = export_box(tmp_path)
    state = add(box, "old-calls").path
    text = state.read_text().replace("calls: []", CALLS_OF_OLD)
    state.write_text(text)
    [row] = rows_of(box.ok("export", "old-calls", "--format", "csv"))
    assert (row["id"], row["provider"], row["cost_usd"]) == ("", "", "0.5")


@pytest.mark.parametrize("shape", ["csv", "focus", "otlp", "prometheus", "jsonl"])
def test_a_duration_beyond_the_calendar_breaks_no_form(tmp_path: Path, shape: str) -> None:
    box = export_box(tmp_path)
    add(box, "slip", call(20, duration_ms=9_000_000_000_000_000), call(21, duration_ms=10**17))
    text = box.ok("export", "slip", "--format", shape)
    if shape == "focus":
        assert {row["ChargePeriodEnd"] for row in rows_of(text)} == {"2026-11-22T05:40:53Z"}
    if shape == "otlp":
        spans = [
            json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
            for line in text.splitlines()
        ]
        assert all(span["endTimeUnixNano"] == span["startTimeUnixNano"] for span in spans)
