"""Records projects as a released agentd leaves them, in every state: ``fixtures/projects/0.1.0``.

    git worktree add /tmp/agentd-0.1.0 214375f
    python -m venv /tmp/old && /tmp/old/bin/pip install /tmp/agentd-0.1.0
    PYTHONPATH=tests .venv/bin/python tests/generate/projects.py /tmp/old/bin/python [STATE...]

That agentd runs itself, with the stand-in CLIs of the tests; where a state is that of a killed
agentd, it is killed. What no agentd writes (the original's STATE.yaml, a damaged one) is put there
by hand, as a person or a disk would. Version 0.1.0 is commit 214375f.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from support.loop_box import STREAMS, for_openspec, scripted
from support.old_projects import FOLDER, put_down
from support.openspec_cases import MAIN as OPENSPEC_MAIN
from support.workspace import Sandbox, put_standins

VERSION = "0.1.0"
CHANGE = "add-login"
STATES = Path(__file__).parents[2] / "fixtures" / "state"
# Kills agentd when it has published the first of two files.
KILLED_WHILE_PUBLISHING = """
import os, signal, sys
from agentd.cli import main
from agentd.workflow.specs import journal
write, written = journal.write_atomic, []
def first_only(path, data):
    if path.parent.name == "specs":
        if written:
            os.kill(os.getpid(), signal.SIGKILL)
        written.append(path)
    write(path, data)
journal.write_atomic = first_only
sys.exit(main())
"""
DAMAGE = "telemetry: [\n"
GEMINI_SAYS = {"path": STREAMS["gemini"]}
PROJECT_BUDGET = '[budget.project]\nlimit_usd = 10.0\nperiod = "total"\n'


class Old:
    """The old agentd in a project of its own."""

    def __init__(self, python: str, folder: Path) -> None:
        self.python, self.box = python, Sandbox(folder / "project")
        self.root, self.change = self.box.root, self.box.change(CHANGE)
        self.root.mkdir()
        put_standins(folder)
        scripted(self.box, ("gemini",))

    def start(self, *arguments: str, code: str | None = None) -> subprocess.Popen[str]:
        program = ("-c", code) if code else ("-m", "agentd")
        folder = self.root.parent
        return subprocess.Popen(
            [self.python, *program, *arguments],
            cwd=self.root,
            env={"HOME": str(folder), "PATH": f"{folder}:{os.environ['PATH']}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def agentd(self, *arguments: str, exit_code: int = 0, code: str | None = None) -> str:
        process = self.start(*arguments, code=code)
        stdout, stderr = process.communicate(timeout=120)
        assert process.returncode == exit_code, (arguments, process.returncode, stdout + stderr)
        return stdout

    def init(self, more: str = "") -> None:
        self.agentd("init", "--provider", "gemini")
        config = self.root / "agentd/config.toml"
        text = config.read_text().replace("retry_delay_secs = 5", "retry_delay_secs = 0")
        config.write_text(text + more)

    def take(self, *steps: str) -> None:
        """A project in which these steps have been taken."""
        self.init()
        for step in steps:
            self.agentd(step, CHANGE, *(("Let users log in",) if step == "proposal" else ()))

    def kill_during(self, step: str, command: str) -> None:
        """Kill agentd and then its CLI while that step runs, so that neither can tell of it."""
        answers = self.box.plan[step]
        self.box.answer(step, **{**GEMINI_SAYS, "files": answers[0]["files"], "sleep_s": 60})
        process = self.start(command, CHANGE)
        cli = wait_for(lambda: self._cli_of(step))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        os.killpg(cli, signal.SIGKILL)

    def _cli_of(self, step: str) -> int | None:
        for path in self.change.glob(f"runs/*-{step}-*/run.json"):
            pid = json.loads(path.read_text()).get("cli_pid")
            return int(pid) if pid else None
        return None

    def state(self) -> Path:
        return self.change / "STATE.yaml"


def wait_for(look: Callable[[], int | None]) -> int:
    deadline = time.monotonic() + 60
    while (found := look()) is None:
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
    time.sleep(0.5)  # the CLI has begun
    return found


def fresh(old: Old) -> None:
    old.init()


def proposed(old: Old) -> None:
    old.take("proposal")


def revision_wanted(old: Old) -> None:
    old.take("proposal", "challenge")


def challenged(old: Old) -> None:
    old.take("proposal", "challenge", "reproposal", "challenge")


def implementing(old: Old) -> None:
    old.take("proposal", "challenge", "reproposal", "challenge", "implement")


def changes_wanted(old: Old) -> None:
    old.take("proposal", "challenge", "reproposal", "challenge", "implement", "review")


def complete(old: Old) -> None:
    old.init()
    old.agentd("plan", CHANGE, "Let users log in")
    old.agentd("impl", CHANGE)


def archived(old: Old) -> None:
    old.init()
    old.agentd("run", CHANGE, "Let users log in")


def interrupted(old: Old) -> None:
    """A run without an end, a hold of a process that is gone, and its part of the budget."""
    old.init(PROJECT_BUDGET)
    for step in ("proposal", "challenge", "reproposal", "challenge"):
        old.agentd(step, CHANGE, *(("Let users log in",) if step == "proposal" else ()))
    old.kill_during("implementation", "implement")
    assert list((old.root / "agentd/.running").glob("*.json"))


def pending_call(old: Old) -> None:
    """The ledger was damaged while a CLI ran, and a person has repaired it."""
    broken_state(old)
    old.state().write_text(old.state().read_text().removesuffix(DAMAGE))


def broken_state(old: Old) -> None:
    """The ledger was damaged while a CLI ran: its call is kept in the run's folder."""
    old.take("proposal")
    path = old.state().relative_to(old.root)
    old.box.plan["challenge"][0]["shell"] = f"printf '{DAMAGE}' >> {path}"
    old.box.write_plan()
    old.agentd("challenge", CHANGE, exit_code=1)
    assert list(old.change.glob("runs/*/call.pending.json"))


def publishing(old: Old) -> None:
    """Killed between two files of the main specs: the journal says how to go back."""
    complete(old)
    killed = -signal.SIGKILL
    old.agentd("archive", CHANGE, exit_code=killed, code=KILLED_WHILE_PUBLISHING)


def openspec(old: Old) -> None:
    """agentd in a project of OpenSpec."""
    main = old.root / "openspec/specs/greet/spec.md"
    main.parent.mkdir(parents=True)
    main.write_text(OPENSPEC_MAIN)
    (old.root / "openspec/changes/archive").mkdir(parents=True)
    for_openspec(old.box, CHANGE)
    old.take("proposal")


def of_the_original(old: Old) -> None:
    """A change whose ledger the original agentd wrote, in a project of ours."""
    old.take("proposal")
    text = (STATES / "serde_yaml.yaml").read_text().replace("add-oauth", CHANGE)
    old.state().write_text(text)
    shutil.rmtree(old.change / "runs")


PROJECTS = (
    *(fresh, proposed, revision_wanted, challenged, implementing, changes_wanted, complete),
    *(archived, interrupted, pending_call, broken_state, publishing, openspec, of_the_original),
)


def ids(root: Path) -> list[str]:
    """The ids of all calls that were paid for: those in ledgers, and in run folders."""
    found = {path.parent.name for path in root.glob("**/runs/*/run.json")}
    for path in root.glob("**/STATE.yaml"):
        lines = path.read_text().splitlines()
        found |= {line.split("id: ")[1] for line in lines if line.strip().startswith("- id: ")}
    return sorted(found)


def main() -> None:
    python = str(Path(sys.argv[1]).absolute())
    for make in PROJECTS:
        name = make.__name__
        if sys.argv[2:] and name not in sys.argv[2:]:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            old = Old(python, Path(scratch))
            version = old.agentd("--version").split()[-1]
            if version != VERSION:
                sys.exit(f"this is agentd {version}; the projects are those of {VERSION}")
            make(old)
            put_down(old.root, FOLDER / VERSION / f"{name}.json", ids(old.root))
        print(name)


if __name__ == "__main__":
    main()
