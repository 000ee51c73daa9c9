"""Session logs as the real CLIs left them, against what the API served in each run."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.session_logs import LOGS, READERS, Log, edited, lines, named, rewrite

from agentd.metering.requests import usage_by_model
from agentd.metering.usage import ModelUsage
from agentd.providers.base import Logged, LogQuery

NAMES = ["/".join(log.folder.parts[-3:]) for log in LOGS]


def is_complete(logged: Logged) -> bool:
    """Whether it knows of nothing that it lacks."""
    ended = all(one.exact for one in logged.requests)
    return ended and not logged.under_way and logged.unsure is None and logged.side_calls is None


def used(logged: Logged) -> dict[str, ModelUsage]:
    return usage_by_model(logged.requests)


def at_most(usage: ModelUsage, limit: ModelUsage) -> bool:
    return all(a <= b for a, b in zip(usage.counts(), limit.counts(), strict=True))


@pytest.mark.parametrize("log", LOGS, ids=NAMES)
def test_the_log_says_what_was_served(log: Log) -> None:
    logged = log.read()
    if log.expected["log_shows"] == "complete":
        assert used(logged) == log.served
    else:  # the answer that was cut off is in no log
        assert all(at_most(u, log.served[m]) for m, u in used(logged).items())
        assert len(logged.requests) == log.expected.get("logged", log.expected["requests"] - 1)
    assert logged.model in log.served


@pytest.mark.parametrize("name", ["claude", "codex", "gemini", "pi"])
def test_a_pipe_in_the_place_of_a_log_is_not_waited_for(name: str, tmp_path: Path) -> None:
    log = next(log for log in LOGS if log.cli == name and log.read().requests)
    home = shutil.copytree(log.folder / "home", tmp_path / "home")
    for file in [*home.rglob("*.json*"), *home.rglob(".project_root")]:
        file.unlink()
        os.mkfifo(file)
    read = threading.Thread(target=lambda: found.append(log.read(home)), daemon=True)
    found: list[Logged | None] = []
    read.start()
    read.join(10)
    assert [one and one.requests for one in found] in ([None], [()])


@pytest.mark.parametrize("log", LOGS, ids=NAMES)
def test_a_log_says_when_something_may_be_missing(log: Log) -> None:
    name = NAMES[LOGS.index(log)]
    # Here the log alone can't tell; stdout does (or, of codex 0.58.0, nothing).
    unsure = (
        "claude/2.1.330/api_error",
        "codex/0.58.0/api_error",
        "gemini/0.61.0/api_error",
    )
    expected = not name.endswith("_in_stream") and name not in unsure
    if log.cli == "opencode":  # the title of a new session, and an answer whose tool has not run
        expected = log.folder.name == "resumed"
    assert is_complete(log.read()) == expected


@pytest.mark.parametrize("cli", READERS)
def test_every_cli_has_logs_of_all_kinds(cli: str) -> None:
    kinds = {log.folder.name for log in LOGS if log.cli == cli}
    assert kinds >= {
        "api_error",
        "resumed",
        "sigint_in_stream",
        "sigint_in_tool",
        "sigkill_in_tool",
        *(("sigkill_in_subagent", "subagent") if cli != "pi" else ()),  # it has no subagents
    }


@pytest.mark.parametrize("log", LOGS, ids=NAMES)
def test_a_torn_log_never_says_more(log: Log, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(log.folder / "home", home)
    for path in home.rglob("*.jsonl"):
        whole = path.read_bytes()
        for size in range(0, len(whole), len(whole) // 7 + 1):
            path.write_bytes(whole[:size])
            logged = log.read(home)
            if logged is not None:
                billed = log.served
                assert all(at_most(u, billed[m]) for m, u in used(logged).items())
        path.write_bytes(whole)


@pytest.mark.parametrize("log", LOGS, ids=NAMES)
def test_earlier_runs_of_the_session_are_not_counted(log: Log) -> None:
    later = log.read(started_at=log.started_at + timedelta(days=1))
    assert later is None or not later.requests


@pytest.mark.parametrize("log", LOGS, ids=NAMES)
def test_later_prompts_of_the_session_are_not_counted(log: Log) -> None:
    """They are of somebody who goes on in it; codex 0.58.0 does not tell them apart."""
    first = log.read(started_at=log.started_at - timedelta(days=1))
    if log.folder.name.startswith("resumed") and log.folder.parts[-2] != "0.58.0":
        assert len(first.requests) == 2
        assert not {one.ended_at for one in first.requests} & {
            one.ended_at for one in log.read().requests
        }
    elif not log.folder.name.startswith("resumed"):
        assert first == log.read()


def without_records(entry: dict[str, Any]) -> dict[str, Any] | None:
    return None if entry["type"] == "token_usage_record" else entry


CODEX_NEW = [log for log in LOGS if log.cli == "codex" and log.folder.parts[-2] == "0.169.0"]


@pytest.mark.parametrize("log", CODEX_NEW, ids=lambda log: log.folder.name)
def test_codex_token_counts_alone(log: Log, tmp_path: Path) -> None:
    logged = log.read(edited(log, tmp_path, without_records))
    kind = log.folder.name
    if kind in ("sigkill_in_tool", "sigkill_in_subagent"):  # counted when the tool has run
        assert logged is None or all(at_most(u, log.served[m]) for m, u in used(logged).items())
    else:
        assert used(logged) == log.served


def test_codex_totals_that_do_not_add_up_are_unknown(tmp_path: Path) -> None:
    log = named("codex", "resumed")

    def edit(entry: dict[str, Any]) -> dict[str, Any] | None:
        info = entry["payload"].get("info")
        if info and info["total_token_usage"] != info["last_token_usage"]:
            info["total_token_usage"]["input_tokens"] += 1
        return without_records(entry)

    assert log.read(edited(log, tmp_path, edit)) is None


@pytest.mark.parametrize("kind", ["forked_subagent_gpt6", "subagent"])
def test_codex_subagents_of_subagents_and_copied_history(kind: str, tmp_path: Path) -> None:
    log = named("codex", kind)
    home = edited(log, tmp_path, lambda entry: entry)
    main_id, sub_id = log.expected["session_id"], "11111111-0000-0000-0000-000000000000"
    main, sub = sorted(home.rglob("*.jsonl"), key=lambda path: main_id not in path.name)
    child = sub.name.removesuffix(".jsonl")[-36:]
    with sub.open("a") as handle:  # what a fork copies of its parent is the parent's
        handle.writelines(line + "\n" for line in main.read_text().splitlines() if "usage" in line)
    again = sub.read_text().replace(child, sub_id).replace(f'"parent_thread_id":"{main_id}"', "@")
    sub.with_name(f"rollout-2026-11-23T00-00-00-{sub_id}.jsonl").write_text(
        again.replace("@", f'"parent_thread_id":"{child}"')
    )
    grown = len(log.read(home).requests) - len(log.read().requests)
    assert grown == 2  # the new thread's own; nothing of what was copied


def test_codex_killed_in_its_first_request(tmp_path: Path) -> None:
    log = named("codex", "plain")
    home = edited(log, tmp_path, lambda entry: entry)
    (path,) = home.rglob("*.jsonl")
    entries = lines(path)
    begun = [entry["type"] for entry in entries].index("turn_context")
    rewrite(path, entries[: begun + 1])
    logged = log.read(home)
    assert (logged.under_way, logged.requests) == (True, ())


def test_codex_one_of_two_tools_still_running(tmp_path: Path) -> None:
    log = named("codex", "sigkill_in_tool")
    home = edited(log, tmp_path, lambda entry: entry)
    path = next(path for path in home.rglob("*.jsonl"))
    with path.open("a") as handle:
        for kind in ("function_call", "function_call_output"):
            payload = {"type": kind, "call_id": "other", "output": "done"}
            entry = {"timestamp": "2026-11-22T23:59:59Z", "type": "response_item"}
            handle.write(json.dumps(entry | {"payload": payload}, separators=(",", ":")) + "\n")
    assert is_complete(log.read(home))


def told(kind: str, inner: str, **payload: Any) -> dict[str, Any]:
    at = "2026-11-29T23:59:59Z"
    return {"timestamp": at, "type": kind, "payload": {"type": inner} | payload}


@pytest.mark.parametrize("recorded", [True, False])
def test_codex_searches_and_tier_are_those_of_the_answer_that_follows(
    recorded: bool, tmp_path: Path
) -> None:
    log = named("codex", "tool")
    left_out = {"thread_settings_applied"} | (set() if recorded else {"token_usage_record"})

    def edit(entry: dict[str, Any]) -> dict[str, Any] | None:
        return None if {entry["type"], entry["payload"].get("type")} & left_out else entry

    home = edited(log, tmp_path, edit)
    (path,) = home.rglob("*.jsonl")
    entries = lines(path)
    settings = {
        "thread_id": log.expected["session_id"],
        "thread_settings": {"service_tier": "flex"},
    }
    others = {"thread_id": "other", "thread_settings": {"service_tier": "priority"}}
    added = [
        told("event_msg", "thread_settings_applied", **settings),
        told("event_msg", "thread_settings_applied", **others),
        told("response_item", "web_search_call", action={"type": "search", "query": "a"}),
        told("response_item", "web_search_call", action={"type": "open_page"}),
        told("response_item", "web_search_call", action={"type": "search", "query": "b"}),
    ]
    begun = [entry["type"] for entry in entries].index("turn_context") + 1
    rewrite(path, [*entries[:begun], *added, *entries[begun:]])
    first, *later = log.read(home).requests
    assert (first.web_searches, [one.web_searches for one in later]) == (2, [0] * len(later))
    assert {one.variants for one in (first, *later)} == {(("service_tier", "flex"),)}


def test_a_subagent_may_be_the_one_that_was_cut_off(tmp_path: Path) -> None:
    log = named("gemini", "sigkill_in_subagent")
    home = edited(log, tmp_path, lambda entry: entry)
    sub = next(path for path in home.rglob("*.jsonl") if not path.name.startswith("session-"))
    entries = lines(sub)
    last = max(i for i, entry in enumerate(entries) if entry.get("type") == "gemini")
    rewrite(sub, entries[:last])
    assert is_complete(log.read())
    assert not is_complete(log.read(home))


def test_gemini_takes_an_answer_that_was_cut_after_a_tool_for_the_whole(tmp_path: Path) -> None:
    log = next(log for log in LOGS if log.cli == "gemini" and is_complete(log.read()))

    def cut(entry: Any) -> Any:
        is_last = entry.get("type") == "gemini" and "toolCalls" not in entry and entry["content"]
        tokens = {"input": 900, "output": 0, "cached": 0, "thoughts": 0, "tool": 0, "total": 900}
        return entry | {"tokens": tokens} if is_last else entry

    last = log.read(edited(log, tmp_path, cut)).requests[-1]
    assert (last.usage.input_tokens, last.ended) == (900, False)
    assert last.estimated == {"output_tokens"}


def test_claude_logs_zeros_where_the_api_told_no_usage(tmp_path: Path) -> None:
    log = next(log for log in LOGS if log.cli == "claude" and is_complete(log.read()))
    last = log.read().requests[-1].id

    def untold(entry: Any) -> Any:
        message = entry.get("message", {})
        usage = {"input_tokens": 0, "output_tokens": 0}
        return (
            entry | {"message": message | {"usage": usage}} if message.get("id") == last else entry
        )

    found = log.read(edited(log, tmp_path, untold)).requests[-1]
    assert (found.id, found.ended) == (last, False)


def test_requests_stand_in_the_order_they_were_finished() -> None:
    models = [one.model for one in named("codex", "subagent_gpt6").read().requests]
    assert "gpt-6-luna" in models[:-1]
    assert models[-1] == "gpt-6.1-sol"


@pytest.mark.parametrize("cli", ["claude", "gemini"])
def test_messages_written_again_at_resume_keep_their_time(cli: str, tmp_path: Path) -> None:
    log = named(cli, "resumed")
    home = edited(log, tmp_path, lambda entry: entry)
    (path,) = home.rglob("*.jsonl")
    entries = lines(path)
    later = {"timestamp": "2026-11-22T23:59:59Z"}
    rewrite(
        path, entries + [e | later for e in entries if e.get("type") in ("assistant", "gemini")]
    )
    assert log.read(home).requests == log.read().requests


@pytest.mark.parametrize("minute", ["2026-01-01T00-00", "2026-12-31T23-59"])
def test_a_second_file_of_a_resumed_gemini_session_hides_nothing(
    minute: str, tmp_path: Path
) -> None:
    """gemini 0.61.0 leaves one with no request in it, named after the minute of the resume."""
    log = named("gemini", "resumed")
    home = edited(log, tmp_path, lambda entry: entry)
    (path,) = home.rglob("session-*.jsonl")
    rewrite(path.with_name(f"session-{minute}-{path.name[-14:]}"), lines(path)[:1])
    assert len(list(home.rglob("session-*.jsonl"))) == 2
    assert log.read(home).requests == log.read().requests


def renamed(key: str) -> Callable[[dict[str, Any]], dict[str, Any] | None]:
    return lambda entry: json.loads(json.dumps(entry).replace(f'"{key}"', f'"{key}2"'))


def wrong(key: str) -> Callable[[dict[str, Any]], dict[str, Any] | None]:
    return lambda entry: json.loads(re.sub(rf'("{key}": )(\d)', r"\1-\2", json.dumps(entry)))


UNKNOWN = {
    "claude": [renamed("input_tokens"), wrong("output_tokens"), renamed("model")],
    "codex": [
        lambda e: renamed("token_count")(e) if without_records(e) else None,
        renamed("input_tokens"),
        wrong("output_tokens"),
        renamed("model"),
        renamed("id"),
        renamed("turn_id"),
    ],
    "gemini": [renamed("tokens"), renamed("input"), wrong("output"), renamed("model")],
}


@pytest.mark.parametrize(
    ("cli", "edit"), [(cli, edit) for cli, edits in UNKNOWN.items() for edit in edits]
)
def test_an_unknown_shape_is_not_guessed_at(
    cli: str, edit: Callable[[dict[str, Any]], dict[str, Any] | None], tmp_path: Path
) -> None:
    log = named(cli, "subagent")
    assert log.read(edited(log, tmp_path, edit)) is None


@pytest.mark.parametrize("cli", READERS)
@pytest.mark.parametrize(
    "session_id", ["../../etc", "", "*", "a**", "00000000-0000-0000-0000-000000000000"]
)
def test_no_such_session(cli: str, session_id: str, tmp_path: Path) -> None:
    log = next(log for log in LOGS if log.cli == cli)
    for home in (log.folder / "home", tmp_path, tmp_path / "missing"):
        query = LogQuery(
            session_id=session_id,
            started_at=log.started_at,
            cwd=tmp_path,
            environ={"HOME": str(home)},
        )
        assert READERS[cli](query) is None


@pytest.mark.parametrize(
    ("cli", "name", "below"),
    [
        ("claude", "CLAUDE_CONFIG_DIR", ".claude"),
        ("codex", "CODEX_HOME", ".codex"),
        ("gemini", "GEMINI_CLI_HOME", "."),
    ],
)
def test_each_cli_has_a_home_of_its_own(cli: str, name: str, below: str) -> None:
    log = next(log for log in LOGS if log.cli == cli)
    query = log.query()
    moved = LogQuery(
        session_id=query.session_id,
        started_at=query.started_at,
        cwd=query.cwd,
        environ={"HOME": "/nowhere", name: str(log.folder / "home" / below)},
    )
    assert READERS[cli](moved) == log.read()
    empty = LogQuery(
        session_id=query.session_id, started_at=query.started_at, cwd=query.cwd, environ={}
    )
    assert READERS[cli](empty) is None
