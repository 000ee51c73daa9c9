"""The picture in README.md shows what its commands print today."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from generate.picture import PICTURE, ROOT, draw, record
from support.terminal import without_colours
from support.tutorial import steady

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> tuple[str, str]:
    """What it says in words, and the letters that are drawn."""
    tree = ElementTree.fromstring(svg)
    told = tree.find(f"{SVG}desc")
    assert told is not None
    (matrix,) = (each for each in tree.iter(f"{SVG}g") if each.get("class") == "run-matrix")
    return told.text or "", "".join("".join(matrix.itertext()).split())


def test_the_picture_shows_what_its_commands_print(tmp_path: Path) -> None:
    shown = record(tmp_path)
    told, drawn = texts(PICTURE.read_text())
    assert steady(told) == steady(without_colours(shown))
    assert drawn == "".join(told.split())


def test_the_same_text_makes_the_same_picture() -> None:
    shown = "\x1b[1m$ agentd\x1b[0m\n  a <line> & {another}\n\x1b[31mred\x1b[0m"
    assert draw(shown) == draw(shown)
    told, drawn = texts(draw(shown))
    assert told == "$ agentd\n  a <line> & {another}\nred"
    assert drawn == "$agentda<line>&{another}red"


def test_the_readme_shows_it() -> None:
    assert f"]({PICTURE.relative_to(ROOT)})" in (ROOT / "README.md").read_text()
