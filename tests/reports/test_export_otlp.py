"""``agentd export --format otlp``: read by the official protobuf classes."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from google.protobuf import json_format
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status, TracesData
from support.cost_box import add, call
from support.export_box import export_box
from support.workspace import Sandbox

from agentd.cli import export
from agentd.reports.export import FOCUS_VERSIONS, FORMATS
from agentd.workflow.otel.names import USAGE


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    return export_box(tmp_path_factory.mktemp("otlp"))


def spans(text: str) -> list[Span]:
    found = []
    for line in text.splitlines():
        data = json.loads(line)
        [span] = data["resourceSpans"][0]["scopeSpans"][0]["spans"]
        for key in ("traceId", "spanId"):  # OTLP has hexadecimal digits where protobuf has base64
            span[key] = base64.b64encode(bytes.fromhex(span[key])).decode()
        parsed = json_format.ParseDict(data, TracesData())
        found += parsed.resource_spans[0].scope_spans[0].spans
    return found


def attributes(span: Span) -> dict[str, Any]:
    return {
        one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in span.attributes
    }


def test_the_help_names_what_there_is() -> None:
    assert get_args(export.Format) == tuple(FORMATS)
    assert get_args(export.FocusVersion) == FOCUS_VERSIONS


def test_a_span_for_each_call(box: Sandbox) -> None:
    text = box.ok("export", "--all", "--format", "otlp")
    assert text == box.ok("export", "--all", "--format", "otlp")
    found = spans(text)
    told = [attributes(span) for span in found]
    assert [each["agentd.call.id"] for each in told] == [f"c{number}" for number in range(8)]
    assert {(len(span.trace_id), len(span.span_id)) for span in found} == {(16, 8)}
    assert len({span.trace_id for span in found}) == 2
    assert len({span.span_id for span in found}) == 8
    assert found[3].name == "invoke_agent claude"
    assert found[3].end_time_unix_nano - found[3].start_time_unix_nano == 2_001_000_000
    assert told[3]["gen_ai.usage.input_tokens"] == 300
    assert {*USAGE} <= {*told[3]}
    assert (told[3]["agentd.cost.amount"], told[3]["agentd.cost.currency"]) == (0.37, "USD")
    assert told[1]["gen_ai.conversation.id"] == "s-1"
    assert found[1].start_time_unix_nano == 1_796_083_199_000_000_000


def test_what_is_missing_has_no_amount_and_what_failed_is_an_error(box: Sandbox) -> None:
    found = spans(box.ok("export", "--format", "otlp"))
    told = {attributes(span)["agentd.call.id"]: attributes(span) for span in found}
    assert [name for name in told if "agentd.cost.amount" not in told[name]] == ["c5", "c6"]
    assert [told[name]["agentd.cost.status"] for name in ("c4", "c5", "c6")] == [
        *("local", "unpriced", "unknown"),
    ]
    assert told["c4"]["agentd.cost.amount"] == 0
    assert "gen_ai.usage.input_tokens" not in told["c6"]
    [failed] = [span for span in found if span.status.code == Status.STATUS_CODE_ERROR]
    assert attributes(failed)["error.type"] == failed.status.message == "failed"
    assert told["c1"]["gen_ai.provider.name"] == "gcp.gemini"
    assert told["c7"]["gen_ai.provider.name"] == "openrouter"


def test_a_call_without_a_time_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    box = export_box(tmp_path_factory.mktemp("timeless"))
    add(box, "timeless", call(20, started_at=None))
    done = box.run("export", "timeless", "--format", "otlp")
    assert (done.stdout, done.stderr) == (
        "",
        "note: 1 call without a time since 1970 left out: a span has one.\n",
    )


def test_a_time_that_no_span_can_have_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    box = export_box(tmp_path_factory.mktemp("ages"))
    before, late = datetime(1969, 12, 31, tzinfo=UTC), datetime(2553, 12, 31, tzinfo=UTC)
    long_ms = 20 * 365 * 86_400_000
    add(box, "ages", call(20, started_at=before), call(21, started_at=late, duration_ms=long_ms))
    done = box.run("export", "ages", "--format", "otlp")
    [span] = spans(done.stdout)
    assert span.start_time_unix_nano < span.end_time_unix_nano < 1 << 64
    assert done.stderr == "note: 1 call without a time since 1970 left out: a span has one.\n"
