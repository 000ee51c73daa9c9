"""A repository of git with ledgers, whose branches both spend."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import yaml

from agentd.ledger import document, source
from agentd.ledger.own_layout import Block
from agentd.ledger.store import StateStore
from agentd.metering.call import CallRecord
from agentd.project.init import initialise
from support.command import agentd
from support.state_samples import CALL, call

OPEN = "agentd/changes/add-oauth"
ARCHIVED = "agentd/archive/20261122-add-oauth"
_LINES = r"(?:.*\n)*?"
_HUNK = re.compile(
    rf"^<{{7,}} .*\n({_LINES})(?:^\|{{7,}}.*\n{_LINES})?^={{7,}}\n{_LINES}^>{{7,}} .*\n",
    re.MULTILINE,
)


def spent(number: int) -> CallRecord:
    """A call of its own time and cost."""
    return replace(call(number), started_at=CALL.started_at + timedelta(seconds=number))


class Branches:
    """The repository at ``top``, with the project in its folder ``app``."""

    def __init__(
        self, top: Path, *, driver: bool = True, style: str = "merge", app: str = "app"
    ) -> None:
        self.top, self.root = top, top / app
        self.root.mkdir(parents=True)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        settings = {"user.name": "t", "user.email": "t@example.org", "gc.auto": "0"}
        settings |= {"merge.conflictStyle": style, "init.defaultBranch": "main"}
        self.environ = {**os.environ, "PATH": path, "GIT_CONFIG_COUNT": str(len(settings))}
        for number, (key, value) in enumerate(settings.items()):
            self.environ |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        self.environ |= {"GIT_EDITOR": "true", "GIT_CONFIG_GLOBAL": os.devnull}
        self.git("init", "-q")
        initialise(self.root)
        if driver:
            assert "merge-driver" in self.git("config", "merge.agentd.driver")
        else:
            self.git("config", "--remove-section", "merge.agentd", check=False)

    def git(self, *arguments: str, check: bool = True) -> str:
        done = self.try_git(*arguments)
        assert done.returncode == 0 or not check, (arguments, done.stdout, done.stderr)
        return done.stdout.strip()

    def try_git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *arguments],
            cwd=self.top,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def agentd(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return agentd(*arguments, cwd=self.root, env=self.environ)

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", message)

    @property
    def store(self) -> StateStore:
        """The ledger, wherever it lies now."""
        return StateStore([self.root / OPEN, *(path.parent for path in self.ledgers())][-1])

    def record(self, *numbers: int, on: str | None = None) -> None:
        """Enter these calls, on a branch, and commit them."""
        if on:
            self.git("switch", "-q", on)
        store = self.store
        if not store.path.exists():
            store.change_dir.parent.mkdir(parents=True, exist_ok=True)
            store.create("add-oauth")
        for number in numbers:
            store.append(spent(number))
        self.commit(f"calls {numbers}")

    def join(self, how: str, other: str) -> bool:
        """Bring a branch into the one that is checked out; False where git found conflicts."""
        if how == "merge":
            return self.try_git("merge", "-q", "--no-edit", other).returncode == 0
        if how == "squash":
            clean = self.try_git("merge", "-q", "--squash", other).returncode == 0
            if clean:
                self.git("commit", "-qm", "squashed", "--allow-empty")
            return clean
        if how == "cherry-pick":
            picks = self.git("rev-list", "--reverse", "--no-merges", f"HEAD..{other}").split()
            keep = ("--allow-empty", "--keep-redundant-commits")
            return not picks or self.try_git("cherry-pick", *keep, *picks).returncode == 0
        here = self.git("branch", "--show-current")
        self.git("switch", "-q", other)
        clean = self.try_git("rebase", here).returncode == 0
        if clean:
            self.git("switch", "-q", here)
            self.git("merge", "-q", "--ff-only", other)
        return clean

    def resolved(self, how: str, other: str, here: str) -> None:
        """Go on after conflicts as a person would: with validate --fix, then our side."""
        for _ in range(40):
            self.mend()
            self.git("add", "-A")
            state = self.top / ".git"
            if (state / "rebase-merge").exists():
                self.try_git("-c", "core.editor=true", "rebase", "--continue")
                if not (state / "rebase-merge").exists():
                    break
            elif (state / "CHERRY_PICK_HEAD").exists() or (state / "sequencer").exists():
                done = self.try_git("-c", "core.editor=true", "cherry-pick", "--continue")
                if done.returncode and "empty" in done.stdout + done.stderr:
                    self.git("commit", "-q", "--allow-empty", "-m", "nothing")
                    self.try_git("-c", "core.editor=true", "cherry-pick", "--continue")
                if not (state / "CHERRY_PICK_HEAD").exists():
                    break
            else:
                self.git("commit", "-q", "--allow-empty", "-m", "merged")
                break
        else:
            raise AssertionError(self.git("status"))
        if how == "rebase":
            self.git("switch", "-q", here)
            self.git("merge", "-q", "--ff-only", other)

    def mend(self) -> None:
        self.agentd("validate", "--fix")
        for path in self.ledgers():
            text = path.read_text()
            path.write_text(_HUNK.sub(r"\1", text))

    def ledgers(self) -> list[Path]:
        """Those of the change, the one that was archived last at the end."""
        archived = sorted((self.root / "agentd/archive").glob("*-add-oauth/STATE.yaml"))
        path = self.root / OPEN / "STATE.yaml"
        return [*([path] if path.exists() else []), *archived]


def checked(path: Path) -> dict[str, tuple[int, Decimal]]:
    """The calls of a sound ledger in agentd's layout: each id once, in order, the totals exact."""
    text = path.read_text()
    found = document.read(source.decode(text.encode()))
    assert isinstance(found.calls, Block), text
    loaded = yaml.safe_load(text.replace("cost_usd: ", "cost_usd: !!str "))
    calls = loaded["telemetry"]["calls"]
    ids = [each["id"] for each in calls]
    assert len(set(ids)) == len(ids), text
    total = sum((Decimal(each["cost_usd"]) for each in calls), Decimal(0))
    assert Decimal(loaded["telemetry"]["total_cost_usd"]) == total, text
    assert loaded["telemetry"]["total_tokens_in"] == sum(each["tokens_in"] for each in calls)
    times = [(each["timestamp"], each["id"]) for each in calls]
    assert times == sorted(times), text
    return {each["id"]: (each["tokens_in"], Decimal(each["cost_usd"])) for each in calls}


class History:
    """Random work on a branch; ``known`` is what each branch must have at least."""

    def __init__(self, repo: Branches, seed: int) -> None:
        self.repo, self.random, self.number = repo, random.Random(seed), 10

    def work(self, rounds: int) -> set[str]:
        """Do something and commit it, some times; the ids of the new calls."""
        new: set[str] = set()
        for _ in range(rounds):
            deed = self.random.choice([*["calls"] * 3, "archive", "reset", "warn", "edit"])
            new |= getattr(self, deed)()
            self.repo.commit(deed) if self.repo.git("status", "--porcelain") else None
        return new

    def calls(self) -> set[str]:
        new = set()
        for _ in range(self.random.randint(1, 3)):
            self.number += self.random.randint(1, 50)
            record = spent(self.number)
            self.repo.store.append(record)
            new.add(record.id)
            run_dir = self.repo.store.runs_dir / record.id
            run_dir.mkdir()
            (run_dir / "call.json").write_text("{}")  # it is entered
        if self.random.random() < 0.5:
            self.repo.store.update(iteration=self.random.randint(1, 3))
        return new

    def archive(self) -> set[str]:
        """On some day, as agentd does: with its runs, which git leaves where it ignores them."""
        day = self.random.randint(20261121, 20261125)
        there = self.repo.root / f"agentd/archive/{day}-add-oauth"
        if (self.repo.root / OPEN / "STATE.yaml").exists() and not there.exists():
            self.repo.store.update(phase="archived")
            there.parent.mkdir(exist_ok=True)
            (self.repo.root / OPEN).rename(there)
        return set()

    def reset(self) -> set[str]:
        self.repo.store.restart_meter(keep="project")
        return set()

    def warn(self) -> set[str]:
        self.repo.store.warn([f"budget:{self.random.choice([50, 80, 90])}"])
        return set()

    def edit(self) -> set[str]:
        path = self.repo.store.path
        text, number = path.read_text(), self.random.randint(0, 9)
        lines = {
            0: text.replace("last_action:", f"# by hand {number}\nlast_action:", 1),
            1: text.replace("validations:", f"note_{number}: 'x'\nvalidations:", 1),
            2: f"{text}# the end {number}\n",
        }
        choice = self.random.randint(0, 2)
        if f"note_{number}:" not in text or choice != 1:
            path.write_text(lines[choice])
        return set()


def everything(repo: Branches, revs: Sequence[str]) -> set[str]:
    """The ids of the calls in the ledgers of these commits."""
    ids: set[str] = set()
    for rev in revs:
        for path in repo.git("ls-tree", "-r", "--name-only", rev).splitlines():
            if path.endswith("add-oauth/STATE.yaml"):
                ids |= set(re.findall(r"- id: (\S+)", repo.git("show", f"{rev}:{path}")))
    return ids
