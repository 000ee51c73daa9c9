"""Names as people and models repeat them: the same but for case, markup, dashes, quotes, spaces."""

from __future__ import annotations

import re
import unicodedata

from agentd.late_pattern import late_pattern

_MARKUP = " \t*_`\"'“”„«»‘’「」.;,:："
_PREFIX = late_pattern(r"^(?:requirement|scenario|issue)\s*[:：]\s*", re.IGNORECASE)
_INSIDE = str.maketrans(
    dict.fromkeys("‐‑‒–—―−", "-")
    | dict.fromkeys("“”„‟«»″「」", '"')
    | dict.fromkeys("‘’‚‛′‹›", "'")
    | dict.fromkeys("`\u00ad\u200b\u200c\u200d\u2060\ufe0f", "")
)
_BREAK = late_pattern(r"<br\s*/?>", re.IGNORECASE)
_DASHES = late_pattern(r"-{2,3}")
_ESCAPED = late_pattern(r"\\([!-/:-@\[-`{-~])")


def name_key(name: str) -> str:
    """What two spellings of one name have in common."""
    plain = _BREAK.sub(" ", _ESCAPED.sub(r"\1", name))
    plain = unicodedata.normalize("NFKC", plain).strip(_MARKUP)
    plain = _PREFIX.sub("", plain.strip("# ")).strip(_MARKUP)
    plain = _DASHES.sub("-", plain.translate(_INSIDE))
    return " ".join(plain.casefold().split())
