"""Whether a file was changed by a run, or after it: when did its last process end?"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Literal

from agentd.frozen import frozen


@frozen()
class Ended:
    """The last process of a run was seen at ``lived_ns``, and had ended by ``ended_ns``.

    Nanoseconds of the wall clock. Both are the same where agentd saw it end.
    """

    lived_ns: int
    ended_ns: int

    @classmethod
    def now(cls) -> Ended:
        """It has ended right now."""
        return cls(time.time_ns(), time.time_ns())

    def whose(self, path: Path) -> Literal["the run's", "in doubt", "a person's"]:
        """Who made ``path`` what it is, as far as times can tell.

        A file has the time of its last change, which no process can set. Of one that is gone only
        its folder tells.
        """
        try:
            changed_ns, is_there = os.lstat(path).st_ctime_ns, True
        except (FileNotFoundError, NotADirectoryError):
            changed_ns, is_there = _changed_around(path), False
        if changed_ns <= self.lived_ns:
            return "the run's"
        return "a person's" if is_there and changed_ns > self.ended_ns else "in doubt"


def _changed_around(path: Path) -> int:
    for folder in path.parents:
        try:
            return os.lstat(folder).st_ctime_ns
        except (FileNotFoundError, NotADirectoryError):
            continue
    return 0
