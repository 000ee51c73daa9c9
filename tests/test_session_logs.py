"""Session logs as the real CLIs left them, against what the API served in each run."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from recordings import FIXTURES

from agentd.clock import from_iso
from agentd.metering.usage import ModelUsage, add
from agentd.runner.providers.base import LoggedUsage, LogQuery
from agentd.runner.session_logs import claude, codex, gemini

READERS: dict[str, Callable[[LogQuery], LoggedUsage | None]] = {
    "claude": claude.read,
    "codex": codex.read,
    "gemini": gemini.read,
}


@dataclass(frozen=True)
class Log:
    folder: Path
    expected: dict[str, Any]

    @property
    def cli(self) -> str:
        return str(self.expected["cli"])

    @property
    def started_at(self) -> datetime:
        return from_iso(self.expected["started_at"])

    @property
    def served(self) -> dict[str, ModelUsage]:
        return {model: ModelUsage(**usage) for model, usage in self.expected["served"].items()}

    def read(self, home: Path | None = None, started_at: datetime | None = None) -> Any:
        return READERS[self.cli](self.query(home, started_at))

    def query(self, home: Path | None = None, started_at: datetime | None = None) -> LogQuery:
        return LogQuery(
            session_id=self.expected["session_id"],
            started_at=started_at or self.started_at,
            cwd=Path("/home/user/project"),
            environ={"HOME": str(home or self.folder / "home")},
        )


LOGS = [
    Log(path.parent, json.loads(path.read_text()))
    for path in sorted(FIXTURES.glob("session_logs/*/*/*/expected.json"))
]
NAMES = ["/".join(log.folder.parts[-3:]) for log in LOGS]


def at_most(usage: ModelUsage, limit: ModelUsage) -> bool:
    return all(a <= b for a, b in zip(usage.counts(), limit.counts(), strict=True))


@pytest.mark.parametrize("log", LOGS, ids=NAMES)
def test_the_log_says_what_was_served(log: Log) -> None:
    logged = log.read()
    if log.expected["log_shows"] == "complete":
        assert logged.usage.by_model == log.served
    else:  # the answer that was cut off is in no log
        assert all(at_most(u, log.served[m]) for m, u in logged.usage.by_model.items())
        assert len(logged.usage.requests) == log.expected["requests"] - 1
    assert logged.model in log.served
    assert add(usage for _, usage in logged.usage.requests).counts() == logged.usage.counts()
    assert logged.usage.session_id == log.expected["session_id"]


@pytest.mark.parametrize("cli", READERS)
def test_every_cli_has_logs_of_all_kinds(cli: str) -> None:
    kinds = {log.folder.name for log in LOGS if log.cli == cli}
    assert kinds >= {
        "api_error",
        "resumed",
        "sigint_in_stream",
        "sigint_in_tool",
        "sigkill_in_subagent",
        "sigkill_in_tool",
        "subagent",
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
                assert all(at_most(u, billed[m]) for m, u in logged.usage.by_model.items())
        path.write_bytes(whole)


@pytest.mark.parametrize("log", LOGS, ids=NAMES)
def test_earlier_runs_of_the_session_are_not_counted(log: Log) -> None:
    later = log.read(started_at=log.started_at + timedelta(days=1))
    assert later is None or later.usage.counts() == (0, 0, 0, 0, 0, 0)
    earlier = log.read(started_at=log.started_at - timedelta(days=1))
    more = len(earlier.usage.requests) - len(log.read().usage.requests)
    assert more == (2 if log.folder.name.startswith("resumed") else 0)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def rewrite(path: Path, entries: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(e, separators=(",", ":")) + "\n" for e in entries))


def edited(
    log: Log, tmp_path: Path, edit: Callable[[dict[str, Any]], dict[str, Any] | None]
) -> Path:
    home = tmp_path / "home"
    shutil.copytree(log.folder / "home", home)
    for path in home.rglob("*.jsonl"):
        rewrite(path, [e for e in map(edit, lines(path)) if e is not None])
    return home


def without_records(entry: dict[str, Any]) -> dict[str, Any] | None:
    return None if entry["type"] == "token_usage_record" else entry


CODEX_NEW = [log for log in LOGS if log.cli == "codex" and log.folder.parts[-2] == "0.169.0"]


@pytest.mark.parametrize("log", CODEX_NEW, ids=lambda log: log.folder.name)
def test_codex_token_counts_alone(log: Log, tmp_path: Path) -> None:
    logged = log.read(edited(log, tmp_path, without_records))
    kind = log.folder.name
    if "forked" in kind:  # a fork's totals begin with its parent's
        assert logged is None
    elif kind in ("sigkill_in_tool", "sigkill_in_subagent"):  # counted when the tool has run
        assert logged is None or all(
            at_most(u, log.served[m]) for m, u in logged.usage.by_model.items()
        )
    else:
        assert logged.usage.by_model == log.served


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
    log = next(log for log in LOGS if log.cli == cli and log.folder.name == "subagent")
    assert log.read(edited(log, tmp_path, edit)) is None


@pytest.mark.parametrize("cli", READERS)
@pytest.mark.parametrize("session_id", ["../../etc", "", "00000000-0000-0000-0000-000000000000"])
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
