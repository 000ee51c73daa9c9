"""Regular expressions that are compiled when they are first used.

A step loads two hundred of them, which takes as long as the rest of its start; it uses a third.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


def late_pattern(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What ``re.compile`` gives; but functions of ``re`` don't take it.

    What matched has the compiled pattern as its ``match.re``, not this.
    """
    return cast("re.Pattern[AnyStr]", _LatePattern(pattern, flags))


class _LatePattern:
    def __init__(self, pattern: Any, flags: int) -> None:
        self._pattern, self._flags = pattern, flags

    def __getattr__(self, name: str) -> Any:
        found = getattr(re.compile(self._pattern, self._flags), name)
        setattr(self, name, found)  # it is not asked for again
        return found
