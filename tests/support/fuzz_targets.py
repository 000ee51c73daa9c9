"""What agentd reads and others write: a row for each kind (see fuzzing.Target)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import yaml
from loopback import wire
from loopback.scenario import Step, ToolCall
from ruamel.yaml.error import YAMLError

from agentd.budget.reservations import Reservations
from agentd.config import values
from agentd.config.load import load, load_to_report
from agentd.documents import coverage, fix, printed, tasks, verdict
from agentd.ledger import call_fields, own_grammar, own_layout, pending, render, source
from agentd.ledger import document as documents
from agentd.meter import logged_requests
from agentd.meter.otlp import Receiver
from agentd.meter.request_log import NAME, RequestLog
from agentd.metering.call import CallRecord
from agentd.metering.dialects import DIALECTS, Dialect
from agentd.metering.pricing import PriceBook
from agentd.metering.rates import PricingConfig
from agentd.metering.usage import MAX_TOKENS, ModelUsage, UsageMetrics
from agentd.pipe.batch import LineOptions, count_chunk
from agentd.pipe.json_lines import FieldPath
from agentd.pipe.line_totals import Limits
from agentd.pipe.models import Models
from agentd.project.layout import Project
from agentd.providers import PROVIDERS
from agentd.runner.outcome import outcome_of
from agentd.runner.result import RunResult, conclude
from agentd.runner.run_folder import RunFolder, RunInfo
from agentd.runner.stdout import Reading
from agentd.runner.told_by_cli import Sources
from agentd.specs import apply, deltas, mains, snapshot
from agentd.workflow import recording
from agentd.workflow.fillback import parts
from support.fuzzing import Read, Target, as_line
from support.mutator import TOML, WORDS, YAML
from support.recordings import FIXTURES, RECORDINGS
from support.session_logs import LOGS
from support.state_samples import CALL, loaded, loaded_1_2

PRICES = PriceBook(
    config={"gpt-5": PricingConfig(cost_per_1m_input=1, cost_per_1m_output=10)},
    sources=("config", "reported", "catalog"),
)
SESSION = "0199a8a0-5c3c-7a60-9f3e-0123456789ab"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
LEDGER = """\
change_id: add-oauth
schema_version: '2.0'
phase: proposed
telemetry:
  calls: []
  total_cost_usd: 0.0
  total_tokens_in: 0
  total_tokens_out: 0
"""
_EMPTY = source.decode(LEDGER.encode())
_NO_CALLS = documents.read(_EMPTY)


def entered(record: CallRecord, *, by_agentd: bool = True) -> CallRecord:
    """The call as it is read back, from the file it waits in and from STATE.yaml.

    What agentd itself made of a run stands in its own layout, which is read without a YAML parser.
    """
    line = pending.to_line(pending.Kept(record))
    kept = pending.from_line(line).record
    text = _NO_CALLS.appended([call_fields.to_fields(kept)], _EMPTY).text
    assert not by_agentd or own_layout.find(text), f"not in agentd's own layout:\n{text}"
    [read] = documents.read(source.decode(text.encode()), own_grammar.ALL).records()
    assert read == kept
    return read


# --- what a CLI prints, and its session log


def run_info(provider: str, call_id: str = "20261122T054052-review-6f1c2a9b") -> RunInfo:
    return RunInfo(
        call_id=call_id,
        step="review",
        provider=provider,
        requested_model=None,
        argv=(provider,),
        cwd="/home/user/project",
        resume_session_id=None,
        started_at=BEGAN,
        agentd_pid=1,
        agentd_token=None,
    )


def concluded(provider: str, folder: Path, info: RunInfo, home: Path) -> RunResult:
    cli = PROVIDERS[provider].cli()
    run = RunFolder(folder)
    reading = Reading(run, cli, watched=True, live_text=True)
    try:
        reading.seen(0, resumed=False)
        return conclude(
            run,
            info,
            reading,
            cli,
            status=None,
            exit_code=0,
            duration_ms=5,
            prior_usage=None,
            environ={"HOME": str(home)},
        )
    finally:
        reading.close()


def stdout_reader(provider: str, folder: Path) -> Read:
    (folder / "stderr").touch()
    (folder / "prompt").write_text("Do it.\n")
    info, home = run_info(provider), folder / "home"

    def read(data: bytes) -> object:
        (folder / "stdout").write_bytes(data)
        result = concluded(provider, folder, info, home)
        return result, entered(recording.priced(result, PRICES))

    return read


def stdout_seeds(provider: str) -> list[bytes]:
    return [r.stdout.encode() for r in RECORDINGS if r.cli == provider and r.stdout]


def log_reader(provider: str, folder: Path) -> Read:
    log = next(log for log in LOGS if log.cli == provider and log.folder.name == "plain")
    was = log.expected["session_id"]
    path = next((log.folder / "home").rglob(f"*{was[:8]}*.jsonl")).relative_to(log.folder)
    path = folder / str(path).replace(was, SESSION).replace(was[:8], SESSION[:8])
    path.parent.mkdir(parents=True)
    header = b""
    if provider == "gemini":  # its file is told by its first line
        header = as_line({"sessionId": SESSION, "startTime": "2026-11-22T10:04:00Z"})
    run = folder / "run"
    run.mkdir()
    (run / "stderr").touch()
    (run / "prompt").write_text("Do it.\n")
    began = {"type": "thread.started", "thread_id": SESSION}
    if provider != "codex":
        began = {"type": "init", "session_id": SESSION, "model": "m"}
    (run / "stdout").write_bytes(as_line(began))
    info = run_info(provider)

    def read(data: bytes) -> object:
        path.write_bytes(header + data)
        result = concluded(provider, run, info, folder / "home")
        return result, entered(recording.priced(result, PRICES))

    return read


def log_seeds(provider: str) -> list[bytes]:
    found = []
    for log in (log for log in LOGS if log.cli == provider):
        was = log.expected["session_id"].encode()
        files = sorted((log.folder / "home").rglob("*.jsonl"))
        found += [file.read_bytes().replace(was, SESSION.encode()) for file in files]
    return found


# --- at the wire, and telemetry

_USAGE = ModelUsage(
    input_tokens=1300,
    output_tokens=101,
    cache_read_input_tokens=307,
    cache_creation_input_tokens=153,
    cache_creation_1h_input_tokens=50,
    reasoning_output_tokens=35,
)
_STEP = Step(text="Done.", tools=(ToolCall(name="Bash", input={"command": "ls"}),), usage=_USAGE)
_ASKED = {
    "model": "gpt-5",
    "stream": True,
    "max_tokens": 32000,
    "max_output_tokens": 100,
    "service_tier": "flex",
    "tools": [{"type": "web_search_20250305", "name": "x"}, {"type": "web_search"}],
    "context_management": {"edits": [{"type": "compact_20260112"}]},
    "generationConfig": {"maxOutputTokens": 64},
    "metadata": {"user_id": "u"},
}
_API = {"anthropic": "anthropic", "openai.responses": "openai", "gemini": "gemini"}
_PATHS = {
    "anthropic": "/v1/messages",
    "openai.responses": "/v1/responses",
    "openai.chat": "/v1/chat/completions",
    "gemini": "/v1beta/models/gemini-3-flash-preview:streamGenerateContent",
}
_CHAT = {
    "id": "c1",
    "model": "gpt-5",
    "object": "chat.completion.chunk",
    "service_tier": "default",
    "choices": [{"delta": {"content": "Hi", "tool_calls": []}, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 13,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 2},
    },
}


def dialect_reader(dialect: Dialect, folder: Path) -> Read:
    def read(data: bytes) -> object:
        asked = dialect.asked(_PATHS[dialect.name], {"x-app": "cli"}, data)
        answer = dialect.answer()
        for place in range(0, len(data), 200):
            answer.feed(data[place : place + 200])
        answer.end()
        requests = answer.requests()
        outcome = outcome_of(Sources(parsed=_NOTHING, wire=requests))
        return asked, requests, answer.text(), entered(_record(outcome))

    return read


def dialect_seeds(dialect: Dialect) -> list[bytes]:
    asked = json.dumps(_ASKED).encode()
    if dialect.name == "openai.chat":
        return [
            asked,
            json.dumps(_CHAT).encode(),
            b"data: " + as_line(_CHAT) + b"\ndata: [DONE]\n\n",
        ]
    api = _API[dialect.name]
    events = [b"data: " + as_line(event.data) + b"\n" for event in wire.stream(api, _STEP, "gpt-5")]
    return [asked, json.dumps(wire.whole(api, _STEP, "gpt-5")).encode(), b"".join(events)]


_NOTHING = PROVIDERS["claude"].cli().new_parser().parsed()


def _record(outcome: object) -> CallRecord:
    result = RunResult(
        call_id=CALL.id,
        step="review",
        provider="codex",
        model=outcome.model,
        status="ok",
        usage=outcome.usage,
        accuracy=outcome.accuracy,
        usage_source=outcome.usage_source,
        duration_ms=5,
        started_at=BEGAN,
        session_id=None,
        exit_code=0,
        final_text="",
        error=None,
        run_dir=Path(),
        why=outcome.why,
        requests=outcome.request_count,
        api_requests=outcome.requests,
    )
    return recording.priced(result, PRICES)


def telemetry_reader(provider: str, folder: Path) -> Read:
    read_event = PROVIDERS[provider].cli().read_event
    path = folder / NAME

    def read(data: bytes) -> object:
        path.unlink(missing_ok=True)
        log = RequestLog(path)
        try:
            for at_wire in (True, False):
                receiver = Receiver(read_event, log, at_wire=at_wire)
                try:
                    receiver.take(data)
                except (ValueError, RecursionError):  # the relay answers 400
                    return None
        finally:
            log.close()
        requests = [
            replace(one, started_at=None, ended_at=None)  # of those without a time it is now
            for one in logged_requests.read_requests(path)
        ]
        outcome = outcome_of(Sources(parsed=_NOTHING, telemetry=requests))
        return requests, entered(_record(outcome))

    return read


def telemetry_seeds(provider: str) -> list[bytes]:
    return (FIXTURES / "telemetry" / f"{provider}.jsonl").read_bytes().splitlines()


def request_log_reader(folder: Path) -> Read:
    path = folder / NAME

    def read(data: bytes) -> object:
        path.write_bytes(data)
        told = logged_requests.requests_of_run(folder)
        wire = logged_requests.read_requests(path)
        begun = logged_requests.read_begun(path)
        refused = logged_requests.refusals(path)
        outcomes = [
            entered(_record(outcome_of(Sources(parsed=_NOTHING, wire=requests))))
            for requests in (told, wire)
        ]
        return told, wire, begun, refused, outcomes

    return read


def request_log_seeds() -> list[bytes]:
    told = {
        "id": "msg_1",
        "model": "claude-sonnet-4-5",
        "usage": {"input_tokens": 9, "output_tokens": 3, "cache_read_input_tokens": 2},
        "web_searches": 1,
        "variants": {"speed": "fast"},
        "finish": "stop",
        "started_at": "2026-11-22T05:40:52.000001Z",
        "ended_at": "2026-11-22T05:40:53Z",
        "ended": True,
        "thread": "subagent",
        "estimated": ["output_tokens"],
    }
    at = "2026-11-22T05:40:52Z"
    started = {
        "at": at,
        "request": "a1",
        "is": "started",
        "model": "claude-sonnet-4-5",
        "thread": "main",
        "body_bytes": 900,
        "output_limit": 100,
        "variants": {},
        "estimated_input_tokens": 300,
    }
    lines = [
        started,
        {"at": at, "request": "a1", "is": "answering", "told": [told]},
        {"at": at, "request": "a1", "is": "ended", "status": 200, "told": [told]},
        {"at": at, "request": "a1", "is": "thread", "thread": "side"},
        {"at": at, "is": "refused", "model": "m", "thread": "main", "why": "no money"},
        {"at": at, "is": "told", "told": [told]},
    ]
    return [b"".join(map(as_line, lines)), b"".join(map(as_line, lines[:3]))]


# --- files of a project


def ledger_reader(folder: Path) -> Read:
    change = folder / "add-oauth"
    change.mkdir()
    path = change / "STATE.yaml"

    def read(data: bytes) -> object:
        from agentd.ledger import reading, rows, state

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


def ledger_seeds() -> list[bytes]:
    from agentd.ledger import render

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


def config_reader(folder: Path) -> Read:
    (folder / "agentd").mkdir()
    path = folder / "agentd" / "config.toml"

    def read(data: bytes) -> object:
        path.write_bytes(data)
        reported = load_to_report(path)
        values.given_in(path)
        config = load(path)
        shown = {key: values.toml_text(value) for key, value in values.in_force(config).items()}
        book = PriceBook(config=config.model_prices(), sources=config.pricing.sources)
        priced = book.price(_MOST, maker="openai", model="gpt-5", at=BEGAN)
        record = replace(CALL, cost_usd=priced.cost_usd, cost_source=priced.cost_source)
        return reported, shown, entered(record)

    return read


_MOST = UsageMetrics(input_tokens=MAX_TOKENS, output_tokens=MAX_TOKENS)


def config_seeds() -> list[bytes]:
    root = Path(__file__).parents[2]
    import agentd.config

    template = Path(agentd.config.__file__ or "").with_name("template.toml").read_bytes()
    pieces = [
        path.read_bytes() for path in sorted((root / "agentd" / "providers").glob("*/config.toml"))
    ]
    bare = b"\n".join(line.removeprefix(b"# ") for line in template.split(b"\n"))
    own = b"""\
project_name = "x"
[workflow]
planning_iterations = 3
step_timeout_secs = 3600
[budget]
limit_usd = 50.0
limit_tokens = 5_000_000
warn_at_percent = 90
strict = false
[budget.project]
limit_usd = 5.5
period = "day"
timezone = "Europe/Berlin"
[pricing]
sources = ["config", "catalog"]
[pricing.models."gpt-5"]
cost_per_1m_input = 3.0
cost_per_1m_output = 15.0
cost_per_1m_cache_read = 0.3
[pricing.models."gpt-5".variants."speed=fast"]
cost_per_1m_input = 6
[steps.review]
provider = "claude"
model = "balanced"
"""
    return [own, *pieces, own + b"\n".join(pieces), bare, template]


def documents_seeds(*names: str) -> list[bytes]:
    found = [
        path.read_bytes() for name in names for path in sorted((FIXTURES / "documents").rglob(name))
    ]
    return [seed for seed in found if len(seed) < 4000]


def verdict_seeds() -> list[bytes]:
    review = b"""\
# Review

## Coverage

| Requirement | Scenario | Implemented in | Tested by |
|---|---|---|---|
| Login | With a password | src/login.py | tests/test_login.py |
| " | Without one | MISSING | - |

## Verdict

- [ ] APPROVED
- [x] NEEDS_CHANGES
**Verdict**: REJECTED
"""
    fenced = b"````\n```\n- [x] APPROVED\n```\n````\n<!-- APPROVED -->\n# Verdict: APPROVED\n"
    issues = sorted((FIXTURES / "documents" / "issues").glob("*.md"))
    return [review, review + fenced, *(path.read_bytes() for path in issues)]


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "replace").replace("\0", "")


def verdict_reader(folder: Path) -> Read:
    def read(data: bytes) -> object:
        text = text_of(data)
        return (
            verdict.read_verdict(text, ("APPROVED", "NEEDS_CHANGES", "REJECTED")),
            coverage.coverage_of(text),
            printed.document_in_text(text, "REVIEW.md"),
        )

    return read


def tasks_reader(folder: Path) -> Read:
    def read(data: bytes) -> object:
        text = text_of(data)
        found = tasks.read_tasks(text)
        fixed = fix.fix_document(text, tasks=True)
        assert fix.fix_document(fixed[0], tasks=True)[0] == fixed[0]
        return found, tasks.progress(found), fixed

    return read


def specs_reader(folder: Path) -> Read:
    main = (
        "# Login\n\n## Purpose\nTo log in.\n\n## Requirements\n\n### Requirement: A\n"
        "It SHALL.\n\n#### Scenario: B\n- **WHEN** x\n- **THEN** y\n"
    )

    def read(data: bytes) -> object:
        text = text_of(data)
        delta = _or_error(lambda: deltas.parse_delta(text, "specs/a.md"))
        spec = _or_error(lambda: mains.parse_main(text, "specs/a.md"))
        merged = None
        if isinstance(delta, deltas.Delta):
            arguments = {"capability": "login", "change_id": "x"}
            merged = [
                _or_error(partial(apply.merge, base, delta, {}, **arguments))
                for base in (None, main, text)
            ]
        return delta, spec, merged, fix.fix_spec(text, is_new=True)

    return read


def _or_error(work: Callable[[], object]) -> object:
    from agentd.errors import AgentdError

    try:
        return work()
    except AgentdError as error:
        return str(error)


def specs_seeds() -> list[bytes]:
    found = [path.read_bytes() for path in sorted((FIXTURES / "specs").rglob("*.md"))[::40]]
    own = [
        path.read_bytes()
        for path in sorted((FIXTURES / "documents").rglob("*.md"))
        if path.parent.name in ("specs", "main")
    ]
    return [seed for seed in [*own, *found] if len(seed) < 4000]


def pipe_reader(folder: Path) -> Read:
    models = Models(lambda model: None, with_costs=True)
    options = [
        LineOptions(
            model="gpt-4o",
            model_field=FieldPath(field),
            text=FieldPath(text),
            with_costs=True,
            fail_on_error=False,
            limits=Limits(max_tokens=None, max_cost_usd=None),
        )
        for field, text in (("model", "text"), ("request.model", "request.messages"))
    ]

    def read(data: bytes) -> object:
        found = [count_chunk(data, option, models) for option in options]
        for counted, output in found:
            *lines, rest = output.decode().split("\n")
            assert not rest
            assert len(lines) == counted.totals.lines - counted.totals.failed
            for line in lines[:3]:
                _ = json.JSONDecoder(parse_int=str, parse_float=str).decode(line)
        return [(output, counted.failures, counted.lines) for counted, output in found]

    return read


def pipe_seeds() -> list[bytes]:
    message = {"role": "user", "content": [{"type": "text", "text": "Hello"}]}
    return [
        as_line({"text": "Hello, world", "model": "gpt-4o", "tokens_output": 5})
        + as_line({"text": "x", "cost_usd": 1, "model": None}),
        as_line({"request": {"model": "gpt-4o-mini", "messages": [message, message]}}),
        as_line({"text": "zwei", "meta": {"a": [1, 2.5, True, None]}, "tokens_input": 3}),
    ]


def reservations_reader(folder: Path) -> Read:
    path = folder / f"{CALL.id}.json"
    run = folder / "runs" / CALL.id
    run.mkdir(parents=True)
    (run / "run.json").touch()

    def read(data: bytes) -> object:
        path.write_bytes(data)
        return Reservations(folder).held()

    return read


def reservations_seeds() -> list[bytes]:
    held = {
        "run_dir": f"runs/{CALL.id}",
        "period": "2026-11-22",
        "pid": os.getpid(),
        "usd": "0.25",
        "tokens": 100,
    }
    return [json.dumps(held).encode()]


def run_files_reader(folder: Path) -> Read:
    """``run.json`` and the lock's holder, a call that waits to be entered, a published spec."""
    run = RunFolder(folder / "runs" / CALL.id)
    run.path.mkdir(parents=True)
    (run.path / "lock").touch()

    def read(data: bytes) -> object:
        run.run_json.write_bytes(data)
        info = _or_error(run.info)
        attended = _or_error(run.is_attended)
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
        for name in (snapshot.FILE, parts.STATE_NAME):
            (change / name).write_bytes(data)
        base = _or_error(lambda: snapshot.load(project, change))
        adopted = _or_error(lambda: parts.adopt(change, part, [True, False]))
        (change / parts.STATE_NAME).write_bytes(data)
        return base, adopted, _or_error(lambda: parts.mark_done(change, part))

    return read


def notes_seeds() -> list[bytes]:
    block = {"sha256": "0" * 64, "text": "### Requirement: A\nIt SHALL.\n"}
    base = {"schema_version": 1, "specs": {"login.md": {"A": block, "B": None}}}
    done = {"begun": {"name": "src", "digest": "d", "calls": 1}, "done": {"lib": "e"}}
    return [json.dumps(base).encode(), json.dumps(done).encode()]


DIALECT = {dialect.name: dialect for dialect in DIALECTS}

TARGETS: dict[str, Target] = {
    **{
        f"stdout.{name}": Target(
            reader=partial(stdout_reader, name), seeds=partial(stdout_seeds, name), by_lines=True
        )
        for name in PROVIDERS
    },
    **{
        f"session_log.{name}": Target(
            reader=partial(log_reader, name), seeds=partial(log_seeds, name), by_lines=True
        )
        for name in PROVIDERS
    },
    **{
        f"dialect.{name}": Target(
            reader=partial(dialect_reader, dialect), seeds=partial(dialect_seeds, dialect)
        )
        for name, dialect in DIALECT.items()
    },
    **{
        f"telemetry.{name}": Target(
            reader=partial(telemetry_reader, name), seeds=partial(telemetry_seeds, name)
        )
        for name in ("claude", "codex")
    },
    "request_log": Target(reader=request_log_reader, seeds=request_log_seeds),
    "ledger": Target(reader=ledger_reader, seeds=ledger_seeds, odd=YAML),
    "ledger.others": Target(
        reader=ledger_against_others, seeds=ledger_seeds, odd=YAML, inputs=100_000
    ),
    "config": Target(reader=config_reader, seeds=config_seeds, odd=TOML),
    "verdict": Target(
        reader=verdict_reader,
        seeds=verdict_seeds,
        odd=WORDS,
    ),
    "tasks": Target(reader=tasks_reader, seeds=partial(documents_seeds, "tasks.md"), odd=WORDS),
    "specs": Target(reader=specs_reader, seeds=specs_seeds, odd=WORDS),
    "pipe": Target(reader=pipe_reader, seeds=pipe_seeds),
    "reservations": Target(reader=reservations_reader, seeds=reservations_seeds),
    "run_files": Target(reader=run_files_reader, seeds=run_files_seeds),
    "notes": Target(reader=notes_reader, seeds=notes_seeds),
}
