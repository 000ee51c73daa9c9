"""The documents of fixtures/documents/cases, each spoilt in one way, and what is said of them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from support.documents import CONFIG, FIXTURES, Documents, make_documents

import agentd
from agentd.config.model import ValidationPattern
from agentd.documents.document_files import Source
from agentd.documents.patterns import pattern_issues

CASES = sorted(path.name for path in (FIXTURES / "cases").iterdir())


@pytest.fixture
def documents(tmp_path: Path) -> Documents:
    return make_documents(tmp_path)


@pytest.mark.parametrize("case", CASES)
def test_case(documents: Documents, case: str) -> None:
    """A case holds the documents that differ, ``main/`` main specs, ``other/`` another change."""
    folder = FIXTURES / "cases" / case
    for file in folder.rglob("*.md"):
        name = file.relative_to(folder).as_posix()
        target = documents.change / name
        if name.startswith("main/"):
            target = documents.root / "agentd" / "specs" / name.removeprefix("main/")
        elif name.startswith("other/"):
            target = documents.change.parent / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    expected = (folder / "expected").read_text().splitlines()
    assert documents.found() == expected
    assert documents.validate().ok() == (not any(" error " in line for line in expected))


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_line_numbers_whatever_the_line_ends(documents: Documents, start: str, end: str) -> None:
    text = "# Proposal: x\f\n\n## Why\nA\u2028B\x85C\n\n## What changes\n- TODO\n\n## Empty\n"
    documents.write("proposal.md", start + text.replace("\n", end))
    tasks = documents.read("tasks.md").replace("1.1\n", "9.9\n")
    documents.write("tasks.md", start + tasks.replace("\n", end))
    spec = documents.read("specs/login.md").replace("MUST", "may")
    documents.write("specs/login.md", start + spec.replace("\n", end))
    assert documents.found() == [
        "proposal.md:7 warning placeholder",
        "proposal.md:9 warning empty-section",
        "specs/login.md:21 error no-shall",
        "tasks.md:8 error unknown-task",
    ]


def test_the_skeletons_themselves_are_full_of_errors(documents: Documents) -> None:
    names = {"proposal.md": "proposal.md", "tasks.md": "tasks.md", "spec.md": "specs/login.md"}
    for skeleton, name in names.items():
        text = (Path(agentd.__file__).parent / "documents" / "skeletons" / skeleton).read_text()
        documents.write(name, text)
        to_fill = [number for number, line in enumerate(text.split("\n"), 1) if "<" in line]
        assert to_fill
        found = documents.found()
        assert [n for n in to_fill if f"{name}:{n} error placeholder" not in found] == []


def test_links_count_from_the_document_or_the_root(documents: Documents) -> None:
    (documents.root / "src").mkdir()
    (documents.root / "src" / "a b(1).py").write_text("")
    links = "[a](src/a%20b(1).py#L3) [b](<src/a b(1).py>) [c](../../../src/) [d](src/a%20b(1).py:4)"
    documents.write("proposal.md", f"{documents.read('proposal.md')}- {links}\n")
    assert documents.found() == []


def test_what_is_missing(documents: Documents) -> None:
    shutil.rmtree(documents.change)
    documents.change.mkdir()
    assert documents.found() == [
        "proposal.md:- error missing",
        "specs:- error missing",
        "tasks.md:- error missing",
    ]


def test_what_cannot_be_read(documents: Documents, tmp_path: Path) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text("# Proposal: secret\n")
    documents.write("proposal.md", "")
    (documents.change / "proposal.md").unlink()
    (documents.change / "proposal.md").symlink_to(secret)
    documents.write("tasks.md", b"- [ ] 1.1 \xff\xfe\n")
    os.mkfifo(documents.change / "specs" / "pipe.md")
    documents.write("specs/utf16.md", "# Login".encode("utf-16"))
    documents.write("specs/zero.md", b"# Login\0\n")
    assert documents.found() == [
        "proposal.md:- error unreadable",
        "specs/pipe.md:- error unreadable",
        "specs/utf16.md:- error not-text",
        "specs/zero.md:- error not-text",
        "tasks.md:- error not-text",
    ]
    assert not any("secret" in issue.message for issue in documents.validate().issues)


def test_empty_documents(documents: Documents) -> None:
    for name in ("proposal.md", "tasks.md", "specs/login.md"):
        documents.write(name, "\ufeff \r\n")
    found = documents.found()
    for name in ("proposal.md", "tasks.md", "specs/login.md"):
        assert f"{name}:- error empty" in found
    assert not documents.validate().ok()


def test_notes_and_other_documents_are_left_alone(documents: Documents) -> None:
    documents.write("CHALLENGE.md", "# Challenge\n\n## Empty\nTODO\n")
    documents.write("specs/login/notes.md", "TODO: no spec\n")
    documents.write("specs/CHANGELOG.md", "TODO\n")
    documents.write("specs/.hidden.md", "TODO\n")
    documents.write("runs/1/prompt.md", "TODO\n")
    assert documents.found() == []


def test_many_of_one_kind_are_summed_up(documents: Documents) -> None:
    documents.write("proposal.md", documents.read("proposal.md") + "- TODO\n" * 500)
    messages = [issue.message for issue in documents.validate().issues]
    assert len(messages) == 21
    assert messages[-1] == "and 480 more like line 35"


def test_strict(documents: Documents) -> None:
    assert documents.validate().ok(strict=True)
    documents.write("proposal.md", documents.read("proposal.md") + "- TODO\n")
    assert documents.validate().ok()
    assert not documents.validate().ok(strict=True)


PATTERNS = """
[[validation.patterns]]
name = "no-password"
pattern = 'pass\\w+'
files = "proposal.md"
severity = "error"
message = "say secret"
[[validation.patterns]]
name = "short"
pattern = '^#### .*$'
files = "specs/*.md"
severity = "info"
[[validation.patterns]]
name = "elsewhere"
pattern = 'x'
files = "design.md"
"""


def test_patterns_of_the_config(tmp_path: Path) -> None:
    documents = make_documents(tmp_path, CONFIG + PATTERNS)
    documents.write("design.md", "\ufeffa\r\nb\rx\n")
    assert documents.found() == [
        "design.md:3 warning pattern:elsewhere",
        "proposal.md:4 error pattern:no-password",
        "specs/login.md:11 info pattern:short",
        "specs/login.md:15 info pattern:short",
        "specs/login.md:24 info pattern:short",
    ]
    messages = [issue.message for issue in documents.validate().errors]
    assert messages == ["no-password: say secret"]


def test_a_pattern_without_end_is_an_error_that_names_it(tmp_path: Path) -> None:
    evil = "[[validation.patterns]]\nname = 'evil'\npattern = '(a|aa)+$'\n"
    documents = make_documents(tmp_path, CONFIG + evil)
    documents.write("proposal.md", documents.read("proposal.md") + "a" * 5000 + "!\n")
    (error,) = documents.validate().errors
    assert (error.path, error.code) == ("agentd/config.toml", "pattern")
    assert error.message.startswith("the pattern evil found no end within ")


def test_a_pattern_that_does_not_compile_is_an_error_that_names_it() -> None:
    broken = ValidationPattern(name="open", pattern="(a", files="*.md")
    sound = ValidationPattern(name="sound", pattern="a", files="*.md")
    source = Source("proposal.md", "proposal.md", "b\na\n")
    first, second = pattern_issues([broken, sound], [source], "config.toml")
    assert (first.severity, first.path) == ("error", "config.toml")
    assert first.message.startswith("the pattern open does not compile: ")
    assert (second.code, second.line) == ("pattern:sound", 2)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("a\n" * 20_001, "is too large"),
        ("a\r" * 20_001, "is too large"),
        ("0123456789" * 8 + "\n", ""),
        (("0123456789" * 8 + "\n") * 12_400, "is too large"),
        ("a" * 20_001 + "\n", "has a line of 20,001 bytes (line 16)"),
        ("a" * 19_000 + "\n", ""),
    ],
)
def test_what_is_too_large(documents: Documents, content: str, reason: str) -> None:
    documents.write("proposal.md", documents.read("proposal.md") + content)
    documents.write("design.md", "x\n" * 100)
    messages = [issue.message for issue in documents.validate().issues]
    assert len(messages) == bool(reason)
    assert all(message.startswith(reason) for message in messages)


def test_the_limits_hold_for_all_documents_together(documents: Documents) -> None:
    for number in range(2):
        documents.write(f"design{number}.md", "a\n" * 12_000)
    assert documents.found()[0] == "design1.md:- error too-large"
