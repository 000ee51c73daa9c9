"""`agentd validate` as a command: exit codes, lines, JSON, --fix, and hostile documents."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from support.command import agentd
from support.documents import CONFIG, Documents, make_documents

from agentd.cli.validate import validate as validate_command
from agentd.ledger.store import StateStore

CHANGE = "agentd/changes/add-code"


@pytest.fixture
def documents(tmp_path: Path) -> Documents:
    return make_documents(tmp_path)


def validate(documents: Documents, *options: str) -> subprocess.CompletedProcess[str]:
    return agentd("validate", "add-code", *options, cwd=documents.root)


def test_a_valid_change(documents: Documents) -> None:
    done = validate(documents, "--strict")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "add-code: ok (no errors, no warnings)\n"


def test_errors_and_warnings(documents: Documents) -> None:
    documents.write("proposal.md", documents.read("proposal.md") + "- TODO\n")
    assert validate(documents).returncode == 0
    assert validate(documents, "--strict").returncode == 1
    documents.write("tasks.md", "# Tasks\n\nNone.\n")
    done = validate(documents)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"{CHANGE}/proposal.md:16: warning: TODO looks like a placeholder",
        "    Write what is meant; put it in `backticks` if it is meant so.",
        f'{CHANGE}/tasks.md: error: there is no task: no line "- [ ] 1.1 ..."',
        "add-code: not ok (1 error, 1 warning)",
    ]


def test_json(documents: Documents) -> None:
    documents.write("tasks.md", documents.read("tasks.md").replace("- [x] 2.1", "- [?] 2.1"))
    done = validate(documents, "--json", "--strict")
    assert done.returncode == 1
    assert json.loads(done.stdout) == {
        "version": "1",
        "change_id": "add-code",
        "ok": False,
        "strict": True,
        "errors": 0,
        "warnings": 1,
        "infos": 0,
        "issues": [
            {
                "severity": "warning",
                "code": "unknown-mark",
                "path": f"{CHANGE}/tasks.md",
                "line": 14,
                "message": "the mark [?] is unknown; the task counts as open",
                "fix": "Write [ ] or [x].",
            }
        ],
        "mended": [],
    }


def test_fix(documents: Documents) -> None:
    before = documents.read("tasks.md")
    documents.write("tasks.md", "\ufeff" + before.replace("- [x] 2.1", "-[X] 2.1"))
    assert validate(documents).returncode == 0
    assert documents.read("tasks.md") != before
    done = validate(documents, "--fix", "--strict")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        f"{CHANGE}/tasks.md: mended: removed the byte order mark",
        f"{CHANGE}/tasks.md: mended: wrote 1 checkbox as `- [x] ...`",
        "add-code: ok (no errors, no warnings)",
    ]
    assert documents.read("tasks.md") == before
    assert json.loads(validate(documents, "--fix", "--json").stdout)["mended"] == []


def test_nothing_else_is_written(documents: Documents) -> None:
    files = {path: path.read_bytes() for path in documents.root.rglob("*") if path.is_file()}
    validate(documents)
    assert {p: p.read_bytes() for p in documents.root.rglob("*") if p.is_file()} == files


def test_no_such_change(documents: Documents) -> None:
    done = agentd("validate", "add-cod", "--json", cwd=documents.root)
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "input"


def _wide(piece: str) -> str:
    """Lines as long as a document may have, of one piece."""
    return "\n".join([piece * (19_000 // len(piece))] * 50)


EVIL = "[[validation.patterns]]\nname = 'evil'\npattern = '(a|aa)+$'\nfiles = 'proposal.md'\n"
HOSTILE: dict[str, Callable[[], tuple[str, str | bytes, str]]] = {
    "10 MB": lambda: ("proposal.md", "word " * 2_000_000, ""),
    "10 MB of lines": lambda: ("specs/login.md", "### Requirement: a\n" * 550_000, ""),
    "binary": lambda: ("tasks.md", random.Random(1).randbytes(100_000), ""),
    "checkboxes": lambda: ("tasks.md", "- [x] 1.1 a\n" * 15_000, ""),
    "a chain of tasks": lambda: (
        "tasks.md",
        "".join(f"- [ ] {n} a\n  - Depends on: {n + 1}\n" for n in range(9_000)),
        "",
    ),
    "100,000 headings": lambda: ("proposal.md", "## Why\n" * 100_000, ""),
    "15,000 headings": lambda: ("proposal.md", "# a\n" * 15_000, ""),
    "requirements": lambda: ("specs/login.md", "### Requirement: a\n" * 15_000, ""),
    "scenarios": lambda: (
        "specs/login.md",
        "## ADDED Requirements\n### Requirement: a\n" + "#### Scenario: a\n" * 15_000,
        "",
    ),
    "brackets": lambda: ("proposal.md", _wide("[") + _wide("]("), ""),
    "angles": lambda: ("proposal.md", _wide("<a"), ""),
    "backticks": lambda: ("proposal.md", _wide("`"), ""),
    "spaces": lambda: ("tasks.md", _wide("- [" + " " * 9_000), ""),
    "bold": lambda: ("specs/login.md", "### Requirement: a\n" + _wide("**Scenario: a** "), ""),
    "catastrophic pattern": lambda: ("proposal.md", "a" * 10_000 + "!\n", EVIL),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_end_soon_and_are_never_ok(documents: Documents, name: str) -> None:
    document, content, config = HOSTILE[name]()
    documents.write(document, content)
    (documents.root / "agentd" / "config.toml").write_text(CONFIG + config)
    done = validate(documents, "--fix")
    assert done.returncode == 1, done.stderr
    assert "not ok" in done.stdout.splitlines()[-1]
    assert len(done.stdout) < 50_000


def test_many_changes_are_read_once_each(
    documents: Documents, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No change is looked at once more for each of the others."""
    for number in range(20):
        folder = documents.change.with_name(f"add-code-{number}")
        shutil.copytree(documents.change, folder)
        StateStore(folder).create(folder.name)
    monkeypatch.chdir(documents.root)
    looks: Counter[str] = Counter()
    for name in ("scandir", "listdir"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda path, real=real: looks.update([str(path)]) or real(path)
        )
    with pytest.raises(typer.Exit):
        validate_command(every=True)
    assert " is changed by add-code, add-code-1, " in capsys.readouterr().out
    assert 0 < max(looks[str(path)] for path in documents.project.changes_dir.glob("*/specs")) < 10
    looks.clear()
    with pytest.raises(typer.Exit):
        validate_command(fix=True)
    assert 0 < looks[str(documents.project.changes_dir)] < 10
