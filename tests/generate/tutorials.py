"""Write into docs/tutorials what their commands print today, where that has changed.

    python tests/generate/tutorials.py [NAME.md ...]

Look at the difference before you commit it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.tutorial import PAGES, play, steady, with_standins


def rewrite(page: Path) -> None:
    text = page.read_text()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        played = list(play(text, folder, with_standins(folder)))
    for one in reversed(played):
        block = one.block
        if one.exit_code != block.exit_code:
            print(f"{page.name}: exit {one.exit_code} of: {block.typed}{one.printed}")
        if block.shown is not None and steady(block.shown) != steady(one.printed):
            start, end = block.shown_at
            text = text[:start] + one.printed.rstrip() + "\n" + text[end:]
    page.write_text(text)


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted(path.name for path in PAGES.glob("[0-9]*.md")):
        rewrite(PAGES / name)
