"""A STATE.yaml that is broken is never written; the call waits and is entered once, later."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.state_samples import CALL, call, new_store

from agentd.errors import StateError
from agentd.ledger import run_folders
from agentd.ledger.store import StateStore

GOOD = "change_id: x\nphase: proposed\n"
CALLS = "telemetry:\n  calls:\n"
ENTRY = (
    "  - step: proposal\n    model: m1\n    tokens_in: 1\n    tokens_out: 2\n    cost_usd: 0.5\n"
)
NO_MODEL = ENTRY.replace("    model: m1\n", "")
QUOTED = ENTRY.replace("in: 1", "in: '1'")
TOTALS = "  total_cost_usd: 0.5\n  total_tokens_in: 1\n  total_tokens_out: 2\n"

# The file, the line that the message names, and a part of what it says.
BROKEN = {
    "conflict": (
        f"{GOOD}<<<<<<< HEAD\niteration: 1\n=======\niteration: 2\n>>>>>>> other\n",
        3,
        'merge-conflict marker "<<<<<<< HEAD"',
    ),
    "conflict among the calls": (
        f"{GOOD}{CALLS}{ENTRY}=======\n{ENTRY}{TOTALS}",
        10,
        'merge-conflict marker "======="',
    ),
    "conflict after telemetry": (
        f"{GOOD}{CALLS}{ENTRY}{TOTALS}>>>>>>> x\n",
        13,
        'merge-conflict marker ">>>>>>> x"',
    ),
    "no colon": (f"{GOOD}iteration 1\nlast_action: x\n", 4, "expected ':'"),
    "tab": (f"{GOOD}checksums:\n\ta: 1\n", 4, "'\\t'"),
    "bad indent": (f"{GOOD}  iteration: 1\n", 3, "not allowed here"),
    "open quote": (f"{GOOD}x: 'a\n", 4, "end of stream"),
    "two keys": (f"{GOOD}phase: merged\n", 3, "phase comes twice"),
    "two keys around telemetry": (
        f"{GOOD}{CALLS}{ENTRY}{TOTALS}phase: merged\n",
        13,
        "phase comes twice",
    ),
    "two telemetries": (
        f"{GOOD}{CALLS}{ENTRY}{TOTALS}telemetry: null\n",
        13,
        "telemetry comes twice",
    ),
    "two keys below": (f"{GOOD}checksums:\n  a: 1\n  a: 2\n", 5, "a comes twice"),
    "two paths": (f"{GOOD}checksums:\n  a: 1\n  a: 2\n{CALLS}{ENTRY}{TOTALS}", 5, "a comes twice"),
    "two hashes": (
        f"{GOOD}checksums:\n  a:\n    b: 1\n    b: 2\n{CALLS}{ENTRY}{TOTALS}",
        6,
        "b comes twice",
    ),
    "two unknown keys in a call": (
        f"{GOOD}{CALLS}{ENTRY}    x: 1\n    x: 2\n{TOTALS}",
        11,
        "x comes twice",
    ),
    "two costs": (f"{GOOD}{CALLS}{ENTRY}    cost_usd: 1.0\n{TOTALS}", 10, "cost_usd comes twice"),
    "calls no list": (f"{GOOD}telemetry:\n  calls: 5\n", 4, "calls is no list"),
    "calls a mapping": (f"{GOOD}telemetry:\n  calls:\n    a: 1\n", 4, "calls is no list"),
    "telemetry text": (f"{GOOD}telemetry: none\n", 3, "telemetry is no mapping"),
    "call text": (f"{GOOD}{CALLS}  - hello\n", 5, "a call is no mapping"),
    "no model": (
        f"{GOOD}{CALLS}{ENTRY}{NO_MODEL}{TOTALS}",
        10,
        "a call has no model",
    ),
    "null model": (
        f"{GOOD}{CALLS}{ENTRY.replace('m1', 'null')}{TOTALS}",
        5,
        "a call has no model",
    ),
    "text tokens": (
        f"{GOOD}{CALLS}{ENTRY.replace('in: 1', 'in: many')}{TOTALS}",
        7,
        "tokens_in is 'many'; expected a whole number",
    ),
    "quoted tokens": (
        f"{GOOD}{CALLS}{QUOTED}{TOTALS}",
        7,
        "tokens_in is '1'",
    ),
    "float tokens": (
        f"{GOOD}{CALLS}{ENTRY.replace('out: 2', 'out: 2.5')}{TOTALS}",
        8,
        "tokens_out is 2.5",
    ),
    "negative tokens": (
        f"{GOOD}{CALLS}{ENTRY.replace('out: 2', 'out: -2')}{TOTALS}",
        8,
        "tokens_out is -2",
    ),
    "nan cost": (f"{GOOD}{CALLS}{ENTRY.replace('0.5', '.nan')}{TOTALS}", 9, "cost_usd is '.nan'"),
    "infinite cost": (f"{GOOD}{CALLS}{ENTRY.replace('0.5', '.inf')}{TOTALS}", 9, "cost_usd is"),
    "list cost": (
        f"{GOOD}{CALLS}{ENTRY.replace('0.5', '[1]')}{TOTALS}",
        9,
        "cost_usd is no single",
    ),
    "no such day": (
        f"{GOOD}{CALLS}{ENTRY}    timestamp: 2026-02-30T00:00:00Z\n{TOTALS}",
        10,
        "timestamp is '2026-02-30T00:00:00Z'; expected a time",
    ),
    "empty": ("", 1, "empty"),
    "only comments": ("# nothing\n", 1, "empty"),
    "a list": ("- a\n", 1, "expected a mapping"),
    "one flow mapping": ("{change_id: x, phase: y}\n", 1, "{...}"),
    "two documents": (f"{GOOD}---\n{GOOD}", 3, "another document"),
    "unknown anchor": (f"{GOOD}x: *a\n", 3, "undefined alias"),
    "an anchor that holds itself": (
        f"{GOOD}telemetry: &a\n  calls: []\n  <<: *a\n",
        3,
        "holds itself",
    ),
    "deep": (f"{GOOD}x: {'[' * 600}\n", 3, "nested too deeply"),
    "control character": (f"{GOOD}x: a\x07b\n", 3, "special characters"),
    "not utf-8": (GOOD.encode() + b"owner: Zo\xeb\n", 3, "not UTF-8 (byte 0xeb)"),
    "utf-16": (GOOD.encode("utf-16"), 1, "not UTF-8"),
    "an anchor used outside": (
        f"{GOOD}telemetry:\n  calls: []\n  note: &n hello\nagain: *n\n",
        1,
        "can't change this file",
    ),
    "a tag": (f"{GOOD}telemetry:\n  note: !mine hello\n", 4, "the tag !mine"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_it_is_never_overwritten(tmp_path: Path, name: str) -> None:
    data, line, problem = BROKEN[name]
    data = data if isinstance(data, bytes) else data.encode()
    store = new_store(tmp_path, data)
    with pytest.raises(StateError) as raised:
        store.append(CALL)
    assert raised.value.message.startswith(f"{store.path}: line {line}: ")
    assert problem in raised.value.message
    waiting = store.runs_dir / CALL.id / "call.pending.json"
    assert "Repair the file" in raised.value.fix
    assert f"kept in {waiting}; the next agentd command enters it" in raised.value.fix
    assert store.path.read_bytes() == data
    assert json.loads(waiting.read_text())["tokens_in"] == 24939
    with pytest.raises(StateError):
        store.enter_kept()
    assert store.path.read_bytes() == data
    # The user repairs it: the next command enters the call, once.
    store.path.write_text(GOOD)
    again = StateStore(store.change_dir)
    assert [kept.record for kept in again.enter_kept()] == [CALL]
    assert again.enter_kept() == []
    assert again.append(CALL) is False
    assert again.read().calls == (CALL,)
    assert not waiting.parent.exists()


READABLE_IN_SPITE = ("an anchor used outside", "a tag")


@pytest.mark.parametrize("name", [name for name in BROKEN if name not in READABLE_IN_SPITE])
def test_it_is_neither_read_nor_updated(tmp_path: Path, name: str) -> None:
    data = BROKEN[name][0]
    store = new_store(tmp_path, data)
    with pytest.raises(StateError, match=r"STATE\.yaml: line"):
        store.read()
    with pytest.raises(StateError, match=r"STATE\.yaml: line"):
        store.update(phase="x")
    assert store.path.read_bytes() == (data if isinstance(data, bytes) else data.encode())


@pytest.mark.parametrize("telemetry", ["", CALLS + ENTRY + TOTALS], ids=["none", "block"])
def test_an_update_that_would_change_more_is_refused(tmp_path: Path, telemetry: str) -> None:
    text = f"phase: &p proposed\nx: &p merged\ny: *p\n{telemetry}"
    store = new_store(tmp_path, text)
    store.update(phase="new")  # the anchor goes, but y means the second one
    assert store.path.read_text().startswith("phase: new\nx: &p merged\ny: *p\n")
    text = f"phase: &p proposed\ny: *p\n{telemetry}"
    store.path.write_text(text)
    with pytest.raises(StateError, match="can't change this file"):
        store.update(phase="new")
    assert store.path.read_text() == text


def test_an_append_that_would_change_more_is_refused(tmp_path: Path) -> None:
    text = f"{GOOD}notes: |\n  no line end"
    store = new_store(tmp_path, text)
    with pytest.raises(StateError, match="can't change this file"):
        store.append(CALL)
    assert store.path.read_text() == text


def test_a_block_in_a_quoted_text_is_no_block(tmp_path: Path) -> None:
    block = "telemetry:\n  calls: []\n" + TOTALS
    text = f'{GOOD}x: "\n{block}end: 1"\n'
    store = new_store(tmp_path, text)
    store.append(CALL)
    assert store.path.read_text().startswith(text + "telemetry:\n  calls:\n")
    assert store.read().calls == (CALL,)


def test_iteration_must_be_a_number(tmp_path: Path) -> None:
    store = new_store(tmp_path, f"{GOOD}iteration: two\n")
    with pytest.raises(StateError, match="line 3: iteration is 'two'; expected a whole number"):
        store.read()


def test_minimal_and_unknown(tmp_path: Path) -> None:
    store = new_store(tmp_path, "phase: dreaming\nx: {y: 1}\n")
    state = store.read()
    assert (state.phase, state.change_id, state.iteration, state.calls) == (
        "dreaming",
        None,
        None,
        (),
    )


def test_a_call_that_was_entered_before_the_crash_is_entered_once(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    store.keep(call(1))
    store.append(call(1))  # killed here, before mark_entered
    store.keep(call(2))
    assert run_folders.unentered(store.runs_dir) == [store.runs_dir / call(n).id for n in (1, 2)]
    assert [kept.record for kept in store.enter_kept()] == [call(1), call(2)]
    assert [entry.id for entry in store.read().calls] == [call(1).id, call(2).id]
    assert store.read().calls == (call(1), call(2))
    assert run_folders.unentered(store.runs_dir) == []


def test_mark_entered(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    kept_in = store.keep(CALL)
    store.mark_entered(CALL.id)
    store.mark_entered(CALL.id)
    store.mark_entered("never-kept")
    assert not kept_in.parent.exists()  # there was no run
    kept_in = store.keep(CALL)
    (kept_in.parent / "stdout").touch()
    store.mark_entered(CALL.id)
    assert sorted(path.name for path in kept_in.parent.iterdir()) == ["call.json", "stdout"]
    assert store.enter_kept() == []


def test_a_damaged_kept_call_does_not_hold_up_the_others(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    damaged = store.keep(call(1))
    damaged.write_text('{"step": "proposal"}')
    store.keep(call(2))
    with pytest.raises(StateError, match="a call has no model") as raised:
        store.enter_kept()
    assert str(damaged) in raised.value.message
    assert store.read().calls == (call(2),)
    assert damaged.exists()


def test_record_llm_call_keeps_what_it_cannot_enter(tmp_path: Path) -> None:
    from agentd import UsageMetrics

    store = new_store(tmp_path, "<<<<<<< HEAD\n")
    with pytest.raises(StateError, match="line 1: merge-conflict marker") as raised:
        store.record_llm_call("merge", "m1", UsageMetrics(input_tokens=3), 5, None, call_id="c1")
    assert "runs/c1/call.pending.json" in raised.value.fix
    store.path.write_text(GOOD)
    assert [kept.record.id for kept in store.enter_kept()] == ["c1"]


def test_create_does_not_overwrite(tmp_path: Path) -> None:
    store = new_store(tmp_path, GOOD)
    with pytest.raises(StateError, match="there already"):
        store.create("add-oauth")
    assert store.path.read_text() == GOOD
