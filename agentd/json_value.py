"""JSON that somebody else wrote: whatever is wrong with it, reading it raises ValueError."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from agentd.late_pattern import late_pattern

_ESCAPES = late_pattern(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|\\u[dD](?P<half>[89a-fA-F])[0-9a-fA-F]{2}|\\."
)


def json_value(text: str | bytes, *, exact: bool = False) -> Any:
    """The value; numbers with a point are floats, or Decimals where it must be ``exact``.

    Raises ValueError for what is no JSON, is nested too deeply, or has a number beyond reason.
    """
    try:
        sound = sound_text(text.decode() if isinstance(text, bytes) else text)
        return json.loads(sound, parse_float=Decimal) if exact else json.loads(sound)
    except (RecursionError, ArithmeticError) as error:
        raise ValueError(str(error)) from error


def sound_text(text: str) -> str:
    """JSON without escaped halves of surrogate pairs, which no file and no terminal can hold.

    U+FFFD stands for them.
    """
    if "\\u" not in text or ("\\ud" not in text and "\\uD" not in text):
        return text
    return _ESCAPES.sub(lambda found: "\\ufffd" if found["half"] else found[0], text)
