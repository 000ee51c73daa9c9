"""Appending and updating change what they mean to change, and nothing else, byte for byte."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from support.state_samples import CALL, FIXTURES, call, loaded, loaded_1_2, new_store

from agentd.ledger import own_layout, source
from agentd.ledger.changes import Changes
from agentd.ledger.store import StateStore

NOTHING = (
    "telemetry:\n  calls: []\n  total_cost_usd: 0.0\n  total_tokens_in: 0\n  total_tokens_out: 0\n"
)
MINIMAL = "change_id: x\nschema_version: '2.0'\nphase: proposed\n"
ENTRY = "{step: proposal, model: m1, tokens_in: 1, tokens_out: 2, cost_usd: 0.5}"
OLD = "  - step: proposal\n    model: m1\n    tokens_in: 1\n    tokens_out: 2\n    cost_usd: 0.5\n"

# What stands before telemetry, telemetry itself, what stands behind it, the number of its calls.
FILES = {
    "nothing yet": (MINIMAL, NOTHING, "", 0),
    "absent": (MINIMAL, "", "", 0),
    "absent, comments at the end": (MINIMAL + "\n# the end\n", "", "", 0),
    "absent, document end": (MINIMAL, "", "...\n# bye\n", 0),
    "null": (MINIMAL, "telemetry: null\n", "x: 1\n", 0),
    "tilde": (MINIMAL, "telemetry: ~\n", "", 0),
    "empty": (MINIMAL, "telemetry:\n", "x: 1\n", 0),
    "braces": (MINIMAL, "telemetry: {}\n", "", 0),
    "no calls": (MINIMAL, "telemetry:\n  total_cost_usd: 5\n", "x: 1\n", 0),
    "calls null": (MINIMAL, "telemetry:\n  calls:\n", "x: 1\n", 0),
    "only": ("", NOTHING, "", 0),
    "first": ("", NOTHING, "change_id: x\nphase: proposed\n", 0),
    "in the middle": (MINIMAL, NOTHING, "\n# more\nextra: [1,\n  2]\n", 0),
    "followed by a comment": (MINIMAL, NOTHING, "# bye\n\n", 0),
    "followed without newline": (MINIMAL, NOTHING, "last: end", 0),
    "document start": ("---\n" + MINIMAL, NOTHING, "", 0),
    "directives": ("%YAML 1.2\n---\n" + MINIMAL, NOTHING, "...\n", 0),
    "old entries": (MINIMAL, "telemetry:\n  calls:\n" + OLD + OLD, "x: 1\n", 2),
    "indented list": (
        MINIMAL,
        "telemetry:\n    calls:\n        - step: proposal\n          model: m1\n"
        "          tokens_in: 1\n          tokens_out: 2\n          cost_usd: 0.5\n",
        "",
        1,
    ),
    "flow": (MINIMAL, f"telemetry: {{calls: [{ENTRY}, {ENTRY}], total_tokens_in: 7}}\n", "", 2),
    "flow over lines": (MINIMAL, f"telemetry:\n  calls: [\n    {ENTRY},\n  ]\n", "x: 1\n", 1),
    "json": (MINIMAL, f'"telemetry": {{"calls": [{ENTRY}]}}\n', "", 1),
    "odd head": (
        "change_id: >-\n  folded\n  words\n? phase\n: proposed\nnotes: |\n  telemetry:\n  # no\n\n"
        'a: &a {b: [1, \'two\']}\nc: *a\n"q": "\\u00e9"\ne: !!str 5\nmerge:\n  <<: *a\n\n# ends\n',
        NOTHING,
        "tail: 'x\n\n  y'\n",
        0,
    ),
    "validations": (
        MINIMAL
        + "checksums:\n  specs/a.md:\n    hash: sha256:ab\n    validated_at: 2026-11-22T05:40:00Z\n"
        "validations:\n- step: a  # x\n  at: 05:40:00\n- step: b\n",
        NOTHING,
        "",
        0,
    ),
    "unicode": (MINIMAL + "owner: Zoë 漢字 😀 # é\n", NOTHING, "ü: ö\n", 0),
    "tab in a comment": (MINIMAL + "x: 1 #\ttab\n#\ttab\n", NOTHING, "", 0),
    "anchors outside": (
        MINIMAL + f"old: &old {ENTRY}\n",
        "telemetry:\n  calls:\n  - *old\n  - <<: *old\n    model: m2\n",
        "again: *old\n",
        2,
    ),
}


@pytest.mark.parametrize("crlf", [False, True], ids=["lf", "crlf"])
@pytest.mark.parametrize("bom", [b"", source.BOM], ids=["", "bom"])
@pytest.mark.parametrize("name", FILES)
def test_all_else_stays_byte_for_byte(tmp_path: Path, name: str, bom: bytes, crlf: bool) -> None:
    head, telemetry, tail, count = FILES[name]

    def encoded(text: str) -> bytes:
        return text.replace("\n", "\r\n").encode() if crlf else text.encode()

    store = new_store(tmp_path, bom + encoded(head + telemetry + tail))
    before = loaded_1_2(head + telemetry + tail)
    for number in (1, 2):
        assert store.append(call(number))
        written = store.path.read_bytes()
        assert written.startswith(bom + encoded(head))
        assert written.endswith(encoded(tail))
        assert written.count(b"\n") == written.count(b"\r\n") or not crlf
        middle = written[len(bom + encoded(head)) : len(written) - len(encoded(tail))]
        assert middle.startswith(encoded("telemetry:\n  calls:\n  - "))
        check(middle, count + number)
    after = loaded_1_2(written.removeprefix(bom))
    assert {**after, "telemetry": 0} == {**(before or {}), "telemetry": 0}
    assert store.read().calls[count:] == (call(1), call(2))
    assert_next_append_is_fast(written)


def check(telemetry: bytes, count: int) -> None:
    """Both YAMLs read the same, and the totals are those of the calls."""
    read = loaded(telemetry)["telemetry"]
    assert read == loaded_1_2(telemetry)["telemetry"]
    calls = read["calls"]
    assert len(calls) == count
    assert read["total_tokens_in"] == sum(call["tokens_in"] for call in calls)
    assert read["total_tokens_out"] == sum(call["tokens_out"] for call in calls)
    assert read["total_cost_usd"] == pytest.approx(
        sum(call["cost_usd"] for call in calls), rel=1e-12
    )


def assert_next_append_is_fast(data: bytes) -> None:
    decoded = source.decode(data)
    assert decoded.ordinary
    assert own_layout.find(decoded.text) is not None


@pytest.mark.parametrize("name", [path.name for path in sorted(FIXTURES.glob("*.yaml"))])
def test_recorded_files(tmp_path: Path, name: str) -> None:
    text = (FIXTURES / name).read_text()
    store = new_store(tmp_path, text)
    old = store.read()
    assert store.append(call(9))
    new_text = store.path.read_text()
    cut = text.index("\ntelemetry:") + 1
    tail = text[text.find("\n# what follows") :] if "# what follows" in text else ""
    assert new_text[:cut] == text[:cut]
    assert new_text.endswith(tail)
    assert store.read().calls == (*old.calls, call(9))
    assert old.totals.cost_usd == sum(entry.cost_usd for entry in old.calls)
    check(new_text[cut : len(new_text) - len(tail)].encode(), len(old.calls) + 1)
    assert_next_append_is_fast(new_text.encode())


def test_the_originals_entries_are_read(tmp_path: Path) -> None:
    store = new_store(tmp_path, (FIXTURES / "serde_yaml.yaml").read_text())
    first, second = store.read().calls
    assert (first.id, first.provider, first.status, first.session_id) == ("", None, "ok", None)
    assert first.started_at is not None
    assert (first.duration_ms, first.cost_source) == (12034, "config")
    assert (second.cost_usd, second.started_at) == (Decimal("0.0025"), None)
    assert second.duration_ms is None
    store.append(CALL)
    assert "    timestamp: 2026-01-17T08:14:10.987654321Z\n" in store.path.read_text()


def test_rewriting_keeps_comments_and_unknown_keys(tmp_path: Path) -> None:
    text = (FIXTURES / "hand_edited.yaml").read_text()
    store = new_store(tmp_path, text)
    store.append(CALL)
    middle = store.path.read_text().partition("\ntelemetry:")[2].partition("  - id:")
    assert middle[0] == (
        "  # what it cost\n"
        "  # every call\n"
        "  calls:\n"
        "  - step: proposal\n"
        "    model: gemini-3-flash-preview\n"
        "    tokens_in: 10\n"
        "    tokens_out: 2\n"
        "    cost_usd: 0.00003  # the first\n"
        "  # the second\n"
        "  - step: challenge\n"
        "    model: gemini-3-flash-preview\n"
        "    tokens_in: 7  # measured by hand\n"
        "    tokens_out: 1\n"
        "    cost_usd: 0.5\n"
        "    reviewed_by: nobody\n"
    )
    assert "\n  total_tokens_out: 177\n  currency: USD\n\n# what follows\n" in middle[2]


def test_only_totals_change_in_agentds_own_layout(tmp_path: Path) -> None:
    text = (FIXTURES / "own_layout.yaml").read_text()
    store = new_store(tmp_path, text)
    store.append(call(1))
    lines = store.path.read_text().splitlines()
    new = next(number for number, line in enumerate(lines) if line.endswith("-00000001"))
    size = 1 + lines[new + 1 :].index("")
    del lines[new : new + size]
    expected = text.replace("99.5   #", "0.00704631   #")
    expected = expected.replace("total_tokens_in: 1\n", "total_tokens_in: 49879\n")
    expected = expected.replace("total_tokens_out: 174\n", "total_tokens_out: 348\n")
    assert "\n".join([*lines, ""]) == expected
    assert lines[new - 1] == "    ticket: ABC-12"


def test_nested_unknown_keys_are_kept(tmp_path: Path) -> None:
    entry = ENTRY[:-1] + ", x: {y: [1, {z: [], w: 'a b'}, [2, 3]], n: null}, e: {}}"
    store = new_store(tmp_path, f"phase: x\ntelemetry: {{calls: [{entry}], budget: {{usd: 5}}}}\n")
    before = loaded(store.path.read_text())["telemetry"]
    for number in (1, 2):
        store.append(call(number))
    after = loaded(store.path.read_text())["telemetry"]
    assert after["calls"][0] == before["calls"][0]
    assert after["budget"] == {"usd": 5}
    assert [len(after["calls"]), after["calls"][2]["id"]] == [3, call(2).id]


@pytest.mark.parametrize("final", ["", "\n", "\n\n"])
@pytest.mark.parametrize("telemetry", ["", "telemetry: null", NOTHING.rstrip("\n")])
def test_a_missing_final_newline(tmp_path: Path, telemetry: str, final: str) -> None:
    store = new_store(tmp_path, MINIMAL + telemetry + final)
    store.append(call(1))
    store.update(phase="challenged")
    store.append(call(2))
    read = loaded(store.path.read_text())
    assert (read["phase"], len(read["telemetry"]["calls"])) == ("challenged", 2)
    assert list(read)[:3] == ["change_id", "schema_version", "phase"]


def test_a_file_of_mixed_line_ends(tmp_path: Path) -> None:
    store = new_store(tmp_path, b"change_id: x\r\nphase: a\nlist:\r\n- 1\r\nx: 1\n")
    store.append(call(1))
    store.update(phase="b")
    store.append(call(2))
    assert store.path.read_bytes().startswith(b"change_id: x\r\nphase: b\nlist:\r\n- 1\r\nx: 1\n")
    assert len(loaded(store.path.read_bytes())["telemetry"]["calls"]) == 2


UPDATES = {
    "phase: proposed\nx: 1\n": "phase: new\nx: 1\n",
    "phase: proposed   # old\n": "phase: new   # old\n",
    "phase: 'a # b'  # old\n": "phase: new  # old\n",
    'phase: "a\\"b"\n': "phase: new\n",
    "phase:\nx: 1\n": "phase: new\nx: 1\n",
    "phase:   # none\n": "phase: new   # none\n",
    "phase: null\n": "phase: new\n",
    "phase: !old # tag\n": "phase: new # tag\n",
    '"phase": [a,\n  b]  # list\n': '"phase": new  # list\n',
    "phase: |\n  a\n  b\nx: 1\n": "phase: new\nx: 1\n",
    "phase: a\n  b\nx: 1\n": "phase: new\nx: 1\n",
    "x: &x a\nphase: *x  # alias\n": "x: &x a\nphase: new  # alias\n",
    "? phase\n: old\n": "? phase\n: new\n",
    "x: 1\n\n# bye\n": "x: 1\nphase: new\n\n# bye\n",
    "x: |\n  # no comment\n": "x: |\n  # no comment\nphase: new\n",
}


@pytest.mark.parametrize(
    "telemetry", ["", "telemetry: ~\n", NOTHING], ids=["none", "null", "block"]
)
@pytest.mark.parametrize("head", UPDATES)
def test_update_changes_only_its_keys(tmp_path: Path, head: str, telemetry: str) -> None:
    stamp = "updated_at: 2020-01-01T00:00:00Z  # mine\n"
    store = new_store(tmp_path, stamp + head + telemetry)
    store.update(phase="new")
    written = store.path.read_text()
    first, _, rest = written.partition("\n")
    assert first.startswith("updated_at: 2")
    assert first.endswith("Z  # mine")
    assert first + "\n" != stamp
    assert rest == UPDATES[head] + telemetry
    assert loaded_1_2(written)["phase"] == "new"


@pytest.mark.parametrize("odd", ["", "x: [1,\n  2]\n"], ids=["plain", "parsed"])
@pytest.mark.parametrize("telemetry", ["telemetry: ~\n", NOTHING], ids=["null", "block"])
def test_update_behind_telemetry(tmp_path: Path, telemetry: str, odd: str) -> None:
    store = new_store(tmp_path, f"a: 1\n{telemetry}{odd}phase: old\nlast_action:")
    store.update(phase="new", iteration=2, last_action="merge")
    stamp = store.read().updated_at
    assert store.path.read_text() == (
        f"a: 1\niteration: 2\nupdated_at: {stamp}\n{telemetry}{odd}phase: new\nlast_action: merge"
    )


def test_update_of_several_keys(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    store.append(CALL)
    before = store.path.read_text()
    store.update(phase="challenged", iteration=2, last_action="challenge", session_id="1e5")
    state = store.read()
    assert (state.phase, state.iteration) == ("challenged", 2)
    assert (state.last_action, state.session_id) == ("challenge", "1e5")
    assert loaded(store.path.read_text())["session_id"] == "1e5"
    changed = [
        new.partition(":")[0]
        for old, new in zip(before.splitlines(), store.path.read_text().splitlines(), strict=True)
        if old != new
    ]
    assert set(changed) - {"updated_at"} == {"phase", "iteration", "last_action", "session_id"}


def test_totals_are_repaired_at_the_next_append(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    store.append(call(1))
    text = store.path.read_text().replace("total_tokens_in: 24940", "total_tokens_in: 7")
    store.path.write_text(text)
    assert store.read().totals.tokens_in == 24940
    store.append(call(2))
    assert loaded(store.path.read_text())["telemetry"]["total_tokens_in"] == 24940 + 24941


def test_many_small_costs_add_up_exactly(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    for number in range(10):
        store.append(replace(call(number), cost_usd=Decimal("0.1")))
    store.append(replace(call(10), cost_usd=Decimal("1E-25")))
    assert "total_cost_usd: 1.0000000000000000000000001\n" in store.path.read_text()


@pytest.mark.parametrize("telemetry", ["telemetry: {}\n", NOTHING], ids=["parsed", "block"])
def test_times_are_whole_seconds_in_utc(tmp_path: Path, telemetry: str) -> None:
    store = new_store(tmp_path, MINIMAL + telemetry)
    exact = datetime(2026, 11, 22, 6, 40, 52, 999999, tzinfo=timezone(timedelta(hours=1)))
    assert store.append(replace(CALL, started_at=exact))
    assert "    timestamp: 2026-11-22T05:40:52Z\n" in store.path.read_text()
    assert store.read().calls == (CALL,)


def test_permissions_are_kept(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    store.path.chmod(0o640)
    store.append(CALL)
    assert store.path.stat().st_mode & 0o777 == 0o640


def test_the_usual_file_needs_no_yaml_library(tmp_path: Path) -> None:
    store = new_store(tmp_path, (FIXTURES / "own_layout.yaml").read_text())
    code = (
        "import sys; from agentd.ledger.store import StateStore; "
        f"store = StateStore({str(store.change_dir)!r}); store.update(phase='a'); store.read(); "
        "sys.exit('ruamel' in str(list(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_changes_come_with_the_call_in_one_write(tmp_path: Path) -> None:
    store = StateStore(tmp_path / "change")
    store.create("change")
    store.append(CALL, Changes(phase="challenged", iteration=2, last_action="challenge"))
    state = store.read()
    assert (state.phase, state.iteration, state.last_action) == ("challenged", 2, "challenge")
    assert [call.id for call in state.calls] == [CALL.id]


def test_changes_of_a_kept_call_are_made_when_it_is_entered(tmp_path: Path) -> None:
    store = StateStore(tmp_path / "change")
    store.create("change")
    store.keep(CALL, Changes(phase="challenged", last_action="challenge"))
    assert store.read().phase == "proposed"
    (kept,) = store.enter_kept()
    assert kept.changes.last_action == "challenge"
    assert store.read().phase == "challenged"
    store.update(phase="complete")
    assert store.enter_kept() == []
    assert store.read().phase == "complete"
