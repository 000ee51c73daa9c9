"""A call that was metered at the wire, held against its requests and what else tells of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from support.recordings import recording
from support.run_samples import run_info
from support.state_samples import CALL

from agentd.meter.request_log import NAME, RequestLog
from agentd.metering.call import CallRecord
from agentd.metering.dialects import Asked
from agentd.metering.requests import ApiRequest
from agentd.metering.usage import add
from agentd.reports.audit.requests import check_requests
from agentd.reports.audit.runs import Run, open_run
from agentd.runner.run_folder import RunFolder

RECORDED = "claude/2.1.330/tool_stream_json_partial"
STARTED = datetime.fromisoformat("2026-10-01T12:00:00.5+00:00")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run of claude, which names the id of each request on stdout."""
    folder = RunFolder.create(tmp_path, CALL.id)
    folder.stdout.write_text(recording(RECORDED).stdout)
    folder.stderr.touch()
    info = run_info(
        "claude", call_id=CALL.id, cwd=str(tmp_path), started_at=STARTED, agentd_token="gone"
    )
    folder.write_info(info)
    call = replace(CALL, provider="claude")
    found = open_run(folder.path, call, (), {"HOME": str(tmp_path)})
    assert found is not None
    return found


def seen_at_the_wire(folder: Path, requests: Sequence[ApiRequest]) -> CallRecord:
    """The call of these requests, as it is entered."""
    log = RequestLog(folder / NAME)
    for number, one in enumerate(requests):
        log.started(str(number), Asked(model=one.model, body_bytes=10), input_tokens=5)
        log.ended(str(number), 200, [one])
    usage = add(one.usage for one in requests)
    return replace(CALL, provider="claude", usage=usage, usage_source="wire", requests=2)


def less(request: ApiRequest, tokens: int) -> ApiRequest:
    usage = replace(request.usage, output_tokens=request.usage.output_tokens - tokens)
    return replace(request, usage=usage)


def messages(call: CallRecord, run: Run, folder: Path) -> list[tuple[bool, str]]:
    found = check_requests(call, run, folder / call.id)
    return [(one.is_note, one.message) for one in found]


def test_what_agrees_is_not_told(tmp_path: Path, run: Run) -> None:
    requests = run.printed.requests
    assert len(requests) == 2
    assert all(one.id for one in requests)
    call = seen_at_the_wire(tmp_path / CALL.id, requests)
    assert messages(call, run, tmp_path) == []
    assert messages(replace(call, usage_source="stdout"), run, tmp_path) == []


def test_a_call_that_is_not_the_sum_of_its_requests(tmp_path: Path, run: Run) -> None:
    call = seen_at_the_wire(tmp_path / CALL.id, run.printed.requests)
    tokens = call.usage.input_tokens
    other = replace(call, usage=replace(call.usage, input_tokens=tokens + 1))
    told = f"by its 2 requests tokens_in is {tokens + 1}, not {tokens}"
    assert messages(other, run, tmp_path) == [(False, told)]
    cut = replace(other, accuracy="heuristic", why="answer cut after 3 tokens")
    assert messages(cut, run, tmp_path) == [(True, told)]


def test_a_request_of_which_stdout_has_more_and_one_that_went_past(
    tmp_path: Path, run: Run
) -> None:
    first, second = run.printed.requests
    call = seen_at_the_wire(tmp_path / CALL.id, [less(first, 1)])
    said = first.usage.output_tokens
    assert messages(call, run, tmp_path) == [
        (True, f"request {first.id}: stdout has tokens_out {said}, the wire {said - 1}"),
        (True, f"request {second.id} is on stdout, but was not seen at the wire"),
    ]
    bypassed = replace(call, accuracy="heuristic", why="relay bypassed")
    assert len(messages(bypassed, run, tmp_path)) == 1


def test_a_request_that_another_source_has_in_another_thread(tmp_path: Path, run: Run) -> None:
    """stdout has both in the main one; of a side call it can't know."""
    first, second = run.printed.requests
    subagent = replace(first, thread="subagent")
    call = seen_at_the_wire(tmp_path / CALL.id, [subagent, replace(second, thread="side")])
    told = "subagent={0.input_tokens}/{0.output_tokens}/{0.cache_read_input_tokens}/0.0,side={1}"
    side = "{0.input_tokens}/{0.output_tokens}/{0.cache_read_input_tokens}/0.0"
    threads = told.format(first.usage, side.format(second.usage))
    differs = (True, f"request {first.id}: stdout has it as main, the wire as subagent")
    assert messages(replace(call, threads=threads), run, tmp_path) == [differs]
    by_requests = f"tokens_out {second.usage.output_tokens}, not 1"
    wrong = threads.replace(f"/{second.usage.output_tokens}/", "/1/")
    assert messages(replace(call, threads=wrong), run, tmp_path) == [
        (True, f"by its requests thread side has {by_requests}"),
        differs,
    ]
