"""A whole ``agentd run`` with stand-in CLIs in projects as their authors published them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.command import agentd
from support.workspace import Sandbox, put_standins

from real.projects import PROJECTS

pytestmark = pytest.mark.real

CHANGE = "add-it"
ARCHIVED = f"agentd/archive/*-{CHANGE}"
# What each recorded run used, in and out.
TOKENS = {"claude": (3358, 20), "codex": (1111, 77), "gemini": (1111, 80)}
STREAMS = {
    "claude": "claude/2.1.330/tool_stream_json_partial",
    "codex": "codex/0.169.0/model_json",
    "gemini": "gemini/0.61.0/model_stream_json",
}
STEPS = {
    "proposal": "gemini",
    "challenge": "codex",
    "implementation": "claude",
    "review": "codex",
    "resolve": "claude",
    "archive": "gemini",
    "archive-review": "codex",
}
APPROVED = ("proposal", "challenge", "implementation", "review", "archive", "archive-review")


@dataclass(frozen=True, kw_only=True)
class Change:
    """A small change of a project.

    ``right`` and ``wrong`` are what an agent does in its shell to build it, and ``review`` what
    one does to try it. ``test`` is the project's own way to test, ``says`` what a run of that
    prints, ``others`` what else is found to check it. ``makes`` are the paths that git then tells.
    """

    project: str
    requirement: str
    code: str
    tested_by: str
    right: str
    wrong: str
    test: str
    says: str
    review: str
    makes: tuple[str, ...]
    others: dict[str, str] = field(default_factory=dict)


INITIALS = """cat >> inflection/__init__.py <<'END'


def initials(string: str) -> str:
    \"\"\"Return the first letters of the words in ``string``.\"\"\"
    return "".join(word[0] for word in titleize(string).split())
END
cat >> test_inflection.py <<'END'


def test_initials():
    assert inflection.initials("active_record") == "AR"
END
"""
STRIP = """cat >> colorama/ansi.py <<'END'


def strip(text):
    '''Leave out the codes of colours and styles.'''
    import re
    return re.sub(r'\\033\\[[0-9;]*m', '', text)
END
cat > colorama/tests/strip_test.py <<'END'
from unittest import TestCase

from ..ansi import Fore, strip


class StripTest(TestCase):
    def testStrip(self):
        self.assertEqual(strip(Fore.RED + 'x' + Fore.RESET), 'x')
END
"""
TO_HEX = """cat > hex.js <<'END'
'use strict'

var names = require('./');

module.exports = function (name) {
	return '#' + names[name].map(function (part) {
		return (256 + part).toString(16).slice(1);
	}).join('');
};
END
cat >> test.js <<'END'
assert.equal(require('./hex')('red'), '#ff0000');
require('fs').mkdirSync('coverage', { recursive: true });
require('fs').writeFileSync('coverage/lcov.info', String(Date.now()));
END
"""
VERSION = """awk '{ print } /-h\\) usage/ { getline; print; getline; print
  print "      -V) echo 0.3.3"; print "          exit 0"; print "      ;;" }' JSON.sh > JSON.sh.new
cat JSON.sh.new > JSON.sh && rm JSON.sh.new
cat > test/version-test.sh <<'END'
#!/bin/sh
cd ${0%/*}
test "`../JSON.sh -V`" = 0.3.3
END
chmod +x test/version-test.sh
"""

CACHES = ("?? __pycache__/",)
CHANGES = [
    Change(
        project="inflection",
        requirement="Initials",
        code="inflection/__init__.py",
        tested_by="test_inflection.py::test_initials",
        right=INITIALS,
        wrong=INITIALS.replace("word[0]", "word[1]"),
        test="pytest",
        says="456 passed",
        others={"lint": "flake8"},
        review="pytest -q",
        makes=(
            " M inflection/__init__.py",
            " M test_inflection.py",
            *CACHES,
            "?? inflection/__pycache__/",
        ),
    ),
    Change(
        project="colorama",
        requirement="Strip",
        code="colorama/ansi.py",
        tested_by="colorama/tests/strip_test.py",
        right=STRIP,
        wrong=STRIP.replace("'', text", "'?', text"),
        test="python -m unittest discover -p '*_test.py'",
        says="OK",
        review="python -m unittest colorama.tests.strip_test",
        makes=(" M colorama/ansi.py", "?? colorama/tests/strip_test.py"),
    ),
    Change(
        project="color-name",
        requirement="Hex",
        code="hex.js",
        tested_by="test.js",
        right=TO_HEX,
        wrong=TO_HEX.replace("256 +", "255 +"),
        test="npm run test",
        says="node test.js",
        review="mkdir -p node_modules/x .nyc_output && echo > node_modules/x/y.js && npm test",
        makes=(" M test.js", "?? coverage/", "?? hex.js", "?? node_modules/"),
    ),
    Change(
        project="JSON.sh",
        requirement="Version",
        code="JSON.sh",
        tested_by="test/version-test.sh",
        right=VERSION,
        wrong=VERSION.replace("echo 0.3.3", "echo 0.3.2"),
        test="npm run test",
        says="SUCCESS 7 / 7",
        review="./all-tests.sh",
        makes=(" M JSON.sh", "?? test/version-test.sh"),
    ),
]


@dataclass
class Project:
    """A published project under git, with agentd in it, and stand-ins that build its change."""

    box: Sandbox
    change: Change

    @property
    def root(self) -> Path:
        return self.box.root

    def agentd(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        folders = (self.root.parent, Path(sys.executable).parent, os.environ["PATH"])
        environ = {"PATH": os.pathsep.join(map(str, folders)), "HOME": str(self.root.parent)}
        return agentd(*arguments, cwd=self.root, env=environ)

    def git(self, *arguments: str) -> str:
        command = ("git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments)
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=True)
        return done.stdout


def begin(tmp_path: Path, change: Change) -> Project:
    published = PROJECTS[change.project]
    if not published.path.is_file():
        pytest.fail("projects are not fetched: python -m tests.real.install", pytrace=False)
    project = Project(Sandbox(tmp_path / "project"), change)
    published.unpack(project.root)
    put_standins(tmp_path)
    project.git("init", "-q")
    project.git("add", "-A")
    project.git("commit", "-qm", "as published")
    made = project.agentd("init")
    assert made.returncode == 0, made
    project.git("add", "-A")
    project.git("commit", "-qm", "agentd")
    answer(project, change.right)
    return project


def answer(project: Project, implementation: str, resolution: str = "true") -> None:
    """Let the stand-ins take the change through, and build it by these shell commands."""
    change, box = project.change, project.box
    tasks = (
        f"# Tasks\n\n- [ ] 1.1 {change.requirement} (`{change.code}`)\n"
        f"  - Requirement: {change.requirement}\n  - Test: `{change.tested_by}`\n"
    )
    delta = (
        "# Extras\n\n## Purpose\nWhat users asked for.\n\n## ADDED Requirements\n\n"
        f"### Requirement: {change.requirement}\nIt SHALL be there.\n\n#### Scenario: used\n"
        "- **WHEN** it is used\n- **THEN** it works\n"
    )
    proposal = (
        f"# Proposal: {change.requirement}\n\n## Why\nUsers asked for it.\n\n## What changes\n"
        f"- It is there.\n\n## Impact\n- Specs: extras\n- Code: `{change.code}`\n- Risks: none\n\n"
        "## Out of scope\n- Everything else\n"
    )
    coverage = (
        "## Coverage\n| Requirement | Scenario | Implemented in | Tested by |\n|---|---|---|---|\n"
        f"| {change.requirement} | used | {change.code}:1 | {change.tested_by} |\n\n"
    )
    approves = "## Issues\nnone\n\n## Verdict\n- [x] APPROVED\n"
    entry = f"# Changelog\n\n## 2026-11-22 {CHANGE}\n\n{change.requirement} is there.\n"
    built = {
        "change/IMPLEMENTATION.md": "# Implementation\n\n## Done\nAll.\n",
        "change/tasks.md": tasks.replace("[ ]", "[x]"),
    }
    files = {
        "proposal": {
            "change/proposal.md": proposal,
            "change/tasks.md": tasks,
            "change/specs/extras.md": delta,
        },
        "challenge": {"change/CHALLENGE.md": f"# Challenge\n\n## Summary\nSeen.\n\n{approves}"},
        "implementation": built,
        "review": {"change/REVIEW.md": f"# Review\n\n## Summary\nSeen.\n\n{coverage}{approves}"},
        "resolve": {},
        "archive": {"change/merged/CHANGELOG.md": entry},
        "archive-review": {"change/ARCHIVE_REVIEW.md": f"# Archive review\n\n{approves}"},
    }
    shells = {  # judges run a project's tests too, which leaves traces
        "implementation": implementation,
        "resolve": f"{resolution}\necho tried >> agentd/changes/{CHANGE}/IMPLEMENTATION.md",
        "review": f"{change.review} || true",
    }
    for step, written in files.items():
        more = {"shell": shells[step]} if step in shells else {}
        box.answer(step, STREAMS[STEPS[step]], written, **more)


def steps(project: Project) -> list[str]:
    return [call["step"] for call in state(project)["telemetry"]["calls"]]


def state(project: Project) -> dict[str, Any]:
    (folder,) = (*project.root.glob(f"agentd/*/{CHANGE}"), *project.root.glob(ARCHIVED))
    told: dict[str, Any] = yaml.safe_load((folder / "STATE.yaml").read_text())
    return told


def check_ledger(project: Project) -> None:
    """The calls' tokens are those of the recordings, and the totals are their sums."""
    telemetry = state(project)["telemetry"]
    used = [TOKENS[STEPS[step]] for step in steps(project)]
    assert [(call["tokens_in"], call["tokens_out"]) for call in telemetry["calls"]] == used
    assert telemetry["total_tokens_in"] == sum(tokens_in for tokens_in, _ in used)
    assert telemetry["total_tokens_out"] == sum(tokens_out for _, tokens_out in used)
    costs = [Decimal(str(call["cost_usd"])) for call in telemetry["calls"]]
    assert min(costs) > 0
    assert Decimal(str(telemetry["total_cost_usd"])) == sum(costs)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.project)
def test_a_change_of_a_published_project(tmp_path: Path, change: Change) -> None:
    project = begin(tmp_path, change)
    ran = project.agentd("run", CHANGE, f"Add {change.requirement}.")
    assert ran.returncode == 0, ran
    assert "Warning" not in ran.stderr
    assert steps(project) == list(APPROVED)
    check_ledger(project)
    (folder,) = project.root.glob(ARCHIVED)
    (prompt,) = folder.glob("runs/????????T??????-review-*/prompt")
    told = prompt.read_text()
    assert f"$ {change.test}\n" in told
    assert change.says in told
    assert "### test: passed" in told
    spec = (project.root / "agentd/specs/extras.md").read_text()
    assert f"### Requirement: {change.requirement}" in spec
    assert "ADDED" not in spec
    made = project.git("status", "--short").splitlines()
    assert sorted(line for line in made if " agentd/" not in line) == sorted(change.makes)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.project)
def test_a_test_that_fails_keeps_a_change_out_of_the_archive(
    tmp_path: Path, change: Change
) -> None:
    project = begin(tmp_path, change)
    answer(project, change.wrong)
    ran = project.agentd("run", CHANGE, f"Add {change.requirement}.")
    assert ran.returncode == 5, ran
    assert "test: FAILED (exit " in ran.stderr
    assert "resolve" in steps(project)
    assert "archive" not in steps(project)
    check_ledger(project)
    assert not list(project.root.glob(ARCHIVED))
    assert not (project.root / "agentd/specs/extras.md").exists()


def test_what_resolve_mends_is_archived(tmp_path: Path) -> None:
    (change,) = (change for change in CHANGES if change.project == "color-name")
    project = begin(tmp_path, change)
    answer(project, change.wrong, f"git checkout -q test.js\n{change.right}")
    ran = project.agentd("run", CHANGE, f"Add {change.requirement}.")
    assert ran.returncode == 0, ran
    assert steps(project).count("resolve") == 1
    check_ledger(project)
    assert list(project.root.glob(ARCHIVED))
