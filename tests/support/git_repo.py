"""A project in a real git repository, with calls recorded in it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from agentd.ledger.all_rows import read_rows
from agentd.ledger.rows import Row
from agentd.ledger.store import StateStore
from support.changes import change_at
from support.state_samples import call


class Repo:
    """A repository with the project in the folder ``app`` of it."""

    def __init__(self, top: Path) -> None:
        self.top, self.root = top, top / "app"
        self.root.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        (self.root / "README").write_text("x")
        self.commit("start")

    def git(self, *arguments: str, cwd: Path | None = None, user: str = "t") -> str:
        identity = ["-c", f"user.name={user}", "-c", "user.email=t@example.org", "-c", "gc.auto=0"]
        done = subprocess.run(
            ["git", *identity, *arguments],
            cwd=cwd or self.top,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self, message: str, user: str = "t") -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", message, user=user)

    def record(self, *numbers: int, place: str = "agentd/changes/add-oauth") -> Path:
        """Enter these calls in the change at ``place``, which is made if it is not there."""
        store = StateStore(self.root / place)
        if not store.path.exists():
            store.change_dir.parent.mkdir(parents=True, exist_ok=True)
            store.create("add-oauth")
        for number in numbers:
            store.append(call(number))
        shutil.rmtree(store.runs_dir)
        return store.change_dir

    def rows(self, place: str, change_id: str = "add-oauth") -> list[Row]:
        return read_rows([change_at(self.root / place, change_id)])
