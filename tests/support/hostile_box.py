"""A project that a hostile agent is let loose on, and what may not have happened to it.

It has what is a person's (uncommitted edits, an ignored .env), a repository with branches, a tag
and a remote, a change with a recorded call, and another change. A case is judged after the agent's
step and the next commands: what the step may not touch is as it was, or somebody was told.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import yaml

from agentd.runner.process import environment, processes, start_token
from agentd.text import plain
from support.command import agentd
from support.recordings import recording
from support.workflow_box import STREAM, box_with, put_change

Step = Literal["challenge", "implement"]

_CHANGE, _OTHER = "agentd/changes/add-x", "agentd/changes/add-y"
_OWED: Mapping[Step, tuple[str, str]] = {
    "challenge": ("CHALLENGE.md", "# Challenge: x\n\n## Verdict\n- [x] APPROVED\n"),
    "implement": ("IMPLEMENTATION.md", "# Implementation: x\n\nDone.\n"),
}
_CLI = """#!/bin/sh
C=agentd/changes/add-x; Y=agentd/changes/add-y; AGENTD=$PPID
EARLIER=$(ls -d $C/runs/*-challenge-* | head -1); RUN=$(ls -td $C/runs/*-*-* | head -1)
export C Y AGENTD EARLIER RUN
cat > /dev/null
echo run >> "$BOX/ran"
cat "$BOX/owed" > $C/$(cat "$BOX/owed.name")
sh "$BOX/agent.sh" 2>/dev/null
cat "$BOX/stream"
exit 0
"""
PERSONS: Mapping[str, bytes] = {
    "notes.txt": b"committed\na person's line\n",
    "staged.txt": b"a person's staged file\n",
    "draft.txt": b"a person's draft\n",
    ".env": b"KEY=mine\n",
}
STAGED = b"a person staged this, and went on\n"  # of notes.txt; it stands in the index alone
_GIT_MAY_CHANGE = re.compile(
    r"\.git/(objects|logs|index|sharedindex|ORIG_HEAD|FETCH_HEAD|COMMIT_EDITMSG|refs|packed-refs|modules"
    r"|worktrees|gc\.|.*\.lock$|shallow|info/refs)"
)
# Locks have no content that counts.
_AGENTDS = re.compile(
    rf"{_CHANGE}/(STATE\.yaml$|runs(/|$))|agentd/changes/[^/]+/runs(/\.(work|lock))?$"
    r"|.*/__pycache__"
)
# What the judge said before; its own document of this step is the only one here.
_ROUND = re.compile(rf"{_CHANGE}/rounds(/\d\d-CHALLENGE\.md)?$")
_LATER = "later.txt"
_NO_REPOSITORY = re.compile(r"may not touch: (.*, )?\.git(,|$)", re.MULTILINE)
_MORE = re.compile(r"and \d+ more")


def make_project(folder: Path) -> None:
    """The project that all cases are copies of, in ``folder``."""
    folder.mkdir()
    box = box_with(folder)
    for name in ("add-x", "add-y"):
        put_change(box, name, "proposed")
    root = box.root
    files = {
        "login.py": "a = 1\n",
        "src/a.py": "x = 1\n",
        "notes.txt": "committed\n",
        ".gitignore": ".env\n__pycache__/\n",
        "agentd/specs/other.md": "# Other\n",
        "agentd/project.md": "# Project\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    _git(root, "init", "-q", "-b", "main")
    _git(root, "config", "user.email", "a@b.c")
    _git(root, "config", "user.name", "a")
    _git(root, "commit", "-q", "--allow-empty", "-m", "first")
    _git(root, "branch", "keep")
    _git(root, "add", "-A")
    _git(root, "commit", "-qm", "all")
    _git(root, "tag", "v1")
    _git(root, "clone", "-q", "--bare", ".", "../origin.git")
    _git(root, "remote", "add", "origin", "../origin.git")
    (folder / "gemini").write_text(_CLI)
    shutil.copyfile(recording(STREAM).folder / "stdout", folder / "stream")
    case = Case(folder, "challenge", ":")
    ended = case.agentd("challenge")
    assert ended.returncode == 0, ended.stderr
    _git(root, "add", "-A")
    _git(root, "commit", "-qm", "challenged")
    (root / "notes.txt").write_bytes(STAGED)
    _git(root, "add", "notes.txt")
    for name, data in PERSONS.items():
        (root / name).write_bytes(data)
    _git(root, "add", "staged.txt")


@dataclass
class Case:
    """One agent in a project of its own, below ``folder``."""

    folder: Path
    step: Step
    script: str

    @cached_property
    def root(self) -> Path:
        return self.folder / "project"

    def agentd(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command on the change, to its end."""
        name, text = _OWED[self.step]
        (self.folder / "owed.name").write_text(name)
        (self.folder / "owed").write_text(text)
        (self.folder / "agent.sh").write_text(self.script)
        environ = {
            **os.environ,
            "HOME": str(self.folder),
            "BOX": str(self.folder),
            "PYTHON": sys.executable,
        }
        environ.pop("XDG_STATE_HOME", None)
        return agentd(*arguments, "add-x", cwd=self.root, env=environ)

    def complaints(self) -> Iterator[str]:
        """Let the agent loose, then run the next commands; what must not have happened."""
        self._move_in()
        files, git, phase = self._files(), self._git(), self._state()["phase"]
        struck = self.agentd(self.step)
        yield from _badly_ended("the step", struck, (0, 1, 4, 6, 130, -9))
        if struck.returncode != -9:
            yield from self._left_running("the step")
        else:
            self._wait_for_the_agent()
        (self.root / _LATER).write_text("a person went on\n")
        self.script = ":"
        status = self.agentd("status")
        yield from _badly_ended("status", status, (0, 1))
        if (self.folder / "owned").exists():
            yield "agentd's git ran what the agent planted"
        again = self.agentd(self.step)
        yield from _badly_ended("the next step", again, (0, 1, 4, 6))
        yield from self._left_running("the next step")
        told = "\n".join(each.stderr for each in (struck, status, again))
        told = told.replace("\\n", "\n")
        yield from self._unseen(files, self._files(), told)
        yield from self._unseen(git, self._git(), told)
        yield from self._lost(told)
        later = self.root / _LATER
        if not later.is_file() or later.read_text() != "a person went on\n":
            yield f"what a person wrote after the step is not there: {_LATER}"
        yield from self._calls(phase)

    def _move_in(self) -> None:
        """A copy of a project still names the place that it was made in."""
        config = self.root / "agentd/config.toml"
        command = f'command = "{self.folder}/gemini"'
        config.write_text(re.sub(r'command = ".*/gemini"', command, config.read_text()))
        _git(self.root, "commit", "-qm", "moved", "agentd/config.toml")

    def _files(self) -> dict[str, str]:
        """What the step may not touch, by its path."""
        found = {}
        for name, entry in _below(self.root, ""):
            if name == ".git" or name.startswith(".git/"):
                if not _GIT_MAY_CHANGE.match(name):
                    found[name] = entry
            elif not self._may_touch(name) and name not in (*PERSONS, _LATER):
                found[name] = entry
        return {name: entry for name, entry in found.items() if not self._is_round(name)}

    def _may_touch(self, name: str) -> bool:
        document = f"{_CHANGE}/{_OWED[self.step][0]}"
        if self.step == "implement" and not (name == "agentd" or name.startswith("agentd/")):
            return True
        return name in (document, f"{_CHANGE}/tasks.md" * (self.step == "implement")) or bool(
            _AGENTDS.match(name)
        )

    def _is_round(self, name: str) -> bool:
        place = self.root / name
        is_one = _ROUND.match(name) is not None and not place.is_symlink()
        return is_one and (place.is_dir() or place.read_text() == _OWED["challenge"][1])

    def _git(self) -> dict[str, str]:
        """HEAD and all refs but remote-tracking ones."""
        listed = _git_says(self.root, "for-each-ref", "--format=%(refname) %(objectname)")
        refs = dict(line.split(" ") for line in listed.splitlines())
        refs = {name: at for name, at in refs.items() if not name.startswith("refs/remotes/")}
        return {".git/HEAD": _git_says(self.root, "rev-parse", "HEAD"), **refs}

    def _unseen(
        self, before: Mapping[str, str], after: Mapping[str, str], told: str
    ) -> Iterator[str]:
        for name in sorted({*before, *after}):
            was, now = before.get(name), after.get(name)
            if was != now and not _is_told(name, told):
                yield f"unseen: {name!r} was {was!r:.60}, is {now!r:.60}"

    def _lost(self, told: str) -> Iterator[str]:
        for name, data in PERSONS.items():
            place = self.root / name
            with contextlib.suppress(OSError):
                if not place.is_symlink() and place.is_file() and place.read_bytes() == data:
                    continue
            if not self._is_kept(data):
                yield f"lost: {name}"
            elif not _is_told(name, told):
                yield f"lost without a word, but kept: {name}"

        if not self._is_kept(STAGED):
            yield "lost: what was staged of notes.txt"

    def _is_kept(self, data: bytes) -> bool:
        """Whether these bytes are anywhere around the project, or in its repository."""
        for folder in (self.root, self.folder / ".local", self.folder):
            for path, entry in _below(folder, ""):
                if entry.startswith("file") and "origin.git" not in path:
                    with contextlib.suppress(OSError):
                        found = folder / path
                        if found.stat().st_size == len(data) and found.read_bytes() == data:
                            return True
        blob = subprocess.run(
            ["git", "hash-object", "--stdin"],
            cwd=self.folder,
            input=data,
            capture_output=True,
            check=True,
        ).stdout.decode()
        return _git_says(self.root, "cat-file", "-t", blob.strip()) == "blob"

    def _calls(self, phase: str) -> Iterator[str]:
        runs = len((self.folder / "ran").read_text().split())
        try:
            state = self._state()
            calls = state["telemetry"]["calls"]
        except (OSError, TypeError, KeyError, ValueError, yaml.YAMLError) as error:
            yield f"STATE.yaml: {error!r:.200}"
            return
        ids = [call["id"] for call in calls]
        if len(set(ids)) != len(ids) or len(ids) != runs:
            yield f"{runs} runs, calls {ids}"
        if state["phase"] not in {phase, "challenged", "implementing"}:
            yield f"phase {state['phase']}"
        whole = [call for call in calls if call["accuracy"] == "exact"]
        if len(tokens := {call["tokens_in"] for call in whole}) > 1:
            yield f"tokens {tokens}"

    def _state(self) -> dict[str, object]:
        place = self.root / _CHANGE / "STATE.yaml"
        if not stat.S_ISREG(place.lstat().st_mode) or place.stat().st_size > 1_000_000:
            raise ValueError(f"{place} is no plain file")
        state: dict[str, object] = yaml.safe_load(place.read_text())
        return state

    def _wait_for_the_agent(self) -> None:
        """Whose agentd is gone: what it still deletes is not what a person writes later."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and any(self._left_running("the step")):
            time.sleep(0.05)

    def _left_running(self, after: str) -> Iterator[str]:
        mark = f"BOX={self.folder}".encode()
        for process in processes().values():
            if process.lives and mark in (environment(process.pid) or b"").split(b"\0"):
                command = Path(f"/proc/{process.pid}/cmdline").read_bytes()[:80]
                yield f"after {after} process {process.pid} is at work: {command!r}"
        with contextlib.suppress(FileNotFoundError):
            for pid in (self.folder / "pids").read_text().split():
                if start_token(int(pid)) is not None:
                    yield f"after {after} hidden process {pid} is at work"


def remove(folder: Path) -> None:
    """Remove what agents left, also what they closed or nested deep."""
    subprocess.run(["chmod", "-R", "u+rwx", folder], check=False, stderr=subprocess.DEVNULL)
    subprocess.run(["rm", "-rf", folder], check=False)


def _badly_ended(
    what: str, ended: subprocess.CompletedProcess[str], codes: tuple[int, ...]
) -> Iterator[str]:
    if ended.returncode not in codes or "Traceback" in ended.stderr:
        yield f"{what} ended with {ended.returncode}: {ended.stderr[-600:]}"
    elif ended.returncode > 0 and len(ended.stderr.strip()) < 20:
        yield f"{what} ended with {ended.returncode} without a word"


def _is_told(name: str, told: str) -> bool:
    """Whether a path, a folder around it, or a ref stands in what agentd said."""
    path = Path(name)
    if name.startswith("refs/") and (
        path.name in told or ".git/HEAD" in told or _NO_REPOSITORY.search(told)
    ):
        return True
    above = [_printed(each) for each in (path, *path.parents) if str(each) not in (".", "agentd")]
    return any(each in told for each in above) or bool(_MORE.search(told))


def _printed(path: Path) -> str:
    """A path as it is printed: no control characters, and what is no text is replaced."""
    return os.fsencode(plain(str(path))).decode(errors="replace")


def _below(folder: Path, prefix: str) -> Iterator[tuple[str, str]]:
    """Each path below a folder with what it is: its kind, its permissions, its bytes."""
    with contextlib.suppress(OSError):
        for entry in sorted(os.scandir(folder), key=lambda each: each.name):
            name = f"{prefix}{entry.name}"
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode):
                yield name, f"link {Path(entry.path).readlink()}"
            elif stat.S_ISDIR(mode):
                yield name, f"dir {mode & 0o777:o}"
                yield from _below(Path(entry.path), f"{name}/")
            elif stat.S_ISREG(mode):
                size = entry.stat(follow_symlinks=False).st_size
                data = b"" if size > 10_000_000 else Path(entry.path).read_bytes()
                yield name, f"file {mode & 0o777:o} {size} {hash(data):x}"
            else:
                yield name, f"other {stat.S_IFMT(mode):o}"


def _git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)


def _git_says(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=root, check=False, capture_output=True, encoding="utf-8"
    )
    return done.stdout.strip()
