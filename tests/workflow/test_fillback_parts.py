"""Existing code in parts that fit, the same ones each time, and which are done."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentd.errors import InputError
from agentd.workflow.fillback import STATE_NAME
from agentd.workflow.fillback.parts import (
    Part,
    Source,
    file_list,
    mark_done,
    next_parts,
    plan_parts,
)


def write(root: Path, sizes: dict[str, int]) -> None:
    """Files of so many characters, in lines of ten."""
    for name, size in sizes.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(("x" * 9 + "\n") * (size // 10))


def plan(root: Path, path: str = ".", limit: int = 100) -> list[tuple[str, list[str], int]]:
    return [
        (part.name, [str(file).replace("`", "") for file in part.files], part.chars)
        for part in plan_parts(root, path, max_part_chars=limit)
    ]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"a.py": 10}, [("a.py", ["a.py"], 10)]),
        ({"a.py": 100}, [("a.py", ["a.py"], 100)]),
        ({"a.py": 50, "s/b.py": 50}, [(".", ["a.py", "s/b.py"], 100)]),
        (  # a folder stays together
            {"a/1": 60, "b/1": 50, "b/2": 50},
            [("a/1", ["a/1"], 60), ("b", ["b/1", "b/2"], 100)],
        ),
        (  # small neighbours share a part
            {"a/1": 40, "b/1": 40, "c/1": 40, "d/1": 40},
            [(".", ["a/1", "b/1"], 80), (".#2", ["c/1", "d/1"], 80)],
        ),
        (  # a large folder along its own folders, its files first
            {"s/z": 60, "s/a/1": 90, "s/b/1": 10, "s/b/2": 90},
            [("s/z", ["s/z"], 60), ("s/a/1", ["s/a/1"], 90), ("s/b", ["s/b/1", "s/b/2"], 100)],
        ),
        (  # what is left of one folder goes with the next
            {"a/1": 90, "a/2": 20, "b/1": 30},
            [("a/1", ["a/1"], 90), (".", ["a/2", "b/1"], 50)],
        ),
        (  # a file that does not fit, between others that do
            {"a": 20, "b": 250, "c": 20},
            [
                ("b:1-10", ["b lines 1-10"], 99),
                ("b:11-20", ["b lines 11-20"], 99),
                ("b:21-25", ["b lines 21-25"], 49),
                (".", ["a", "c"], 40),
            ],
        ),
    ],
)
def test_plan(
    tmp_path: Path, sizes: dict[str, int], expected: list[tuple[str, list[str], int]]
) -> None:
    write(tmp_path, sizes)
    assert plan(tmp_path) == expected


def test_plan_of_a_folder_or_a_file(tmp_path: Path) -> None:
    write(tmp_path, {"s/a/1": 60, "s/b/1": 60, "t": 10})
    assert plan(tmp_path, "s") == [("s/a/1", ["s/a/1"], 60), ("s/b/1", ["s/b/1"], 60)]
    assert plan(tmp_path, "s", 120) == [("s", ["s/a/1", "s/b/1"], 120)]
    assert plan(tmp_path, "s/b/1") == [("s/b/1", ["s/b/1"], 60)]
    assert plan(tmp_path, "s/b/1", 50)[1][1] == ["s/b/1 lines 6-6"]


def test_a_line_that_is_too_long_is_a_range_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x" * 300 + "\n2\n" + "x" * 200 + "\n4")
    assert [(files, chars) for _, files, chars in plan(tmp_path)] == [
        (["a lines 1-1"], 300),
        (["a lines 2-2"], 1),
        (["a lines 3-3"], 200),
        (["a lines 4-4"], 1),
    ]


@settings(max_examples=60)  # a deadline would measure the machine
@given(seed=st.integers(0, 10**6))
def test_every_line_is_in_one_part_and_none_is_too_large(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    root = tmp_path_factory.mktemp("p")
    choose = random.Random(seed)
    names = {"/".join(choose.choices("abc", k=choose.randint(1, 4))) + ".py" for _ in range(25)}
    write(root, {name: choose.choice([10, 30, 60, 100, 110, 300]) for name in names})
    parts = plan_parts(root, ".", max_part_chars=100)
    covered = [
        (source.path, line)
        for part in parts
        for source in part.files
        for line in (
            range(source.lines[0], source.lines[1] + 1)
            if source.lines
            else range(1, (root / source.path).read_text().count("\n") + 1)
        )
    ]
    every = [
        (name, line)
        for name in names
        for line in range(1, (root / name).read_text().count("\n") + 1)
    ]
    assert sorted(covered) == sorted(every)
    assert all(0 < part.chars <= 100 for part in parts)
    assert len({part.name for part in parts}) == len(parts)
    assert all(a.chars + b.chars > 100 or _ranges(a, b) for a, b in pairwise(parts))
    assert plan_parts(root, ".", max_part_chars=100) == parts


def _ranges(*parts: Part) -> bool:
    return any(source.lines for part in parts for source in part.files)


def test_file_list_for_the_prompt(tmp_path: Path) -> None:
    part = Part(name="x", files=(Source("a.py"), Source("b.py", (3, 9))), chars=1, digest="")
    assert file_list(part) == "- `a.py`\n- `b.py` lines 3-9"


def test_parts_are_done_once(tmp_path: Path) -> None:
    write(tmp_path, {"a/1": 90, "b/1": 90, "c/1": 90})
    change = tmp_path / "agentd" / "changes" / "x"
    change.mkdir(parents=True)
    parts = plan_parts(tmp_path, ".", max_part_chars=100)
    assert next_parts(change, parts) == parts
    mark_done(change, parts[1])
    mark_done(change, parts[1])
    assert next_parts(change, parts) == [parts[0], parts[2]]
    for part in parts:
        mark_done(change, part)
    assert next_parts(change, plan_parts(tmp_path, ".", max_part_chars=100)) == []
    assert [file.name for file in change.iterdir()] == [STATE_NAME]


@pytest.mark.parametrize("how", ["content", "added", "removed", "renamed"])
def test_a_part_whose_code_changed_is_done_again(tmp_path: Path, how: str) -> None:
    write(tmp_path, {"a/1": 40, "a/2": 50, "b/1": 90})
    parts = plan_parts(tmp_path, ".", max_part_chars=100)
    for part in parts:
        mark_done(tmp_path, part)
    (tmp_path / STATE_NAME).rename(tmp_path.parent / STATE_NAME)
    file = tmp_path / "a" / "1"
    if how == "content":
        file.write_text(file.read_text().replace("x", "y"))
    elif how == "added":
        (tmp_path / "a" / "3").write_text("x")
    elif how == "removed":
        file.unlink()
    else:
        file.rename(tmp_path / "a" / "0")
    again = plan_parts(tmp_path, ".", max_part_chars=100)
    (change := tmp_path / "c").mkdir()
    (tmp_path.parent / STATE_NAME).rename(change / STATE_NAME)
    assert [{source.path[0] for source in part.files} for part in next_parts(change, again)] == [
        {"a"}
    ]
    mark_done(change, next_parts(change, again)[0])
    assert next_parts(change, again) == []


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"done": 1}', '{"done": {"a": 1}}', "{}", "<<<<<<< x", "\xff"]
)
def test_a_broken_record_is_not_overwritten(tmp_path: Path, text: str) -> None:
    path = tmp_path / STATE_NAME
    path.write_bytes(text.encode("latin-1"))
    part = Part(name="x", files=(), chars=0, digest="d")
    for use in (lambda: next_parts(tmp_path, [part]), lambda: mark_done(tmp_path, part)):
        with pytest.raises(InputError, match=r"fillback\.json does not say which parts are done"):
            use()
    assert path.read_bytes() == text.encode("latin-1")
