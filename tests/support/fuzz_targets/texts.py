"""What people and agents write: config.toml, the documents of a change, lines for the pipe."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

from agentd.config import values
from agentd.config.load import load, load_to_report
from agentd.documents import coverage, fix, printed, tasks, verdict
from agentd.metering.pricing import PriceBook
from agentd.metering.usage import MAX_TOKENS, UsageMetrics
from agentd.pipe.batch import LineOptions, count_chunk
from agentd.pipe.json_lines import FieldPath
from agentd.pipe.line_totals import Limits
from agentd.pipe.models import Models
from agentd.specs import apply, deltas, mains
from support.fuzz_targets.recorded import entered
from support.fuzzing import Read, as_line, or_error
from support.recordings import FIXTURES
from support.run_samples import BEGAN
from support.state_samples import CALL

_PACKAGE = Path(values.__file__).parents[1]


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
    template = (_PACKAGE / "config" / "template.toml").read_bytes()
    pieces = [path.read_bytes() for path in sorted((_PACKAGE / "providers").glob("*/config.toml"))]
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
        delta = or_error(lambda: deltas.parse_delta(text, "specs/a.md"))
        spec = or_error(lambda: mains.parse_main(text, "specs/a.md"))
        merged = None
        if isinstance(delta, deltas.Delta):
            arguments = {"capability": "login", "change_id": "x"}
            merged = [
                or_error(partial(apply.merge, base, delta, {}, **arguments))
                for base in (None, main, text)
            ]
        return delta, spec, merged, fix.fix_spec(text, is_new=True)

    return read


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
