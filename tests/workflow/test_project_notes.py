"""What of project.md goes into a prompt."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentd.errors import InputError
from agentd.project.init import initialise
from agentd.workflow.prompts.project_notes import MAX_CHARS, read_notes, shorten_notes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("# Shop\n\n## Overview\n", ""),
        ("Tea.", "Tea."),
        ("# Shop\r\n\r\nTea.\r\n", "# Shop\n\nTea."),
        ("a <!-- b\nc --> d <!-- e -->", "a  d"),
        ("a <!-- never ended", "a <!-- never ended"),
        ("<!-->x", "x"),
        ("# A\n\n## B\n\n<What it does.>\n\n## C\n\ntext\n", "# A\n\n## C\n\ntext"),
        ("# A\n## B\n### C\ntext\n## D\n", "# A\n## B\n### C\ntext"),
        ("## How\n```sh\n# all\n# of it\nmake\n```", "## How\n```sh\n# all\n# of it\nmake\n```"),
        ("<details>\nx\n</details>", "<details>\nx\n</details>"),
        ("<Tea> is <Fine.>", "<Tea> is <Fine.>"),
        ("List<T> is <Fine>.", "List<T> is <Fine>."),
        ("a\n\n\n\n\nb", "a\n\nb"),
        ("## A\n<!-- x\ny -->\n## B\n`<!-- z -->`", "## B\n`<!-- z -->`"),
        ("## A\n````\n```\n# b\n````\n## C\n", "## A\n````\n```\n# b\n````"),
        ("```\n<!-- c -->\n```", "```\n<!-- c -->\n```"),
        ("Overview\n========\n\nStack\n-----\ntext", "Overview\n========\n\nStack\n-----\ntext"),
        ("text\n\nStack\n-----\n", "text"),
    ],
)
def test_notes(text: str, expected: str) -> None:
    assert shorten_notes(text, path="agentd/project.md") == expected


def test_what_init_writes_says_nothing_until_it_is_filled_in(tmp_path: Path) -> None:
    initialise(tmp_path, project_name="Shop")
    path = tmp_path / "agentd" / "project.md"
    assert shorten_notes(read_notes(path.parent), path="x") == ""
    path.write_text(path.read_text().replace("<Languages,", "Python 3.11. <Languages,"))
    notes = shorten_notes(read_notes(path.parent), path="x")
    assert notes.startswith("# Shop\n\n## Stack\n\nPython 3.11.")
    assert "##" not in notes.partition("## Stack")[2]


@pytest.mark.parametrize(("line", "cut"), [("x" * 70, 7951), ("x" * 20_000, MAX_CHARS)])
def test_long_notes_are_cut_at_a_line_and_say_so(line: str, cut: int) -> None:
    text = "\n".join([line] * 200)
    notes = shorten_notes(text, path="agentd/project.md")
    kept, _, last = notes.rpartition("\n")
    assert text.startswith(kept)
    assert len(kept) == cut
    assert last == f"[cut here: {cut} of {len(text)} characters; all: `agentd/project.md`]"


def test_notes_that_just_fit_are_whole() -> None:
    text = "x" * MAX_CHARS
    assert shorten_notes(text, path="x") == text


def test_many_open_comments_take_no_time() -> None:
    text = "<!--" * 2_000_000
    assert shorten_notes(text, path="x").startswith("<!--<!--")


def test_reading(tmp_path: Path) -> None:
    assert read_notes(tmp_path) == ""
    path = tmp_path / "project.md"
    path.write_bytes("\ufeffGröße".encode())
    assert read_notes(tmp_path) == "Größe"
    path.write_bytes(b"a\n\nb\xff")
    with pytest.raises(InputError, match=r"project\.md: line 3: this is no UTF-8"):
        read_notes(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(InputError, match=r"project\.md can't be read: Is a directory"):
        read_notes(tmp_path)
