"""STATE.yaml, and what agentd notes beside it: of runs, of money set aside, of specs, of parts."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import yaml
from ruamel.yaml.error import YAMLError

from agentd.budget.reservations import Reservations
from agentd.ledger import call_fields, own_grammar, pending, reading, render, rows, source, state
from agentd.ledger import document as documents
from agentd.ledger.conflicts import mend, merge_files
from agentd.ledger.text_merge import Merging
from agentd.project.layout import Project
from agentd.runner.run_folder import RunFolder
from agentd.specs import snapshot
from agentd.state_folder import make_state_folder
from agentd.workflow.fillback import STATE_NAME, parts
from support.fuzz_targets.recorded import LEDGER, entered
from support.fuzzing import Read, or_error
from support.recordings import FIXTURES
from support.state_samples import CALL, loaded, loaded_1_2


def ledger_reader(folder: Path) -> Read:
    change = folder / "add-oauth"
    change.mkdir()
    path = change / "STATE.yaml"

    def read(data: bytes) -> object:
        path.write_bytes(data)
        with reading.explained(path):
            origin, found = reading.read_document(path, own_grammar.ALL)
            records = list(found.records())
            summed = rows.of_document("add-oauth", reading.read_document(path, own_grammar.SUMS)[1])
            whole = state.from_document(found)
            fields = call_fields.to_fields(CALL)
            there = CALL.id in found.ids()
            longer = found.appended([fields], origin).update({"phase": "archived"})
            again = documents.read(source.decode(origin.encode(longer)), own_grammar.ALL)
            after = list(again.records())
        assert after == [*records, CALL] or there, "the appended call is not what was read back"
        return records, summed, repr(whole), found.stated_totals(), longer

    return read


def ledger_against_others(folder: Path) -> Read:
    ours = ledger_reader(folder)

    def read(data: bytes) -> object:
        records, *_, longer = ours(data)
        with_ids = documents.read(source.decode(longer.encode()), own_grammar.ALL)
        if with_ids.twice():
            return records  # they count once; the others count both
        try:
            theirs = [loaded(longer), loaded_1_2(longer)]
        except (yaml.YAMLError, YAMLError, ValueError, TypeError):
            return records  # values beside the calls that one of them has no type for
        for record, call in zip(records, theirs[1]["telemetry"]["calls"], strict=False):
            used = (record.usage.input_tokens, record.usage.output_tokens, float(record.cost_usd))
            assert used == (call["tokens_in"], call["tokens_out"], call["cost_usd"])
            for key in ("id", "step", "model", "status", "why", "session_id"):
                if isinstance(call.get(key), str):  # else it is no text in YAML, but for a call
                    assert getattr(record, key) == call[key]
        for other in theirs:
            calls = other["telemetry"]["calls"]
            assert len(calls) in (len(records), len(records) + 1)
            assert [
                (call["tokens_in"], call["model"]) for call in calls if call.get("id") == CALL.id
            ]
        last = [other["telemetry"]["calls"][-1] for other in theirs]
        assert last[0] == last[1] or len(theirs[0]["telemetry"]["calls"]) == len(records)
        return records

    return read


def merge_reader(folder: Path) -> Read:
    """A branch's ledger merged with a sound one, from either side, and read with its markers."""
    change = folder / "add-oauth"
    change.mkdir()
    sound, base = ledger_seeds()[-1], LEDGER.encode()
    merging = Merging(folder)

    def read(data: bytes) -> object:
        done = []
        for one, other in ((data, sound), (sound, data)):
            result, merged = merge_files(base, one, other, merging)
            with reading.explained(change / "STATE.yaml"):
                if not merged.conflict:
                    found = documents.read(source.decode(result), own_grammar.ALL)
                    versions = [documents.read(source.decode(each)) for each in (one, other)]
                    assert found.ids() == versions[0].ids() | versions[1].ids()
            done += [result, mend(change / "STATE.yaml", result) if not merged.notes else b""]
        marked = b"<<<<<<< a\n" + data + b"\n=======\n" + sound + b">>>>>>> b\n"
        with reading.explained(change / "STATE.yaml"):
            mended, _ = mend(change / "STATE.yaml", marked)
        assert mend(change / "STATE.yaml", mended)[0] == mended
        return [*done, mended]

    return read


def ledger_seeds() -> list[bytes]:
    found = [path.read_bytes() for path in sorted((FIXTURES / "state").glob("*.yaml"))]
    odd = [
        b"telemetry: {calls: [{step: a, model: b, tokens_in: 1, tokens_out: 2, cost_usd: 0.5}]}\n",
        b"telemetry:\n  calls:\n  - &a\n    step: x\n    model: m\n    tokens_in: 1\n"
        b"    tokens_out: 2\n    cost_usd: 0.1\n  - <<: *a\n    step: y\n",
        b"phase: proposed\ntelemetry: null\n",
        b"change_id: a\nschema_version: '2.0'\nphase: x # c\nx-own: {a: [1, &b 2], c: *b}\n",
    ]
    full = replace(CALL, accuracy="heuristic", why="answer cut", requests=3)
    text = LEDGER.replace(
        "calls: []\n",
        "calls:\n"
        + "".join(f"{line}\n" for line in render.yaml_lines(call_fields.to_fields(full))),
    )
    return [seed for seed in [*found, *odd, LEDGER.encode(), text.encode()] if len(seed) < 6000]


def reservations_reader(folder: Path) -> Read:
    path = Path(make_state_folder(str(folder)), f"{CALL.id}.reserved")
    run = folder / "runs" / CALL.id
    run.mkdir(parents=True)
    (run / "run.json").touch()

    def read(data: bytes) -> object:
        path.write_bytes(data.replace(b"$HERE", bytes(folder)))
        return Reservations(folder).held()

    return read


def reservations_seeds() -> list[bytes]:
    held = {
        "run_dir": f"$HERE/runs/{CALL.id}",
        "period": "2026-11-22",
        "pid": os.getpid(),
        "usd": "0.25",
        "tokens": 100,
    }
    return [json.dumps(held).encode()]


def run_files_reader(folder: Path) -> Read:
    """``run.json`` and the lock's holder, and a call that waits to be entered."""
    run = RunFolder(folder / "runs" / CALL.id)
    run.path.mkdir(parents=True)
    (run.path / "lock").touch()

    def read(data: bytes) -> object:
        run.run_json.write_bytes(data)
        info = or_error(run.info)
        attended = or_error(run.is_attended)
        (run.path / "call.pending.json").write_bytes(data)
        calls, problem = pending.read_pending(folder / "runs")
        return (
            info,
            attended,
            [entered(call.record, by_agentd=False) for call in calls],
            str(problem),
        )

    return read


def run_files_seeds() -> list[bytes]:
    run = {
        "call_id": CALL.id,
        "step": "review",
        "provider": "claude",
        "requested_model": None,
        "argv": ["claude", "-p"],
        "cwd": "/home/user/project",
        "resume_session_id": None,
        "started_at": "2026-11-22T05:40:52+00:00",
        "agentd_pid": 4242,
        "agentd_token": "1",
        "cli_pid": 4243,
        "cli_token": "2",
    }
    call = render.json_line(call_fields.to_fields(CALL))
    changed = call[:-1] + ', "state": {"phase": "archived", "iteration": 2}}'
    return [json.dumps(run).encode(), call.encode(), changed.encode()]


def notes_reader(folder: Path) -> Read:
    """What agentd notes beside a change: its base in the specs, the parts that are described."""
    (folder / "agentd" / "specs").mkdir(parents=True)
    project = Project(folder, "agentd")
    change = folder / "agentd" / "changes" / "add-oauth"
    change.mkdir(parents=True)
    part = parts.Part(name="src", files=(), chars=1, digest="d")

    def read(data: bytes) -> object:
        for name in (snapshot.FILE, STATE_NAME):
            (change / name).write_bytes(data)
        base = or_error(lambda: snapshot.load(project, change))
        adopted = or_error(lambda: parts.adopt(change, part, [True, False]))
        (change / STATE_NAME).write_bytes(data)
        return base, adopted, or_error(lambda: parts.mark_done(change, part))

    return read


def notes_seeds() -> list[bytes]:
    block = {"sha256": "0" * 64, "text": "### Requirement: A\nIt SHALL.\n"}
    base = {"schema_version": 1, "specs": {"login.md": {"A": block, "B": None}}}
    done = {"begun": {"name": "src", "digest": "d", "calls": 1}, "done": {"lib": "e"}}
    return [json.dumps(base).encode(), json.dumps(done).encode()]
