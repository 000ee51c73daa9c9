"""Every failed run has a typed reason: from events and exit codes, never from the agent's text."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import run_samples
from support.recordings import RECORDINGS, Recording, recording
from support.run_samples import run_info

from agentd.metering.words import CallStatus
from agentd.providers import PROVIDERS
from agentd.providers.codex.failures import resets_at
from agentd.providers.failure import Failure, Reason, reason_of_status
from agentd.runner.result import RunResult
from agentd.runner.run_folder import RunFolder

STARTED = datetime(2026, 11, 22, 10, 40, tzinfo=UTC)
CLAUDE, CODEX, GEMINI = "claude/2.1.330", "codex/0.169.0", "gemini/0.61.0"


def concluded(
    folder: Path,
    provider: str,
    stdout: bytes,
    exit_code: int,
    *,
    stderr: bytes = b"",
    resumed: str | None = None,
    status: CallStatus | None = None,
) -> RunResult:
    """What agentd makes of a run that printed this and ended so, ten minutes after STARTED."""
    run = RunFolder.create(folder, "call")
    run.stdout.write_bytes(stdout)
    run.stderr.write_bytes(stderr)
    run.prompt.write_text("say hi")
    info = run_info(
        provider, cwd=str(folder), resume_session_id=resumed, started_at=STARTED, call_id="call"
    )
    return run_samples.concluded(
        run.path,
        info,
        PROVIDERS[provider].cli(),
        home=folder,
        status=status,
        exit_code=exit_code,
        duration_ms=600_000,
    )


def replayed(r: Recording, folder: Path, status: CallStatus | None = None) -> RunResult:
    stderr = r.folder / "stderr"
    return concluded(
        folder,
        r.cli,
        r.stdout.encode(),
        json.loads((r.folder / "expected.json").read_text())["exit"],
        stderr=stderr.read_bytes() if stderr.exists() else b"",
        resumed="an-id" if {"resume", "--resume"} & set(r.argv) else None,
        status=status,
    )


@pytest.fixture
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The zone that the recordings were made in."""
    with zone("UTC", monkeypatch):
        yield


@contextlib.contextmanager
def zone(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    try:
        with monkeypatch.context() as patch:
            patch.setenv("TZ", name)
            time.tzset()
            yield
    finally:
        time.tzset()


REASONS: list[tuple[str, Reason]] = [
    ("pi/1.6.0/no_key", "auth"),
    (f"{CLAUDE}/err400_json", "refused"),
    (f"{CLAUDE}/err401_default_retries_stream_json", "auth"),
    (f"{CLAUDE}/err401_json", "auth"),
    (f"{CLAUDE}/err401_stream_json", "auth"),
    (f"{CLAUDE}/err403_stream_json", "auth"),
    (f"{CLAUDE}/err404_stream_json", "refused"),
    (f"{CLAUDE}/err429_json", "rate_limit"),
    (f"{CLAUDE}/err429_stream_json", "rate_limit"),
    (f"{CLAUDE}/err500_json", "overloaded"),
    (f"{CLAUDE}/err503_stream_json", "overloaded"),
    (f"{CLAUDE}/err529_json", "overloaded"),
    (f"{CLAUDE}/err529_stream_json", "overloaded"),
    (f"{CLAUDE}/err_mid_500_stream_json", "overloaded"),
    (f"{CLAUDE}/connection_refused_stream_json", "network"),
    (f"{CLAUDE}/dns_stream_json", "network"),
    (f"{CLAUDE}/max_budget_json", "budget"),
    (f"{CLAUDE}/no_credit_stream_json", "auth"),
    (f"{CLAUDE}/no_key_stream_json", "auth"),
    (f"{CLAUDE}/prompt_too_long_stream_json", "refused"),
    (f"{CLAUDE}/refusal_stream_json", "refused"),
    (f"{CLAUDE}/root_skip_permissions", "no_result"),
    (f"{CLAUDE}/sigterm_stream_json", "no_result"),
    (f"{CLAUDE}/unknown_session_stream_json", "unknown_session"),
    (f"{CLAUDE}/usage_limit_stream_json", "rate_limit"),
    ("claude/1.0.76/err401_json", "auth"),
    ("claude/1.0.76/err_mid_500_json", "overloaded"),
    ("claude/1.0.76/max_turns_json", "budget"),
    ("claude/2.0.45/err401_json", "auth"),
    ("claude/2.0.45/err500_json", "overloaded"),
    ("claude/2.0.45/max_turns_json", "budget"),
    (f"{CODEX}/at_capacity_json", "overloaded"),
    (f"{CODEX}/connection_refused_json", "network"),
    (f"{CODEX}/err400_json", "refused"),
    (f"{CODEX}/err401_json", "auth"),
    (f"{CODEX}/err403_json", "auth"),
    (f"{CODEX}/err404_json", "refused"),
    (f"{CODEX}/err429_json", "rate_limit"),
    (f"{CODEX}/err500_json", "overloaded"),
    (f"{CODEX}/err503_json", "overloaded"),
    (f"{CODEX}/err529_json", "overloaded"),
    (f"{CODEX}/err_mid_500_json", "overloaded"),
    (f"{CODEX}/no_key_json", "auth"),
    (f"{CODEX}/no_quota_json", "auth"),
    (f"{CODEX}/no_room_json", "refused"),
    (f"{CODEX}/rate_limit_in_stream_json", "rate_limit"),
    (f"{CODEX}/sigint_json", "no_result"),
    (f"{CODEX}/slow_down_in_stream_json", "rate_limit"),
    (f"{CODEX}/stream_cut_json", "network"),
    (f"{CODEX}/tool_full_auto_json", "refused"),
    (f"{CODEX}/unknown_session_json", "unknown_session"),
    (f"{CODEX}/usage_limit_json", "rate_limit"),
    (f"{CODEX}/usage_limit_today_json", "rate_limit"),
    ("codex/0.34.0/err401_json", "auth"),
    ("codex/0.34.0/err_mid_500_json", "overloaded"),
    ("codex/0.34.0/session_resume2_json", "unknown_session"),  # it can't resume: start afresh
    ("codex/0.58.0/err401_json", "auth"),
    ("codex/0.58.0/err500_json", "overloaded"),
    (f"{GEMINI}/bad_key_stream_json", "auth"),
    (f"{GEMINI}/connection_refused_stream_json", "network"),
    (f"{GEMINI}/dns_stream_json", "network"),
    (f"{GEMINI}/err400_json", "refused"),
    (f"{GEMINI}/err401_json", "auth"),
    (f"{GEMINI}/err401_stream_json", "auth"),
    (f"{GEMINI}/err403_stream_json", "auth"),
    (f"{GEMINI}/err404_stream_json", "refused"),
    (f"{GEMINI}/err429_day_stream_json", "rate_limit"),
    (f"{GEMINI}/err429_minute_stream_json", "rate_limit"),
    (f"{GEMINI}/err429_stream_json", "rate_limit"),
    (f"{GEMINI}/err500_stream_json", "overloaded"),
    (f"{GEMINI}/err503_stream_json", "overloaded"),
    (f"{GEMINI}/err529_stream_json", "overloaded"),
    (f"{GEMINI}/max_turns_json", "budget"),
    (f"{GEMINI}/max_turns_stream_json", "budget"),
    (f"{GEMINI}/no_key_json", "auth"),
    (f"{GEMINI}/no_key_stream_json", "auth"),
    (f"{GEMINI}/sigterm_group_stream_json", "no_result"),
    (f"{GEMINI}/stream_cut_stream_json", "no_result"),
    (f"{GEMINI}/unknown_session_stream_json", "unknown_session"),
    (f"{GEMINI}/untrusted_json", "refused"),
    ("gemini/0.17.1/err401_json", "auth"),
    ("gemini/0.17.1/err_mid_400_json", "refused"),
]


@pytest.mark.parametrize(("path", "reason"), REASONS, ids=[path for path, _ in REASONS])
def test_reason_of_a_recording(path: str, reason: Reason, tmp_path: Path) -> None:
    result = replayed(recording(path), tmp_path)
    assert result.status == "failed"
    assert result.failure is not None
    assert result.failure.reason == reason
    assert result.failure.message == result.error


def test_a_run_has_a_failure_unless_it_is_ok(tmp_path: Path) -> None:
    for number, r in enumerate(RECORDINGS):
        result = replayed(r, tmp_path / str(number))
        assert (result.failure is None) == (result.status == "ok"), r.id


@pytest.mark.parametrize(
    ("path", "resets"),
    [
        (f"{CLAUDE}/usage_limit_stream_json", datetime(2026, 11, 23, 2, 13, 20, tzinfo=UTC)),
        (f"{CLAUDE}/err429_stream_json", None),
        (f"{CODEX}/usage_limit_json", datetime(2026, 11, 23, 2, 14, tzinfo=UTC)),
        (f"{CODEX}/usage_limit_today_json", datetime(2026, 11, 22, 11, 14, tzinfo=UTC)),
        (f"{CODEX}/err429_json", None),
        (f"{GEMINI}/err429_minute_stream_json", STARTED + timedelta(seconds=634.5)),
        (f"{GEMINI}/err429_stream_json", None),
        (f"{GEMINI}/err429_day_stream_json", None),
    ],
)
@pytest.mark.usefixtures("in_utc")
def test_reset_time_of_a_rate_limit(path: str, resets: datetime | None, tmp_path: Path) -> None:
    failure = replayed(recording(path), tmp_path).failure
    assert failure is not None
    assert failure.resets_at == resets


@pytest.mark.parametrize(
    ("zone_name", "told", "resets"),
    [
        ("America/New_York", "Nov 22nd, 2026 9:13 PM", "2026-11-23T02:14:00+00:00"),
        ("America/New_York", "9:13 PM", "2026-11-23T02:14:00+00:00"),
        ("Asia/Tokyo", "12:00 AM", "2026-11-21T15:01:00+00:00"),
        ("UTC", "12:30 PM", "2026-11-22T12:31:00+00:00"),
        ("UTC", "Dec 1st, 2026 3:04 PM", "2026-12-01T15:05:00+00:00"),
        ("UTC", "Foo 1st, 2026 3:04 PM", None),
        ("UTC", "Feb 30th, 2026 3:04 PM", None),
        ("UTC", "99:99 PM", None),
    ],
)
def test_reset_time_that_codex_tells_in_local_time(
    zone_name: str, told: str, resets: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zone(zone_name, monkeypatch):
        got = resets_at(f"You’ve hit your usage limit. Or try again at {told}.", STARTED)
    assert got == (datetime.fromisoformat(resets) if resets else None)


TRICKS: dict[str, list[dict[str, object]]] = {
    "claude": [
        {
            "type": "assistant",
            "message": {
                "id": "m",
                "model": "m",
                "content": [{"type": "text", "text": "API Error: 429 rate limit"}],
                "usage": {"input_tokens": 1, "output_tokens": 1},
            },
        },
        {"type": "rate_limit_event", "rate_limit_info": {"status": "allowed", "resetsAt": 1}},
        {
            "type": "result",
            "subtype": "error_during_execution",
            "is_error": True,
            "usage": {"input_tokens": 1, "output_tokens": 1},
            "errors": ["the tool said: No conversation found with session ID: x", "429"],
        },
    ],
    "codex": [
        {"type": "thread.started", "thread_id": "t"},
        {
            "type": "item.completed",
            "item": {"type": "agent_message", "text": "unexpected status 429 Too Many Requests"},
        },
        {
            "type": "turn.failed",
            "error": {"message": "the tool said: exceeded retry limit, last status: 401"},
        },
    ],
    "gemini": [
        {"type": "init", "session_id": "s", "model": "m"},
        {
            "type": "message",
            "role": "assistant",
            "content": '[API Error: {"error":{"code":429}}]\nSuggested retry after 5s.]',
        },
        {
            "type": "result",
            "status": "error",
            "error": {"type": "unknown", "message": 'it said [API Error: {"error":{"code":401}}]'},
            "stats": {"input_tokens": 1, "output_tokens": 1},
        },
    ],
}


@pytest.mark.parametrize("provider", TRICKS)
def test_text_that_speaks_of_a_failure_is_no_reason(provider: str, tmp_path: Path) -> None:
    lines = "".join(json.dumps(event) + "\n" for event in TRICKS[provider])
    failure = concluded(tmp_path, provider, lines.encode(), 1).failure
    assert failure is not None
    assert (failure.reason, failure.resets_at) == ("no_result", None)


@pytest.mark.parametrize(
    "body",
    [
        *("{", "{}", "{x}", "[]", '{"error": 5}', '{"error": {"code": "429"}}'),
        '{"a":' * 100_000 + "1" + "}" * 100_000,
    ],
    ids=range(7),
)
def test_unknown_error_body_of_gemini_is_no_reason(body: str, tmp_path: Path) -> None:
    event = {
        "type": "result",
        "status": "error",
        "error": {"message": f"[API Error: {body}]"},
        "stats": {"input_tokens": 1, "output_tokens": 1},
    }
    failure = concluded(tmp_path, "gemini", json.dumps(event).encode(), 1).failure
    assert failure is not None
    assert failure.reason == "no_result"


@pytest.mark.parametrize(
    ("status", "reason"),
    [("timeout", "timeout"), ("budget_stopped", "budget"), ("cancelled", None)],
)
def test_reason_of_a_run_that_was_stopped(
    status: CallStatus, reason: Reason | None, tmp_path: Path
) -> None:
    result = replayed(recording(f"{CODEX}/connection_refused_json"), tmp_path, status)
    assert (result.failure and result.failure.reason) == reason
    assert result.error is not None
    assert "waiting for network" in result.error


@pytest.mark.parametrize(
    ("resumed", "exit_code", "reason"),
    [("s", 1, "unknown_session"), (None, 1, "no_result"), ("s", -9, "no_result")],
)
def test_resumed_run_that_died_before_its_first_event(
    resumed: str | None, exit_code: int, reason: Reason, tmp_path: Path
) -> None:
    result = concluded(
        tmp_path, "codex", b"", exit_code, stderr=b"Error: no rollout found", resumed=resumed
    )
    assert result.failure == Failure(reason=reason, message="Error: no rollout found")


def test_gemini_says_in_an_event_why_its_result_is_an_error(tmp_path: Path) -> None:
    result = replayed(recording(f"{GEMINI}/stream_cut_stream_json"), tmp_path)
    assert result.error == "Model stream ended without a finish reason."


def test_what_passes_later() -> None:
    passes = {"rate_limit", "overloaded", "network", "no_result"}
    stays = {"auth", "refused", "timeout", "budget", "unknown_session"}
    for reason in passes | stays:
        failure = Failure(reason=reason, message="")  # type: ignore[arg-type]
        assert failure.passes_later == (reason in passes)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        *[(status, "auth") for status in (401, 402, 403, 407)],
        *[(status, "refused") for status in (400, 404, 413, 422, 451)],
        *[(status, "overloaded") for status in (500, 502, 503, 504, 529)],
        (408, "network"),
        (429, "rate_limit"),
    ],
)
def test_reason_of_an_http_status(status: int, reason: Reason) -> None:
    assert reason_of_status(status) == reason
