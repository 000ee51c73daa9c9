"""docs/architecture.md: its rooms are there, in the order that the linter pins; its ideas hold."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import agentd
from agentd.workflow.steps import STEPS

PACKAGE = Path(agentd.__file__).parent
ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def rows_of(heading: str) -> dict[str, str]:
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `?([^|`]+?)`? \| (.+) \|$", section, re.MULTILINE)[1:])


def layers() -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    [contract] = [each for each in settings["contracts"] if each["type"] == "layers"]
    names = re.findall(r"agentd\.(\w+)", " ".join(contract["layers"]))
    return [name for name in names if (PACKAGE / name / "__init__.py").is_file()]


def test_the_rooms_are_the_folders() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert set(rows_of("The rooms")) == folders
    assert set(layers()) | {"pipe"} == folders


def test_the_rooms_stand_in_the_order_of_the_layers() -> None:
    assert [name for name in rows_of("The rooms") if name != "pipe"] == layers()


def test_the_picture_shows_every_room_and_only_arrows_down() -> None:
    picture = PAGE.partition("flowchart TD\n")[2].partition("```")[0]
    order = [*layers()[:1], "pipe", *layers()[1:]]  # pipe is in no layer
    drawn = set(re.findall(r"\w+", picture))
    assert drawn == set(order)
    for line in picture.strip().splitlines():
        stages = [re.findall(r"\w+", stage) for stage in line.split("-->")]
        for above, below in pairwise(stages):
            assert max(map(order.index, above)) < min(map(order.index, below))


def test_every_single_file_is_named() -> None:
    files = {path.stem for path in PACKAGE.glob("*.py") if not path.stem.startswith("__")}
    sentence = PAGE.partition("Below them lie single files: ")[2].partition(".\n")[0]
    assert set(re.findall(r"`(\w+)`", sentence)) == files


def test_every_file_that_is_named_is_there() -> None:
    named = re.findall(r"`((?:\w+/)+(?:\w+\.py)?)`", PAGE)
    assert len(named) > 15
    rooms = [PACKAGE, *(path for path in PACKAGE.iterdir() if path.is_dir())]
    missing = [name for name in named if not any((room / name).exists() for room in rooms)]
    assert missing == []


def test_tests_mirror_the_rooms() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    tested = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    assert folders <= tested


def parts_of(pattern: str) -> Iterator[tuple[str, ast.AST]]:
    """The syntax of the files whose text has the pattern."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if re.search(pattern, text := path.read_text()):
            for part in ast.walk(ast.parse(text)):
                yield path.relative_to(PACKAGE).as_posix(), part


def test_what_makes_a_step_different_is_a_column_of_its_row() -> None:
    """No code compares with a step's name ("archive" is a folder's, too)."""
    named = STEPS.keys() - {"archive"}
    found = [
        f"{name}: {ast.unparse(part)}"
        for name, part in parts_of(rf"""step\.name ==|["'](?:{"|".join(named)})["']""")
        if isinstance(part, ast.Compare | ast.pattern)
        for each in ast.walk(part)
        if (isinstance(each, ast.Constant) and each.value in named)
        or (isinstance(each, ast.Compare) and ast.unparse(each.left) == "step.name")
    ]
    assert found == []


def test_git_is_started_in_one_place() -> None:
    found: dict[str, set[str]] = {"started": set(), "looked for": set()}
    for name, part in parts_of('"git"'):
        if isinstance(part, ast.List | ast.Tuple) and part.elts and _is_git(part.elts[0]):
            found["started"].add(name)
        elif isinstance(part, ast.Call) and part.args and _is_git(part.args[0]):
            if ast.unparse(part.func).endswith(("run", "Popen")):
                found["started"].add(name)
            elif ast.unparse(part.func).endswith("which"):
                found["looked for"].add(name)
    assert found["started"] <= {"git.py"}
    # One looks where git lies, and whether git-lfs lies beside it; it starts neither.
    assert found["looked for"] == {"git.py", "planted_filters.py"}


def _is_git(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant) and part.value == "git"
