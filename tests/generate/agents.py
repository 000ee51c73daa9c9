"""Record runs of opencode, pi, qwen and copilot, with the loopback API, into fixtures/.

    python -m tests.generate.agents [AGENT] [SCENARIO ...]

What they print goes to ``recordings``, what they log to ``session_logs`` (opencode's database as
SQL). ``python -m tests.real.install`` installs them before.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from loopback.scenario import Step  # noqa: E402
from loopback.server import LoopbackApi  # noqa: E402
from real import install  # noqa: E402
from real.isolation import leave_the_network  # noqa: E402
from real.ledger import TOKEN_KEYS, Served  # noqa: E402
from real.models import AGENTS, TASK, RealCli  # noqa: E402
from real.sandbox import environ  # noqa: E402

from agentd.clock import from_iso  # noqa: E402
from agentd.metering.requests import usage_by_model  # noqa: E402
from agentd.metering.usage import ModelUsage  # noqa: E402
from agentd.providers import PROVIDERS  # noqa: E402
from agentd.providers.base import Invocation, LogQuery  # noqa: E402

STARTS_S = 120
PATIENCE_S = 10
MARK = "mark"
ENDLESS = f"touch {MARK}; while test -e {MARK}; do sleep 0.2; done"
PROMPT = "Say what you see."
USED = r'tool_result|"role": ?"tool"'  # after a tool, in each API
NO_LOGS = ("usage_record.jsonl", "usage")  # qwen's own statistics
SYSTEM_PROMPT = '"type":"system.message"'  # copilot's, which is long
TABLES = ("session", "message", "part")

Answers = Callable[[RealCli, Served], list[Step]]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A run. ``stops`` is the signal it gets once its tool runs or its answer stalls.

    ``before`` are the answers of a run whose session it goes on with. ``logged``: its log is kept.
    """

    answers: Answers
    stops: signal.Signals | None = None
    before: Answers | None = None
    logged: bool = True
    session: str | None = None
    has_subagents: bool = False


def plain(cli: RealCli, served: Served, text: str = "A folder.") -> list[Step]:
    return [served.step(cli.api, text=text, **cli.in_main)]


def tool(cli: RealCli, served: Served) -> list[Step]:
    look = served.step(cli.api, text="I look.", tools=(cli.shell("true"),), **cli.in_main)
    return [look, *plain(cli, served)]


def error_after_tool(cli: RealCli, served: Served) -> list[Step]:
    return [tool(cli, served)[0], Step(status=400, stays=True)]


def endless_tool(cli: RealCli, served: Served) -> list[Step]:
    return [served.step(cli.api, text="It lasts.", tools=(cli.shell(ENDLESS),), **cli.in_main)]


def stalls(cli: RealCli, served: Served) -> list[Step]:
    never = served.step(cli.api, text="This has no end.", stalls=True, **cli.in_main)
    return [tool(cli, served)[0], never]


def cut(cli: RealCli, served: Served) -> list[Step]:
    return [
        served.step(cli.api, text="This is cut.", cut=True, **cli.in_main),
        *plain(cli, served),
    ]


def subagent(cli: RealCli, served: Served) -> list[Step]:
    return [
        served.step(cli.api, tools=(cli.subagent,), without=f"{TASK}|title generator"),
        served.step(cli.api, text="Seen.", body=TASK, without=f"{USED}|title generator"),
        *plain(cli, served),
    ]


def endless_subagent(cli: RealCli, served: Served) -> list[Step]:
    asked, _, _ = subagent(cli, served)
    inner = {"body": TASK, "without": f"{USED}|title generator"}
    look = served.step(cli.api, tools=(cli.shell("true"),), **inner)
    endless = served.step(cli.api, tools=(cli.shell(ENDLESS),), body=TASK)
    return [asked, look, endless]


def failing(status: int) -> Answers:
    return lambda cli, served: [Step(status=status, stays=True, without="title generator")]


SCENARIOS: Mapping[str, Scenario] = {
    "plain": Scenario(answers=plain),
    "tool": Scenario(answers=tool),
    "api_error": Scenario(answers=error_after_tool),
    "err400": Scenario(answers=failing(400), logged=False),
    "err401": Scenario(answers=failing(401), logged=False),
    "err404": Scenario(answers=failing(404), logged=False),
    "resumed": Scenario(answers=plain, before=tool),
    "unknown_session": Scenario(answers=plain, session="unknown", logged=False),
    "sigint_in_tool": Scenario(answers=endless_tool, stops=signal.SIGINT),
    "sigint_in_stream": Scenario(answers=stalls, stops=signal.SIGINT),
    "sigterm_in_stream": Scenario(answers=stalls, stops=signal.SIGTERM, logged=False),
    "sigkill_in_tool": Scenario(answers=endless_tool, stops=signal.SIGKILL),
    "stream_cut_then_ok": Scenario(answers=cut, logged=False),
    "subagent": Scenario(answers=subagent, has_subagents=True),
    "sigkill_in_subagent": Scenario(
        answers=endless_subagent, stops=signal.SIGKILL, has_subagents=True
    ),
}


@dataclass
class Recorder:
    """One run of an agent in a fresh home and project."""

    cli: RealCli
    name: str
    scenario: Scenario
    place: Path
    api: LoopbackApi
    served: Served = field(default_factory=Served)

    def __post_init__(self) -> None:
        self.agent = install.AGENTS[self.cli.name]
        self.home, self.project = self.place / "home", self.place / "project"
        self.project.mkdir(parents=True)
        self.environ = environ(self.home, self.api.url, self.agent.bin)
        for folder in (".codex", ".gemini"):  # those of others
            shutil.rmtree(self.home / folder)
        row = PROVIDERS[self.cli.name].cli()
        self.row, self.environ = row, {**self.environ, **row.environment}

    def record(self) -> None:
        """Run it, and write what is to be kept of it."""
        scenario = self.scenario
        if self.cli.side:
            side = self.served.step(self.cli.api, text="A title", model=self.cli.side, stays=True)
            self.api.add(side)
        if self.cli.side_body:
            text, body = "Nothing new.", self.cli.side_body
            self.api.add(self.served.step(self.cli.api, text=text, body=body, stays=True))
        session = scenario.session and ("ses_unknown" if self.cli.side else "0199-unknown")
        if scenario.before:
            self.api.add(*scenario.before(self.cli, self.served))
            session = self._session_of(*self._run(None)[:2])
            time.sleep(1.1)
        asked = len(self.api.requests)
        self.api.add(*scenario.answers(self.cli, self.served))
        started = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        argv, stdout, stderr, code = self._run(session, stops=scenario.stops)
        expected = {
            "cli": self.cli.name,
            "version": self.agent.version,
            "scenario": self.name,
            "exit": code,
        }
        billed = self.api.billed(after=asked)
        self._write_recording(argv, stdout, stderr, expected, billed)
        if scenario.logged:
            about = {"session_id": session or self._session_of(argv, stdout), "started_at": started}
            self._write_log({**expected, **about}, billed, asked)

    def _run(
        self, session: str | None, stops: signal.Signals | None = None
    ) -> tuple[list[str], str, str, int]:
        invocation = Invocation(
            command=self.cli.name,
            model=self.cli.asked,
            resume_session_id=session,
            run_dir=self.place,
        )
        argv = self.row.argv(invocation)
        outputs = self.place / "stdout", self.place / "stderr"
        with outputs[0].open("wb") as stdout, outputs[1].open("wb") as stderr:
            process = subprocess.Popen(
                argv,
                cwd=self.project,
                env=self.environ,
                stdin=subprocess.PIPE,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                executable=shutil.which(argv[0], path=self.environ["PATH"]),
            )
        assert process.stdin
        process.stdin.write(PROMPT.encode())
        process.stdin.close()
        if stops is not None:
            self._stop(process, stops)
        code = process.wait(timeout=STARTS_S)
        _wait_for_end_of_group(process.pid)
        (self.project / MARK).unlink(missing_ok=True)
        return argv, outputs[0].read_text(), outputs[1].read_text(), code

    def _stop(self, process: subprocess.Popen[bytes], by: signal.Signals) -> None:
        """Once its tool runs, or its answer stalls."""
        until = time.monotonic() + STARTS_S
        mark = self.project / MARK
        while not (mark.exists() or self.api.stalled.is_set()) and process.poll() is None:
            assert time.monotonic() < until
            time.sleep(0.02)
        time.sleep(1)
        os.killpg(process.pid, by)

    def _session_of(self, argv: list[str], stdout: str) -> str:
        if (flag := self.row.session_flag) in argv:
            return argv[argv.index(flag) + 1]
        first = json.loads(stdout.splitlines()[0])
        return str(first.get("sessionID") or first.get("session_id") or first["id"])

    def _write_recording(
        self,
        argv: Iterable[str],
        stdout: str,
        stderr: str,
        expected: Mapping[str, Any],
        billed: Mapping[str, ModelUsage],
    ) -> None:
        folder = self._folder("recordings")
        parser = self.row.new_parser()
        for line in stdout.splitlines():
            if line.startswith("{"):
                parser.feed(json.loads(line))
        usage = parser.parsed().usage
        shown = usage.total_tokens if usage else 0
        served = sum(one.total_tokens for one in billed.values())
        shows = "complete" if shown == served else "partial" if shown else "none"
        shows = "differs" if shown > served else shows  # a total of the whole session
        shows = shows if served else "none_served_none"
        texts = {
            "argv": "\n".join(argv) + "\n",
            "stdin": PROMPT,
            "stdout": stdout,
            "stderr": stderr,
            "expected.json": json.dumps(
                {**expected, "note": "", "stdout_shows": shows, "served": _counts(billed)}, indent=1
            )
            + "\n",
        }
        for name, text in texts.items():
            if text or name == "stdout":
                (folder / name).write_text(self._plain(text))

    def _write_log(
        self, expected: Mapping[str, Any], billed: Mapping[str, ModelUsage], asked: int
    ) -> None:
        folder = self._folder("session_logs")
        home = folder / "home"
        database = self.home / ".local/share/opencode/opencode.db"
        if database.is_file():
            place = home / ".local/share/opencode/opencode.sql"
            place.parent.mkdir(parents=True)
            place.write_text(self._plain(_dump(database)))
        for log in self.home.rglob("*.jsonl"):
            if log.name in NO_LOGS or log.parent.name in NO_LOGS:
                continue
            place = home / self._plain(str(log.relative_to(self.home)))
            place.parent.mkdir(parents=True, exist_ok=True)
            lines = log.read_text().splitlines(keepends=True)
            own = "".join(line for line in lines if SYSTEM_PROMPT not in line)
            place.write_text(self._plain(own))
        assert self.row.read_log
        logged = self.row.read_log(
            LogQuery(
                session_id=str(expected["session_id"]),
                started_at=from_iso(expected["started_at"]),
                cwd=self.project,
                environ=self.environ,
            )
        )
        assert logged
        own = {model: usage for model, usage in billed.items() if model != self.cli.side}
        whole = usage_by_model(logged.requests) == own
        about = {
            **expected,
            "served": _counts(own),
            "requests": sum(r.model in own for r in self.api.requests[asked:] if r.told),
            "logged": len(logged.requests),
            "log_shows": "complete" if whole else "partial",
        }
        (folder / "expected.json").write_text(json.dumps(about, indent=1) + "\n")

    def _folder(self, kind: str) -> Path:
        folder = ROOT / "fixtures" / kind / self.cli.name / self.agent.version / self.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def _plain(self, text: str) -> str:
        """The same as if it had happened elsewhere."""
        places = {self.project: "/home/user/project", self.home: "/home/user"}
        for old, new in {**places, self.agent.folder: "/opt", install.FOLDER: "/opt"}.items():
            for folded in (str, _folded, _plainly_folded):
                text = text.replace(folded(str(old)), folded(new))
        return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8000", text)


def _wait_for_end_of_group(pid: int) -> None:
    """What a launcher leaves behind ends by itself, or, as agentd would have it, by force."""
    until = time.monotonic() + PATIENCE_S
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < until:
            os.killpg(pid, 0)
            time.sleep(0.05)
        os.killpg(pid, signal.SIGKILL)


def _folded(path: str) -> str:
    return path.replace("/", "-")


def _plainly_folded(path: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "-", path)


def _counts(told: Mapping[str, ModelUsage]) -> dict[str, dict[str, int]]:
    names = TOKEN_KEYS.values()
    return {
        model: {name: n for name in names if (n := getattr(usage, name))}
        for model, usage in told.items()
    }


def _dump(database: Path) -> str:
    """The tables that matter, as SQL."""
    with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as db:
        lines = [line for line in db.iterdump() if _matters(line)]
    return "\n".join(lines) + "\n"


def _matters(line: str) -> bool:
    heads = [f'INSERT INTO "{table}"' for table in TABLES]
    heads += [f"CREATE TABLE `{table}`" for table in TABLES]
    return line.startswith(tuple(heads))


def main(arguments: list[str]) -> None:
    """Record all, or what the arguments name."""
    leave_the_network()
    agents = [one for one in AGENTS if one in arguments] or list(AGENTS)
    scenarios = [one for one in SCENARIOS if one in arguments] or list(SCENARIOS)
    for cli, name in itertools.product(map(AGENTS.__getitem__, agents), scenarios):
        scenario = SCENARIOS[name]
        if scenario.has_subagents and not cli.subagent.name:
            continue
        with tempfile.TemporaryDirectory() as place, LoopbackApi() as api:
            path = Path(place).resolve()
            Recorder(cli=cli, name=name, scenario=scenario, place=path, api=api).record()
            print(cli.name, name, [(r.model, r.told and r.told.total_tokens) for r in api.requests])


if __name__ == "__main__":
    main(sys.argv[1:])
