"""docs/tutorials, word for word: what a reader types works, and prints what the page shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.tutorial import PAGES, blocks, play, steady, with_standins

TUTORIALS = sorted(PAGES.glob("[0-9]*.md"))


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_a_tutorial_prints_what_it_shows(page: Path, tmp_path: Path) -> None:
    for one in play(page.read_text(), tmp_path, with_standins(tmp_path)):
        told = f"{page.name}: {one.block.typed}"
        assert one.exit_code == one.block.exit_code, f"{told}\n{one.printed}"
        assert steady(one.printed) == steady(one.block.shown or ""), told


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_every_block_of_a_tutorial_is_typed_or_shown(page: Path) -> None:
    text = page.read_text()
    found = blocks(text)
    shown = sum(block.shown is not None for block in found)
    assert len(found) > 6
    assert len(re.findall("(?m)^```", text)) == 2 * (len(found) + shown)
    assert not re.search(r"(?m)^    \S.*agentd ", re.sub(r"(?ms)^```.*?^```", "", text))
