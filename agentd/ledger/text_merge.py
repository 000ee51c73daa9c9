"""Text of two branches merged line by line, as git does it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

from agentd import git

_MOST_CONFLICTS = 127  # `git merge-file` ends with their count, or with more when it failed


class Merging(NamedTuple):
    """How conflicts are shown: what the two sides are called, and how long the markers are.

    git is asked in ``folder``, whose settings say whether the base is shown too; ``zealous``: it
    never is.
    """

    folder: Path
    ours: str = "ours"
    theirs: str = "theirs"
    marker_size: int = 7
    zealous: bool = False

    def merge(self, base: str, ours: str, theirs: str) -> tuple[str, bool]:
        """The text that both lead to, and whether there is a conflict in it."""
        if theirs in (ours, base):
            return ours, False
        if ours == base:
            return theirs, False
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder, name) for name in ("ours", "base", "theirs")]
            for path, text in zip(paths, (ours, base, theirs), strict=True):
                path.write_bytes(text.encode(errors="surrogateescape"))
            style = ("-c", "merge.conflictStyle=merge") if self.zealous else ()
            labels = [part for name in (self.ours, "base", self.theirs) for part in ("-L", name)]
            size = f"--marker-size={self.marker_size}"
            try:
                done = git.run(
                    self.folder, *style, "merge-file", "-p", size, *labels, *map(str, paths)
                )
            except git.GitFailed:
                return self.whole(ours, theirs), True
        if done.returncode > _MOST_CONFLICTS:
            return self.whole(ours, theirs), True
        return done.stdout.decode(errors="surrogateescape"), done.returncode > 0

    def whole(self, ours: str, theirs: str) -> str:
        """The two texts as one conflict; the text itself where they are the same."""
        if ours == theirs:
            return ours
        ends = ["" if not text or text.endswith("\n") else "\n" for text in (ours, theirs)]
        parts = [text + end for text, end in zip((ours, theirs), ends, strict=True)]
        signs = [sign * self.marker_size for sign in "<=>"]
        return f"{signs[0]} {self.ours}\n{parts[0]}{signs[1]}\n{parts[1]}{signs[2]} {self.theirs}\n"
