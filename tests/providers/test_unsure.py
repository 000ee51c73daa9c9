"""What stdout and session logs show to be missing is told, whoever else goes on in the session."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.recordings import recording
from support.session_logs import READERS, Log, edited, lines, named, rewrite

from agentd.metering.requests import ApiRequest
from agentd.providers import PROVIDERS
from agentd.providers.base import Logged, LogQuery, Parsed
from agentd.runner.run_folder import RunFolder
from agentd.runner.stdout import Reading


def parsed(cli: str, *events: dict[str, Any]) -> Parsed:
    parser = PROVIDERS[cli].cli().new_parser()
    for event in events:
        parser.feed(event)
    return parser.parsed()


def read(log: Log, home: Path, **known: Any) -> Logged:
    query = log.query(home)
    query = LogQuery(
        session_id=query.session_id,
        started_at=known.pop("started_at", query.started_at),
        cwd=query.cwd,
        environ=query.environ,
        **known,
    )
    logged = READERS[log.cli](query)
    assert logged is not None
    return logged


USAGE = {"input_tokens": 9, "output_tokens": 2}


def claude_message(name: str, usage: dict[str, Any] = USAGE) -> dict[str, Any]:
    block = {"type": "tool_use", "name": name, "input": {}}
    message = {"id": "m", "model": "big", "content": [block], "usage": usage}
    return {"type": "assistant", "message": message}


@pytest.mark.parametrize("tool", ["WebSearch", "WebFetch"])
def test_side_calls_of_claude_that_was_stopped(tool: str) -> None:
    stopped = parsed("claude", claude_message(tool))
    assert stopped.unsure == f"calls that {tool} made may be missing"
    used = {"inputTokens": 9, "outputTokens": 2}
    result = {"type": "result", "subtype": "success", "modelUsage": {"big": used}}
    assert parsed("claude", claude_message(tool), result).unsure is None
    assert parsed("claude", claude_message("Bash")).unsure is None


def test_side_calls_of_gemini() -> None:
    init = {"type": "init", "session_id": "s", "model": "gemini-2.5-pro"}
    search = {"type": "tool_use", "tool_name": "google_web_search"}
    result: dict[str, Any] = {"type": "result", "stats": {"models": {}}}
    assert parsed("gemini", init, search).unsure == (
        "calls that google_web_search made may be missing"
    )
    assert parsed("gemini", init | {"model": "auto"}).unsure == "calls of the router may be missing"
    assert parsed("gemini", init | {"model": "auto"}, result).unsure is None
    block = {"total_tokens": 12, "input_tokens": 9, "output_tokens": 2}
    result = {"type": "result", "stats": {"models": {"gemini-2.5-pro": block}}}
    told_apart = "thoughts and tool prompts of side calls are not told apart"
    assert parsed("gemini", init, search, result).unsure == told_apart
    assert parsed("gemini", init, result).unsure is None
    whole = {"type": "result", "stats": {"models": {"g": {**block, "total_tokens": 11}}}}
    fees = "the fees of its web searches are not known"
    assert parsed("gemini", init, search, whole).unsure == fees
    fetch = {"type": "tool_use", "tool_name": "web_fetch"}
    assert parsed("gemini", init, fetch, whole).unsure is None


@pytest.mark.parametrize(
    ("message", "cut"),
    [
        ("Reconnecting... 1/5 (stream disconnected before completion: closed)", True),
        ("stream disconnected before completion: idle timeout waiting for SSE", True),
        ("stream disconnected before completion: error sending request for url", False),
        ("stream disconnected before completion: Incomplete response returned", False),
        ("Reconnecting... 1/5 (exceeded retry limit, last status: 429)", False),
        ("Reconnecting... waiting for network (Connection failed: error)", False),
    ],
)
def test_codex_says_that_an_answer_was_cut(message: str, cut: bool) -> None:
    unsure = "an answer was cut" if cut else None
    assert parsed("codex", {"type": "error", "message": message}).unsure == unsure
    failed = {"type": "turn.failed", "error": {"message": message}}
    assert parsed("codex", failed).unsure == unsure
    old = {"id": "0", "msg": {"type": "stream_error", "message": message}}
    assert parsed("codex", old).unsure == unsure


def test_codex_names_its_subagents() -> None:
    told = parsed(
        "codex",
        {"type": "thread.started", "thread_id": "main"},
        {"type": "item.completed", "item": {"receiver_thread_ids": ["sub", "main"]}},
    )
    assert told.threads == {"sub"}
    log = named("codex", "subagent")
    home = log.folder / "home"
    sub = next(p for p in home.rglob("*.jsonl") if log.expected["session_id"] not in p.name)
    assert read(log, home, threads=frozenset({sub.stem[-36:]})).unsure is None
    missing = read(log, home, threads=frozenset({"other"}))
    assert missing.unsure == "the log of a subagent is missing"


def drop(number: int, kind: str) -> Callable[[dict[str, Any]], dict[str, Any] | None]:
    """Leave the entry ``number`` of this type out."""
    seen: list[str] = []

    def edit(entry: dict[str, Any]) -> dict[str, Any] | None:
        seen.append(str(entry["type"]))
        return None if entry["type"] == kind and seen.count(kind) == number else entry

    return edit


@pytest.mark.parametrize("number", [1, 2])
def test_codex_answer_without_its_record(number: int, tmp_path: Path) -> None:
    log = named("codex", "tool")
    logged = read(log, edited(log, tmp_path, drop(number, "token_usage_record")))
    assert (len(logged.requests), logged.unsure) == (1, "an answer came without usage, or was cut")


def test_codex_subagent_that_was_stopped_in_a_request(tmp_path: Path) -> None:
    """The main thread ended well meanwhile."""
    log = named("codex", "subagent")
    home = edited(log, tmp_path, lambda entry: entry)
    sub = next(p for p in home.rglob("*.jsonl") if log.expected["session_id"] not in p.name)
    entries = lines(sub)
    last = max(i for i, e in enumerate(entries) if e["payload"].get("type") == "token_count")
    aborted = {"type": "turn_aborted", "reason": "interrupted"}
    entries[last - 2 :] = [entries[last] | {"payload": aborted}]
    rewrite(sub, entries)
    logged = read(log, home)
    assert not logged.under_way
    assert logged.unsure == "a request of a subagent may have been under way at its end"


def test_codex_totals_of_two_that_write_at_once_do_not_hide_the_records(tmp_path: Path) -> None:
    log = named("codex", "resumed")

    def edit(entry: dict[str, Any]) -> dict[str, Any] | None:
        info = entry["payload"].get("info")
        if info:
            info["total_token_usage"]["input_tokens"] += 10**6
        return entry

    assert read(log, edited(log, tmp_path, edit)).requests == log.read().requests


@pytest.mark.parametrize("cli", ["claude", "codex"])
def test_a_person_in_the_same_session_is_not_counted(cli: str, tmp_path: Path) -> None:
    """The run's first, or the one whose requests stdout shows."""
    log = named(cli, "resumed")
    home = log.folder / "home"
    both = log.started_at - timedelta(days=1)
    first = read(log, home, started_at=both)
    ids = frozenset(str(one.id) for one in log.read().requests)
    assert not ids & {one.id for one in first.requests}
    if cli == "codex":
        assert len(read(log, home, started_at=both, turns=2).requests) == 4
        assert parsed("codex", *[{"type": "turn.started"}] * 2).turns == 2
    else:
        second = read(log, home, started_at=both, request_ids=ids)
        assert second.requests == log.read().requests


def test_a_person_who_goes_on_with_a_gemini_session(tmp_path: Path) -> None:
    log = named("gemini", "resumed")
    logged = read(log, log.folder / "home", started_at=log.started_at - timedelta(days=1))
    assert (len(logged.requests), logged.unsure) == (2, "somebody else went on in its session")


def last_answer(cli: str, **changes: Any) -> Callable[[list[dict[str, Any]]], None]:
    def change(entries: list[dict[str, Any]]) -> None:
        last = max(i for i, e in enumerate(entries) if e.get("type") == cli)
        entries[last].update(changes)

    return change


def changed(log: Log, tmp_path: Path, change: Callable[[list[dict[str, Any]]], None]) -> Logged:
    home = edited(log, tmp_path, lambda entry: entry)
    path = next(home.rglob("*.jsonl"))
    entries = lines(path)
    change(entries)
    rewrite(path, entries)
    return read(log, home)


def test_half_an_answer_that_gemini_takes_for_a_whole_one(tmp_path: Path) -> None:
    half = {"input": 3300, "output": 0, "cached": 0, "thoughts": 0, "tool": 0, "total": 3300}
    change = last_answer("gemini", tokens=half, content="Half an answer")
    cut = changed(named("gemini", "tool"), tmp_path, change).requests[-1]
    assert (cut.ended, cut.estimated) == (False, {"output_tokens"})
    assert (cut.usage.input_tokens, cut.usage.output_tokens > 1) == (3300, True)


def test_an_answer_of_gemini_without_tokens(tmp_path: Path) -> None:
    logged = changed(named("gemini", "tool"), tmp_path, last_answer("gemini", tokens=None))
    assert (len(logged.requests), logged.unsure) == (1, "an answer came without usage")


def test_claude_aborted_in_its_stream_and_between_two_requests() -> None:
    [done, cut] = named("claude", "sigint_in_stream").read().requests
    assert (done.exact, cut.exact, cut.is_cut) == (True, False, True)
    in_tool = named("claude", "sigint_in_tool").read()
    assert not in_tool.under_way  # the next request was never sent
    assert all(one.exact for one in in_tool.requests)


def test_claude_aborted_in_the_stream_of_its_only_request(tmp_path: Path) -> None:
    """No entry of its log tells an end, as in logs of old versions."""

    def only_the_last(entries: list[dict[str, Any]]) -> None:
        said = [one for one in entries if one.get("type") in ("user", "assistant")]
        entries[:] = [said[0], *said[3:]]

    [cut] = changed(named("claude", "sigint_in_stream"), tmp_path, only_the_last).requests
    assert (cut.exact, cut.is_cut) == (False, True)


@pytest.mark.parametrize("kept", [1, 3])  # the prompt alone; with a tool and what it said
def test_claude_interrupted_before_its_answer_began(kept: int, tmp_path: Path) -> None:
    def no_answer(entries: list[dict[str, Any]]) -> None:
        said = [one for one in entries if one.get("type") in ("user", "assistant")]
        del said[kept:-1]  # the last one says that the request was interrupted
        entries[:] = said

    logged = changed(named("claude", "sigint_in_stream"), tmp_path, no_answer)
    assert (logged.under_way, len(logged.requests)) == (True, kept // 3)
    in_stream = named("claude", "sigint_in_stream").read()
    assert not in_stream.under_way  # its answer had begun, and is there


def of_folder(tmp_path: Path, stdout: str) -> tuple[ApiRequest, ...]:
    folder = RunFolder.create(tmp_path, "run")
    folder.stdout.write_text(stdout)
    with closing(Reading(folder, PROVIDERS["claude"].cli())) as reading:
        return reading.finish().requests


def test_the_output_of_a_cut_answer_is_counted_from_what_stdout_shows(tmp_path: Path) -> None:
    stdout = recording("claude/2.1.330/stream_cut_then_ok_stream_json_partial").stdout
    cut, whole = of_folder(tmp_path, stdout)
    assert (cut.usage.input_tokens, cut.estimated) == (1111, {"output_tokens"})
    assert cut.usage.output_tokens == 5  # "Half an answe"
    assert whole.exact
    said = json.dumps("Half an answe")
    longer = stdout.replace(said, json.dumps("word " * 500))
    assert 400 < of_folder(tmp_path, longer)[0].usage.output_tokens < 900


def test_claude_makes_up_the_end_of_a_message_that_was_interrupted() -> None:
    message = {"id": "m", "model": "big", "usage": {"input_tokens": 9, "output_tokens": 1}}
    start = {"type": "message_start", "message": message}
    for reason, ended in ((None, False), ("end_turn", True), ("a_new_reason", True)):
        end = {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": USAGE}
        told = parsed("claude", *({"type": "stream_event", "event": one} for one in (start, end)))
        assert told.requests[0].ended is ended


def test_the_total_of_a_resumed_claude_may_be_more_than_its_main_loop() -> None:
    """Here the only request failed; in json mode, without events, that could be a cut answer."""
    used = {"inputTokens": 9, "outputTokens": 2}
    result = {"type": "result", "subtype": "success", "modelUsage": {"big": used}, "usage": {}}
    result["subagent_stats"] = {"spawned": 0}
    init = {"type": "system", "subtype": "init", "model": "big"}
    assert parsed("claude", init, result).unsure is None
    assert str(parsed("claude", result).unsure).startswith("it counts more than its main loop")
