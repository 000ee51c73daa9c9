"""What is found of people's own sessions in the CLIs' logs, each request once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import tracemalloc
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from support.hand_sessions import CONFIG, SESSION, claude_line, claude_log, found_in, root, run_of
from support.session_logs import IMPORTED, Log, with_databases

from agentd.ledger.store import StateStore
from agentd.metering.usage import ModelUsage, add
from agentd.metering.words import UsageSource
from agentd.providers.claude import CLAUDE
from agentd.workflow.sessions import discover, log_cache
from agentd.workflow.sessions.manual_call import ManualCall

__all__ = ["root"]  # the fixture
RUN = {
    "call_id": "c1",
    "step": "review",
    "provider": "claude",
    "requested_model": None,
    "argv": ["claude"],
    "cwd": "",
    "resume_session_id": SESSION,
    "started_at": "2026-11-20T09:59:00+00:00",
    "agentd_pid": 1,
    "agentd_token": None,
}
WHOLE = [log for log in IMPORTED if "resumed" not in log.expected["scenario"]]


def usage_of(calls: list[ManualCall]) -> dict[str, ModelUsage]:
    parts: dict[str, list[ModelUsage]] = {}
    for one in calls:
        for model, usage in one.call.usage_by_model().items():
            parts.setdefault(model, []).append(replace(usage, variants=()))
    return {model: add(usages) for model, usages in parts.items()}


@pytest.mark.parametrize("log", WHOLE, ids=lambda log: f"{log.cli}-{log.folder.name}")
def test_a_log_has_the_same_for_import_as_for_its_run(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two readers take each usage block by the same function, and each request once."""
    monkeypatch.setenv("HOME", str(with_databases(log.folder / "home")))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    told = log.read()
    calls = discover.calls_everywhere()
    assert {one.call.session_id for one in calls} <= {log.expected["session_id"]}
    assert sum(one.call.requests or 0 for one in calls) == len(told.requests)
    by_model: dict[str, list[ModelUsage]] = {}
    for one in told.requests:
        by_model.setdefault(one.model, []).append(one.usage)
    assert usage_of(calls) == {model: add(usages) for model, usages in by_model.items()}


def test_archived_sessions_of_codex_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = next(log for log in WHOLE if log.cli == "codex")
    shutil.copytree(log.folder / "home", tmp_path / "home")
    codex = tmp_path / "home" / ".codex"
    (codex / "sessions").rename(codex / "archived_sessions")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert {one.call.session_id for one in discover.calls_everywhere()} == {
        log.expected["session_id"]
    }


def test_chats_of_an_older_gemini_are_known_by_the_hash_of_their_folder(root: Path) -> None:
    log = next(log for log in WHOLE if log.cli == "gemini")
    [chats] = log.folder.glob("home/.gemini/tmp/*/chats")
    place = Path.home() / ".gemini" / "tmp" / sha256(str(root).encode()).hexdigest()
    shutil.copytree(chats, place / "chats")
    assert {one.cwd for one in found_in(root)} == {str(root)}


def test_a_pipe_where_gemini_notes_its_folder_is_not_waited_for(root: Path) -> None:
    log = next(log for log in WHOLE if log.cli == "gemini")
    [chats] = log.folder.glob("home/.gemini/tmp/*/chats")
    place = Path.home() / ".gemini" / "tmp" / sha256(str(root).encode()).hexdigest()
    shutil.copytree(chats, place / "chats")
    os.mkfifo(place / ".project_root")
    found: list[ManualCall] = []
    read = threading.Thread(target=lambda: found.extend(found_in(root)), daemon=True)
    read.start()
    read.join(10)
    assert {one.cwd for one in found} == {str(root)}


def test_claude_shortens_the_name_of_a_long_folder(tmp_path: Path) -> None:
    path = tmp_path / ".claude" / "projects" / ("-" + 149 * "a" + "-1x2y3z") / "s.jsonl"
    path.parent.mkdir(parents=True)
    path.touch()
    environ = {"HOME": str(tmp_path)}
    logs = CLAUDE.session_logs
    assert logs
    assert list(logs.find(environ, [Path("/" + 200 * "a")])) == [path]
    assert not list(logs.find(environ, [Path("/" + 200 * "b")]))


def test_what_a_log_does_not_tell_is_not_exact(root: Path) -> None:
    untold = claude_line(2, root).replace('"usage":', '"used":')
    claude_log(root).write_text(claude_line(1, root) + untold)
    [call] = [one.call for one in found_in(root)]
    assert (call.requests, call.accuracy) == (1, "heuristic")
    assert call.why == "its log has lines that agentd does not understand"


def test_where_no_answer_tells_its_end_one_that_was_followed_by_another_is_whole(
    root: Path,
) -> None:
    lines = claude_line(1, root) + claude_line(2, root, at="2026-11-21T10:00:00Z")
    claude_log(root).write_text(lines.replace('"end_turn"', "null"))
    first, last = (one.call for one in found_in(root))
    assert (first.accuracy, first.why) == ("exact", None)
    assert (last.accuracy, last.why) == ("heuristic", "an answer was cut")


def test_only_what_is_new_is_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = claude_log(root)
    path.write_text(claude_line(1, root) + claude_line(2, root)[:-9])
    [first] = found_in(root)
    assert first.call.requests == 1
    read: list[bytes] = []
    take = log_cache._take

    def noted(log: log_cache.LogFile, line: bytes, markers: tuple[bytes, ...]) -> bool:
        read.append(line)
        return take(log, line, markers)

    monkeypatch.setattr(log_cache, "_take", noted)
    assert found_in(root) == [first]
    assert read == []
    with path.open("a") as handle:
        handle.write(claude_line(2, root)[-9:] + claude_line(3, root))
    [second] = found_in(root)
    assert second.call.requests == 3
    assert len(read) == 2
    path.write_text(claude_line(4, root) * 9)  # somebody wrote it anew
    [third] = found_in(root)
    assert third.call.requests == 1


def test_a_fork_is_counted_from_where_it_leaves(root: Path) -> None:
    origin, fork = SESSION, "00000000-0000-4000-8000-000000000000"
    claude_log(root).write_text(claude_line(1, root))
    copy = claude_line(1, root, session=fork, requestSessionId=origin)
    claude_log(root, fork).write_text(copy + claude_line(2, root, session=fork))
    assert {one.call.session_id: one.call.requests for one in found_in(root)} == {
        origin: 1,
        fork: 1,
    }
    claude_log(root).unlink()  # as claude does after a month
    assert [one.call.requests for one in found_in(root)] == [2]


def test_a_session_is_told_by_day_and_branch(root: Path) -> None:
    lines = [
        claude_line(1, root),
        claude_line(2, root, branch="other"),
        claude_line(3, root, branch="HEAD"),
        claude_line(4, root, at="2026-11-21T00:00:01Z"),
    ]
    claude_log(root).write_text("".join(lines))
    calls = found_in(root)
    assert [(one.branch, f"{one.first_at:%d}") for one in calls] == [
        (None, "20"),
        ("main", "20"),
        ("other", "20"),
        ("main", "21"),
    ]
    assert len({one.call.id for one in calls}) == 4
    assert found_in(root) == calls


def test_only_sessions_of_the_project_are_its_own(root: Path) -> None:
    inside, nested, beside = root / "sub", root / "nested", root.parent / "project-two"
    for number, folder in enumerate((root, inside, nested, beside)):
        folder.mkdir(exist_ok=True)
        claude_log(folder, home=root.parent).write_text(
            claude_line(number, folder, session=f"s{number}")
        )
    shutil.copytree(root / "agentd", nested / "agentd")
    assert [one.cwd for one in found_in(root)] == [str(root), str(inside)]


def test_a_folder_that_became_a_project_of_its_own_has_its_sessions(root: Path) -> None:
    below = root / "apps" / "web"
    (below / "agentd").mkdir(parents=True)
    claude_log(below, home=root.parent).write_text(claude_line(1, below))
    assert len(found_in(root)) == 1
    (below / "agentd" / "config.toml").write_text(CONFIG)
    assert found_in(root) == []
    (below / "agentd" / "config.toml").unlink()
    assert len(found_in(root)) == 1


def test_a_run_of_agentd_is_not_told_and_what_a_person_added_is(root: Path) -> None:
    path = claude_log(root)
    path.write_text(
        # The run ended at 10:00:02, by a clock of whole seconds.
        claude_line(1, root, at="2026-11-20T10:00:04Z")
        + claude_line(2, root, at="2026-11-20T12:00:00Z", output_tokens=77)
    )
    folder = root / "agentd" / "changes" / "add-oauth"
    store = StateStore(folder)
    store.create("add-oauth")
    store.append(run_of("c1"))
    [call] = [one.call for one in found_in(root)]
    assert call.usage.output_tokens == 77
    run_dir = store.runs_dir / "c2"
    run_dir.mkdir(mode=0o700)
    told = [{"id": "msg_2"}]  # whatever the clock said
    (run_dir / "requests.jsonl").write_text(json.dumps({"is": "told", "told": told}) + "\n")
    store.append(run_of("c2"))
    assert found_in(root) == []


@pytest.mark.parametrize(("source", "told_by_hand"), [("wire", [77]), ("stdout", [])])
def test_what_a_person_does_in_a_session_while_agentd_works_in_it_is_told(
    root: Path, source: UsageSource, told_by_hand: list[int]
) -> None:
    """The relay saw all of the run's requests, so that the others are not its."""
    claude_log(root).write_text(claude_line(1, root) + claude_line(2, root, output_tokens=77))
    store = StateStore(root / "agentd" / "changes" / "add-oauth")
    store.create("add-oauth")
    run_dir = store.runs_dir / "c1"
    run_dir.mkdir(parents=True, mode=0o700)
    told = [{"id": "msg_1"}]
    (run_dir / "requests.jsonl").write_text(json.dumps({"is": "told", "told": told}) + "\n")
    store.append(replace(run_of("c1"), usage_source=source))
    assert [one.call.usage.output_tokens for one in found_in(root)] == told_by_hand


@pytest.mark.parametrize("entered", [True, False])
def test_a_run_under_a_name_of_the_config_is_agentds(root: Path, entered: bool) -> None:
    """It went on with a person's session: its CLI's log has both."""
    claude_log(root).write_text(
        claude_line(1, root, at="2026-11-20T09:00:00Z", output_tokens=77) + claude_line(2, root)
    )
    store = StateStore(root / "agentd" / "changes" / "add-oauth")
    store.create("add-oauth")
    if entered:
        store.append(replace(run_of("c1"), provider="work"))
    else:
        run_dir = store.runs_dir / "c1"
        run_dir.mkdir(parents=True, mode=0o700)
        (run_dir / "run.json").write_text(
            json.dumps({**RUN, "provider": "work", "base": "claude", "cwd": str(root)})
        )
        (run_dir / "stdout").write_text("")
    assert [one.call.usage.output_tokens for one in found_in(root)] == [77]


def test_a_session_that_agentd_began_is_nobodys_work_by_hand(root: Path) -> None:
    """Its change was deleted, and with it the ledger that had the call."""
    prompt = {"type": "user", "message": {"role": "user", "content": "# agentd: step `review` of"}}
    quoted = json.dumps(prompt, separators=(",", ":")) + "\n"
    claude_log(root).write_text(quoted + claude_line(1, root))
    assert found_in(root) == []
    claude_log(root).write_text(claude_line(1, root) + quoted + claude_line(2, root))
    [call] = [one.call for one in found_in(root)]
    assert call.requests == 2


@pytest.mark.parametrize("resumes", [False, True])
def test_a_run_that_goes_on_is_agentds(root: Path, resumes: bool) -> None:
    claude_log(root).write_text(claude_line(1, root))
    run_dir = root / "agentd" / "changes" / "add-oauth" / "runs" / "c1"
    run_dir.mkdir(parents=True)
    StateStore(run_dir.parents[1]).create("add-oauth")
    info = {**RUN, "cwd": str(root), "resume_session_id": SESSION if resumes else None}
    (run_dir / "run.json").write_text(json.dumps(info))
    assert len(found_in(root)) == 1
    (run_dir / "stdout").write_text("" if resumes else f'{{"session_id":"{SESSION}"}}\n')
    assert found_in(root) == []


def test_a_log_is_read_line_by_line_and_a_row_is_kept_of_each_request(root: Path) -> None:
    """10 MB of what tools said take no more memory than their longest line."""

    def peak_bytes(chars: int) -> int:
        with claude_log(root).open("w") as log:
            for number in range(500):
                log.write(json.dumps({"type": "user", "content": "x" * chars}) + "\n")
                log.write(claude_line(number, root))
        tracemalloc.start()
        try:
            [one] = found_in(root)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert one.call.requests == 500
        return peak

    found_in(root)
    peak_bytes(1)  # loads what it needs
    assert peak_bytes(20_000) < peak_bytes(2) + 200_000


def test_what_was_read_before_takes_a_moment_and_no_log_takes_memory(root: Path) -> None:
    """A tenth of 200 MB, for which the second time is to take less than a second."""

    def imported() -> tuple[float, int]:
        """The seconds of processor time that the command took, and its most memory in bytes."""
        command = [sys.executable, "-m", "agentd", "import", "--json"]
        process = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024

    claude_log(root).write_text(claude_line(0, root))
    of_one_s, of_one_bytes = imported()
    tool = json.dumps({"type": "user", "content": "x" * 8_000}) + "\n"
    for session in range(10):
        numbers = range(1 + 250 * session, 251 + 250 * session)
        lines = (tool + claude_line(one, root, session=f"s{session}") for one in numbers)
        claude_log(root, f"s{session}").write_text("".join(lines))
    _, most_bytes = imported()
    assert any(imported()[0] - of_one_s < 0.1 for _ in range(3))
    assert most_bytes - of_one_bytes < 12_000_000
