"""Names as people repeat them: the same but for case, markup, quotes and spaces."""

from __future__ import annotations

import re
import unicodedata

_MARKUP = " \t*_`\"'“”„«»‘’「」.;,"
_PREFIX = re.compile(r"^(?:requirement|scenario|issue)\s*[:：]\s*", re.IGNORECASE)


def name_key(name: str) -> str:
    """What two spellings of one name have in common."""
    plain = unicodedata.normalize("NFKC", name).strip(_MARKUP)
    plain = _PREFIX.sub("", plain.strip("# ")).strip(_MARKUP)
    return " ".join(plain.casefold().split())
